"""The countdown in a terminal; nobody listens on the target."""

import signal
import time

import pytest

from tests.e2e.terminal import TWTOP, Terminal

COMMAND = (*TWTOP, "simulate", "127.0.0.1", "9", "--max", "1")
ABANDONED = "stopped before the first connection: nothing was done"


@pytest.mark.parametrize("how", ["q", "\x1b", "\x03", "SIGTERM", "SIGHUP"])
def test_it_can_be_stopped_and_nothing_was_done(how: str) -> None:
    with Terminal(COMMAND) as terminal:
        terminal.wait_for("q or Ctrl-C stops it, enter begins now")
        if how.startswith("SIG"):
            terminal.process.send_signal(signal.Signals[how])
        else:
            terminal.press(how)
        assert terminal.wait() == 130
        assert ABANDONED in terminal.text
        assert "Begins in" not in terminal.text
        terminal.assert_clean()


def test_enter_begins_at_once() -> None:
    with Terminal(COMMAND, columns=80, rows=24) as terminal:
        terminal.wait_for("enter begins now")
        began = time.monotonic()
        terminal.press("\r")
        assert terminal.wait() == 1
        assert time.monotonic() - began < 5
        assert "Wall: ECONNREFUSED from connect() at connection 1" in terminal.text
        terminal.assert_clean()
