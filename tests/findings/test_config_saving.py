"""What is saved is what was arranged, and nothing else in the user's file changes."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.findings.config import ConfigError, OnScreen
from tui.findings.config_file import parse_config
from tui.findings.config_saving import arranged, save_arrangement
from tui.findings.config_schema import documented_defaults

CODES = ("connect-slow", "listener-in-range")
SCREEN = OnScreen(theme="nord", interval=0.25, incoming=False, filter='dst 10.0.0.0/8 and "a#b"')

FILES = {
    "none": "",
    "documented": documented_defaults(),
    "without an end of line": "[ports]\nbound_cost = 5",
    "commented": '# mine\n[screen]\ntheme = "dracula"  # dark\n\n[ports]\nthreshold = 90 # %\n',
    "a hash in a text": '[screen]\nfilter = "a # b" # c\n[[silence]]\ncode = "connect-slow"\n',
    "empty sections": "[ports]\n[screen]",
    "of Windows": "[screen]\r\ntheme = 'dracula'\r\n",
}

screens = st.builds(
    OnScreen,
    theme=st.text(),
    interval=st.floats(0.1, 3600),
    inverted=st.booleans(),
    panel=st.text(),
    filter=st.text(),
)


@pytest.mark.parametrize("name", FILES)
def test_what_was_arranged_is_read_again_and_the_rest_is_as_it_was(name: str) -> None:
    old = FILES[name]
    new = arranged(old, CODES, SCREEN, 70.5)
    was, now = parse_config(old, CODES), parse_config(new, CODES)
    assert now == replace(was, screen=SCREEN).with_threshold(70.5)
    comments = [line[line.index("# ") :] for line in old.splitlines() if line.rfind("# ") >= 0]
    assert all(one.split("# ")[-1] in new for one in comments)
    assert arranged(new, CODES, SCREEN, 70.5) == new


@given(screens, st.sampled_from(list(FILES)))
def test_any_text_is_read_as_it_was_or_nothing_is_written(screen: OnScreen, name: str) -> None:
    try:
        new = arranged(FILES[name], CODES, screen, 80)
    except ConfigError:
        return
    assert parse_config(new, CODES).screen == screen


def test_what_is_as_it_was_is_not_written() -> None:
    assert arranged("", CODES, OnScreen(), 80) == ""
    assert arranged("", CODES, OnScreen(theme="nord"), 80) == '[screen]\ntheme = "nord"\n'


@pytest.mark.parametrize(
    "text", ['screen.theme = "nord"', 'screen = {theme = "nord"}', '[screen]\ntheme = """\nx"""']
)
def test_a_file_that_a_line_cannot_change_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        save_arrangement(path, CODES, OnScreen(theme="dracula"), 80)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert path.read_text() == text


def test_the_folder_is_made_and_a_link_followed(tmp_path: Path) -> None:
    dotfiles, path = tmp_path / "dotfiles" / "twtop.toml", tmp_path / "config.toml"
    path.symlink_to(dotfiles)
    save_arrangement(path, CODES, SCREEN, 80)
    assert path.is_symlink()
    dotfiles.chmod(0o640)
    save_arrangement(path, CODES, replace(SCREEN, theme="dracula"), 80)
    assert parse_config(dotfiles.read_text(), CODES).screen.theme == "dracula"
    assert dotfiles.stat().st_mode & 0o777 == 0o640


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "twtop").touch()
    with pytest.raises(ConfigError, match="cannot be written: ") as caught:
        save_arrangement(tmp_path / "twtop" / "config.toml", CODES, SCREEN, 80)
    assert "\n" not in str(caught.value)
