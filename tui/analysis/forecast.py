"""When a pattern runs out of ports, if it goes on as it does."""

from __future__ import annotations

import numpy as np

from tui.analysis.pace import DOUBT, EVIDENCE, QUARTERS, VAGUE, Pace, pace
from tui.analysis.timewait import RECENT, SECONDS
from tui.kernel.sockets import Array

NEVER = float("inf")
AHEAD = 10
"""How many times as far as it has been seen a growth may be foretold."""
SLACK = 2
"""Seconds by which a TIME-WAIT may be older or younger than it seems here."""
FEW = 4
"""TIME-WAITs that may end early by chance, by a reset."""
LEAK_VAGUE = 0.1
"""As VAGUE, of open sockets, whose number sways by itself."""
SHORTEST = int(QUARTERS[0])
"""Seconds over which ``pace`` takes a rate at the least."""
SPANS = np.arange(SHORTEST, SECONDS + 1)


def seconds_to_exhaustion(
    live: Array,
    opened: Array,
    closings: Array,
    capacity: Array,
    hold: Array,
    apart: float = 1.0,
) -> Array:
    """Return for each pattern the seconds until no port is left, or NEVER; shape (n,).

    ``live``: ports held by open sockets; ``opened``: their change in each of the last seconds,
    newest first, shape (n, 60); ``closings``: TIME-WAITs by age in seconds, newest first, shape
    (n, 60), the older ones in the last; ``hold``: how long a TIME-WAIT keeps its port, or, where
    reuse applies, its delay; ``apart``: seconds between two polls.

    The ports that come back are known second by second from the timers, and those closed from
    now on come back ``hold`` seconds later: a load that levels off below the capacity never
    runs out, however steep it looks now. An end is told only where what is proven brings it: a
    rise may bring it nearer, but is none yet that would bring it alone.
    """
    near = _may_end(live, opened, closings, capacity, hold)
    ends = np.full(len(live), NEVER)
    if near.any():
        ends[near] = _ends(
            live[near], opened[near], closings[near], capacity[near], hold[near], apart
        )
    return ends


def within_reach(in_use: Array, capacity: Array) -> Array:
    """Say for which ``seconds_to_exhaustion`` is worth asking, by their ports; bool.

    Most are far from an end: what has been seen is too little for one within AHEAD times that.
    """
    near: Array = (1 + AHEAD) * in_use >= capacity
    return near


def _may_end(live: Array, opened: Array, closings: Array, capacity: Array, hold: Array) -> Array:
    """Say where ``_ends`` could prove an end at all, at a tenth of what it costs; shape (n,).

    No rate is sure that is above the fastest yet, over the shortest span that proves one; and none
    of open sockets whose number has not left its swing.
    """
    total = np.cumsum(closings + opened, axis=1)
    fastest = (total[:, SHORTEST - 1 :] / SPANS).max(axis=1)
    leaks = np.cumsum(opened, axis=1).max(axis=1) > DOUBT * np.sqrt(_swing(live, opened))
    may: Array = leaks | (live + closings.sum(axis=1) + hold * fastest.clip(0) >= capacity)
    return may


def _swing(live: Array, opened: Array) -> Array:
    """Return the variance that the number of open sockets has by itself, over up to a minute.

    Sockets that come and go at random have twice their number, however long they live. Those that
    nobody closes do not sway, so that a leak must not drown in what it has leaked: what the last
    minute's changes show bounds it too. They undo each other (what has come goes again), so their
    sum varies less than if none knew of the others.
    """
    swing: Array = np.minimum(2 * live, SECONDS * opened.var(axis=1)) + 4
    return swing


