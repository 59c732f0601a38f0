"""A table as what came and what went since the one before.

Most rows are TIME-WAITs, which only age: all that changes in one is the time left. So a row that
stays costs nothing, and its time is foretold; what differs from that is stored, and every field
comes back as it was. The kernel lists sockets in the order of its hash table, in which those that
stay keep their order. It reads the times while it goes through that table, so that what they
differ by changes only a few times along it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.kernel.sockets import ROW_TYPES, Array, RawSockets, SocketTable, Timer, fingerprints
from tui.recording.packing import (
    gaps,
    packed_column,
    signed,
    summed,
    unpacked_column,
    unsigned,
)

LASTING = tuple(name for name in ROW_TYPES if name != "remaining_ms")
"""A row in which one of these changes is another row."""
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
    columns: dict[str, Array]


def raw(table: SocketTable) -> RawSockets:
    """Return the rows of a table as a reader delivers them."""
    hi, lo = table.address_hi, table.address_lo
    return RawSockets(
        local_hi=hi[table.local_ip],
        local_lo=lo[table.local_ip],
        remote_hi=hi[table.remote_ip],
        remote_lo=lo[table.remote_ip],
        **{name: getattr(table, name) for name in list(ROW_TYPES)[4:]},
    )


def _foretold(remaining: Array, runs: Array, aged: int) -> Array:
    """Return the time left after so many milliseconds, for timers that run, and others."""
    return np.where(runs, np.maximum(remaining - aged, 0), remaining)


def _due_last(values: Array, due: Array) -> Array:
    """Return the values in their order, but last those of rows whose time was up.

    These linger for a second or two at 0, and would cut up what the others have in common.
    """
    return np.concatenate((values[~due], values[due]))


class RowWriter:
    """Tells for each table what leads to it from the one before; at first there is none."""

    def __init__(self) -> None:
        self._prints = np.empty(0, np.uint64)
        self._remaining = np.empty(0, np.int64)
        self._runs = np.empty(0, bool)

    def change_to(self, table: SocketTable) -> RowChange:
        """Return what leads to this table."""
        rows = raw(table)
        prints = fingerprints([getattr(rows, name) for name in LASTING])
        before = self._rows_before(prints)
        stays = before >= 0
        origin = before[stays]
        remaining = rows.remaining_ms.astype(np.int64)
        waits = self._runs[origin] & (remaining[stays] > 0)
        past = (self._remaining[origin] - remaining[stays])[waits]
        aged = max(int(np.median(past)), 0) if len(past) else 0
        foretold = _foretold(self._remaining, self._runs, aged)
        gone = np.ones(len(self._prints), bool)
        gone[origin] = False
        due = self._runs & (foretold == 0)
        columns = {
            "expired": gaps(np.flatnonzero(gone[due])),
            "gone": gaps(np.flatnonzero(gone[~due])),
        }
        late = _due_last(remaining[stays] - foretold[origin], due[origin])
        turns = np.flatnonzero(np.diff(late, prepend=0))
        columns |= {"late": gaps(turns), "by": signed(np.diff(late, prepend=0)[turns])}
        columns |= _came(rows, np.flatnonzero(~stays))
        self._prints, self._remaining = prints, remaining
        self._runs = rows.timer != Timer.NONE
        return RowChange(aged, int(np.count_nonzero(~stays)), columns)

    def _rows_before(self, prints: Array) -> Array:
        """Return which row each one was, -1 for a new one and one that is out of order."""
        if not len(self._prints):
            return np.full(len(prints), -1)
        order = np.argsort(self._prints)
        at = np.searchsorted(self._prints, prints, sorter=order)
        before = order[np.minimum(at, len(order) - 1)]
        before[self._prints[before] != prints] = -1
        furthest = np.maximum.accumulate(before)
        out_of_order = np.zeros(len(prints), bool)
        out_of_order[1:] = before[1:] <= furthest[:-1]
        before[out_of_order] = -1
        return before


def _came(rows: RawSockets, came: Array) -> dict[str, Array]:
    """Return the columns of new rows: by pattern, and within it those that closed first."""
    order = came[np.lexsort([getattr(rows, name)[came] for name in ORDER])]
    columns = {"at": order}
    for name in ROW_TYPES:
        columns |= packed_column(name, getattr(rows, name)[order])
    return columns


class RowReader:
    """Follows the changes, and knows the rows of each table."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Array]] = {
            name: [np.empty(0, kind)] for name, kind in ROW_TYPES.items()
        }
        """Every row that ever came, column by column."""
        self._runs = np.empty(0, bool)
        self._rows = np.empty(0, np.int64)
        """Which of these are in the table, in its order."""
        self._remaining = np.empty(0, np.int64)

    def take(self, change: RowChange) -> None:
        """Go on to the next table. Raises ValueError or IndexError for what leads to none."""
        columns, came = change.columns, change.came
        none = np.empty(0, np.uint8)
        foretold = _foretold(self._remaining, self._runs, change.aged)
        due = self._runs & (foretold == 0)
        gone = np.zeros(len(foretold), bool)
        gone[np.flatnonzero(due)[summed(columns.get("expired", none))]] = True
        gone[np.flatnonzero(~due)[summed(columns.get("gone", none))]] = True
        stays = ~gone
        kept = int(np.count_nonzero(stays))
        turns = np.zeros(kept, np.int64)
        turns[summed(columns.get("late", none))] = unsigned(columns.get("by", none))
        late = np.empty(kept, np.int64)
        late[_due_last(np.arange(kept), due[stays])] = np.cumsum(turns)
        new = {name: unpacked_column(name, columns, came, kind) for name, kind in ROW_TYPES.items()}
        at = columns.get("at", none).astype(np.int64)
        old = np.ones(kept + came, bool)
        old[at] = False
        first = sum(map(len, self._seen["state"]))
        self._rows = _merged(old, self._rows[stays], at, np.arange(first, first + came))
        self._runs = _merged(old, self._runs[stays], at, new["timer"] != Timer.NONE)
        self._remaining = _merged(
            old, foretold[stays] + late, at, new["remaining_ms"].astype(np.int64)
        )
        for name in ROW_TYPES:
            self._seen[name].append(new[name])

    def rows(self) -> RawSockets:
        """Return the rows of the present table."""
        self._seen = {name: [np.concatenate(parts)] for name, parts in self._seen.items()}
        columns = {name: parts[0][self._rows] for name, parts in self._seen.items()}
        columns["remaining_ms"] = self._remaining.astype(ROW_TYPES["remaining_ms"])
        return RawSockets(**columns)


def _merged(old: Array, kept: Array, at: Array, came: Array) -> Array:
    """Return old rows in their order, with new ones at their places."""
    merged = np.empty(len(old), kept.dtype)
    merged[old] = kept
    merged[at] = came
    return merged
