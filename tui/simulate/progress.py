"""Before it begins, and how it goes, in a line or two on stderr."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import termios
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

from tui.lab.outcome import Outcome, since
from tui.simulate.held import Held, total
from tui.simulate.signals import answered
from tui.writing.words import floored, measured

PLAIN_SECONDS = 5.0
"""Between two lines where no terminal can redraw them."""
BAR = 20
ERASE, UP = "\x1b[K", "\x1b[1A"


def progress_lines(outcome: Outcome, ports: Held, planned: int) -> tuple[str, str]:
    """Return the clients' side and the kernel's."""
    latency = outcome.latency or outcome.overall
    took = f"connect() p50 {measured(latency.p50)} p99 {measured(latency.p99)}" if latency else ""
    clients = [
        f"{outcome.elapsed:.0f} s",
        f"{outcome.connected:,} of {planned:,}",
        f"{outcome.connected_per_second:,.0f}/s",
        took,
        ", ".join(f"{name} {number:,}" for name, number in outcome.errors.items()) or "no errors",
    ]
    kernel = [
        f"{floored(ports.use.in_use, ports.use.capacity):.1f}% of {ports.use.capacity:,} ports",
        f"TIME-WAIT {ports.use.time_wait:,}",
        f"open {outcome.held:,}",
    ]
    return " · ".join(filter(None, clients)), " · ".join(kernel)


def bar(share: float, width: int = BAR) -> str:
    """Return a share of 0 to 1 as a bar."""
    full = min(max(round(share * width), share > 0), width)
    return "█" * full + "░" * (width - full)


class Progress:
    """Shows how it goes: redrawn in place on a terminal, else a line now and then."""

    def __init__(self, planned: int, *, redraw: bool) -> None:
        self._planned = planned
        self._redraw = redraw
        self._drawn = False
        self._due = time.monotonic() + PLAIN_SECONDS
        self._before = Outcome(0.0, 0.0)

    def __call__(self, outcome: Outcome, held: Sequence[Held]) -> None:
        """Show this."""
        ports = total(held)
        if self._redraw:
            clients, kernel = progress_lines(outcome, ports, self._planned)
            width = shutil.get_terminal_size().columns - 1
            back = UP + "\r" if self._drawn else "\r"
            lines = clients[:width], f"{bar(ports.use.utilization)} {kernel}"[:width]
            write(back + f"{ERASE}\n".join(lines) + ERASE)
            self._drawn = True
        elif time.monotonic() >= self._due:
            self._due = time.monotonic() + PLAIN_SECONDS
            recent = since(self._before, outcome)
            self._before = outcome
            clients, kernel = progress_lines(recent, ports, self._planned)
            write(f"twtop: {clients} · {kernel}\n")

    def clear(self) -> None:
        """Take it off the terminal again."""
        if self._drawn:
            write(f"\r{ERASE}{UP}{ERASE}")
            self._drawn = False


def write(text: str) -> None:
    """Write at once; to a stderr that takes nothing, once and never again."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        # Python would try once more at exit, and make that the exit code.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stderr.fileno())
        os.close(null)


SECONDS = 10
STOP_KEYS = "qQ\x1b"
START_KEYS = "\r\n"


class Abandoned(Exception):  # noqa: N818 - what somebody wanted, not a mistake
    """Somebody thought better of it."""


def count_down(seconds: int = SECONDS) -> None:
    """Wait; on a terminal q stops it and enter begins at once. Raises Abandoned."""
    on_terminal = sys.stderr.isatty()
    keys = on_terminal and sys.stdin.isatty()
    if not on_terminal:
        write(f"twtop: starts in {seconds} s; Ctrl-C stops it, --yes skips the countdown\n")
    end = time.monotonic() + seconds
    try:
        # SIGTERM and a hang-up end it as Ctrl-C does, with the terminal as it was.
        with (
            answered((signal.SIGTERM, signal.SIGHUP), signal.default_int_handler),
            _single_keys() if keys else nullcontext(),
        ):
            while (left := end - time.monotonic()) > 0:
                if on_terminal:
                    how = "q or Ctrl-C stops it, enter starts now" if keys else "Ctrl-C stops it"
                    write(f"\r{ERASE}Starts in {left:.0f} s; {how} ")
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
            write(f"\r{ERASE}")


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
