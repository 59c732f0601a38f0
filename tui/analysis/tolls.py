"""Connections that were made while a place was watched, by destination."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tui.analysis.frame import Frame
from tui.analysis.judgement import Level, levels
from tui.analysis.patterns import Direction
from tui.kernel.sockets import Array, SocketTable, State, fingerprints, ip_text

RENEWED_MS = 500
"""A TIME-WAIT that ends so much later than the one before with its tuple is another connection's;
the kernel's own slack is a tick."""
Destination = tuple[int, int, int]
"""Remote address in halves, and port."""


@dataclass
class Toll:
    """What one destination has cost so far."""

    connections: int = 0
    """Those that were seen: one that was opened and closed by the peer between two looks is not."""
    time_waits: int = 0
    peak_in_use: int = 0
    """Ports, of the local address that used the most of its own."""
    capacity: int = 0
    peak_at: float | None = None
    """Unix time."""
    sustained: float = 0.0
    """New connections a second that so many ports bear for ever."""
    exhausted_at: float | None = None
    """When all ports of a local address were first locked; None for never."""
    use: list[tuple[float, float]] = field(default_factory=list)
    """Time and utilization, look by look."""

    @property
    def peak(self) -> float:
        """Return the highest utilization, from 0 to 1."""
        return self.peak_in_use / self.capacity if self.capacity else 0.0


class Tolls:
    """Counts the connections of one frame after the other. What the first has is not counted."""

    def __init__(self, first: Frame) -> None:
        self.by_destination: dict[Destination, Toll] = {}
        self._begin = first.time
        self._tuples = np.empty(0, np.uint64)
        self._ends = np.empty(0, np.int64)
        self._closed = np.empty(0, bool)
        self.add(first, counted=False)

    def add(self, frame: Frame, *, counted: bool = True) -> None:
        """Take in the next frame; one whose table was cut short, or is the same, adds nothing."""
        table, patterns = frame.table, frame.patterns
        if not table.complete or frame.age:
            return
        outgoing = np.zeros(len(table), bool)
        known = patterns.member >= 0
        outgoing[known] = patterns.direction[patterns.member[known]] == Direction.OUTGOING
        rows = np.flatnonzero(outgoing & (table.state != State.SYN_SENT))
        tuples = _tuples(table)[rows]
        closed = table.state[rows] == State.TIME_WAIT
        ends = (frame.reading.table_time * 1000 + table.remaining_ms[rows]).astype(np.int64)
        order = np.argsort(tuples)
        rows, tuples, ends, closed = rows[order], tuples[order], ends[order], closed[order]
        if counted:
            new, turned = self._since(tuples, ends, closed)
            self._count(table, rows, new | turned, new)
        self._tuples, self._ends, self._closed = tuples, ends, closed
        self._use(frame)

    def _since(self, tuples: Array, ends: Array, closed: Array) -> tuple[Array, Array]:
        """Return which rows are new connections, and which have closed since the last look."""
        if not len(self._tuples):
            return np.ones(len(tuples), bool), np.zeros(len(tuples), bool)
        at = np.minimum(np.searchsorted(self._tuples, tuples), len(self._tuples) - 1)
        same = self._tuples[at] == tuples
        was_closed = same & self._closed[at]
        renewed = was_closed & (~closed | (ends - self._ends[at] > RENEWED_MS))
        return ~same | renewed, same & ~was_closed & closed

    def _count(self, table: SocketTable, rows: Array, seen: Array, new: Array) -> None:
        remote = table.remote_ip[rows].astype(np.int64) << 16 | table.remote_port[rows]
        waits = seen & (table.state[rows] == State.TIME_WAIT)
        for code in np.unique(remote[seen]).tolist():
            here = remote == code
            address, port = code >> 16, code & 0xFFFF
            key = int(table.address_hi[address]), int(table.address_lo[address]), port
            toll = self.by_destination.setdefault(key, Toll())
            toll.connections += int(np.count_nonzero(new & here))
            toll.time_waits += int(np.count_nonzero(waits & here))

    def _use(self, frame: Frame) -> None:
        """Note how much of its ports each destination takes now."""
        patterns = frame.patterns
        found = np.flatnonzero(patterns.direction == Direction.OUTGOING)
        full = levels(patterns.locked, patterns.capacity, 100.0) == Level.EXHAUSTED
        used: dict[Destination, float] = {}
        for index in found.tolist():
            key = patterns.key(index)
            destination = key.remote_hi, key.remote_lo, key.remote_port
            toll = self.by_destination.get(destination)
            if toll is None:
                continue
            in_use, capacity = int(patterns.in_use[index]), int(patterns.capacity[index])
            use = in_use / capacity if capacity else 1.0
            used[destination] = max(used.get(destination, 0.0), use)
            if toll.peak_at is None or use > toll.peak:
                toll.peak_in_use, toll.capacity, toll.peak_at = in_use, capacity, frame.time
                toll.sustained = frame.hold(index).sustains(capacity)
            if full[index] and toll.exhausted_at is None:
                toll.exhausted_at = frame.time
        for destination, toll in self.by_destination.items():
            toll.use.append((frame.time, used.get(destination, 0.0)))


def _tuples(table: SocketTable) -> Array:
    """Return a number for each row that stands for its 4-tuple."""
    hi, lo, local, remote = table.address_hi, table.address_lo, table.local_ip, table.remote_ip
    ends = table.local_port, table.remote_port
    return fingerprints([hi[local], lo[local], hi[remote], lo[remote], *ends])


def destination_text(destination: Destination) -> tuple[str, int]:
    """Return a destination's address as text, and its port."""
    hi, lo, port = destination
    return ip_text(hi, lo), port
