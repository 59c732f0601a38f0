"""Patterns that run short of local ports.

What alarms is the ports that are locked, as tui.analysis.judgement has it. A pattern has one
finding about how full it is, the gravest that holds, and at most one more about when it will be
full. Only outgoing patterns are judged: the ports of an incoming one are the peer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from tui.analysis.judgement import Level, PortUse, levels, port_use
from tui.analysis.ports import PortSpace, slower
from tui.analysis.refused import Tally
from tui.analysis.timewait import SECONDS
from tui.findings.advice import Unclosed, find_unclosed, more_ports
from tui.findings.finding import Finding, Remedy, Severity, known, tell_each
from tui.findings.held import find_held
from tui.findings.situation import Situation
from tui.planning.demand import busiest
from tui.writing.words import duration, percent, plural, ratio, written

PRESSING_SECONDS = 60.0
"""An exhaustion sooner than this is critical. It is what a TIME-WAIT lasts: a connection that is
closed from now on gives its port back too late, and what does come back in time, those that are
in TIME-WAIT already, is in the forecast."""
OWN_PORTS = 20
"""So many connections from ports of their own choice are worth a word."""
SOON = 10
"""How many seconds ahead an exhausted pattern's releases are counted."""
FAILS = (
    "connect() to this destination fails with EADDRNOTAVAIL (“Cannot assign requested address”). "
    "No kernel counter shows it."
)
WILL_FAIL = (
    "If connections keep opening and closing as they do now, the last port is taken by then, and "
    "connect() fails with EADDRNOTAVAIL. This already counts the ports that TIME-WAIT gives back, "
    "second by second."
)
FEW_LEFT = (
    "More of a destination's ports are taken than the threshold allows: 80 %, unless [ports] in "
    "the host's config.toml says otherwise. Once the others are taken too, connect() fails with "
    "EADDRNOTAVAIL."
)
SCANS = (
    "connect() tries every other port first (all odd or all even), and once half are taken it "
    "scans those in vain"
)
SCAN_COSTS = (
    "Every caller pays this in kernel CPU time, and the second half of the ports will go as the "
    "first did."
)


def _exhausted(situation: Situation, index: int) -> Finding:
    (use, unclosed), held = _use(situation, index), find_held(situation, index)
    if use.capacity:
        message = f"none of the {use.capacity:,} ports left{held.briefly}"
    else:
        message = "no port to connect from: the whole range is reserved or bound"
    frame = situation.frame
    by_age, hold = frame.time_wait.held_by_pattern, frame.rules.time_wait_ms // 1000
    soon = max(min(hold, SECONDS) - SOON, 0)
    back = int(by_age[index, soon:].sum()) if index < len(by_age) else 0
    given_back = (
        f" {plural(use.time_wait, 'socket')} in TIME-WAIT: the ports come back {hold} s after the "
        f"close, {f'{back:,}' if back else 'none'} of them within {SOON} s."
    )
    if others := use.live - unclosed.count:
        given_back += f" {others:,} more are held by connections that are open or closing."
    return _finding(
        situation,
        index,
        "ports-exhausted",
        Severity.CRITICAL,
        message,
        FAILS + (given_back if use.time_wait or not held.meaning else ""),
        **{f"freed_within_{SOON}_s": back + unclosed.soon},
        **_refused(situation, index),
    )


def _refused(situation: Situation, index: int) -> dict[str, float | None]:
    """Return what the kernel says itself, where that is counted."""
    tallies = None if situation.trends is None else situation.trends.refused
    if tallies is None or tallies.broken:
        return {}
    tally = tallies.tuples.get(situation.frame.patterns.key(index), Tally())
    return {"refused": tally.total, "refused_per_second": round(tallies.rate(tally), 1)}


def _above(situation: Situation, index: int) -> Finding:
    (use, unclosed), threshold = _use(situation, index), situation.config.ports.threshold
    meaning = (
        f"{plural(use.connectable, 'more call finds', 'more calls find')} a port; after that "
        "connect() fails with EADDRNOTAVAIL. "
    )
    if levels(use.locked, use.capacity, 100) >= Level.SLOW:
        meaning += (
            "It is already slow: past 50 % it scans half of the ports in vain before it tries the "
            "others."
        )
    else:
        meaning += (
            f"{use.time_wait:,} of those in use are in TIME-WAIT; {use.live - unclosed.count:,} "
            "belong to connections that are open or closing."
        )
    return _finding(
        situation,
        index,
        "ports-above-threshold",
        Severity.CRITICAL,
        f"{percent(use.locked, use.capacity, threshold)} of {use.capacity:,} ports are taken"
        f"{find_held(situation, index).briefly}; the threshold is {written(threshold)} %",
        meaning,
        threshold_percent=threshold,
    )


