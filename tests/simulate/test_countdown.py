"""The countdown in a terminal; nobody listens on the target."""

import signal

import pytest

from tests.e2e.terminal import TWTOP, Terminal

COMMAND = (*TWTOP, "simulate", "127.0.0.1", "9", "--max", "1")
ABANDONED = "stopped before the first connection; nothing was done"


@pytest.mark.parametrize("how", ["q", "\x1b", "\x03", "SIGTERM", "SIGHUP"])
def test_it_can_be_stopped_and_nothing_was_done(how: str) -> None:
    with Terminal(COMMAND) as terminal:
        terminal.wait_for("q or Ctrl-C stops it, enter starts now")
        if how.startswith("SIG"):
            terminal.process.send_signal(signal.Signals[how])
        else:
            terminal.press(how)
        assert terminal.wait() == 130
        assert ABANDONED in terminal.text
        assert "Begins in" not in terminal.text
        terminal.assert_clean()


class Recorded(Terminal):
    """A terminal that remembers all that was ever written."""

    written = b""

    def _feed(self, data: bytes) -> None:
        self.written += data
        super()._feed(data)


def test_enter_begins_at_once() -> None:
    with Recorded(COMMAND, columns=80, rows=24) as terminal:
        terminal.wait_for("enter starts now")
        terminal.press("\r")
        assert terminal.wait() == 1
        assert b"Begins in 0 s" not in terminal.written
        assert "Wall: ECONNREFUSED from connect() at connection 1" in terminal.text
        terminal.assert_clean()
