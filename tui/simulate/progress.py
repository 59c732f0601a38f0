"""How it goes, in a line or two on stderr."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace

from tui.lab.outcome import Outcome
from tui.simulate.held import Held, Sum, total
from tui.simulate.stderr import write
from tui.simulate.words import duration

PLAIN_SECONDS = 5.0
"""Between two lines where no terminal can redraw them."""
BAR = 20
ERASE, UP = "\x1b[K", "\x1b[1A"


def progress_lines(outcome: Outcome, ports: Sum, planned: int) -> tuple[str, str]:
    """Return the clients' side and the kernel's."""
    latency = outcome.latency or outcome.overall
    took = f"connect() p50 {duration(latency.p50)} p99 {duration(latency.p99)}" if latency else ""
    clients = [
        f"{outcome.elapsed:.0f} s",
        f"{outcome.connected:,} of {planned:,}",
        f"{outcome.connected_per_second:,.0f}/s",
        took,
        ", ".join(f"{name} {number:,}" for name, number in outcome.errors.items()) or "no errors",
    ]
    kernel = [
        f"{ports.share:.1%} of {ports.capacity:,} ports",
        f"TIME-WAIT {ports.time_wait:,}",
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
            lines = clients[:width], f"{bar(ports.share)} {kernel}"[:width]
            write(back + f"{ERASE}\n".join(lines) + ERASE)
            self._drawn = True
        elif time.monotonic() >= self._due:
            self._due = time.monotonic() + PLAIN_SECONDS
            made = outcome.connected - self._before.connected
            rate = made / max(outcome.elapsed - self._before.elapsed, 1e-6)
            self._before = outcome
            clients, kernel = progress_lines(
                replace(outcome, connected_per_second=rate), ports, self._planned
            )
            write(f"twtop: {clients} · {kernel}\n")

    def clear(self) -> None:
        """Take it off the terminal again."""
        if self._drawn:
            write(f"\r{ERASE}{UP}{ERASE}")
            self._drawn = False