def _slow(situation: Situation, index: int) -> Finding:
    use = port_use(situation.frame.patterns, index)
    return _finding(
        situation,
        index,
        "connect-slow",
        Severity.WARNING,
        f"connect() is slow: {percent(use.locked, use.capacity)} of {use.capacity:,} ports are "
        f"taken{find_held(situation, index).briefly}",
        f"{SCANS}: with {use.capacity:,} ports a call takes {slower(use.capacity)}. {SCAN_COSTS}",
    )


def own_source_ports(situation: Situation) -> Iterator[Finding]:
    """Find the clients that choose their source ports themselves: the range is not theirs."""
    patterns = situation.frame.patterns
    found = np.flatnonzero(patterns.beside >= OWN_PORTS)
    found = found[np.argsort(-patterns.beside[found], kind="stable")]
    tell = partial(_own_source_ports, situation)
    return tell_each(found.tolist(), tell, "patterns")


def _own_source_ports(situation: Situation, index: int) -> Finding:
    patterns = situation.frame.patterns
    beside = patterns.beside.item(index)
    waits = patterns.time_wait_of(index) - patterns.waiting.item(index)
    key, holder = patterns.key(index), situation.holder(index)
    return Finding(
        code="own-source-ports",
        severity=Severity.INFO,
        subject=str(key),
        message=f"{key}: {beside:,} connections use ports outside those that connect() "
        "chooses from",
        meaning="These ports are outside the range, reserved or bound: their program chose them "
        "itself, or the range or reservations changed after they were opened. They take "
        f"none of the {patterns.capacity.item(index):,} ports connect() has, and changing "
        f"the range does not help them. {plural(waits, 'TIME-WAIT')} among them can block "
        "the next use of the same port: bind() fails with EADDRINUSE without "
        "SO_REUSEADDR, and with it connect() fails if timestamps are off.",
        evidence=known(connections=beside, time_wait=waits, process=holder),
        remedies=(
            Remedy(
                "Give the program a longer list of ports, or more source addresses",
                unless="connect() chose them before the range was changed: then no new ones follow",
            ),
            Remedy(
                "Set SO_REUSEADDR before bind(), with tcp_timestamps on at both ends",
                unless="the program sets it already",
            ),
        ),
        pattern=key,
    )


def exhausts_soon(situation: Situation) -> Iterator[Finding]:
    """Find the patterns that will be full within minutes if things go on as they do."""
    patterns, trends = situation.frame.patterns, situation.trends
    if trends is None:
        return
    within = 60 * situation.config.ports.exhausts_within_minutes
    found = np.flatnonzero(trends.seconds_left <= within)  # of the fullest: no other is near it
    found = found[patterns.outgoing[found]]
    found = found[situation.levels[found] < int(Level.EXHAUSTED)]
    found = found[np.argsort(trends.seconds_left[found], kind="stable")]
    yield from tell_each(found.tolist(), partial(_exhausts_soon, situation), "patterns")


def _exhausts_soon(situation: Situation, index: int) -> Finding:
    assert situation.trends is not None
    use = port_use(situation.frame.patterns, index)
    left = float(situation.trends.seconds_left[index])
    growth = float(situation.trends.growth[index])
    return _finding(
        situation,
        index,
        "exhausts-soon",
        Severity.CRITICAL if left < PRESSING_SECONDS else Severity.WARNING,
        f"out of ports in {duration(left)}: {use.in_use:,} of {use.capacity:,} in use now",
        WILL_FAIL,
        seconds_left=round(left, 1),
        growth_per_second=round(growth, 2) if np.isfinite(growth) else None,
    )


def _use(situation: Situation, index: int) -> tuple[PortUse, Unclosed]:
    """Return a pattern's ports, and those of them that wait for the peer's close."""
    return port_use(situation.frame.patterns, index), find_unclosed(situation, index, SOON)


