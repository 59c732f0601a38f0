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

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from tui.kernel.sockets import ROW_TYPES, Array, RawSockets, SocketTable, Timer, fingerprints
from tui.recording.packing import (
    gaps,
    packed_column,
    signed,
    summed,
    unpacked_columns,
    unsigned,
)

ALWAYS = "local_port", "remote_port", "state", "timer"
SELDOM = "rx_queue", "tx_queue", "backlog_limit", "uid", "inode"
"""What a row has besides addresses and the time left; the latter are 0 in a TIME-WAIT. A row in
which one of these changes is another row."""
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


def _longest_due_first(left: Array, due: Array) -> Array:
    """Return which rows are due, in the order in which the timer wheel lets them go."""
    rows = np.flatnonzero(due)
    return rows[np.argsort(left[rows], kind="stable")]


def _settled(foretold: Array, remaining: Array) -> Array:
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
        ended = gone[_longest_due_first(foretold, due)]
        columns = {"ended": gaps(np.flatnonzero(np.diff(ended, prepend=False)))}
        columns |= {"gone": gaps(np.flatnonzero(gone[~due]))}
        late = remaining[stays] - np.maximum(foretold[origin], 0)
        late = _aside_last(late, (due | ~self._runs)[origin])
        turns = np.flatnonzero(np.diff(late, prepend=0))
        columns |= {"lag": gaps(turns), "by": signed(np.diff(late, prepend=0)[turns])}
        columns |= _came(table, np.flatnonzero(~stays))
        self._left = remaining
        self._left[stays] = _settled(foretold[origin], remaining[stays])
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
    columns = {"places": _together(came[order], len(table))}
    for name in ROW_TYPES:
        columns |= packed_column(name, getattr(rows, name)[order])
    return columns


class _Arrivals:
    """All rows that ever came, in turn. Most are only passed through on the way to another table:
    a column is unpacked when it is asked for, and for many tables at once.
    """

    def __init__(self) -> None:
        self._told: list[tuple[Mapping[str, Array], int]] = []
        self._known: dict[str, tuple[int, Array]] = {}
        """Of how many tables a column is unpacked, and its values."""
        self.count = 0

    def add(self, changes: Sequence[RowChange]) -> None:
        """Take in the new rows of the next tables."""
        self._told += [(change.columns, change.came) for change in changes]
        self.count += sum(change.came for change in changes)

    def column(self, name: str) -> Array:
        """Return what all these rows have there. Raises ValueError for what is senseless."""
        done, values = self._known.get(name, (0, np.empty(0, ROW_TYPES[name])))
        if done < len(self._told):
            more = unpacked_columns(name, self._told[done:], ROW_TYPES[name])
            values = np.concatenate((values, more)) if done else more
            self._known[name] = len(self._told), values
        return values


