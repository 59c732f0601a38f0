"""What the kernel refused, by tuple, and whether what twtop says of its ports agrees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tui.analysis.frame import Frame
from tui.analysis.judgement import PortUse, port_use
from tui.analysis.patterns import NO_PORT, Direction, PatternKey
from tui.analysis.ports import PORTS
from tui.kernel.sockets import Array, State, ip_halves

if TYPE_CHECKING:  # whoever does not count loads nothing that does
    from tui.kernel.refusals import Refused

RATE_SECONDS = 5.0
"""Over how long refusals per second are taken."""
RECENT_SECONDS = 60
"""How long a single refusal is remembered with its time."""
OTHERS = "others"
"""Processes that are not told apart."""
NO_PATTERN = -2
"""No row's."""
TIMER_MS = 50
"""By so much two readings of one timer may differ."""
RETAKEN_SHARE, RETAKEN_LEAST = 0.01, 2
"""More locked ports than this must serve anew before twtop calls itself wrong: a reset ends some
0.2 % of TIME-WAITs early on a busy machine (RFC 1337)."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Refused connects since counting began."""

    total: int = 0
    unplaced: int = 0
    """Those of them by processes that had ended before anybody saw in which namespace they were."""
    by: Mapping[str, int] = field(default_factory=dict)
    """The processes that were refused most often."""
    recent: tuple[tuple[float, int], ...] = ()
    """When they were counted, Unix time, and how many: of the last minute, where there were any."""


class Compared(Enum):
    """What was said of a tuple's ports at two tables, held against what happened in between."""

    UNTRIED = "nobody connected"
    SERVED = "ports were free, and nobody was refused"
    REFUSED = "no port was left, and the kernel refused"
    CHANGING = "ports ran out or came back within the second, or it is unknown who was refused"
    WITH_PORTS = "refused although ports were free all the time"
    UNPLACED = "the same, but perhaps in another namespace"
    WITHOUT_PORTS = "connected on ports that twtop took for locked, and nobody was refused"

    @property
    def agrees(self) -> bool:
        """Whether twtop and the kernel said the same."""
        return self in (Compared.SERVED, Compared.REFUSED)

    @property
    def at_odds(self) -> bool:
        """Whether one of them is wrong."""
        return self in (Compared.WITH_PORTS, Compared.WITHOUT_PORTS)


@dataclass(frozen=True, slots=True)
class Agreed:
    """For how many seconds twtop and the kernel have agreed on one tuple."""

    seconds: float = 0.0
    at_odds: float = 0.0
    left_out: float = 0.0
    """Seconds in which its ports ran out or came back, which compare with nothing."""
    twice: Compared | None = None
    """What the last two comparisons both said: one alone may be the moment of reading."""
    at: float = 0.0
    """When they did, Unix time."""

    @property
    def compared(self) -> float:
        """Seconds that were compared."""
        return self.seconds + self.at_odds


@dataclass(frozen=True, slots=True)
class Tallies:
    """All that the kernel has refused since counting began, as of one frame."""

    since: float
    """When it began, Unix time."""
    until: float
    tuples: Mapping[PatternKey, Tally] = field(default_factory=dict)
    """Those refused in this place."""
    agreed: Mapping[PatternKey, Agreed] = field(default_factory=dict)
    """Of the fullest patterns, and of those refused."""
    elsewhere: Tally = Tally()
    """What was refused in other network namespaces."""
    lost: Tally = Tally()
    """Refusals known by their number only: of what, and where, is not known."""
    rated_since: float | None = None
    """The time of the take from which on rates are counted: what is counted at one take was refused
    since the one before. None where takes are not known: RATE_SECONDS then."""
    broken: str | None = None
    """Why they are counted no more; what has been refused since is not known."""

    @property
    def total(self) -> int:
        """All that was refused in this place, as far as it is known where."""
        return sum(tally.total for tally in self.tuples.values())

    def rate(self, *tallies: Tally) -> float:
        """Return how many are refused per second of late."""
        begin = max(self.since, self.until - RATE_SECONDS)
        if self.rated_since is not None:
            begin = self.rated_since
        span = self.until - begin
        counts = (n for each in tallies for at, n in each.recent if at > begin)
        return sum(counts) / span if span > 0 else 0.0

    def per_second(self, tally: Tally) -> list[int]:
        """Return how many were refused in each of the last seconds, newest last."""
        found = [0] * RECENT_SECONDS
        for at, count in tally.recent:
            if 0 <= (age := int(self.until - at)) < RECENT_SECONDS:
                found[-1 - age] += count
        return found


def key_of(refused: Refused) -> PatternKey | None:
    """Return the pattern of a connect(), None for what has no destination."""
    local, remote, port = refused.local_ip, refused.remote_ip, refused.remote_port
    if local is None or remote is None or port is None:
        return None
    return PatternKey(Direction.OUTGOING, *ip_halves(local), NO_PORT, *ip_halves(remote), port)


