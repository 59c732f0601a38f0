"""Changes in, tables out: what rows.py has written, read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tui.kernel.sockets import ROW_TYPES, Array, Timer, each_once, factorise_addresses
from tui.recording.packing import gaps, summed, unpack, unpacked_columns, unsigned
from tui.recording.positions import has_places, places
from tui.recording.rows import RowChange, longest_due_first

BITS = 24
MOST = 1 << BITS
"""So many rows have a number of their own."""
IDLE = -(1 << 38)
"""What is added to the time left where a timer does not run: it is less than any other then."""
ENDS = "local_ip", "remote_ip"
VALUES = [name for name in ROW_TYPES if not name.endswith(("_hi", "_lo", "_ms"))]
NewRows = tuple[Mapping[str, Array], int]
"""The columns of new rows, and how many there are."""


class RowReader:
    """Follows the changes, and knows the rows of each table.

    A table costs some passes over its rows: where a row is the exception, it is looked up. Most
    tables are only passed through on the way to another one, and most of their new rows are gone
    there: only those columns are unpacked that lead on, until the rows are asked for.
    """

    def __init__(self) -> None:
        self._known = dict.fromkeys(ENDS, np.empty(0, np.int32))
        self._known |= {name: np.empty(0, ROW_TYPES[name]) for name in (*VALUES, "remaining_ms")}
        """Of the rows that were asked for last."""
        self._hi, self._lo = np.empty((2, 0), np.uint64)
        """Their addresses."""
        self._told: list[RowChange] = []
        """Those that came since."""
        self._rows = np.empty(0, np.int64)
        """The rows of the table, in its order. The low bits say which of these it is; those that
        were known come first. Above them are the milliseconds left, and IDLE more for a timer that
        does not run: one number, since a table costs as much as is moved for it."""

    def take(self, changes: Sequence[RowChange]) -> None:
        """Go on to the next tables. Raises ValueError or IndexError for what leads to none."""
        if any(not has_places(one.columns, one.came) for one in changes):
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
        self.columns()  # which numbers those that are still there anew
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
            expired = due[longest_due_first(left[runs])[_in_turns(steps.ended, len(due))]]
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
            left = np.where(late == 0, left, late + left * ~runs[linger])  # as settled() does
            rows[aside[linger]] = (left << BITS) + (theirs[linger] & (MOST - 1))
        there = np.ones(np.count_nonzero(stays) + change.came, bool)
        at = places(columns, change.came, len(there))
        there[at] = False
        self._rows = np.empty(len(there), np.int64)
        # By masks: by numbers it takes longer.
        self._rows[there], self._rows[at] = rows[stays], came

    def columns(self) -> dict[str, Array]:
        """Return the present table's columns by their names in SocketTable, addresses and all.

        Raises ValueError for what is senseless.
        """
        which, left = self._rows & (MOST - 1), self._rows >> BITS
        counts = np.array([len(self._known["timer"]), *(one.came for one in self._told)])
        of = np.arange(len(counts)).repeat(counts)[which]
        lives = np.bincount(of, minlength=len(counts)) > 0
        lives[0] = True
        alive = [self._told[number] for number in np.flatnonzero(lives[1:]).tolist()]
        rests = unpack([one.rest for one in alive])
        told = [({**one.columns, **rest}, one.came) for one, rest in zip(alive, rests, strict=True)]
        passed = np.where(lives, 0, counts).cumsum()
        which -= passed[of]
        self._take_values(told, which)
        self._take_addresses(told, which)
        self._told, self._rows = [], (left << BITS) + np.arange(len(left))
        left = np.maximum(np.where(left < IDLE // 2, left - IDLE, left), 0)
        self._known["remaining_ms"] = left.astype(ROW_TYPES["remaining_ms"])
        return each_once(self._known, len(self._hi)) | {
            "address_hi": self._hi,
            "address_lo": self._lo,
        }

    def _take_values(self, told: Sequence[NewRows], which: Array) -> None:
        named = set[str]().union(*(columns for columns, _ in told))
        for name in VALUES:
            kind, known = ROW_TYPES[name], self._known[name]
            if named.isdisjoint((f"{name}.steps", f"{name}.by")) and not known.any():
                self._known[name] = np.zeros(len(which), kind)
            else:
                more = unpacked_columns(name, told, kind)
                self._known[name] = np.concatenate((known, more))[which]

    def _take_addresses(self, told: Sequence[NewRows], which: Array) -> None:
        """Take the rows' addresses: new rows have few, and each many times on end."""
        local, remote = _runs(told, "local"), _runs(told, "remote")
        hi = np.concatenate((self._hi, local.hi, remote.hi))
        lo = np.concatenate((self._lo, local.lo, remote.lo))
        hi, lo, codes = factorise_addresses(hi, lo)
        begin, middle = len(self._hi), len(self._hi) + len(local.hi)
        ends = []
        for name, more in (
            ("local_ip", codes[begin:middle].repeat(local.lengths)),
            ("remote_ip", codes[middle:].repeat(remote.lengths)),
        ):
            ends.append(np.concatenate((codes[self._known[name]], more))[which])
        used = np.zeros(len(hi), bool)
        used[ends[0]] = used[ends[1]] = True
        if not used.all():
            number = used.cumsum(dtype=np.int32) - 1
            hi, lo, ends = hi[used], lo[used], [number[end] for end in ends]
        self._hi, self._lo = hi, lo
        self._known["local_ip"], self._known["remote_ip"] = ends


class _Runs(NamedTuple):
    """Addresses at one end of rows, where each stands on end."""

    hi: Array
    lo: Array
    lengths: Array


def _runs(told: Sequence[NewRows], end: str) -> _Runs:
    hi = unpacked_columns(f"{end}_hi", told, np.uint64)
    lo = unpacked_columns(f"{end}_lo", told, np.uint64)
    turns = np.ones(len(hi), bool)
    turns[1:] = (hi[1:] != hi[:-1]) | (lo[1:] != lo[:-1])
    begins = turns.nonzero()[0]
    return _Runs(hi[begins], lo[begins], np.diff(begins, append=len(hi)))


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
    return map(_Steps, gone, ended, turns, _sums(by, either_sign=True))


def _sums(columns: Sequence[Array], *, either_sign: bool = False) -> list[Array]:
    """Return for each column the sums up to each of its values."""
    lengths = np.array([len(one) for one in columns])
    ends = lengths.cumsum()
    sums = np.zeros(ends[-1] + 1, np.int64)
    told = np.concatenate(columns)
    (unsigned(told) if either_sign else told.view(np.int64)).cumsum(out=sums[1:])
    within = sums[1:] - sums[ends - lengths].repeat(lengths)
    return [
        within[end - length : end]
        for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)
    ]


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
