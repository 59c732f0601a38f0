"""What the timers tell: closings of the last minute, ports freed in the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.analysis.hold import TIME_WAIT_MS
from tui.kernel.sockets import Array, SocketTable, State

SECONDS = TIME_WAIT_MS // 1000
RECENT = 5
"""Seconds of closings that make the present closing rate."""
TRACKED = 512
"""How many patterns, the fullest first, get a history of their own."""


@dataclass(frozen=True, slots=True)
class TimeWait:
    """The TIME-WAIT sockets of a frame by age.

    One snapshot holds the last 60 s and the next 60 s, since a socket stays exactly 60 s:
    ``age = 60 − remaining``, right to ±20 ms. As a history it is a floor: a socket that was
    reused or killed early is gone, and a stray ACK starts its minute anew.
    """

    count: int
    closed_per_second: Array
    """Sockets by age in whole seconds, newest first, shape (60,). Sums to count: the
    expiring ones, up to 2 s older than 60 s, are in the last."""
    freed_per_second: Array
    """Sockets by remaining time in whole seconds, soonest first, shape (60,). Sums to
    count; the expiring ones are in the first."""
    by_pattern: Array
    """closed_per_second of each of the first TRACKED patterns, shape (≤ TRACKED, 60)."""
    closing: Array
    """Closings per second of late, of every pattern, shape (patterns,): over RECENT seconds, or
    where connect() takes TIME-WAITs over, over those in which they are all still there."""
    expiring: int
    """Sockets whose timer has run out: the timer wheel takes up to 2 s to remove them."""
    expiring_by_pattern: Array
    """Those of each of the first TRACKED patterns, shape (≤ TRACKED,)."""

    @property
    def closing_per_second(self) -> float:
        """The closings per second of late of all patterns together."""
        return float(self.closing.sum())

    @property
    def closings(self) -> Array:
        """The closings of the last 60 s alone, newest first, shape (60,)."""
        return _without(self.closed_per_second, self.expiring)

    def closings_of(self, pattern: int) -> Array:
        """Return the closings of one of the first TRACKED patterns, as ``closings``."""
        return _without(self.by_pattern[pattern], int(self.expiring_by_pattern[pattern]))


def time_waits(table: SocketTable, member: Array, hold: Array) -> TimeWait:
    """Sort the TIME-WAIT sockets by time.

    ``member`` is the pattern of each row, ``hold`` how many seconds each pattern's closed
    connections keep their port.
    """
    rows = np.flatnonzero(table.state == State.TIME_WAIT)
    remaining = np.minimum(table.remaining_ms[rows], TIME_WAIT_MS)
    seconds_left = np.minimum(remaining // 1000, SECONDS - 1)
    age = np.minimum((TIME_WAIT_MS - remaining) // 1000, SECONDS - 1).astype(np.int32)
    tracked = min(len(hold), TRACKED)
    pattern = member[rows]
    window = np.clip(np.floor(hold), 1, RECENT)
    young = age < window[pattern]
    inside = pattern < tracked
    owner = pattern[inside]
    by_pattern = np.bincount(owner * SECONDS + age[inside], minlength=tracked * SECONDS)
    expiring = remaining == 0
    return TimeWait(
        count=len(rows),
        closed_per_second=np.bincount(age, minlength=SECONDS),
        freed_per_second=np.bincount(seconds_left, minlength=SECONDS),
        by_pattern=by_pattern.reshape(tracked, SECONDS),
        closing=np.bincount(pattern[young], minlength=len(hold)) / window,
        expiring=int(expiring.sum()),
        expiring_by_pattern=np.bincount(owner[expiring[inside]], minlength=tracked),
    )


def _without(closed: Array, expiring: int) -> Array:
    closings = closed.copy()
    closings[-1] -= expiring
    return closings
