"""Another user, no colours, no terminal."""

import re
from pathlib import Path

import pytest

from tests.e2e.terminal import ROOT, TWTOP, Terminal
from tests.live.fates import Server
from tests.private import Lab

PROXY = ("--proc", str(ROOT / "tests/fixtures/6.18-proxy/proc"))
PORT = 5432


def as_seen_by(user: int, home: str) -> tuple[str, str, int]:
    """The dashboard and a pattern of a process that this user may not look into."""
    with Server("127.0.0.1", PORT) as server:
        for _ in range(5):
            server.connect("127.0.0.1")
        with Terminal(TWTOP, user=user, env={"HOME": home}) as terminal:
            dashboard = terminal.wait_for(
                f"→ 127.0.0.1:{PORT}", "● LIVE", "TCP states · 11 sockets"
            )
            terminal.press("\r")
            pattern = terminal.wait_for("Sockets · 5", "owner unknown: ")
            terminal.press("q")
            code = terminal.wait()
            terminal.assert_clean()
    return dashboard, pattern, code


@pytest.mark.live
def test_an_ordinary_user_is_told_what_cannot_be_seen(
    lab: Lab, nobody: int, tmp_path: Path
) -> None:
    dashboard, pattern, code = lab.call(as_seen_by, nobody, str(tmp_path))
    assert "● LIVE" in dashboard
    assert "TCP states · 11 sockets" in dashboard
    assert "processes unreadable; run as root" in pattern
    assert code == 0


def test_no_color_means_none() -> None:
    with Terminal((*TWTOP, *PROXY), env={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("Patterns · 24", "freed next second")
        colours = {
            colour
            for line in terminal.screen.buffer.values()
            for cell in line.values()
            for colour in (cell.fg, cell.bg)
            if colour != "default"
        }
    assert all(colour == colour[:2] * 3 for colour in colours), "not all of them are grey"


@pytest.mark.parametrize(
    "env", [{"TERM": "linux", "COLORTERM": ""}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}]
)
def test_a_terminal_of_ascii_alone_gets_no_more(env: dict[str, str]) -> None:
    with Terminal((*TWTOP, *PROXY), env={"PYTHONUTF8": "0", **env}) as terminal:
        dashboard = terminal.wait_for("1 Patterns . 24", "freed next second", "enter opens")
        terminal.press("\r")
        pattern = terminal.wait_for("# live", "= TIME-WAIT locked", ". free")
        terminal.press("?")
        words = terminal.wait_for("twtop . help")
        colours = {cell.bg for line in terminal.screen.buffer.values() for cell in line.values()}
    assert (dashboard + pattern + words).isascii()
    assert not any(re.fullmatch("[0-9a-f]{6}", colour) for colour in colours)


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_places_nothing_is_told_what_prints(term: str) -> None:
    with Terminal((*TWTOP, *PROXY), env={"TERM": term}) as terminal:
        assert terminal.wait() == 2
        lines = terminal.text.split("\n")
        assert not any(lines[1:])
        assert "`twtop report`" in lines[0]
        terminal.assert_clean()


@pytest.mark.parametrize("redirection", ["</dev/null", ">/dev/null"])
def test_without_a_terminal_it_says_so_in_a_line(redirection: str) -> None:
    command = " ".join((*TWTOP, *PROXY, redirection))
    with Terminal(("sh", "-c", command)) as terminal:
        assert terminal.wait() == 2
        lines = terminal.text.split("\n")
        assert not any(lines[1:])
        assert lines[0].startswith("twtop: the dashboard needs a terminal")
        terminal.assert_clean()
