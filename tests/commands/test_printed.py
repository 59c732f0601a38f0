"""Whatever a path or a name holds, a terminal gets text that it does not act on.

A copy of /proc, a recording, a ticket come from others; so may the name of a pod.
"""

import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import PROXY
from tests.e2e.terminal import TWTOP, Pty
from tests.patience import limit
from tui.cli import cli
from tui.writing.harmless import escaped, harmless, on_one_line, unseen

HOSTILE = "h\x1b]0;title\x07\x1b[2J\x1b[8m\nforged line\r\u202egpj\u2066\x9b31m\x7f\u200b\udcff"
ACTS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\udc80-\udcff]")
REQUIRED = {
    "check": ("-w", "90", "-c", "95"),
    "keep": ("--below", "90", "--dst", "192.0.2.1:5", "--dry-run"),
    "plan": ("--rate", "9"),
    "record": ("--duration", "0.1s"),
    "sources": ("--dev", "lo", "192.0.2.1"),
    "wait": ("--below", "90"),
    "watch": ("-n", "1"),
}
UNTRIED = {("serve", "--name"), ("serve", "--proc"), ("run", "command")}
"""What goes on until somebody ends it, or leaves threads that read."""


@pytest.fixture(autouse=True)
def _ends() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    usual = signal.signal(signal.SIGALRM, stop)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, usual)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of /proc that lies below a hostile name."""
    shutil.copytree(PROXY, tmp_path / HOSTILE / "proc")
    (tmp_path / HOSTILE / "noise").write_text(HOSTILE[:-1])
    return tmp_path / HOSTILE / "proc"


def assert_harmless(run: Run, *arguments: object) -> str:
    signal.setitimer(signal.ITIMER_REAL, 5)
    ran = run(*arguments)
    signal.setitimer(signal.ITIMER_REAL, 0)
    said = ran.out + ran.err
    assert not ACTS.search(said), arguments
    assert not re.search("^forged", said, re.MULTILINE), arguments
    return said


def texts(name: str) -> list[click.Parameter]:
    """The options and arguments of a command that take what the user likes."""
    bounded = (click.FloatRange, click.IntRange, click.Choice)
    return [
        one
        for one in cli.commands[name].load().params  # type: ignore[attr-defined]
        if not getattr(one, "is_flag", False)
        and not isinstance(one.type, bounded)
        and (name, one.opts[-1]) not in UNTRIED
    ]


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", sorted(name for name in cli.commands if texts(name)))
def test_what_a_user_types(
    run: Run, copy: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Each option by itself: a path that is there, one that is not, noise, and other text."""
    monkeypatch.chdir(copy.parent)
    for one in texts(name):
        is_path = isinstance(one.type, click.Path)
        for value in (copy, copy / "none", copy.parent / "noise") if is_path else (HOSTILE,):
            words = [one.opts[-1], value] if isinstance(one, click.Option) else [value]
            assert_harmless(run, name, *REQUIRED.get(name, ()), *words)


def test_what_environment_and_configuration_say(
    run: Run, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy.parent / "twtop"
    folder.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(copy.parent))
    monkeypatch.setenv("XDG_STATE_HOME", str(copy / "none"))
    for text in ("x = [", '[keys]\n"\\u001b[2J\\nforged" = "q"', f'theme = "{HOSTILE[1:3]}"'):
        (folder / "config.toml").write_text(text)
        for words in (["audit"], ["report"], ["check", *REQUIRED["check"]], ["places"], ["undo"]):
            assert_harmless(run, *words)


def test_what_a_recording_holds(run: Run, copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "hostile.twtop"
    assert_harmless(run, "record", file, "--proc", copy, "--duration", "0.1s")
    for name in ("report", "audit", "check", "patterns", "places", "watch", "plan"):
        said = assert_harmless(run, name, "--from", file, *REQUIRED.get(name, ()))
        assert "10.0.0.9" in said or name in ("places", "plan", "check")
    for form in ("--json", "--csv"):
        assert_harmless(run, "patterns", form, "--from", file)


def test_json_loses_nothing(run: Run, copy: Path) -> None:
    """But what is not seen there is escaped: `cat` shows it as well."""
    assert run("report", "--json", "--proc", copy).json["source"]["directory"] == str(copy)


def test_the_screen(copy: Path) -> None:
    """Raw, as the terminal gets it; Textual's own sequences are none of these."""
    seen = HOSTILE.replace("\n", "")  # there a line ends
    copy.parent.rename(copy.parents[1] / seen)
    drawn = b""
    with Pty((*TWTOP, "--proc", str(copy.parents[1] / seen / "proc")), columns=250) as terminal:
        for _ in range(int(limit())):
            drawn += terminal.read(1)
            if b"forged" in drawn:
                break
        terminal.press("q")
    assert b"forged" in drawn
    for acting in ("\x1b]0;title", "\x1b[8m", "\u202e", "\u2066", "\x9b", "\u200b", "\udcff"):
        assert acting.encode("utf-8", "surrogateescape") not in drawn


def test_the_rule() -> None:
    red = "\x1b[31mred\x1b[0m\n→ a\tb"
    assert harmless(red) == red
    assert not ACTS.search(harmless(HOSTILE))
    assert on_one_line("a \n b\x1b[31m") == "a b?[31m"
    assert unseen("a\u200bb\x1b→\xa0") == "ab→\xa0"
    assert escaped('"\x9b\U000e0041"') == '"\\u009b\\udb40\\udc41"'
