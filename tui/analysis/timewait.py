"""What the timers tell: closings of the last minute, ports freed in the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.analysis.ports import TIME_WAIT_MS
from tui.kernel.sockets import Array, SocketTable, State

SECONDS = TIME_WAIT_MS // 1000
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
    """Sockets by age in whole seconds, newest first, shape (60,). Sums to count."""
    freed_per_second: Array
    """Sockets by remaining time in whole seconds, soonest first, shape (60,). Sums to
    count; those whose timer has run out (gone within some 2 s) are in the first."""
    by_pattern: Array
    """closed_per_second of each of the first TRACKED patterns, shape (≤ TRACKED, 60)."""


def time_waits(table: SocketTable, member: Array, patterns: int) -> TimeWait:
    """Sort the TIME-WAIT sockets by time.

    ``member`` is the pattern of each row, ``patterns`` how many there are.
    """
    rows = np.flatnonzero(table.state == State.TIME_WAIT)
    remaining = np.minimum(table.remaining_ms[rows], TIME_WAIT_MS)
    seconds_left = np.minimum(remaining // 1000, SECONDS - 1)
    age = np.minimum((TIME_WAIT_MS - remaining) // 1000, SECONDS - 1).astype(np.int32)
    tracked = min(patterns, TRACKED)
    owner = member[rows]
    if patterns > tracked:
        inside = owner < tracked
        owner, age_inside = owner[inside], age[inside]
    else:
        age_inside = age
    by_pattern = np.bincount(owner * SECONDS + age_inside, minlength=tracked * SECONDS)
    return TimeWait(
        count=len(rows),
        closed_per_second=np.bincount(age, minlength=SECONDS),
        freed_per_second=np.bincount(seconds_left, minlength=SECONDS),
        by_pattern=by_pattern.reshape(tracked, SECONDS),
    )
