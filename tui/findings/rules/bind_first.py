"""Clients that bind a port before they connect, told by the ports they do not share.

connect() chooses for each destination anew, so the same local port soon serves several. A
bind() to port 0 must be unique for its local address: all destinations together then have the
ports of one, and the error is EADDRINUSE, from bind().
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tui.analysis.judgement import Level, levels
from tui.analysis.patterns import Direction
from tui.findings.advice import NO_PORT_OPTION, POOL
from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.situation import Situation
from tui.kernel.sockets import Array
from tui.planning.setting import gather
from tui.planning.widening import range_commands, widened, widest
from tui.writing.words import percent, ratio

LEAST_SHARED = 20.0
"""How many ports chance must share before it means anything that they are not: where 20 are
expected, 2 or fewer come by chance once in two million cases (Poisson)."""
SHARE = 0.1
"""The part of what chance would share that is still “nearly unshared”."""
EXAMINED = 8
"""Local IPs whose ports are compared in one frame, the busiest first."""
PORT_BITS = 16


def bind_before_connect(situation: Situation) -> Iterator[Finding]:
    """Find local IPs whose ports are shared between destinations far less than by chance."""
    frame, limits = situation.frame, situation.config.bind_first
    patterns, capacity = frame.patterns, frame.ports.capacity
    outgoing = (patterns.direction == Direction.OUTGOING) & (patterns.in_use > 0)
    if capacity <= 0 or np.count_nonzero(outgoing) < limits.destinations:
        return
    local, in_use = patterns.local_ip[outgoing], patterns.in_use[outgoing]
    addresses = len(frame.table.address_lo)
    destinations = np.bincount(local, minlength=addresses)
    held = np.bincount(local, weights=in_use, minlength=addresses)
    by_chance = _distinct_by_chance(local, in_use, addresses, capacity)
    candidate = (
        (destinations >= limits.destinations)
        & (100 * held >= limits.use * capacity)
        # More than the ports of one tuple cannot be unshared: no need to compare them.
        & (held <= capacity * (1 + SHARE))
        & (held - by_chance >= LEAST_SHARED)
    )
    found = np.flatnonzero(candidate)
    found = found[np.argsort(-held[found], kind="stable")][:EXAMINED]
    if not len(found):
        return
    distinct, other_parity = _distinct_ports(situation, found)
    for index, address in enumerate(found.tolist()):
        total, expected = int(held[address]), float(held[address] - by_chance[address])
        evidence = {
            "destinations": int(destinations[address]),
            "in_use": total,
            "distinct_ports": int(distinct[index]),
            "shared_ports": total - int(distinct[index]),
            "shared_by_chance": round(expected),
            "capacity": capacity,
            "utilization": ratio(int(distinct[index]), capacity),
            # bind() takes first the parity that connect() takes last, so this tells as well.
            "ports_of_the_other_parity": int(other_parity[index]),
        }
        if evidence["shared_ports"] <= SHARE * expected:
            yield _finding(situation, frame.table.ip(address), evidence)


def _distinct_by_chance(local: Array, in_use: Array, addresses: int, capacity: int) -> Array:
    """Return how many distinct ports each local IP would have if every destination chose its
    own ``in_use`` of the capacity at random: C · (1 − Π(1 − n/C)).

    In truth connect() shares more, since it takes the ports of one parity first: 1.45 to 2.4
    times as many in 125 runs with 3 to 30 destinations (Linux 6.18); bind() shared none.
    """
    # The kernel's range may have shrunk since: a pattern is never more than nearly full here.
    missed = np.log1p(-np.minimum(in_use / capacity, 1 - 1e-9))
    untouched = np.exp(np.bincount(local, weights=missed, minlength=addresses))
    return capacity * (1 - untouched)


def _distinct_ports(situation: Situation, found: Array) -> tuple[Array, Array]:
    """Return, for each of these local addresses, its distinct usable ports in outgoing patterns,
    and how many of them have the parity that connect() tries last.
    """
    frame = situation.frame
    table, patterns, ports = frame.table, frame.patterns, frame.ports
    rank = np.full(len(table.address_lo), -1, np.int32)
    rank[found] = np.arange(len(found), dtype=np.int32)
    chosen = (patterns.direction == Direction.OUTGOING) & (rank[patterns.local_ip] >= 0)
    rows = np.flatnonzero(np.append(chosen, False)[patterns.member])
    rows = rows[ports.usable[table.local_port[rows]]]
    code = rank[table.local_ip[rows]] << PORT_BITS | table.local_port[rows]
    seen = np.zeros(len(found) << PORT_BITS, bool)
    seen[code] = True
    by_address = seen.reshape(len(found), -1)
    return by_address.sum(axis=1), by_address[:, 1 - ports.low % 2 :: 2].sum(axis=1)


def _finding(situation: Situation, ip: str, evidence: Mapping[str, int | float]) -> Finding:
    distinct, capacity = evidence["distinct_ports"], evidence["capacity"]
    hot = levels(distinct, capacity, situation.config.ports.threshold) >= Level.HOT
    facts = gather(situation.frame, ip, None, None)
    low, high = widest(facts)
    remedies = [NO_PORT_OPTION]
    if wider := widened(facts):
        remedies.append(
            Remedy(
                f"Widen the range to {low}–{high}: {wider.ports:,} ports for all destinations "
                f"together instead of {capacity:,}",
                " && ".join(range_commands(facts, low, high)),
                "a daemon that is not running now has its fixed port in the new part",
            )
        )
    return Finding(
        code="bind-before-connect",
        severity=Severity.CRITICAL if hot else Severity.WARNING,
        subject=ip,
        message="{}: a client seems to bind before it connects: {destinations:,} destinations "
        "share {shared_ports:,} of {distinct_ports:,} ports, where chance would share "
        "{shared_by_chance:,}".format(ip, **evidence),
        meaning="Bound first, without IP_BIND_ADDRESS_NO_PORT, a port serves one destination only: "
        f"{percent(distinct, capacity)} of what all destinations together can have is gone. At "
        "the end bind() fails with EADDRINUSE although no single destination is full.",
        evidence=evidence,
        remedies=(*remedies, POOL),
    )
