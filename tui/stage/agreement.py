"""What twtop says of the ports that clients use, held against what the clients got."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from statistics import median

import numpy as np

from tui.analysis.bind_first import find_bound_first, shared_at
from tui.analysis.frame import Frame
from tui.analysis.judgement import PortUse, port_use
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.timewait import TRACKED
from tui.kernel.sockets import ip_halves
from tui.lab.outcome import Latency, Outcome, Tuple, since

NO_PORT_LEFT = "EADDRNOTAVAIL"
"""What connect() fails with when no port is connectable."""
BOUND_IN_VAIN = "EADDRINUSE"
"""What bind() fails with when it is to choose a port and finds none."""


class Standing(Enum):
    """How the two halves stand to each other."""

    NOTHING = "nothing to compare: no connection was attempted"
    AGREES = "both say the same"
    CHANGING = "differ in one frame, which the moment of reading explains"
    DIFFERS = "differ in frame after frame"
    UPPER_BOUND = "bind() takes ports that no table shows: the figures are an upper bound"


class Kernel(Enum):
    """How the kernel's own count of refused connects stands to what the clients got."""

    UNASKED = "not counted, or clients try elsewhere before they report a failure"
    AGREES = "the kernel refused as many connects as failed for lack of a port"
    CHANGING = "differ once, which the moment of counting explains"
    DIFFERS = "differ time after time"


@dataclass(frozen=True, slots=True)
class Agreement:
    """The ports of all tuples of a load, and whether the clients' errors fit them."""

    time: float
    """When the table was read."""
    tuples: int
    use: PortUse
    """The ports of all tuples together."""
    closings: tuple[int, ...]
    """TIME-WAITs by age in seconds, newest first."""
    reuse: bool
    """Does tcp_tw_reuse apply to one of the tuples?"""
    outcome: Outcome
    """What the clients had got by then."""
    failing: bool
    """Has connect(), or a bind() before it, failed for want of a port since the table before?"""
    at_odds: bool
    standing: Standing
    kernel: Kernel = Kernel.UNASKED
    refused: tuple[int, ...] = ()
    """Connects that the kernel has refused so far: by then, and by the two verdicts before."""
    fullest: PortUse | None = None
    """The ports of the fullest tuple, where each has its turn, also a full one."""
    shared: bool = False
    """Do all tuples have the ports of one, because the clients bind first?"""
    patterns: tuple[PatternKey, ...] = ()
    """Those of the tuples that have sockets."""

    @property
    def decisive(self) -> PortUse:
        """The ports that decide on whether a connect() fails."""
        return self.fullest or self.use

    @property
    def exhausted(self) -> bool:
        """Is no port left in any of the tuples, or of the one whose turn comes?"""
        return self.tuples > 0 and self.decisive.connectable <= 0

    def due(self, seconds: float) -> int:
        """Return how many waiting ports may have come back after so many seconds."""
        if self.reuse:
            return self.use.waiting
        # One more: ages are whole seconds. What expires late is among the oldest.
        return sum(self.closings[-(math.ceil(seconds) + 1) :])


