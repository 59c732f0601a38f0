"""Ten seconds to think better of it."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tui.simulate.stderr import write

SECONDS = 10
STOP_KEYS = "qQ\x1b"
START_KEYS = "\r\n"
ERASE = "\r\x1b[K"


class Abandoned(Exception):  # noqa: N818 - what somebody wanted, not a mistake
    """Somebody thought better of it."""


def count_down(seconds: int = SECONDS) -> None:
    """Wait; on a terminal q stops it and enter begins at once. Raises Abandoned."""
    on_terminal = sys.stderr.isatty()
    keys = on_terminal and sys.stdin.isatty()
    if not on_terminal:
        write(f"twtop: begins in {seconds} s; Ctrl-C stops it, --yes does without\n")
    end = time.monotonic() + seconds
    try:
        with _terminated(), _single_keys() if keys else _terminated():
            while (left := end - time.monotonic()) > 0:
                if on_terminal:
                    how = "q or Ctrl-C stops it, enter begins now" if keys else "Ctrl-C stops it"
                    write(f"{ERASE}Begins in {left:.0f} s; {how} ")
                if not keys:
                    time.sleep(min(left, 0.25))
                elif (key := _key(min(left, 0.25))) and key in STOP_KEYS:
                    raise Abandoned
                elif key and key in START_KEYS:
                    return
    except KeyboardInterrupt:
        raise Abandoned from None
    finally:
        if on_terminal:
            write(ERASE)


def _key(seconds: float) -> str:
    if not select.select([sys.stdin], [], [], seconds)[0]:
        return ""
    return os.read(sys.stdin.fileno(), 1).decode("latin-1")


@contextmanager
def _single_keys() -> Iterator[None]:
    """Get keys without waiting for enter; Ctrl-C stays a signal."""
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextmanager
def _terminated() -> Iterator[None]:
    """Have SIGTERM and a hang-up end it as Ctrl-C does, with the terminal as it was."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {n: signal.signal(n, interrupt) for n in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
