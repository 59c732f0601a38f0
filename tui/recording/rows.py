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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np

from tui.kernel.sockets import ROW_TYPES, Array, RawSockets, SocketTable, Timer, fingerprints
from tui.recording.packing import (
    NOTHING,
    Packed,
    gaps,
    packed_column,
    signed,
    summed,
    unpack,
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


BLOCKS = 16
"""So many blocks of new rows are there at most in one table."""
BITS = 24
MOST = 1 << BITS
"""So many rows have a number of their own."""
IDLE = -(1 << 38)
"""What is added to the time left where a timer does not run: it is less than any other then."""


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


def _longest_due_first(left: Array) -> Array:
    """Return the order in which the timer wheel lets rows go that are due."""
    return left.argsort(kind="stable")


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
        rows = np.flatnonzero(due)
        ended = gone[rows[_longest_due_first(foretold[rows])]]
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
    columns = _placed(came[order], len(table))
    for name in ROW_TYPES:
        columns |= packed_column(name, getattr(rows, name)[order])
    return columns


class RowReader:
    """Follows the changes, and knows the rows of each table.

    A table costs some passes over its rows: where a row is the exception, it is looked up. Most
    tables are only passed through on the way to another one, and most of their new rows are gone
    there: only those columns are unpacked that lead on, until the rows are asked for.
    """

    def __init__(self) -> None:
        self._known = {name: np.empty(0, kind) for name, kind in ROW_TYPES.items()}
        """Of the rows that were asked for last."""
        self._told: list[RowChange] = []
        """Those that came since."""
        self._rows = np.empty(0, np.int64)
        """The rows of the table, in its order. The low bits say which of these it is; those that
        were known come first. Above them are the milliseconds left, and IDLE more for a timer that
        does not run: one number, since a table costs as much as is moved for it."""

    def take(self, changes: Sequence[RowChange]) -> None:
        """Go on to the next tables. Raises ValueError or IndexError for what leads to none."""
        if any(not _has_places(one.columns, one.came) for one in changes):
            raise ValueError("not every new row has a place")  # before there are arrays of so many
        first = len(self._known["timer"]) + sum(one.came for one in self._told)
        count = sum(one.came for one in changes)
        if first + count > MOST:
            self._take_less(changes)
            return
        told = [(change.columns, change.came) for change in changes]
        left = unpacked_columns("remaining_ms", told, ROW_TYPES["remaining_ms"]).astype(np.int64)
        left[unpacked_columns("timer", told, ROW_TYPES["timer"]) == Timer.NONE] += IDLE
        came = (left << BITS) + np.arange(first, first + count)
        self._told += changes
        begin = 0
        for change, steps in zip(changes, _steps(changes), strict=True):
            end = begin + change.came
            self._go_on(change, steps, came[begin:end])
            begin = end

    def _take_less(self, changes: Sequence[RowChange]) -> None:
        """Take these by and by: they are more than there are numbers for."""
        half = len(changes) // 2
        self.rows()  # which numbers those that are still there anew
        if half:
            self.take(changes[:half])
            self.take(changes[half:])
        elif len(self._rows) + changes[0].came > MOST:
            raise ValueError("a table has too many rows")
        else:
            self.take(changes)

    def _go_on(self, change: RowChange, steps: _Steps, came: Array) -> None:
        columns, rows, aged = change.columns, self._rows, change.aged << BITS
        after = aged + (1 << BITS)  # those below are due or idle
        aside = (rows < after).nonzero()[0]
        theirs = rows[aside]
        runs = theirs >= (IDLE // 2) << BITS
        left = (theirs >> BITS) - change.aged * runs
        due = aside[runs]
        gone = _behind(due, steps.gone)
        if "expired" in columns:  # in version 1
            expired = due[summed(columns["expired"])]
        else:
            expired = due[_longest_due_first(left[runs])[_in_turns(steps.ended, len(due))]]
        stays = np.ones(len(rows), bool)
        stays[gone] = stays[expired] = False
        apart = np.concatenate((aside, gone[rows[gone] >= after]))
        if "late" in columns:  # in version 1
            rows[aside[~runs]] += aged
            apart = np.concatenate((due, gone))
            aside, theirs, left, runs = due, theirs[runs], left[runs], runs[runs]
        apart.sort()
        # Most rows have what is left of the turns; those aside have the rest, and are few.
        count, turns, lag = len(rows) - len(apart), steps.turns, steps.lag
        near = int(turns.searchsorted(count))
        edges = np.zeros(near + 2, np.int64)
        edges[1:-1], edges[-1] = _behind(apart, turns[:near]), len(rows)
        rows += ((lag[: near + 1] << BITS) - aged).repeat(edges[1:] - edges[:-1])
        linger = stays[aside].nonzero()[0]
        if len(linger):
            late = lag[turns.searchsorted(np.arange(count, count + len(linger)), "right")]
            left = left[linger]
            left = np.where(late == 0, left, late + left * ~runs[linger])  # as _settled() does
            rows[aside[linger]] = (left << BITS) + (theirs[linger] & (MOST - 1))
        there = np.ones(np.count_nonzero(stays) + change.came, bool)
        at = _places(columns, change.came, len(there))
        there[at] = False
        self._rows = np.empty(len(there), np.int64)
        # By masks: by numbers it takes longer.
        self._rows[there], self._rows[at] = rows[stays], came

    def rows(self) -> RawSockets:
        """Return the rows of the present table. Raises ValueError for what is senseless."""
        which = self._rows & (MOST - 1)
        left = self._rows >> BITS
        counts = np.array([len(self._known["timer"]), *(one.came for one in self._told)])
        of = np.arange(len(counts)).repeat(counts)[which]
        lives = np.bincount(of, minlength=len(counts)) > 0
        lives[0] = True
        alive = [self._told[number] for number in np.flatnonzero(lives[1:]).tolist()]
        rests = unpack([one.rest for one in alive])
        told = [({**one.columns, **rest}, one.came) for one, rest in zip(alive, rests, strict=True)]
        named = set().union(*(columns for columns, _ in told))
        passed = np.where(lives, 0, counts).cumsum()
        which -= passed[of]
        for name, kind in ROW_TYPES.items():
            known = self._known[name]
            if named.isdisjoint((f"{name}.steps", f"{name}.by")) and not known.any():
                self._known[name] = np.zeros(len(which), kind)
            else:
                more = unpacked_columns(name, told, kind)
                self._known[name] = np.concatenate((known, more))[which]
        self._told, self._rows = [], (left << BITS) + np.arange(len(left))
        left = np.maximum(np.where(left < IDLE // 2, left - IDLE, left), 0)
        self._known["remaining_ms"] = left.astype(ROW_TYPES["remaining_ms"])
        return RawSockets(**self._known)


class _Steps(NamedTuple):
    """What happens to the rows of one table on the way to the next."""

    gone: Array
    """Which went before their time, of those that are not due."""
    ended: Array
    """Where it turns whether they ended, of those that are due, those longest due first."""
    turns: Array
    """Where what the times differ by changes."""
    lag: Array
    """What they differ by before the first turn and after each, in milliseconds."""


def _steps(changes: Sequence[RowChange]) -> Iterator[_Steps]:
    """Yield the steps of each change. All are reckoned at once, which takes hardly longer."""
    columns = [one.columns for one in changes]
    gone = _sums([_column(one, "gone") for one in columns])
    ended = _sums([_ended(one) for one in columns])
    turns = _sums([_column(one, "late" if "late" in one else "lag") for one in columns])
    by = [np.concatenate((np.zeros(1, np.uint64), _column(one, "by"))) for one in columns]
    return map(_Steps, gone, ended, turns, _sums(by, unsigned))


def _sums(
    columns: Sequence[Array], read: Callable[[Array], Array] = lambda told: told.view(np.int64)
) -> list[Array]:
    """Return for each column the sums up to each of its values."""
    lengths = np.array([len(one) for one in columns])
    ends = lengths.cumsum()
    sums = np.zeros(ends[-1] + 1, np.int64)
    read(np.concatenate(columns)).cumsum(out=sums[1:])
    within = sums[1:] - sums[ends - lengths].repeat(lengths)
    return [
        within[end - length : end]
        for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
    ]


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


def _placed(places: Array, count: int) -> dict[str, Array]:
    """Return columns that tell the places of new rows in a table of ``count``.

    Each is one among those that are free yet, which are fewer and fewer: of a whole table that
    takes a bit less for each row. So that it is soon done it holds for a block of rows at a time.
    """
    columns, free = {}, np.arange(count)
    for number, first in enumerate(range(0, len(places), block := _block(count))):
        at = free.searchsorted(places[first : first + block])
        columns[f"places.{number}"] = _together(at, len(free))
        free = np.delete(free, at)
    return columns


def _places(columns: Mapping[str, Array], came: int, count: int) -> Array:
    """Return what _placed() was given."""
    if "at" in columns:  # until version 2
        return columns["at"].view(np.int64)
    if "places" in columns:  # in the first recordings of version 3
        return _apart(columns["places"], count)[:came]
    if not came:
        return _NONE.view(np.int64)
    block = _block(count)
    at = _apart(columns["places.0"], count)[: min(block, came)]
    if came <= block:
        return at
    found, free = [at], np.arange(count)
    for number, first in enumerate(range(block, came, block), 1):
        free = np.delete(free, at)
        at = _apart(columns[f"places.{number}"], len(free))[: min(block, came - first)]
        found.append(free[at])
    return np.concatenate(found)


def _block(count: int) -> int:
    return -(-count // BLOCKS) or 1


def _has_places(columns: Mapping[str, Array], came: int) -> bool:
    if "at" in columns:
        return len(columns["at"]) == came
    told = sum(len(columns[name]) for name in columns if name.partition(".")[0] == "places")
    return 0 <= came <= 63 * told


def _column(columns: Mapping[str, Array], name: str) -> Array:
    return columns.get(name, _NONE)


_NONE = np.empty(0, np.uint64)


def _ended(columns: Mapping[str, Array]) -> Array:
    if "expired.steps" in columns:  # until version 2
        return gaps(columns["expired.steps"].nonzero()[0])
    return columns.get("ended", _column(columns, "expired.turns"))


def _in_turns(turns: Array, count: int) -> Array:
    """Return the numbers below ``count`` from the first turn to the second, and so on."""
    turned = np.zeros(count, bool)
    turned[turns] = True
    numbers: Array = np.logical_xor.accumulate(turned).nonzero()[0]
    return numbers


def _behind(apart: Array, places: Array) -> Array:
    """Return which rows are in these places of those that are not ``apart``, ascending both."""
    behind: Array = places + (apart - np.arange(len(apart))).searchsorted(places, "right")
    return behind
