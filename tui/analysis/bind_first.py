"""Clients that bind a port before they connect, told by the ports they do not share.

connect() chooses for each destination anew, so the same local port soon serves several. A
bind() to port 0 must be unique for its local address: all destinations together then have the
ports of one, tcp_tw_reuse gives none back, and the error is EADDRINUSE, from bind().
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tui.analysis.frame import Frame
from tui.analysis.judgement import PortUse, port_use
from tui.analysis.patterns import Direction, Patterns
from tui.analysis.ports import PORTS
from tui.kernel.sockets import Array, State

DESTINATIONS = 2
"""Destinations of one local IP from which on it can be judged, as in tui.findings.config, which
must not load NumPy."""
UNSHARED_ALONE = 3
"""Destinations from which on it is enough that they share no ports. A kernel that gives ports out
in their order (before 5.18 and the stable series that have taken that in) has each destination
begin somewhere, so two may well not meet: with fewer, the ports' parity has to tell as well."""
AMISS = 0.05
"""The part of the ports in use that is missing from the parity that connect() takes first."""
YOUNG_MS = 3000
"""A younger TIME-WAIT took its port just now: connections that use up ports are short."""
ROOM = 0.8
"""A parity that is no fuller than this had ports left all that time."""
USE = 30.0
"""Percent of the capacity that they must hold together, as there."""
LEAST_SHARED = 20.0
"""How many ports chance must share before it means anything that they are not: where 20 are
expected, 2 or fewer come by chance once in two million cases (Poisson)."""
SHARE = 0.1
"""The part of what chance would share that is still “nearly unshared”."""
EXAMINED = 8
"""Local IPs whose ports are compared in one frame, the busiest first."""


@dataclass(frozen=True, slots=True)
class BoundFirst:
    """A local IP whose destinations share their ports far less than connect() would."""

    address: int
    """Index into the table's addresses."""
    destinations: int
    in_use: int
    """Ports that each destination holds, added up."""
    distinct: int
    """The same without those that are shared."""
    by_chance: float
    """How many would be shared if each destination chose its own at random."""
    other_parity: int
    """Distinct ports of the parity that bind() takes first and connect() last."""
    capacity: int
    """What all destinations together can have."""
    waiting: int = 0
    """How many of ``in_use`` are in TIME-WAIT."""
    seconds_left: float | None = None
    """Until no port is left, as in Trends; None where that is not foretold."""
    was_full: bool = False
    """Was no port left in the last minute?"""

    @property
    def shared(self) -> int:
        """Ports that serve more than one destination, counted for each further one."""
        return self.in_use - self.distinct

    @property
    def use(self) -> PortUse:
        """The ports as bind() sees them, which takes over no TIME-WAIT."""
        waiting = min(self.waiting, self.distinct)
        return PortUse(self.capacity, live=self.distinct - waiting, waiting=waiting)

    def patterns(self, patterns: Patterns) -> Array:
        """Return which patterns these destinations are, shape (patterns,)."""
        found: Array = patterns.outgoing & (patterns.local_ip == self.address)
        return found


def find_bound_first(
    frame: Frame, destinations: int = DESTINATIONS, use: float = USE
) -> tuple[BoundFirst, ...]:
    """Return the local IPs whose clients seem to bind before they connect, the busiest first.

    Only those are judged that have so many destinations, and ``use`` percent of the capacity in
    use.
    """
    patterns, capacity = frame.patterns, frame.ports.capacity
    outgoing = patterns.outgoing & (patterns.in_use > 0)
    if capacity <= 0 or np.count_nonzero(outgoing) < destinations:
        return ()
    local, in_use = patterns.local_ip[outgoing], patterns.in_use[outgoing]
    addresses = len(frame.table.address_lo)
    several = np.bincount(local, minlength=addresses)
    held = np.bincount(local, weights=in_use, minlength=addresses)
    waiting = np.bincount(local, weights=patterns.waiting[outgoing], minlength=addresses)
    by_chance = held - capacity * (1 - _free_by_chance(local, in_use, addresses, capacity))
    candidate = (
        (several >= destinations)
        & (100 * held >= use * capacity)
        # More than the ports of one tuple cannot be unshared: no need to compare them.
        & (held <= capacity * (1 + SHARE))
        & (by_chance >= LEAST_SHARED)
    )
    found = np.flatnonzero(candidate)
    found = found[np.argsort(-held[found], kind="stable")][:EXAMINED]
    if not len(found):
        return ()
    first, told = frame.ports.low % 2, []
    for address, seen in zip(found.tolist(), _ports(frame, found), strict=True):
        distinct, expected = int(np.count_nonzero(seen)), by_chance.item(address)
        if held[address] - distinct > SHARE * expected:
            continue
        one = BoundFirst(
            address=address,
            destinations=several.item(address),
            in_use=int(held[address]),
            distinct=distinct,
            by_chance=expected,
            other_parity=int(np.count_nonzero(seen[1 - first :: 2])),
            capacity=capacity,
            waiting=int(waiting[address]),
        )
        if _is_unshared(frame, one):
            told.append(one)
    return tuple(told)


