"""When a pattern runs out of ports, if it goes on as it does."""

from __future__ import annotations

import numpy as np

from tui.analysis.timewait import SECONDS
from tui.kernel.sockets import Array

NEVER = float("inf")
HORIZON = 3600.0
"""Seconds beyond which a forecast from the last minute would be a guess."""


def seconds_to_exhaustion(
    live: Array, live_growth: Array, closings: Array, rate: Array, capacity: Array, hold: Array
) -> Array:
    """Return for each pattern the seconds until no port is left, or NEVER; shape (n,).

    ``live``: ports held by open sockets; ``live_growth``: their change per second;
    ``closings``: TIME-WAITs by age in seconds, newest first, shape (n, 60); ``rate``:
    closings per second of late; ``hold``: how long a TIME-WAIT keeps its port, 60 s or, where
    reuse applies, its delay.

    The ports that come back are known second by second from the timers, and those closed
    from now on come back ``hold`` seconds later: a load that levels off below the capacity
    never runs out, however steep it looks now.
    """
    count = len(live)
    if not count:
        return np.empty(0)
    time = np.arange(SECONDS + 1)
    # held[n, t]: of today's TIME-WAITs, those still not given back in t seconds
    cumulated = np.concatenate([np.zeros((count, 1)), np.cumsum(closings, axis=1)], axis=1)
    left = np.clip(np.ceil(hold)[:, None] - time[None, :], 0, SECONDS).astype(np.intp)
    held = np.take_along_axis(cumulated, left, axis=1)
    fresh = rate[:, None] * np.minimum(time[None, :], hold[:, None])
    open_ = np.maximum(live[:, None] + live_growth[:, None] * time[None, :], 0)
    used = open_ + held + fresh

    full = used >= capacity[:, None]
    full[:, 0] = False
    reached = full.any(axis=1)
    step = np.where(reached, full.argmax(axis=1), 1)
    rows = np.arange(count)
    before, after = used[rows, step - 1], used[rows, step]
    climb = np.maximum(after - before, 1e-9)
    within = step - 1 + np.clip((capacity - before) / climb, 0, 1)

    # Past the last known release only the open sockets can still grow.
    level = live + rate * hold
    growth = np.where(live_growth > 0, live_growth, np.nan)
    later = np.nan_to_num((capacity - level) / growth, nan=NEVER)
    later = np.where(later > HORIZON, NEVER, np.maximum(later, SECONDS))
    return np.where(reached, within, later)
