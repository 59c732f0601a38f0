"""Where the kernel's own count of refusals and what the table shows do not go together.

Only two comparisons in a row that say the same are told (tui.analysis.refused): one alone may be
the moment of reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from tui.analysis.patterns import PatternKey
from tui.analysis.refused import RECENT_SECONDS, Compared, Tallies, Tally, first_of, use_of
from tui.findings.advice import NO_PORT_OPTION
from tui.findings.finding import Finding, Remedy, Severity, known, tell_each
from tui.findings.situation import Situation
from tui.writing.words import joined, plural

DENSE = 0.9
"""From this share of the ports between its lowest and its highest on, a pattern fills them."""
NAMED = 3
"""Processes that are told of each tuple."""
LEAST = 4
"""So many ports in a row are no accident."""
NARROW = 0.9
"""A part of the range that is no larger than this is a range of its own."""


def with_ports_free(situation: Situation) -> Iterator[Finding]:
    """Find the tuples that the kernel refuses although the table shows ports for them."""
    tell = partial(_with_ports_free, situation)
    return tell_each(_found(situation, Compared.WITH_PORTS, Compared.UNPLACED), tell, "patterns")


def yet_served(situation: Situation) -> Iterator[Finding]:
    """Find the patterns that are called exhausted, and go on to connect."""
    tell = partial(_yet_served, situation)
    return tell_each(_found(situation, Compared.WITHOUT_PORTS), tell, "patterns")


def _found(situation: Situation, *wanted: Compared) -> list[PatternKey]:
    """Return the tuples of which this was said twice, those refused most often first."""
    tallies = _tallies(situation)
    if tallies.broken:
        return []
    now = situation.frame.time
    found = [
        key
        for key, agreed in tallies.agreed.items()
        if agreed.twice in wanted
        and now - agreed.at < RECENT_SECONDS
        and (key in tallies.tuples or agreed.twice is Compared.WITHOUT_PORTS)
    ]
    return sorted(found, key=lambda key: -tallies.tuples.get(key, Tally()).total)


def _tallies(situation: Situation) -> Tallies:
    counted = None if situation.trends is None else situation.trends.refused
    return counted or Tallies(0, 0)


def _with_ports_free(situation: Situation, key: PatternKey) -> Finding:
    frame, tallies = situation.frame, _tallies(situation)
    tally, agreed, use = tallies.tuples[key], tallies.agreed[key], use_of(situation.frame, key)
    index = frame.patterns.find(key)
    own, others = _own_range(situation, index), _held_by_others(situation, index)
    causes = sorted(
        (
            _narrow(own, tally),
            _bound(situation, index, others),
            *([_elsewhere(tally)] if tally.unplaced else []),
        ),
        key=lambda cause: not cause.likely,
    )
    return Finding(
        code="refused-with-ports-free",
        severity=Severity.CRITICAL,
        subject=str(key),
        message=f"{key}: the kernel refuses connects, {plural(tally.total, 'time')} so far, "
        f"although {use.connectable:,} of {use.capacity:,} ports look free",
        meaning="The kernel itself counts these: connect() fails with EADDRNOTAVAIL, and the "
        "table does not show why. Likely causes, likeliest first: "
        f"{'; or '.join(cause.text for cause in causes)}.",
        evidence=known(
            refused=tally.total,
            refused_per_second=round(tallies.rate(tally), 1),
            connectable=use.connectable,
            capacity=use.capacity,
            in_use=use.in_use,
            in_use_elsewhere=others,
            namespace_unknown=tally.unplaced or None,
            own_range=None if own is None else f"{own[0]}–{own[1]}",
            agreed_seconds=round(agreed.seconds),
            compared_seconds=round(agreed.compared),
            process=joined([f"{who} ({count:,})" for who, count in first_of(tally.by, NAMED)]),
        ),
        remedies=tuple(cause.remedy for cause in causes),
        pattern=key,
    )


class _Cause(NamedTuple):
    """What may keep ports from connect() that look free."""

    text: str
    remedy: Remedy
    likely: bool
    """Whether the table speaks for it."""


def _narrow(own: tuple[int, int, int] | None, tally: Tally) -> _Cause:
    where = "" if own is None else f", all {own[2]:,} ports in use lie in {own[0]}–{own[1]}"
    first = next(iter(tally.by), "")
    pid = first.rpartition("[")[2].rstrip("]") if first.endswith("]") else "PID"
    return _Cause(
        f"a narrower port range set on the socket (IP_LOCAL_PORT_RANGE, Linux 6.3+){where}",
        Remedy(
            "See whether the program, or whatever starts it, sets IP_LOCAL_PORT_RANGE (51, at "
            "level IPPROTO_IP), and widen that: ip_local_port_range does not help then",
            f"sudo strace -fe trace=setsockopt -p {pid}",
        ),
        likely=own is not None,
    )


def _bound(situation: Situation, index: int | None, others: int) -> _Cause:
    frame = situation.frame
    unseen = (
        ""
        if frame.table.bound_known
        else ", and this kernel does not list those that are only bound"
    )
    return _Cause(
        f"ports bound by other sockets, which nobody else can use: {others:,} of the range are in "
        f"use to other destinations, and it cannot be seen which were bound first{unseen}",
        NO_PORT_OPTION,
        likely=others + (0 if index is None else int(frame.patterns.in_use[index]))
        >= DENSE * frame.ports.capacity,
    )


def _elsewhere(tally: Tally) -> _Cause:
    return _Cause(
        f"another network namespace with a table of its own: {tally.unplaced:,} of "
        f"{tally.total:,} refusals were to processes that ended before theirs could be read",
        Remedy("See who is refused, by process and namespace", "sudo twtop refusals"),
        likely=tally.unplaced == tally.total,
    )


def _yet_served(situation: Situation, key: PatternKey) -> Finding:
    agreed, use = _tallies(situation).agreed[key], use_of(situation.frame, key)
    return Finding(
        code="exhausted-yet-served",
        severity=Severity.WARNING,
        subject=str(key),
        message=f"{key}: twtop is wrong here: it sees no port left, but connections succeed and "
        "the kernel refuses none",
        meaning="connect() is taking over TIME-WAIT ports that twtop counts as locked: ignore "
        "this exhaustion. A client bound to lo can do that with tcp_tw_reuse=2, and the "
        "table does not show whether it is bound.",
        evidence=known(
            connectable=use.connectable,
            capacity=use.capacity,
            locked=use.locked,
            agreed_seconds=round(agreed.seconds),
            compared_seconds=round(agreed.compared),
            process=_holder(situation, key),
        ),
        remedies=(
            Remedy(
                "See whether the client binds to a device (SO_BINDTODEVICE)",
                f"sudo ss -tnpe dst {key.remote_ip}",
            ),
        ),
        pattern=key,
    )


def _own_range(situation: Situation, index: int | None) -> tuple[int, int, int] | None:
    """Return the ports that a pattern fills, and how many, where they are but part of the range."""
    table, patterns = situation.frame.table, situation.frame.patterns
    ports = table.local_port[(patterns.member == index) & patterns.holding]
    if index is None or len(ports) < LEAST:
        return None
    low, high = int(ports.min()), int(ports.max())
    size = high - low + 1
    narrow = size <= NARROW * situation.frame.ports.size
    return (low, high, len(ports)) if narrow and len(ports) >= DENSE * size else None


def _held_by_others(situation: Situation, index: int | None) -> int:
    """Return how many ports that connect() may choose are in use, but not in this pattern."""
    frame = situation.frame
    rows = frame.patterns.member != (-1 if index is None else index)
    ports = frame.table.local_port[rows]
    return len(np.unique(ports[frame.ports.usable[ports]]))


def _holder(situation: Situation, key: PatternKey) -> str | None:
    index = situation.frame.patterns.find(key)
    return None if index is None else situation.holder(index)
