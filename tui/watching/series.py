"""The series of the patterns: columns that grow by a row with each table."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from tui.analysis.patterns import PatternKey
from tui.analysis.trends import Past
from tui.kernel.sockets import Array

KEEP_SECONDS = 300.0
"""How far back a series reaches: as far as any screen shows it."""
WHOLE_SECONDS = 90.0
"""For how long each row stays one of its own: longer than any rate or forecast looks back."""
KEEP_ROWS = 1200
FORGET_SECONDS = 60.0
"""How long a vanished pattern's series is kept."""
VANISHED = 256
"""How many of these at most, the newest: a public server sees new clients all the time."""
FIRST_ROWS, FIRST_COLUMNS = 128, 16
IN_USE, LIVE, TOTAL, CAPACITY = range(4)


class PatternSeries:
    """What PatternKeys had at each time.

    Rows are only ever added, so a Past that was handed out stays as it is: it ends before them.
    """

    def __init__(self) -> None:
        self._time = np.zeros(FIRST_ROWS)
        self._cells = _zeros(FIRST_ROWS, FIRST_COLUMNS)
        self._rows = 0
        self._columns: dict[PatternKey, int] = {}
        self._unused = list(range(FIRST_COLUMNS))
        self._resting: list[int] = []
        """Columns that were given up with this row: the Past before it may still name them."""
        self._first = np.zeros(FIRST_COLUMNS, np.intp)
        """The first row of each column that is its pattern's."""
        self._seen = np.zeros(FIRST_COLUMNS)
        """When each column's pattern was last there."""
        self._full_at = np.zeros(FIRST_COLUMNS)
        """When it last had all ports in use."""
        self._empty_at = np.zeros(FIRST_COLUMNS)
        """When it last had no socket."""
        self._last_total = np.zeros(FIRST_COLUMNS, np.int32)
        self._saw_all = False
        """Was the last row that of a table whose patterns were all given?"""

    def add(self, time: float, keys: Sequence[PatternKey], values: Array, saw_all: bool) -> Array:
        """Take in what these patterns have, and return the column of each.

        ``values`` are as Past.cells, shape (4, len(keys)).

        ``saw_all`` says that there are no others; a pattern that is not given has no sockets then.
        Otherwise nothing is known of it, and it stands as it did.
        """
        if self._rows and time < self._time[self._rows - 1]:
            self._rows, self._saw_all = 0, False  # the clock was set back: no series goes on
            self._time, self._cells = np.zeros_like(self._time), _zeros(*self._cells.shape[1:])
            self._unused += [*self._columns.values(), *self._resting]
            self._columns, self._resting = {}, []
        columns = self.columns(keys)
        self._seen[columns[columns >= 0]] = time  # first: what is there is not forgotten
        self._forget(time)
        self._make_room(time)
        row = self._rows
        if row:
            self._cells[:, row] = self._cells[:, row - 1]
            if saw_all:
                self._cells[:CAPACITY, row] = 0
        for number in np.flatnonzero(columns < 0).tolist():
            columns[number] = self._begin(keys[number], row, int(values[CAPACITY, number]))
        self._cells[:, row, columns] = values
        self._time[row] = time
        self._seen[columns], self._last_total[columns] = time, values[TOTAL]
        in_use, _, total, capacity = self._cells[:, row]
        self._full_at[(in_use >= capacity) & (capacity > 0)] = time
        self._empty_at[total == 0] = time
        self._rows += 1
        self._saw_all = saw_all
        return columns

    def columns(self, keys: Sequence[PatternKey]) -> Array:
        """Return the column of each of these patterns, −1 where it has none.

        What is asked of that column is another's: to be left out.
        """
        return np.array([self._columns.get(key, -1) for key in keys], np.intp)

    def past(self) -> Past:
        """Return all series as they are now."""
        time = self._time[: self._rows]
        start = self._start(float(time[-1])) if self._rows else 0
        return Past(
            time[start:],
            self._cells[:, start : self._rows],
            MappingProxyType(self._columns.copy()),
            np.maximum(self._first - start, 0),
        )

    def slope(self, columns: Array, seconds: float, kind: int) -> Array:
        """Return the change per second of IN_USE, LIVE or TOTAL over about so many seconds.

        Shape (columns,); NaN where a series has but one time.
        """
        if not self._rows:
            return np.full(len(columns), np.nan)
        last = self._rows - 1
        now = self._time[last]
        base = int(np.searchsorted(self._time[:last], now - seconds, "right")) - 1
        base_of = np.maximum(max(base, 0), self._first[columns])
        span = now - self._time[base_of]
        change = self._cells[kind, last, columns] - self._cells[kind, base_of, columns]
        slope = np.full(len(columns), np.nan)
        np.divide(change, span, out=slope, where=span > 0)
        return slope

    def changes(self, columns: Array, seconds: int, kind: int) -> tuple[Array, float]:
        """Return by how much IN_USE, LIVE or TOTAL changed in each of the last seconds, newest
        first, shape (columns, seconds), and the seconds between the last two times.

        What changed between two times is spread over the seconds between them; before the first
        time nothing is known to have changed.
        """
        if self._rows < 2:
            return np.zeros((len(columns), seconds)), 1.0
        time = self._time[: self._rows]
        ends = time[-1] - np.arange(seconds + 1.0)
        after = 1 + np.searchsorted(time[1:-1], ends, "left")
        share = (ends - time[after - 1]) / np.maximum(time[after] - time[after - 1], 1e-9)
        share = np.maximum(share, 0)
        first = self._first[columns]
        late, early = (np.maximum(row[:, None], first) for row in (after, after - 1))
        cells = self._cells[kind]
        value = cells[early, columns] + share[:, None] * (
            cells[late, columns] - cells[early, columns]
        )
        return (value[:-1] - value[1:]).T, float(time[-1] - time[-2])

    def was_full(self, columns: Array, seconds: float) -> Array:
        """Say which had all ports in use within the last seconds."""
        full: Array = self._full_at[columns] > self._now - seconds
        return full

    def were_full_together(self, columns: Array, seconds: float) -> bool:
        """Say whether these had as many ports as one of them can, within the last seconds."""
        now = self._time[self._rows - 1] if self._rows else 0.0
        begin = int(np.searchsorted(self._time[: self._rows], now - seconds, "right"))
        cells = self._cells[:, begin : self._rows, columns]
        theirs = np.arange(begin, self._rows)[:, None] >= self._first[columns]
        in_use, capacity = np.where(theirs, cells[[IN_USE, CAPACITY]], 0)
        most = capacity.max(axis=1, initial=0)
        return bool(((in_use.sum(axis=1) >= most) & (most > 0)).any())

    def is_new(self, columns: Array, seconds: float) -> Array:
        """Say which had no socket within the last seconds."""
        new: Array = self._empty_at[columns] > self._now - seconds
        return new

    def gone(self, shown: Array, seconds: float) -> tuple[tuple[PatternKey, int], ...]:
        """Return those that vanished within the last seconds, with their last count of sockets.

        Only those that were seen to be gone: what is not seen may still be there.
        """
        if not self._rows:
            return ()
        last = self._rows - 1
        vanished = self._cells[TOTAL, last] == 0
        vanished &= self._time[last] - self._seen < seconds
        vanished[shown] = False
        if not vanished.any():
            return ()
        return tuple(
            (key, int(self._last_total[at])) for key, at in self._columns.items() if vanished[at]
        )

    @property
    def _now(self) -> float:
        """When the last table was read."""
        return self._time.item(self._rows - 1) if self._rows else 0.0

    def _begin(self, key: PatternKey, row: int, capacity: int) -> int:
        """Give a pattern a column; where it was not there in the row before, it began there."""
        if not self._unused:
            self._widen()
        at = self._columns[key] = self._unused.pop()
        self._first[at] = row
        self._full_at[at] = self._empty_at[at] = -np.inf
        if row and self._saw_all:
            self._first[at] = row - 1
            self._empty_at[at] = self._time[row - 1]
            self._cells[:CAPACITY, row - 1, at] = 0
            self._cells[CAPACITY, row - 1, at] = capacity
        return at

    def _forget(self, now: float) -> None:
        """Let go of what vanished long ago, and of the oldest where too many have vanished.

        Their columns are others' from the next row on.
        """
        self._unused += self._resting
        seen = self._seen.tolist()
        vanished = [(seen[at], key) for key, at in self._columns.items() if seen[at] < now]
        vanished.sort(key=lambda one: one[0])
        spare = max(len(vanished) - VANISHED, 0)
        self._resting = [
            self._columns.pop(key)
            for number, (last, key) in enumerate(vanished)
            if number < spare or now - last > FORGET_SECONDS
        ]

    def _start(self, now: float) -> int:
        """Return the first row that is not too old."""
        old = int(np.searchsorted(self._time[: self._rows], now - KEEP_SECONDS, "left"))
        return max(old, self._rows - KEEP_ROWS)

    def _make_room(self, now: float) -> None:
        """Have a row to write; rows that are too old are left behind, with those who hold them.

        Of old rows those of one second become one, with the most that there was in it.
        """
        if self._rows < len(self._time):
            return
        rows = np.arange(self._start(now), self._rows)
        time = self._time[rows]
        begins = np.diff(np.floor(time), prepend=-1.0) > 0
        kept = rows[begins | (time > now - WHOLE_SECONDS)]
        self._rows = len(kept)
        more = max(self._rows // 4, FIRST_ROWS)
        self._time = np.pad(self._time[kept], (0, more))
        cells = _zeros(self._rows + more, self._cells.shape[2])
        np.maximum.reduceat(self._cells, kept, axis=1, out=cells[:, : self._rows])
        self._cells = cells
        self._first = np.searchsorted(kept, self._first)  # after what was another's

    def _widen(self) -> None:
        columns, written = self._cells.shape[2], self._rows + 1  # with the row that is begun
        more = columns // 2
        cells = _zeros(len(self._time), columns + more)
        cells[:, :written, :columns] = self._cells[:, :written]
        self._cells = cells
        self._first = np.pad(self._first, (0, more))
        self._seen = np.pad(self._seen, (0, more))
        self._full_at = np.pad(self._full_at, (0, more))
        self._empty_at = np.pad(self._empty_at, (0, more))
        self._last_total = np.pad(self._last_total, (0, more))
        self._unused = list(range(columns + more - 1, columns - 1, -1))


def _zeros(rows: int, columns: int) -> Array:
    """Return cells in pages of their own, which go back to the system with them.

    They are tens of megabytes and made anew now and then; once malloc has had such a one back,
    it keeps the room of the next ones, and the process grows to a multiple of what it holds.
    """
    cells = np.frombuffer(mmap.mmap(-1, 4 * rows * columns * 4), np.int32)
    return cells.reshape(4, rows, columns)
