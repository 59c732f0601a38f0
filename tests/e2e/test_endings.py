"""However it ends, the terminal is as it was before."""

import signal
import sys

import pytest

from tests.e2e.terminal import ROOT, TWTOP, Terminal
from tests.patience import limit

PROXY = ("--proc", str(ROOT / "tests/fixtures/6.18-proxy/proc"))
BROKEN = (sys.executable, "-m", "tests.e2e.broken")


@pytest.mark.parametrize("key", ["q", "\x1b[21~", "\x03", "\x11"], ids=["q", "F10", "^C", "^Q"])
def test_keys_that_quit(key: str) -> None:
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        assert terminal.screen.alternate
        assert terminal.screen.cursor.hidden
        assert not terminal.is_as_before
        terminal.press(key)
        assert terminal.wait() == 0
        terminal.assert_clean()
        assert not terminal.text.strip()


@pytest.mark.parametrize(
    ("number", "keys", "shown"),
    [
        (signal.SIGTERM, "", "Patterns · 24"),
        (signal.SIGHUP, "", "Patterns · 24"),
        (signal.SIGTERM, "\r", "Quadruplets"),
        (signal.SIGHUP, "?", "twtop · help"),
        (signal.SIGTERM, "/", "Filter:"),
    ],
    ids=["dashboard", "dashboard-hup", "pattern", "help-hup", "prompt"],
)
def test_signals_that_end_it(number: signal.Signals, keys: str, shown: str) -> None:
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        if keys:
            terminal.press(keys)
        terminal.wait_for(shown)
        terminal.process.send_signal(number)
        assert terminal.wait() == 128 + number
        terminal.assert_clean()


def test_it_ends_with_its_terminal() -> None:
    with Terminal((*TWTOP, *PROXY)) as terminal:
        terminal.wait_for("Patterns · 24")
        terminal.hang_up()
        terminal.process.wait(limit())


@pytest.mark.parametrize(("defect", "key"), [("handler", " "), ("render", "")])
def test_a_crash_is_told_below_a_clean_prompt(defect: str, key: str) -> None:
    with Terminal((*BROKEN, defect, *PROXY)) as terminal:
        if key:
            terminal.wait_for("Patterns · 24")
            terminal.press(key)
        assert terminal.wait() == 1
        terminal.assert_clean()
        assert "broken on purpose" in terminal.text


def test_a_bug_in_a_reader_is_shown() -> None:
    with Terminal((*BROKEN, "reader", *PROXY)) as terminal:
        terminal.wait_for("broken on purpose")
        terminal.press("q")
        assert terminal.wait() == 3
        terminal.assert_clean()
        assert "broken on purpose" in terminal.text


@pytest.mark.parametrize("way", ["key", "signal"])
def test_quitting_does_not_wait_for_a_slow_read(way: str) -> None:
    """The read takes longer than anybody waits for the end."""
    with Terminal((*BROKEN, "slow-reader", *PROXY)) as terminal:
        terminal.wait_for("reading")
        if way == "key":
            terminal.press("q")
        else:
            terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == (0 if way == "key" else 143)
        terminal.assert_clean()