def end_early(then: Array, now: Array, hold: Array, span: float) -> Array:
    """Say where TIME-WAITs end before their time, by ``ss -K`` or ``twtop keep``; shape (n,).

    ``then`` and ``now`` are TIME-WAITs by age as in ``seconds_to_exhaustion``, ``span`` seconds
    apart. So it is where those that are missing are more than half of those that came: then what
    closes in a second, times the hold, is far more than will ever be held.
    """
    ages = np.arange(SECONDS)
    due = ages >= (hold - span - SLACK)[:, None]
    due[:, -1] = True  # of any age above
    missing = np.where(due, 0, then).sum(axis=1) - now[:, int(span) :].sum(axis=1)
    early: Array = missing > np.maximum(now[:, : int(np.ceil(span))].sum(axis=1) / 2, FEW)
    return early


def _ends(
    live: Array, opened: Array, closings: Array, capacity: Array, hold: Array, apart: float
) -> Array:
    count = len(live)
    length = np.ceil(hold)[:, None]
    time = np.arange(max(SECONDS, int(length.max())) + 1.0)[None, :]
    # held: of today's TIME-WAITs, those still not given back in t seconds
    until = np.zeros((count, SECONDS))
    np.cumsum(closings[:, :-1], axis=1, out=until[:, 1:])
    left = length - time
    oldest = SECONDS - 1
    held = np.take_along_axis(until, np.clip(left, 0, oldest).astype(np.intp), axis=1)
    # The last are of a minute and more where the hold is longer: they go back as far as they
    # would have come at the rate of those just before them.
    before = closings[:, oldest - RECENT : oldest].mean(axis=1, keepdims=True)
    reach = closings[:, -1:] / np.maximum(before, 1e-9)
    reach = np.clip(reach, 1, np.maximum(length - oldest, 1))
    older = np.clip((left - oldest) / reach, 0, 1)
    held += closings[:, -1:] * older

    both = pace(  # at once: what it costs is the calls, not the rows
        np.concatenate((closings + opened, opened)),
        np.concatenate((np.minimum(np.floor(hold), oldest), np.full(count, oldest))),
        np.concatenate((np.zeros(count), _swing(live, opened))),
        apart,
        np.repeat((VAGUE, LEAK_VAGUE), count),
    )
    opening, leak = both.of(slice(count)), both.of(slice(count, None))
    base = live[:, None] + held
    within = np.minimum(time, hold[:, None])
    past = time - within
    # What is opened and stays open takes ports at least as fast as it is sure to grow.
    least = np.maximum(leak.sure, np.where(hold < EVIDENCE, 0, opening.sure))
    sure = base + least[:, None] * within + leak.sure[:, None] * past
    proven = (sure >= capacity[:, None]).any(axis=1)
    proven |= _later(capacity - sure[:, -1], leak.sure, time[0, -1]) <= AHEAD * leak.seconds
    growth = np.where(leak.sure > 0, leak.rate, 0)
    used = base + _opened(opening, within) + growth[:, None] * past

    full = used >= capacity[:, None]
    full[:, 0] = False
    reached = full.any(axis=1)
    step = np.where(reached, full.argmax(axis=1), 1)
    rows = np.arange(count)
    before, after = used[rows, step - 1], used[rows, step]
    climb = np.maximum(after - before, 1e-9)
    at = step - 1 + np.clip((capacity - before) / climb, 0, 1)

    # Past the last known release only the open sockets can still grow.
    later = _later(capacity - used[:, -1], growth, time[0, -1])
    later = np.where(later > AHEAD * leak.seconds, NEVER, later)
    return np.where(reached, np.where(proven, at, NEVER), later)


def _later(free: Array, growth: Array, end: float) -> Array:
    """Return when so many ports are taken that are still free at the ``end``, in seconds."""
    return np.where(growth > 0, end + free / np.maximum(growth, 1e-9), NEVER)


def _opened(opening: Pace, time: Array) -> Array:
    """Return how many come within these times, at a rate that changes until it is 0."""
    rate, rise = opening.rate, opening.rise
    with np.errstate(divide="ignore", invalid="ignore"):
        stop = np.where(rate * rise < 0, -rate / rise, NEVER)[:, None]
    time = np.minimum(time, stop)
    result: Array = rate[:, None] * time + (rise / 2)[:, None] * time**2
    return result