@dataclass(frozen=True)
class Tables:
    """Two tables that were read one after the other, and what happened in between."""

    before: Frame
    now: Frame

    @property
    def seconds(self) -> float:
        """Seconds between them."""
        return self.now.reading.table_time - self.before.reading.table_time

    @cached_property
    def closed(self) -> Array:
        """TIME-WAITs of each pattern that began in between, of those that hold a port."""
        table, patterns, length = self.now.table, self.now.patterns, self.now.rules.time_wait_ms
        young = (table.state == State.TIME_WAIT) & patterns.holding
        young &= table.remaining_ms > length - 1000 * self.seconds
        return np.bincount(patterns.member[young], minlength=len(patterns))

    def compare(
        self, then: int | None, now: int | None, refused: int, unplaced: int, *, certain: bool
    ) -> Compared:
        """Hold what is said of one tuple's ports against what the kernel refused in between.

        ``then`` and ``now`` are the indices of its pattern in the two tables, None where it has no
        socket. ``unplaced`` of those ``refused`` may be of another namespace. Where it is not
        ``certain``, more may have been.

        Ports can have run out between two tables that both have some only where as many
        connections may have been opened meanwhile as there were ports at the first.
        """
        first, last = _use(self.before, then), _use(self.now, now)
        closed = 0 if now is None else int(self.closed[now])
        opened = max(closed + last.live - first.live, 0)
        least, most = sorted((first.connectable, last.connectable))
        if refused:
            if least <= 0:
                return Compared.REFUSED
            if first.connectable <= closed + self._opened_at_most(then, now):
                return Compared.CHANGING
            return Compared.UNPLACED if unplaced == refused else Compared.WITH_PORTS
        if not opened:
            return Compared.UNTRIED
        if certain and least > 0:
            return Compared.SERVED
        if certain and most <= 0 and then is not None and now is not None:
            return Compared.WITHOUT_PORTS if self._retaken(then, now) else Compared.CHANGING
        return Compared.CHANGING

    def _opened_at_most(self, then: int | None, now: int | None) -> int:
        """Return how many connections may have been opened, beside those now in TIME-WAIT.

        Those that are there now and were not, and as many as went without a TIME-WAIT, by a reset
        or since the peer closed first: others may have come and gone like them.
        """
        table, rows = self.before.table, _held(self.before, then)
        rows = rows[table.state[rows] != State.TIME_WAIT]
        inode_of = np.full(PORTS, -1, np.int64)
        inode_of[table.local_port[rows]] = table.inode[rows]
        table, held = self.now.table, _held(self.now, now)
        rows = held[table.state[held] != State.TIME_WAIT]
        was, is_now = inode_of[table.local_port[rows]], table.inode[rows].astype(np.int64)
        other = (was > 0) & (is_now > 0) & (was != is_now)
        opened = int(np.count_nonzero((was < 0) | other))
        inode_of[table.local_port[held]] = -1
        return opened + int(np.count_nonzero(inode_of >= 0))

    def _retaken(self, then: int, now: int) -> bool:
        """Say whether ports serve anew that TIME-WAITs locked, and were to lock for longer."""
        if self.before.patterns.reuse[then]:
            return False  # it was to be expected
        table = self.before.table
        passed, locked = round(1000 * self.seconds), _held(self.before, then)
        locked = locked[table.state[locked] == State.TIME_WAIT]
        locked = locked[table.remaining_ms[locked] > passed]
        left = np.zeros(PORTS, np.int64)
        left[table.local_port[locked]] = table.remaining_ms[locked] - passed
        table, rows = self.now.table, _held(self.now, now)
        expected, remaining = left[table.local_port[rows]], table.remaining_ms[rows]
        anew = (table.state[rows] != State.TIME_WAIT) | (remaining > expected + TIMER_MS)
        retaken = int(np.count_nonzero((expected > 0) & anew))
        return retaken > max(RETAKEN_LEAST, RETAKEN_SHARE * len(locked))


def first_of(by: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    """Return the first of these, which stand in order, and the sum of the others."""
    named = [(who, count) for who, count in by.items() if who != OTHERS][:most]
    rest = sum(by.values()) - sum(count for _, count in named)
    return [*named, (OTHERS, rest)] if rest else named


def unseen(tallies: Tallies, frame: Frame) -> Iterator[PatternKey]:
    """Yield the tuples that were refused in the last minute, and have not a single socket."""
    for key, tally in tallies.tuples.items():
        lately = tally.recent and tallies.until - tally.recent[-1][0] < RECENT_SECONDS
        if lately and frame.patterns.find(key) is None:
            yield key


def use_of(frame: Frame, key: PatternKey) -> PortUse:
    """Return the ports of a tuple; one without a socket has all of them."""
    return _use(frame, frame.patterns.find(key))


def _held(frame: Frame, index: int | None) -> Array:
    """Return the rows of a pattern's sockets that hold one of its ports."""
    patterns = frame.patterns
    mine = patterns.member == (NO_PATTERN if index is None else index)
    return np.flatnonzero(mine & patterns.holding)


def _use(frame: Frame, index: int | None) -> PortUse:
    return PortUse(frame.ports.capacity) if index is None else port_use(frame.patterns, index)
