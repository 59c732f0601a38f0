"""What the timers tell: closings of the last minute, ports freed in the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.kernel.sockets import Array, SocketTable, State

SECONDS = 60
"""How much of the past and of the future is told: TIME-WAIT's length but on few kernels."""
RECENT = 5
"""Seconds of closings that make the present closing rate."""
TRACKED = 512
"""How many patterns, the fullest first, get a history of their own."""


@dataclass(frozen=True, slots=True)
class TimeWait:
    """The TIME-WAIT sockets of a frame by age.

    One snapshot holds the last 60 s and the next 60 s, since a socket stays exactly 60 s:
    ``age = 60 − remaining``, right to ±20 ms. Where tcp_tw_timeout sets another length, that takes
    the place of the 60, and a shorter one holds less of the past. As a history it is a floor: a
    socket that was reused or killed early is gone, and a stray ACK starts its time anew.
    """

    count: int
    closed_per_second: Array
    """Sockets by age in whole seconds, newest first, shape (60,). Sums to count: the older ones
    are in the last."""
    freed_per_second: Array
    """Sockets by remaining time in whole seconds, soonest first, shape (60,). Sums to
    count; the expiring ones are in the first."""
    by_pattern: Array
    """closed_per_second of each of the first TRACKED patterns, shape (≤ TRACKED, 60)."""
    held_by_pattern: Array
    """The same of those that hold a port of their pattern's capacity: others give none back."""
    closing: Array
    """Closings per second of late, of every pattern, shape (patterns,): over RECENT seconds, or
    where connect() takes TIME-WAITs over, over those in which they are all still there."""
    expiring: int
    """Sockets whose timer has run out: the timer wheel takes up to 2 s to remove them."""
    older: int
    """The expiring ones, and those that are of a minute or more."""
    older_by_pattern: Array
    """Those of each of the first TRACKED patterns, shape (≤ TRACKED,)."""

    @property
    def closing_per_second(self) -> float:
        """The closings per second of late of all patterns together."""
        return float(self.closing.sum())

    @property
    def closings(self) -> Array:
        """The closings of the last 60 s alone, newest first, shape (60,)."""
        return _without(self.closed_per_second, self.older)

    def closings_of(self, pattern: int) -> Array:
        """Return the closings of one of the first TRACKED patterns, as ``closings``."""
        return _without(self.by_pattern[pattern], int(self.older_by_pattern[pattern]))


def time_waits(
    table: SocketTable, member: Array, holding: Array, hold: Array, length_ms: int
) -> TimeWait:
    """Sort the TIME-WAIT sockets by time.

    ``member`` is the pattern of each row, ``holding`` says whether its port is one of the
    pattern's, ``hold`` how many seconds each pattern's closed connections keep their port,
    ``length_ms`` how long a TIME-WAIT lasts.
    """
    rows = np.flatnonzero(table.state == State.TIME_WAIT)
    remaining = np.minimum(table.remaining_ms.take(rows), length_ms)
    age = length_ms - remaining
    expiring = remaining == 0
    older = np.flatnonzero(expiring | (age >= 1000 * SECONDS))
    age //= 1000
    age[older] = SECONDS - 1
    remaining //= 1000
    seconds_left = np.minimum(remaining, SECONDS - 1)

    pattern = member.take(rows)
    window = np.clip(np.floor(hold), 1, RECENT)
    young = np.flatnonzero(age < RECENT)
    young = young[age[young] < window[pattern[young]]]

    tracked = min(len(hold), TRACKED)
    owner = np.minimum(pattern, tracked)  # the last is all others
    slot = owner.astype(np.intp)  # as bincount wants it, and in place: new pages are dear
    slot *= SECONDS
    slot += age

    def sorted_out(slots: Array) -> Array:
        counts = np.bincount(slots, minlength=(tracked + 1) * SECONDS)
        return counts.reshape(tracked + 1, SECONDS)

    closed = held = sorted_out(slot)
    if len(beside := np.flatnonzero(~holding.take(rows))):
        held = closed - sorted_out(slot[beside])
    return TimeWait(
        count=len(rows),
        closed_per_second=closed.sum(axis=0),
        freed_per_second=np.bincount(seconds_left, minlength=SECONDS),
        by_pattern=closed[:tracked],
        held_by_pattern=held[:tracked],
        closing=np.bincount(pattern[young], minlength=len(hold)) / window,
        expiring=int(np.count_nonzero(expiring)),
        older=len(older),
        older_by_pattern=np.bincount(owner[older], minlength=tracked + 1)[:tracked],
    )


def _without(closed: Array, older: int) -> Array:
    closings = closed.copy()
    closings[-1] -= older
    return closings
