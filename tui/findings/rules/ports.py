"""Patterns that run short of local ports.

What alarms is the ports that are locked (Patterns.locked), what is told is all that are in use.
A pattern has one finding about how full it is, the gravest that holds, and at most one more
about when it will be full. Only outgoing patterns are judged: the ports of an incoming one are
the peer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tui.analysis.patterns import Direction
from tui.analysis.ports import slows_connect
from tui.analysis.timewait import SECONDS
from tui.findings.advice import (
    Unclosed,
    Widening,
    closings_per_second,
    more_ports,
    unclosed,
    widening,
)
from tui.findings.finding import Evidence, Finding, Severity, tell_each
from tui.findings.situation import Situation
from tui.kernel.sockets import Array
from tui.writing.words import duration, percent, plural, ratio

PRESSING_SECONDS = 60.0
"""An exhaustion sooner than this is critical. It is what a TIME-WAIT lasts: a connection that is
closed from now on gives its port back too late, and what does come back in time, those that are
in TIME-WAIT already, is in the forecast."""
SOON = 10
"""How many seconds ahead an exhausted pattern's releases are counted."""


@dataclass(frozen=True, slots=True)
class Use:
    """One pattern's ports in plain numbers."""

    in_use: int
    capacity: int
    reusable: int
    connectable: int
    time_wait: int
    live: int
    locked: int
    unclosed: Unclosed | None
    """The part of ``live`` that waits for the peer's close, where it is a substantial one."""

    @property
    def open(self) -> int:
        """Sockets that are open or closing, without those."""
        return self.live - (self.unclosed.count if self.unclosed else 0)


def use_of(situation: Situation, index: int) -> Use:
    """Return the numbers of one pattern."""
    patterns = situation.frame.patterns
    in_use, capacity = patterns.in_use.item(index), patterns.capacity.item(index)
    reusable, time_wait = patterns.reusable.item(index), int(patterns.time_wait[index])
    return Use(
        in_use=in_use,
        capacity=capacity,
        reusable=reusable,
        connectable=patterns.connectable.item(index),
        time_wait=time_wait,
        live=int(patterns.states[index].sum()) - time_wait,
        locked=patterns.locked.item(index),
        unclosed=unclosed(situation, index, SOON),
    )


def exhausted(situation: Situation) -> Iterator[Finding]:
    """Find the patterns in which connect() fails now."""
    patterns = situation.frame.patterns
    return _of_patterns(situation, _outgoing(situation) & (patterns.connectable <= 0), _exhausted)


def _exhausted(situation: Situation, index: int, wider: Widening | None) -> Finding:
    use = use_of(situation, index)
    if use.capacity:
        message = f"none of the {use.capacity:,} ports is left"
    else:
        message = "there is no port to connect from: all of the range is reserved or bound"
    back = _freed_soon(situation, index)
    return _finding(
        situation,
        index,
        wider,
        use,
        "ports-exhausted",
        Severity.CRITICAL,
        message,
        "connect() to this destination fails with EADDRNOTAVAIL (“Cannot assign requested "
        "address”), and no kernel counter shows it. "
        f"{plural(use.time_wait, 'socket')} in TIME-WAIT give their ports back 60 s after they "
        f"closed, {back:,} of them within {SOON} s; {use.open:,} are open or closing, and keep "
        "theirs.",
        **{f"freed_within_{SOON}_s": back + (use.unclosed.soon if use.unclosed else 0)},
    )


def _freed_soon(situation: Situation, index: int) -> int:
    """Return how many TIME-WAITs of a pattern end within SOON seconds; 0 where not tracked."""
    by_age = situation.frame.time_wait.by_pattern
    return int(by_age[index, SECONDS - SOON :].sum()) if index < len(by_age) else 0


def above_threshold(situation: Situation) -> Iterator[Finding]:
    """Find the patterns that are fuller than the user's threshold, and not yet full."""
    patterns, threshold = situation.frame.patterns, situation.config.ports.threshold
    over = 100 * patterns.in_use >= threshold * patterns.capacity
    over &= patterns.connectable > 0
    return _of_patterns(situation, _outgoing(situation) & over, _above)


def _above(situation: Situation, index: int, wider: Widening | None) -> Finding:
    use, threshold = use_of(situation, index), situation.config.ports.threshold
    if 100 * use.locked < threshold * use.capacity:
        severity = Severity.WARNING
        meaning = (
            f"{use.reusable:,} of them are TIME-WAITs that tcp_tw_reuse lets connect() take over, "
            f"so {use.connectable:,} more calls find a port now. It rests on that alone: without "
            "the reuse the pattern would be as good as full."
        )
        if slows_connect(use.locked, use.capacity):
            meaning += " With the others connect() is slow already."
    else:
        severity = Severity.CRITICAL
        meaning = (
            f"{use.connectable:,} more calls find a port, then connect() fails with "
            "EADDRNOTAVAIL. It is slow already: past 50 % it scans the ports of one parity in "
            "vain before it tries the others."
        )
        if not slows_connect(use.locked, use.capacity):
            meaning = (
                f"{use.connectable:,} more calls find a port, then connect() fails with "
                f"EADDRNOTAVAIL. {use.time_wait:,} of those in use are in TIME-WAIT, "
                f"{use.open:,} belong to connections that are open or closing."
            )
    return _finding(
        situation,
        index,
        wider,
        use,
        "ports-above-threshold",
        severity,
        f"{percent(use.in_use, use.capacity)} of {use.capacity:,} ports are in use; the threshold "
        f"is {threshold:g} %",
        meaning,
        threshold_percent=threshold,
    )


