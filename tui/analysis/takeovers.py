"""TIME-WAITs that connect() has taken over: which destinations tcp_tw_reuse works for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tui.kernel.sockets import Array, State

if TYPE_CHECKING:
    from tui.analysis.frame import Frame
    from tui.analysis.patterns import PatternKey

TAKEN_OVER = "TWRecycled"
"""Counts them for the whole namespace, loopback and all (net/ipv4/tcp_ipv4.c, tcp_twsk_unique)."""
ENOUGH = 2
"""A peer that sends its FIN again starts one TIME-WAIT anew, which looks the same."""
UNEVEN = 2
"""The counter and the table are not read at once: a few that were taken over lie between."""
LATE_MS = 200
"""By so much a timer and the times of two tables may differ."""
CANDIDATES = 50
"""So many patterns, the fullest, are compared."""


def taken_over(before: Frame, now: Frame) -> frozenset[PatternKey]:
    """Return the outgoing patterns of which a TIME-WAIT was taken over between two frames.

    Its port is in use again although its time was not up: by another connection, or by a TIME-WAIT
    that began meanwhile. Patterns that ``before`` knows of are not looked at again.
    """
    patterns, elapsed = now.patterns, now.reading.table_time - before.reading.table_time
    count = now.counters.get(TAKEN_OVER, 0) - before.counters.get(TAKEN_OVER, 0)
    if count < ENOUGH or elapsed <= 0:
        return frozenset()
    found = []
    for index in np.flatnonzero(patterns.outgoing & patterns.reuse)[:CANDIDATES].tolist():
        key = patterns.key(index)
        then = None if key in before.proven else before.patterns.find(key)
        if then is not None:
            taken = _taken_ports(before, then, now, index, round(1000 * elapsed))
            if ENOUGH <= taken <= UNEVEN * count:
                found.append(key)
    return frozenset(found)


def _taken_ports(before: Frame, then: int, now: Frame, index: int, elapsed: int) -> int:
    """Return how many ports of a pattern have a new connection before their TIME-WAIT's time."""
    old, new = before.table, now.table
    waits = np.flatnonzero((before.patterns.member == then) & (old.state == State.TIME_WAIT))
    left = np.full(1 << 16, -1, np.int64)
    left[old.local_port[waits]] = old.remaining_ms[waits]
    rows = np.flatnonzero(now.patterns.member == index)
    was = left[new.local_port[rows]]
    is_wait = new.state[rows] == State.TIME_WAIT
    remaining = np.where(is_wait, new.remaining_ms[rows], now.rules.time_wait_ms).astype(np.int64)
    # In milliseconds since the frame before; a connection began at the latest just now.
    began = elapsed - (now.rules.time_wait_ms - remaining)
    early: Array = (was >= 0) & (remaining > was) & (began + LATE_MS < was)
    return int(np.count_nonzero(early))