def compare(
    frame: Frame, outcome: Outcome, previous: Agreement | None, refused: int | None = None
) -> Agreement:
    """Judge the tuples of a load by a new frame, and hold the clients' newest outcome against it.

    ``refused`` is how many of the clients' connects the kernel has refused since the previous
    verdict, by its own count; None where that is not known.

    The clients fail with EADDRNOTAVAIL if and only if nothing is connectable, of all tuples, or
    where each has its turn, of one of them. Both are known at
    moments that lie apart, so the judgement is over the time since the previous verdict: errors
    are at odds with the table if it had a port for every connection made since; silence is if
    neither free ports nor those that have come back since could serve them. Once may be the
    moment of reading; twice in a row differs.
    """
    table_time = frame.reading.table_time
    if previous is not None and previous.time == table_time:
        return previous  # the same table once more: dumps are spaced out
    if previous is not None and previous.outcome.attempted > outcome.attempted:
        previous = None  # another load
    uses, held = _uses(frame, outcome.tuples)
    bound_first = find_bound_first(frame)
    shared = {shared_at(bound_first, frame.patterns, index) for index in held}
    together = shared.pop() if len(shared) == 1 else None
    use, fullest = sum(uses, PortUse(0)) if together is None else together.use, None
    if outcome.in_turn and uses and together is None:
        fullest = min(uses, key=lambda one: one.connectable)
    before = Outcome(0.0, 0.0) if previous is None else previous.outcome
    attempted = outcome.attempted - before.attempted
    connected = outcome.connected - before.connected
    failed, bound = (
        outcome.errors.get(name, 0) - before.errors.get(name, 0)
        for name in (NO_PORT_LEFT, BOUND_IN_VAIN)
    )
    share = connected if fullest is None else connected / len(uses)
    exhausted = bool(outcome.tuples) and (fullest or use).connectable <= 0
    failing = failed + bound > 0
    at_odds = failing != exhausted
    if previous is not None and failing:
        at_odds &= previous.decisive.connectable > share
    elif previous is not None and exhausted:
        due = previous.due(table_time - previous.time)
        at_odds &= previous.decisive.connectable + due < share
    known = () if refused is None else (0,) if previous is None else previous.refused[-2:]
    counted = (*known, known[-1] + (refused or 0)) if known else ()  # once unknown, it stays so
    if not attempted or not frame.table.complete:
        standing, at_odds = Standing.NOTHING, False
    elif bound and not exhausted:
        standing, at_odds = Standing.UPPER_BOUND, False
    elif not at_odds:
        standing = Standing.AGREES
    elif previous is None or not previous.at_odds:
        standing = Standing.CHANGING
    else:
        standing = Standing.DIFFERS
    return Agreement(
        time=table_time,
        tuples=len(outcome.tuples),
        use=use,
        closings=tuple(
            frame.time_wait.by_pattern[[at for at in held if at < TRACKED]].sum(axis=0).tolist()
        ),
        reuse=bool(frame.patterns.reuse[held].any()),
        outcome=outcome,
        failing=failing,
        at_odds=at_odds,
        standing=standing,
        kernel=_kernel(counted, outcome.errors.get(NO_PORT_LEFT, 0), failed, previous),
        refused=counted,
        fullest=fullest,
        shared=together is not None,
        patterns=tuple(map(frame.patterns.key, held)),
    )


def _kernel(
    refused: tuple[int, ...], fails: int, newest: int, previous: Agreement | None
) -> Kernel:
    """Hold the kernel's count against the clients' failures, ``newest`` of them since the last.

    The clients' news is up to a tick older than the kernel's, and what is refused may be told of a
    moment late.
    """
    if not refused:
        return Kernel.UNASKED
    if refused[0] <= fails <= refused[-1] + newest:
        return Kernel.AGREES
    again = previous is not None and previous.kernel in (Kernel.CHANGING, Kernel.DIFFERS)
    return Kernel.DIFFERS if again else Kernel.CHANGING


def _uses(frame: Frame, tuples: tuple[Tuple, ...]) -> tuple[list[PortUse], list[int]]:
    """Return the ports of each of these tuples, and which patterns they are.

    One that is not in the table is all free.
    """
    found = [_find(frame, each) for each in tuples]
    uses = [
        PortUse(frame.ports.capacity) if index is None else port_use(frame.patterns, index)
        for index in found
    ]
    return uses, [index for index in found if index is not None]


def _find(frame: Frame, wanted: Tuple) -> int | None:
    """Return the index of a tuple's pattern.

    Without a source the kernel chooses one, the same for all: it has the fullest pattern.
    """
    patterns = frame.patterns
    source, (ip, port) = wanted
    local, remote = None if source is None else ip_halves(source), ip_halves(ip)
    candidates = np.flatnonzero(
        (patterns.direction == Direction.OUTGOING) & (patterns.remote_port == port)
    )
    for index in candidates.tolist():
        key = patterns.key(index)
        mine, theirs = (key.local_hi, key.local_lo), (key.remote_hi, key.remote_lo)
        if theirs == remote and local in (None, mine):
            return int(index)
    return None


def over(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the newest outcome, with rates and latency of all the time that these cover.

    The first of them is only where that time begins. Of the latencies the middle one is the
    median of the medians; the slowest is the slowest of any.
    """
    first, *later = outcomes
    if not later:
        return first
    newest = later[-1]
    if newest.elapsed <= first.elapsed:
        return newest
    parts = [outcome.latency for outcome in later if outcome.latency is not None]
    return replace(
        since(first, newest),
        latency=Latency(
            p50=median(part.p50 for part in parts),
            p99=max(part.p99 for part in parts),
            longest=max(part.longest for part in parts),
        )
        if parts
        else None,
    )
