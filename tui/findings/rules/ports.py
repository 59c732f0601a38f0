"""Patterns that run short of local ports.

What alarms is the ports that are locked, as tui.analysis.judgement has it. A pattern has one
finding about how full it is, the gravest that holds, and at most one more about when it will be
full. Only outgoing patterns are judged: the ports of an incoming one are the peer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tui.analysis.judgement import Level, PortUse, levels, pattern_levels, port_use
from tui.analysis.patterns import Direction
from tui.analysis.timewait import SECONDS
from tui.findings.advice import Unclosed, more_ports, unclosed
from tui.findings.finding import Evidence, Finding, Severity, tell_each
from tui.findings.situation import Situation
from tui.kernel.sockets import Array
from tui.writing.words import duration, percent, plural, ratio, written

PRESSING_SECONDS = 60.0
"""An exhaustion sooner than this is critical. It is what a TIME-WAIT lasts: a connection that is
closed from now on gives its port back too late, and what does come back in time, those that are
in TIME-WAIT already, is in the forecast."""
SOON = 10
"""How many seconds ahead an exhausted pattern's releases are counted."""


def exhausted(situation: Situation) -> Iterator[Finding]:
    """Find the patterns in which connect() fails now."""
    return _of_level(situation, Level.EXHAUSTED, _exhausted)


def _exhausted(situation: Situation, index: int) -> Finding:
    use, waiting_for_peer = _use(situation, index)
    if use.capacity:
        message = f"none of the {use.capacity:,} ports is left"
    else:
        message = "there is no port to connect from: all of the range is reserved or bound"
    back = _freed_soon(situation, index)
    open_ = use.live - (waiting_for_peer.count if waiting_for_peer else 0)
    return _finding(
        situation,
        index,
        "ports-exhausted",
        Severity.CRITICAL,
        message,
        "connect() to this destination fails with EADDRNOTAVAIL (“Cannot assign requested "
        "address”), and no kernel counter shows it. "
        f"{plural(use.time_wait, 'socket')} in TIME-WAIT give their ports back 60 s after they "
        f"closed, {back:,} of them within {SOON} s; {open_:,} are open or closing, and keep "
        "theirs.",
        **{f"freed_within_{SOON}_s": back + (waiting_for_peer.soon if waiting_for_peer else 0)},
    )


def _freed_soon(situation: Situation, index: int) -> int:
    """Return how many TIME-WAITs of a pattern end within SOON seconds; 0 where not tracked."""
    by_age = situation.frame.time_wait.by_pattern
    return int(by_age[index, SECONDS - SOON :].sum()) if index < len(by_age) else 0


def above_threshold(situation: Situation) -> Iterator[Finding]:
    """Find the patterns with more ports locked than the user allows, and some left."""
    return _of_level(situation, Level.HOT, _above)


def _above(situation: Situation, index: int) -> Finding:
    (use, waiting_for_peer), threshold = _use(situation, index), situation.config.ports.threshold
    meaning = (
        f"{plural(use.connectable, 'more call finds', 'more calls find')} a port, then connect() "
        "fails with EADDRNOTAVAIL. "
    )
    if levels(use.locked, use.capacity, 100) >= Level.SLOW:
        meaning += (
            "It is slow already: past 50 % it scans the ports of one parity in vain before it "
            "tries the others."
        )
    else:
        open_ = use.live - (waiting_for_peer.count if waiting_for_peer else 0)
        meaning += (
            f"{use.time_wait:,} of those in use are in TIME-WAIT, {open_:,} belong to connections "
            "that are open or closing."
        )
    return _finding(
        situation,
        index,
        "ports-above-threshold",
        Severity.CRITICAL,
        f"{percent(use.locked, use.capacity, threshold)} of {use.capacity:,} ports are taken; the "
        f"threshold is {written(threshold)} %",
        meaning,
        threshold_percent=threshold,
    )


def slow(situation: Situation) -> Iterator[Finding]:
    """Find the patterns below the threshold in which connect() has become slow."""
    return _of_level(situation, Level.SLOW, _slow)


def _slow(situation: Situation, index: int) -> Finding:
    use, _ = _use(situation, index)
    return _finding(
        situation,
        index,
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
    soon &= patterns.direction == Direction.OUTGOING
    soon &= pattern_levels(patterns, 100) < Level.EXHAUSTED
    found = np.flatnonzero(soon)
    found = found[np.argsort(trends.seconds_left[found], kind="stable")]
    return _told(situation, found, _exhausts_soon)


def _exhausts_soon(situation: Situation, index: int) -> Finding:
    assert situation.trends is not None
    use, _ = _use(situation, index)
    left = float(situation.trends.seconds_left[index])
    growth = float(situation.trends.growth[index])
    evidence: dict[str, float] = {"seconds_left": round(left, 1)}
    if np.isfinite(growth):
        evidence["growth_per_second"] = round(growth, 2)
    return _finding(
        situation,
        index,
        "exhausts-soon",
        Severity.CRITICAL if left < PRESSING_SECONDS else Severity.WARNING,
        f"out of ports in {duration(left)}, with {use.in_use:,} of {use.capacity:,} in use now",
        "If connections go on to be opened and closed as they are now, the last port is taken "
        "then, and connect() fails with EADDRNOTAVAIL. The ports that TIME-WAIT gives back until "
        "then are reckoned in, second by second.",
        **evidence,
    )


Tell = Callable[[Situation, int], Finding]


def _use(situation: Situation, index: int) -> tuple[PortUse, Unclosed | None]:
    """Return a pattern's ports, and those of them that wait for the peer's close if many do."""
    return port_use(situation.frame.patterns, index), unclosed(situation, index, SOON)


def _of_level(situation: Situation, level: Level, tell: Tell) -> Iterator[Finding]:
    """Tell of the patterns of a level, those with the fewest ports left to connect() first."""
    patterns = situation.frame.patterns
    found = np.flatnonzero(pattern_levels(patterns, situation.config.ports.threshold) == level)
    left = patterns.capacity[found] - (patterns.in_use[found] - patterns.reusable[found])
    return _told(situation, found[np.argsort(left, kind="stable")], tell)


def _told(situation: Situation, found: Array, tell: Tell) -> Iterator[Finding]:
    return tell_each(found.tolist(), lambda index: tell(situation, index), "patterns")


def _finding(
    situation: Situation,
    index: int,
    code: str,
    severity: Severity,
    message: str,
    meaning: str,
    **evidence: float,
) -> Finding:
    frame = situation.frame
    use, waiting_for_peer = _use(situation, index)
    key, holder = frame.patterns.key(index), situation.holder(index)
    numbers: dict[str, int | float | str] = {
        "in_use": use.in_use,
        "capacity": use.capacity,
        "utilization": ratio(use.in_use, use.capacity),
        "locked": use.locked,
        "connectable": use.connectable,
        "reusable": use.reusable,
        "time_wait": use.time_wait,
        "live": use.live,
        "closing_per_second": round(frame.time_wait.closing.item(index), 1),
        **evidence,
    }
    if waiting_for_peer is not None:
        meaning += f" {waiting_for_peer.meaning}"
        numbers |= {
            "open": use.live - waiting_for_peer.count,
            "fin_wait2": waiting_for_peer.count,
        }
        if waiting_for_peer.timeout is not None:
            numbers["tcp_fin_timeout_seconds"] = waiting_for_peer.timeout
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
        remedies=more_ports(frame, index, waiting_for_peer),
        pattern=key,
    )
