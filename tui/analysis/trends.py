"""What frames say together, as of one of them: rates, series, holders, time left. All frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tui.analysis.course import Course, Point
from tui.analysis.patterns import PatternKey
from tui.analysis.refused import Tallies
from tui.kernel.processes import Process
from tui.kernel.sockets import Array


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a pattern's sockets, or is remembered to have held them."""

    process: Process
    remembered: bool

    def __str__(self) -> str:
        return f"{self.process} (remembered)" if self.remembered else str(self.process)


@dataclass(frozen=True, slots=True)
class Series:
    """One pattern over time: columns of equal length, oldest first; times in Unix seconds."""

    time: Array
    in_use: Array
    live: Array
    """Sockets in any state but TIME-WAIT."""
    total: Array
    """Sockets in any state; 0 when the pattern was not there."""
    capacity: Array

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Past:
    """The series of many patterns: rows of one time each, a column for each pattern."""

    time: Array
    """When the tables were read, shape (rows,)."""
    cells: Array
    """in_use, live, total and capacity, shape (4, rows, columns), int32."""
    columns: Mapping[PatternKey, int]
    """Each pattern's column."""
    first: Array
    """The first row of each column that is its pattern's: what stands above is another's."""

    def of(self, key: PatternKey) -> Series | None:
        """Return the series of one pattern, None if it has none."""
        if key not in self.columns:
            return None
        column = self.columns[key]
        first = self.first[column]
        return Series(self.time[first:], *self.cells[:, first:, column])


@dataclass(frozen=True, slots=True)
class Growth:
    """How a number of sockets has changed."""

    rise: int
    seconds: float

    @property
    def per_minute(self) -> float:
        """The rise as a rate."""
        return 60 * self.rise / self.seconds


@dataclass(frozen=True, slots=True, eq=False)
class Rates(Mapping[str, float]):
    """Counters' increase per second, reckoned when somebody asks: there are 160, and few do.

    Only those have one that are known twice.
    """

    before: Mapping[str, int]
    now: Mapping[str, int]
    seconds: float
    """Between both; 0 where there is but one time."""

    def __getitem__(self, name: str) -> float:
        if self.seconds <= 0:
            raise KeyError(name)
        return (self.now[name] - self.before[name]) / self.seconds

    def __iter__(self) -> Iterator[str]:
        return (name for name in self.now if self.seconds > 0 and name in self.before)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass(frozen=True, slots=True)
class Trends:
    """What the frames up to one say; arrays over patterns are of the first TRACKED ones."""

    now: Point
    """The sums of the frame."""
    base: Point
    """Those some seconds before it, which changes are told from; at the first frame its own."""
    growth: Array
    """Change per second of the ports in use; NaN where it is not yet known."""
    seconds_left: Array
    """Until no port is left: 0 is now, NEVER where nothing that goes on brings it."""
    rates: Mapping[str, float]
    """The kernel's counters by name: their increase per second, where it is known."""
    closing: float
    """Sockets that went into TIME-WAIT per second: the timers', or the kernel's counter where
    that knows more, since what connect() took over has no timer any more."""
    close_wait: Growth | None
    """How the CLOSE-WAITs have changed over the last minute, None if too little is known."""
    was_full: Array
    """Was the pattern without a free port in the last minute? bool."""
    new: Array
    """Did the pattern appear in the last few seconds? bool."""
    gone: tuple[tuple[PatternKey, int], ...]
    """Patterns that vanished in the last few seconds, with their last count of sockets."""
    holders: Mapping[int, Holder]
    """Who holds the pattern of this index, where that is known."""
    course: Course
    """How TIME-WAIT went on, second by second."""
    past: Past
    """The series of the patterns, also of those that vanished in the last minute."""
    cut_short_seconds: float = 0.0
    """For how long reads have been cut short, so that the table is an older one."""
    refused: Tallies | None = None
    """What the kernel has refused by its own count; None where that is not counted."""

    @property
    def states(self) -> Array | None:
        """Change per second of each state's count, or None at the first frame."""
        seconds = self.now.table_time - self.base.table_time
        return (self.now.states - self.base.states) / seconds if seconds > 0 else None

    @property
    def time_wait(self) -> float | None:
        """Change per second of the TIME-WAIT count, or None at the first frame."""
        seconds = self.now.time - self.base.time
        return (self.now.time_wait - self.base.time_wait) / seconds if seconds > 0 else None

    @property
    def time_wait_count(self) -> int:
        """Sockets in TIME-WAIT at the frame's own time: newer than its table between dumps."""
        return self.now.time_wait