class RowReader:
    """Follows the changes, and knows the rows of each table.

    A table costs some passes over its rows: where a row is the exception, it is looked up.
    """

    def __init__(self) -> None:
        self._arrivals = _Arrivals()
        self._rows = np.empty(0, np.int64)
        """Which of these are in the table, in its order: n, or -1 - n where its timer is idle."""
        self._left = np.empty(0, np.int64)

    def take(self, changes: Sequence[RowChange]) -> None:
        """Go on to the next tables. Raises ValueError or IndexError for what leads to none."""
        if any(not _has_places(one.columns, one.came) for one in changes):
            raise ValueError("not every new row has a place")  # before there are arrays of so many
        first = self._arrivals.count
        self._arrivals.add(changes)
        left = self._arrivals.column("remaining_ms")[first:].astype(np.int64)
        rows = np.arange(first, self._arrivals.count)
        idle = self._arrivals.column("timer")[first:] == Timer.NONE
        rows[idle] = -1 - rows[idle]
        begin = 0
        for change in changes:
            end = begin + change.came
            self._go_on(change, rows[begin:end], left[begin:end])
            begin = end

    def _go_on(self, change: RowChange, came: Array, left_of_came: Array) -> None:
        columns, rows = change.columns, self._rows
        left = self._left - change.aged
        aside = ((left <= 0) | (rows < 0)).nonzero()[0]
        idle = rows[aside] < 0
        left[aside[idle]] += change.aged
        due = aside[~idle]
        gone = _behind(due, summed(_column(columns, "gone")))
        if "expired" in columns:  # in version 1
            expired = due[summed(columns["expired"])]
        else:
            expired = due[left[due].argsort(kind="stable")[_ended(columns, len(due))]]
        stays = np.ones(len(rows), bool)
        stays[gone] = stays[expired] = False
        old = "late" in columns  # in version 1
        apart = np.concatenate((aside, gone[rows[gone] >= 0]))
        if old:
            aside, apart = due, np.concatenate((due, gone))
        apart.sort()
        turns = summed(_column(columns, "late" if old else "lag"))
        lag = np.zeros(len(turns) + 1, np.int64)
        unsigned(_column(columns, "by")).cumsum(out=lag[1:])
        # Most rows have what is left of the turns; those aside have the rest, and are few.
        count = len(rows) - len(apart)
        theirs = aside[stays[aside]]
        foretold = left[theirs]
        near = int(turns.searchsorted(count))
        edges = np.zeros(near + 2, np.int64)
        edges[1:-1], edges[-1] = _behind(apart, turns[:near]), len(rows)
        left += lag[: near + 1].repeat(edges[1:] - edges[:-1])
        late = lag[turns.searchsorted(np.arange(count, count + len(theirs)), "right")]
        left[theirs] = _settled(foretold, np.maximum(foretold, 0) + late)
        kept = stays.nonzero()[0]
        there = np.ones(len(kept) + change.came, bool)
        if "at" in columns:  # until version 2
            at = columns["at"].view(np.int64)
        else:
            at = _apart(_column(columns, "places"), len(there))[: change.came]
        there[at] = False
        places = there.nonzero()[0]
        self._rows, self._left = np.empty((2, len(there)), np.int64)
        self._rows[places], self._rows[at] = rows[kept], came
        self._left[places], self._left[at] = left[kept], left_of_came

    def rows(self) -> RawSockets:
        """Return the rows of the present table."""
        rows = np.maximum(self._rows, -1 - self._rows)
        columns = {name: self._arrivals.column(name)[rows] for name in ROW_TYPES}
        columns["remaining_ms"] = np.maximum(self._left, 0).astype(ROW_TYPES["remaining_ms"])
        return RawSockets(**columns)


def _at_once(count: int) -> int:
    """Return how many numbers below ``count`` are one of 63 bits."""
    return int(63 / math.log2(max(count, 2)))


def _together(numbers: Array, count: int) -> Array:
    """Return numbers below ``count`` as digits of fewer ones, in which no bit is in vain."""
    digits = _at_once(count)
    whole = np.zeros(-(-len(numbers) // digits) * digits, np.uint64)
    whole[: len(numbers)] = numbers
    worth = np.uint64(count) ** np.arange(digits, dtype=np.uint64)
    together: Array = (whole.reshape(-1, digits) * worth).sum(axis=1, dtype=np.uint64)
    return together


def _apart(together: Array, count: int) -> Array:
    """Return the numbers that _together() was given, and zeros behind them."""
    worth = np.uint64(count) ** np.arange(_at_once(count), dtype=np.uint64)
    numbers: Array = together[:, None] // worth % np.uint64(max(count, 1))
    return numbers.ravel().view(np.int64)


def _has_places(columns: Mapping[str, Array], came: int) -> bool:
    if "at" in columns:
        return len(columns["at"]) == came
    return 0 <= came <= 63 * len(_column(columns, "places"))


def _column(columns: Mapping[str, Array], name: str) -> Array:
    return columns.get(name, _NONE)


_NONE = np.empty(0, np.uint64)


def _ended(columns: Mapping[str, Array], count: int) -> Array:
    """Return which of the rows that are due went; where that turns is told, as it does in runs."""
    if "expired.steps" in columns:  # until version 2
        turns = columns["expired.steps"].nonzero()[0]
    else:
        turns = summed(columns.get("ended", _column(columns, "expired.turns")))
    turned = np.zeros(count, bool)
    turned[turns] = True
    ended: Array = np.logical_xor.accumulate(turned).nonzero()[0]
    return ended


def _behind(apart: Array, places: Array) -> Array:
    """Return which rows are in these places of those that are not ``apart``, ascending both."""
    behind: Array = places + (apart - np.arange(len(apart))).searchsorted(places, "right")
    return behind
