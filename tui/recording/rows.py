"""A table as what came and what went since the one before.

Most rows are TIME-WAITs, which only age: all that changes in one is the time left. So a row that
stays costs nothing, and its time is foretold; what differs from that is stored, and every field
comes back as it was. The kernel lists sockets in the order of its hash table, in which those that
stay keep their order. It reads the times while it goes through that table, so that what they
differ by changes only a few times along it. It lets TIME-WAITs go by the timer wheel, those that
are due longest first, so that which went is foretold too. What is left are 15 bits for a new row's
place in the hash table, which is chance, and 8 for its port and its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce

import numpy as np

from tui.kernel.sockets import ROW_TYPES, Array, RawSockets, SocketTable, Timer, fingerprints
from tui.recording.packing import NOTHING, Packed, gaps, packed_column, signed
from tui.recording.positions import packed_places

ALWAYS = "local_port", "remote_port", "state", "timer"
SELDOM = "rx_queue", "tx_queue", "backlog_limit", "uid", "inode", "device"
"""What a row has besides addresses and the time left; in a TIME-WAIT all but the device are 0. A
row in which one of these changes is another row."""
ORDER = (
    "local_port",
    "remaining_ms",
    "remote_port",
    "remote_lo",
    "remote_hi",
    "local_lo",
    "state",
)
"""By what new rows are sorted, the last first."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """What leads from one table to the next."""

    aged: int
    """Milliseconds by which the timers ran."""
    came: int
    """How many rows are new."""
    columns: Mapping[str, Array]
    rest: Packed = NOTHING
    """More columns, which lead to no next table: where new rows are gone again, nobody reads them.
    """


LEADING = {"ended", "gone", "lag", "by", "places", "remaining_ms", "timer"} | {
    *("at", "expired", "late")  # in older versions
}


@lru_cache
def leads(column: str) -> bool:
    """Say whether a column is needed on the way to the next table."""
    return column.partition(".")[0] in LEADING


def _raw(table: SocketTable, rows: Array) -> RawSockets:
    """Return these rows of a table as a reader delivers them."""
    local, remote = table.local_ip[rows], table.remote_ip[rows]
    return RawSockets(
        local_hi=table.address_hi[local],
        local_lo=table.address_lo[local],
        remote_hi=table.address_hi[remote],
        remote_lo=table.address_lo[remote],
        **{name: getattr(table, name)[rows] for name in list(ROW_TYPES)[4:]},
    )


def _prints(table: SocketTable) -> Array:
    """Return a number for each row that stands for all of it but the time left."""
    addresses = fingerprints([table.address_hi, table.address_lo])
    always = [getattr(table, name) for name in ALWAYS]
    prints = fingerprints([addresses[table.local_ip], addresses[table.remote_ip], *always])
    seldom = [getattr(table, name) for name in SELDOM]
    more = np.flatnonzero(reduce(np.logical_or, seldom))
    prints[more] = fingerprints([prints[more], *(column[more] for column in seldom)])
    return prints


def longest_due_first(left: Array) -> Array:
    """Return the order in which the timer wheel lets rows go that are due."""
    return left.argsort(kind="stable")


def settled(foretold: Array, remaining: Array) -> Array:
    """Return the time left; for what lingers at 0 how long it was due, as a negative one."""
    return np.where((remaining == 0) & (foretold < 0), foretold, remaining)


def _aside_last(values: Array, aside: Array) -> Array:
    """Return the values in their order, but last those of rows whose time does not run.

    Those that are due linger for a second or two at 0, others have no timer: they would cut up what
    the rest has in common.
    """
    return np.concatenate((values[~aside], values[aside]))


class RowWriter:
    """Tells for each table what leads to it from the one before; at first there is none."""

    def __init__(self) -> None:
        self._prints = np.empty(0, np.uint64)
        """Of the last table's rows, ascending; which row each is of stands in ``_order``."""
        self._order = np.empty(0, np.intp)
        self._left = np.empty(0, np.int64)
        self._runs = np.empty(0, bool)

    def change_to(self, table: SocketTable) -> RowChange:
        """Return what leads to this table."""
        before = self._rows_before(table)
        stays = before >= 0
        origin = before[stays]
        remaining = table.remaining_ms.astype(np.int64)
        waits = self._runs[origin] & (remaining[stays] > 0)
        past = (self._left[origin] - remaining[stays])[waits]
        aged = max(int(np.median(past)), 0) if len(past) else 0
        foretold = self._left - aged * self._runs
        gone = np.ones(len(self._left), bool)
        gone[origin] = False
        due = self._runs & (foretold <= 0)
        rows = np.flatnonzero(due)
        ended = gone[rows[longest_due_first(foretold[rows])]]
        columns = {"ended": gaps(np.flatnonzero(np.diff(ended, prepend=False)))}
        columns |= {"gone": gaps(np.flatnonzero(gone[~due]))}
        late = remaining[stays] - np.maximum(foretold[origin], 0)
        late = _aside_last(late, (due | ~self._runs)[origin])
        turns = np.flatnonzero(np.diff(late, prepend=0))
        columns |= {"lag": gaps(turns), "by": signed(np.diff(late, prepend=0)[turns])}
        columns |= _came(table, np.flatnonzero(~stays))
        self._left = remaining
        self._left[stays] = settled(foretold[origin], remaining[stays])
        self._runs = table.timer != Timer.NONE
        return RowChange(aged, int(np.count_nonzero(~stays)), columns)

    def _rows_before(self, table: SocketTable) -> Array:
        """Return which row each one was, -1 for a new one and one that is out of order."""
        prints = _prints(table)
        order = np.argsort(prints)
        known, wanted = self._prints, prints[order]
        before = np.full(len(prints), -1)
        if len(known):
            # Both ascending: looking up in turns takes a tenth of the time.
            at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            before[order] = np.where(known[at] == wanted, self._order[at], -1)
        self._prints, self._order = wanted, order
        furthest = np.maximum.accumulate(before)
        out_of_order = np.zeros(len(prints), bool)
        out_of_order[1:] = before[1:] <= furthest[:-1]
        before[out_of_order] = -1
        return before


def _came(table: SocketTable, came: Array) -> dict[str, Array]:
    """Return the columns of new rows: by pattern, and within it those that closed first."""
    rows = _raw(table, came)
    order = np.lexsort([getattr(rows, name) for name in ORDER])
    columns = packed_places(came[order], len(table))
    for name in ROW_TYPES:
        columns |= packed_column(name, getattr(rows, name)[order])
    return columns