def slow(situation: Situation) -> Iterator[Finding]:
    """Find the patterns below the threshold in which connect() has become slow."""
    patterns, threshold = situation.frame.patterns, situation.config.ports.threshold
    below = 100 * patterns.in_use < threshold * patterns.capacity
    below &= patterns.connectable > 0
    return _of_patterns(situation, _outgoing(situation) & patterns.slow_connect & below, _slow)


def _slow(situation: Situation, index: int, wider: Widening | None) -> Finding:
    use = use_of(situation, index)
    return _finding(
        situation,
        index,
        wider,
        use,
        "connect-slow",
        Severity.WARNING,
        f"connect() is slow: {percent(use.locked, use.capacity)} of {use.capacity:,} ports are "
        "taken",
        "connect() tries the ports of one parity first, and past half it scans all of them in "
        "vain: some 2,000 µs a call instead of 12 with the default range. That is CPU time spent "
        "in the kernel by whoever connects, and the second half of the ports goes as the first "
        "did.",
    )


def exhausts_soon(situation: Situation) -> Iterator[Finding]:
    """Find the patterns that will be full within minutes if things go on as they do."""
    patterns, trends = situation.frame.patterns, situation.trends
    if trends is None:
        return iter(())
    count = len(trends.seconds_left)  # the fullest; the others are far from it
    soon = np.zeros(len(patterns), bool)
    soon[:count] = trends.seconds_left <= 60 * situation.config.ports.exhausts_within_minutes
    soon &= _outgoing(situation) & (patterns.connectable > 0)
    found = np.flatnonzero(soon)
    found = found[np.argsort(trends.seconds_left[found], kind="stable")]
    return _told(situation, found, _exhausts_soon)


def _exhausts_soon(situation: Situation, index: int, wider: Widening | None) -> Finding:
    assert situation.trends is not None
    use = use_of(situation, index)
    left = float(situation.trends.seconds_left[index])
    growth = float(situation.trends.growth[index])
    evidence: dict[str, float] = {"seconds_left": round(left, 1)}
    if np.isfinite(growth):
        evidence["growth_per_second"] = round(growth, 2)
    return _finding(
        situation,
        index,
        wider,
        use,
        "exhausts-soon",
        Severity.CRITICAL if left < PRESSING_SECONDS else Severity.WARNING,
        f"out of ports in {duration(left)}, with {use.in_use:,} of {use.capacity:,} in use now",
        "If connections go on to be opened and closed as they are now, the last port is taken "
        "then, and connect() fails with EADDRNOTAVAIL. The ports that TIME-WAIT gives back until "
        "then are reckoned in, second by second.",
        **evidence,
    )


Tell = Callable[[Situation, int, Widening | None], Finding]


def _outgoing(situation: Situation) -> Array:
    outgoing: Array = situation.frame.patterns.direction == Direction.OUTGOING
    return outgoing


def _of_patterns(situation: Situation, chosen: Array, tell: Tell) -> Iterator[Finding]:
    """Tell of the chosen patterns, those with the fewest ports left to connect() first."""
    found = np.flatnonzero(chosen)
    patterns = situation.frame.patterns
    return _told(situation, found[np.argsort(patterns.connectable[found], kind="stable")], tell)


def _told(situation: Situation, found: Array, tell: Tell) -> Iterator[Finding]:
    if not len(found):
        return iter(())
    wider = widening(situation.frame)
    return tell_each(found.tolist(), lambda index: tell(situation, index, wider), "patterns")


def _finding(
    situation: Situation,
    index: int,
    wider: Widening | None,
    use: Use,
    code: str,
    severity: Severity,
    message: str,
    meaning: str,
    **evidence: float,
) -> Finding:
    frame = situation.frame
    key, holder = frame.patterns.key(index), situation.holder(index)
    numbers: dict[str, int | float | str] = {
        "in_use": use.in_use,
        "capacity": use.capacity,
        "utilization": ratio(use.in_use, use.capacity),
        "connectable": use.connectable,
        "reusable": use.reusable,
        "time_wait": use.time_wait,
        "live": use.live,
        "closing_per_second": round(closings_per_second(frame, index), 1),
        **evidence,
    }
    if use.unclosed is not None:
        meaning += f" {use.unclosed.meaning}"
        numbers |= {"open": use.open, "fin_wait2": use.unclosed.count}
        if use.unclosed.timeout is not None:
            numbers["tcp_fin_timeout_seconds"] = use.unclosed.timeout
    if holder is not None:
        numbers["process"] = holder
    shown: Evidence = numbers
    return Finding(
        code=code,
        severity=severity,
        subject=str(key),
        message=f"{key}: {message}",
        meaning=meaning,
        evidence=shown,
        remedies=more_ports(frame, index, wider, use.unclosed),
        pattern=key,
    )