def bound_first_at(frame: Frame, ip: str) -> BoundFirst | None:
    """Return what ``find_bound_first`` says of one local IP, None if nothing."""
    return next((one for one in find_bound_first(frame) if frame.table.ip(one.address) == ip), None)


def shared_at(found: Iterable[BoundFirst], patterns: Patterns, index: int) -> BoundFirst | None:
    """Return what a pattern's ports are shared with; None where it has all of them itself."""
    if patterns.direction.item(index) != Direction.OUTGOING:
        return None
    at = patterns.local_ip.item(index)
    theirs = [one for one in found if one.address == at]
    own = port_use(patterns, index).connectable if theirs else 0
    return next((one for one in theirs if one.use.connectable < own), None)


def _free_by_chance(local: Array, in_use: Array, addresses: int, capacity: int) -> Array:
    """Return the share of the ports that no destination of a local IP would hold, for each of them,
    if every destination chose its own ``in_use`` of the capacity at random: Π(1 − n/C).

    In truth connect() shares more, since it takes the ports of one parity first: 1.45 to 2.4
    times as many in 125 runs with 3 to 30 destinations (Linux 6.18); bind() shared none.
    """
    # The kernel's range may have shrunk since: a pattern is never more than nearly full here.
    missed = np.log1p(-np.minimum(in_use / max(capacity, 1), 1 - 1e-9))
    return np.exp(np.bincount(local, weights=missed, minlength=addresses))


def _ports(frame: Frame, found: Array) -> Array:
    """Return, for each of these local addresses, which usable ports its sockets hold.

    A usable port has no listener: all that is on it is outgoing.
    """
    table, others = frame.table, len(found)
    # A row for what is not asked for: cheaper than to choose from so many.
    rank = np.full(len(table.address_lo), others)
    rank[found] = np.arange(others)
    place = (PORTS * rank).take(table.local_ip)
    place += table.local_port
    if frame.patterns.apart.any():  # another device's ports are not these
        place = place[frame.patterns.holding]
    seen = np.zeros((others + 1) * PORTS, bool)
    seen[place] = True  # a third of what two indices cost
    held: Array = seen.reshape(-1, PORTS)[:others] & frame.ports.usable
    return held


def _is_unshared(frame: Frame, bound: BoundFirst) -> bool:
    """Say whether the parities of these ports tell of bind() too.

    connect() takes a port of the other parity only where the destination has none left of the
    first. So many that were taken just now, while there were some left, are bind()'s. Older ones
    may date from when the ports had run out: such a destination gives back one parity after the
    other, and may then share none with the next one. So these must share none although chance
    would share some within each parity; and where there are but two destinations, ports must be
    missing from the first parity as well.
    """
    table, ports, patterns = frame.table, frame.ports, frame.patterns
    first, theirs = ports.low % 2, bound.patterns(patterns)
    rank, count = theirs.cumsum() - 1, int(np.count_nonzero(theirs))
    rows = np.flatnonzero(theirs.take(patterns.member) & patterns.holding)
    cell = 2 * rank[patterns.member[rows]] + (table.local_port[rows] & 1 != first)
    held = np.bincount(cell, minlength=2 * count).reshape(count, 2)
    each = [int(np.count_nonzero(ports.usable[start::2])) for start in (first, 1 - first)]
    least = max(LEAST_SHARED, AMISS * bound.in_use)
    young = table.state[rows] != State.TIME_WAIT
    young |= table.remaining_ms[rows] >= frame.rules.time_wait_ms - YOUNG_MS
    taken = np.bincount(cell[young], minlength=2 * count).reshape(count, 2)[:, 1]
    if taken[held[:, 0] < ROOM * each[0]].sum() >= least:
        return True
    amiss = np.minimum(held.sum(axis=1), each[0]).sum() - held[:, 0].sum()
    if bound.destinations < UNSHARED_ALONE and amiss < least:
        return False
    same = np.zeros(count, np.intp)
    free = [float(_free_by_chance(same, held[:, at], 1, each[at])[0]) for at in (0, 1)]
    expected = held.sum() - sum(each[at] * (1 - free[at]) for at in (0, 1))
    return bool(expected >= LEAST_SHARED and bound.shared <= SHARE * expected)