def _throttled(situation: Situation, index: int) -> bool:
    """Say whether a pattern's closings are what gets through, and no measure of what is wanted.

    So it is where the pattern is full or was so in the last minute, and where it is within a
    second of it: a full one flickers as its ports come back.
    """
    patterns, trends = situation.frame.patterns, situation.trends
    closing = situation.frame.time_wait.closing.item(index)
    full = trends is not None and index < len(trends.was_full) and bool(trends.was_full[index])
    return full or patterns.connectable.item(index) < max(closing, 1)


def _of_level(
    level: Level, tell: Callable[[Situation, int], Finding], situation: Situation
) -> Iterator[Finding]:
    """Tell of the patterns of a level, those with the fewest ports left to connect() first."""
    patterns = situation.frame.patterns
    found = np.flatnonzero(situation.levels == int(level))
    if not len(found):
        return
    found = found[np.argsort(patterns.connectable[found], kind="stable")]
    yield from tell_each(found.tolist(), partial(tell, situation), "patterns")


def exhausted(situation: Situation) -> Iterator[Finding]:
    """Find the patterns in which connect() fails now, or that it must fail whatever it is given."""
    frame = situation.frame
    if not frame.ports.capacity and not frame.patterns.outgoing.any():
        yield _no_port(frame.ports)
    yield from _of_level(Level.EXHAUSTED, _exhausted, situation)


def _no_port(ports: PortSpace) -> Finding:
    return Finding(
        code="ports-exhausted",
        severity=Severity.CRITICAL,
        subject="net.ipv4.ip_local_port_range",
        message=f"No port to connect from: all of {ports.low}–{ports.high} are reserved or bound",
        meaning="connect() to any destination fails with EADDRNOTAVAIL (“Cannot assign requested "
        f"address”). {ports.reserved:,} are reserved, {ports.excluded:,} more bound or listened "
        "on.",
        evidence={"capacity": 0, "reserved": ports.reserved, "excluded": ports.excluded},
        remedies=(
            Remedy(
                "See which are reserved, and who has bound the others; then widen the range",
                "sysctl net.ipv4.ip_local_reserved_ports; sudo ss -tlnp",
                "nothing here is meant to open connections",
            ),
        ),
    )


above_threshold = partial(_of_level, Level.HOT, _above)
"""Find the patterns with more ports locked than the user allows, and some left."""
slow = partial(_of_level, Level.SLOW, _slow)
"""Find the patterns below the threshold in which connect() has become slow."""


def _finding(
    situation: Situation,
    index: int,
    code: str,
    severity: Severity,
    message: str,
    meaning: str,
    **evidence: float | None,
) -> Finding:
    frame = situation.frame
    use, unclosed = _use(situation, index)
    held, throttled = find_held(situation, index), _throttled(situation, index)
    key = frame.patterns.key(index)
    closing = round(frame.time_wait.closing.item(index), 1)
    through = (
        f"The {closing:,}/s that close are what gets through, not what is wanted; twtop plan "
        "tells what the wanted rate needs."
        if throttled and held.by_time_wait and closing
        else ""
    )
    apart = frame.patterns.apart.item(index)
    of_one_device = (
        f"These are the ports of one device (SO_BINDTODEVICE): {plural(apart, 'socket')}, bound to "
        "another one, do not count."
        if apart
        else ""
    )
    waits_for_peer = unclosed.meaning if unclosed.count else ""
    return Finding(
        code=code,
        severity=severity,
        subject=str(key),
        message=f"{key}: {message}",
        meaning=" ".join(
            filter(None, (meaning, of_one_device, held.meaning, waits_for_peer, through))
        ),
        evidence=known(
            in_use=use.in_use,
            capacity=use.capacity,
            utilization=ratio(use.in_use, use.capacity),
            locked=use.locked,
            connectable=use.connectable,
            reusable=use.reusable,
            time_wait=use.time_wait,
            live=use.live,
            closing_per_second=closing,
            **evidence,
            held_by=held.label if held.meaning else None,
            open=use.live - unclosed.count if unclosed.count else None,
            fin_wait2=unclosed.count or None,
            on_other_devices=apart or None,
            tcp_fin_timeout_seconds=unclosed.timeout,
            process=situation.holder(index),
        ),
        remedies=more_ports(
            frame, index, held, unclosed, 0 if throttled else busiest(frame, index)
        ),
        pattern=key,
    )
