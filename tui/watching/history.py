"""Bounded series over frames, and what they say: growth, rates, time to exhaustion."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from types import MappingProxyType

import numpy as np

from tui.analysis.bind_first import BoundFirst
from tui.analysis.course import Course, Point
from tui.analysis.forecast import AHEAD, NEVER, end_early, seconds_to_exhaustion, within_reach
from tui.analysis.frame import Frame
from tui.analysis.owners import holders
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.timewait import SECONDS, TRACKED
from tui.analysis.trends import Growth, Holder, Rates, Trends
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import Array, State, Timer
from tui.watching.series import IN_USE, KEEP_ROWS, KEEP_SECONDS, LIVE, PatternSeries

RATE_SECONDS = 5.0
"""Over how long a change per second is taken: shorter is jumpy, longer is late."""
GROWTH_SECONDS = 60.0
"""How far back a growth of CLOSE-WAITs is looked for."""
LEAST_GROWTH_SECONDS = 10.0
"""Over how long it must at least show: a burst of closings is no leak."""
MARKED_SECONDS = 3.5
"""How long a new or a vanished pattern is marked."""
REMEMBERED = 4 * TRACKED
"""How many patterns' holders are remembered."""
EARLY_SECONDS = 4.0, 12.0
"""Over each of these spans TIME-WAITs must have ended early: who ends some once promises nothing of
the seconds to come."""


class History:
    """What the frames so far amount to. It changes; what it says, Trends, does not."""

    def __init__(self) -> None:
        self.owners = Owners({})
        """What the last walk over the processes found."""
        self._points: deque[Point] = deque(maxlen=KEEP_ROWS)
        self._patterns = PatternSeries()
        self._counters: deque[tuple[float, Mapping[str, int]]] = deque()
        """Those of the last RATE_SECONDS, and the ones before."""
        self._held: dict[tuple[int, ...], Process] = {}
        """By the pattern's key."""
        self._seen: set[PatternKey] = set()
        """The patterns whose holder the last walk saw."""
        self._walked = True
        """Whether no frame has come since that walk."""
        self._closings: deque[tuple[float, Array, Array]] = deque()
        """TIME-WAITs by age of the last seconds: their time, the patterns' columns, and they."""
        self._frame: Frame | None = None
        self._saw_whole = False
        self._full_at: Mapping[str, float] = {}
        """When patterns had no port left at moments that were recalled, by their names."""
        self._keys: list[PatternKey] = []
        """The patterns that have a series, of the last frame, in its order."""
        self._columns = np.zeros(0, np.intp)
        """Where each of these has it, −1 where it has none yet."""

    @property
    def keys(self) -> Sequence[PatternKey]:
        """The first TRACKED patterns of the last frame, in its order."""
        return self._keys

    def recall(self, points: Iterable[Point], full: Mapping[str, float]) -> None:
        """Take in the sums of moments that were seen, and whose tables are not looked at again.

        ``full`` says when patterns had no port left, by their names: Unix time, the last of each.
        """
        self._full_at = full
        last = self._points[-1].time if self._points else -math.inf
        self._points += (point for point in points if point.time > last)
        self._saw_whole |= bool(self._points)

    def add(self, frame: Frame) -> Trends:
        """Take in one frame, and return what it says with those before."""
        self.pass_by(frame)
        return self._trends(frame)

    def pass_by(self, frame: Frame) -> None:
        """Take in one frame.

        Of spaced-out dumps only what is new in it counts; a frame whose table was cut short makes
        no trend.
        """
        points, before = self._points, self._frame
        whole, reading = frame.table.complete, frame.reading
        if points and frame.time < points[-1].time:  # the clock was set back: nothing goes on
            points.clear()
            self._counters.clear()
        if whole and not self._saw_whole:
            points.clear()  # what was counted of a part is no base for a trend
        self._saw_whole |= whole
        table_time, states = reading.table_time, frame.states
        if not whole and points:
            table_time, states = points[-1].table_time, points[-1].states
        time_wait, entered = current_time_wait(frame), frame.counters.get("TW")
        points.append(Point(frame.time, table_time, states, time_wait, entered))
        while frame.time - points[0].time > KEEP_SECONDS:
            points.popleft()
        self._counters.append((frame.time, frame.counters))
        while len(self._counters) > 2 and frame.time - self._counters[1][0] >= RATE_SECONDS:
            self._counters.popleft()
        # Other rules group the same sockets otherwise, so the table alone does not tell.
        if regrouped := before is None or before.patterns is not frame.patterns:
            self._keys = frame.patterns.keys_of(slice(TRACKED))
        self._frame = frame
        if whole and (before is None or before.table is not frame.table):
            self._add_patterns(frame)
        elif regrouped:
            self._columns = self._patterns.columns(self._keys)
        if self._walked:  # short connections are seen by a walk just before a poll, or just behind
            self._walked = False
            self._match_owners(frame)

    def _add_patterns(self, frame: Frame) -> None:
        patterns = frame.patterns
        kinds = patterns.in_use, patterns.live, patterns.total, patterns.capacity
        values = np.array([column[: len(self._keys)] for column in kinds])
        saw_all = len(patterns) <= TRACKED
        time = frame.reading.table_time
        self._columns = self._patterns.add(time, self._keys, values, saw_all=saw_all)
        if self._closings and time < self._closings[-1][0]:
            self._closings.clear()
        if not self._closings or time - self._closings[-1][0] >= 1:
            self._closings.append((time, self._columns, frame.time_wait.held_by_pattern))
        while len(self._closings) > 1 and time - self._closings[1][0] >= max(EARLY_SECONDS):
            self._closings.popleft()

    def note_held(self, held: Mapping[tuple[int, ...], Process]) -> None:
        """Remember who holds which pattern, where nobody was seen to."""
        for key, process in held.items():
            self._held.setdefault(key, process)

    def note_owners(self, owners: Owners) -> None:
        """Remember who holds which pattern while that can still be seen."""
        self.note_held(owners.held)  # by those who looked before us
        self.owners, self._walked, self._seen = owners, True, set()
        if self._frame is not None:
            self._match_owners(self._frame)

    def _match_owners(self, frame: Frame) -> None:
        found = holders(frame.table, frame.patterns, self.owners.by_inode, TRACKED)
        self._seen |= {self._keys[index] for index in found}
        for index, process in found.items():
            key = self._keys[index]
            self._held.pop(key, None)  # so that the oldest stand first
            self._held[key] = process
        while len(self._held) > REMEMBERED:
            del self._held[next(iter(self._held))]
        self.owners = replace(self.owners, held=MappingProxyType(dict(self._held)))

    def _holders(self, frame: Frame) -> Mapping[int, Holder]:
        """Return who holds each pattern, or held it when its sockets were still open."""
        found = {}
        live = frame.patterns.live[: len(self._keys)].tolist()
        for index, (key, open_now) in enumerate(zip(self._keys, live, strict=True)):
            process = self._held.get(key)
            if process is not None:
                # An incoming pattern's is also who listens: no open connection is needed for it.
                listens = key.direction is Direction.INCOMING and key in self._seen
                found[index] = Holder(process, remembered=not (open_now or listens))
        return MappingProxyType(found)

    def _trends(self, frame: Frame) -> Trends:
        columns = self._columns
        known = columns >= 0  # those of a table that was cut short may have none
        (then, before), (read, counters) = self._counters[0], self._counters[-1]
        rates = Rates(before, counters, read - then)
        was_full = self._patterns.was_full(columns, SECONDS)
        if self._full_at:
            told = [self._full_at.get(str(key), -math.inf) for key in self._keys]
            was_full |= frame.time - np.array(told) < SECONDS
        return Trends(
            now=self._points[-1],
            base=self._base(RATE_SECONDS),
            growth=np.where(known, self._patterns.slope(columns, RATE_SECONDS, IN_USE), np.nan),
            seconds_left=self._seconds_left(frame, columns),
            rates=rates,
            closing=max(frame.time_wait.closing_per_second, rates.get("TW", 0.0)),
            close_wait=self._close_wait(),
            was_full=known & was_full & ~frame.patterns.reuse[: len(columns)],
            new=known & self._patterns.is_new(columns, MARKED_SECONDS),
            gone=self._patterns.gone(columns[known], MARKED_SECONDS),
            holders=self._holders(frame),
            course=Course(frame.time, tuple(self._points), frame.time_wait.closings),
            past=self._patterns.past(),
        )

    def _base(self, seconds: float) -> Point:
        """Return the newest point that is ``seconds`` old, else the oldest there is."""
        ago = self._points[-1].time - seconds
        return self._points[max(bisect_right(self._points, ago, key=attrgetter("time")) - 1, 0)]

    def _close_wait(self) -> Growth | None:
        """Return the change of the CLOSE-WAITs over the last minute."""
        now = self._points[-1]
        base = next(p for p in self._points if now.table_time - p.table_time <= GROWTH_SECONDS)
        seconds = now.table_time - base.table_time
        if seconds < LEAST_GROWTH_SECONDS:
            return None
        rise = int(now.states[State.CLOSE_WAIT]) - int(base.states[State.CLOSE_WAIT])
        return Growth(rise, seconds)

    def _seconds_left(self, frame: Frame, columns: Array) -> Array:
        """Return when each pattern runs out: known from the first frame on, thanks to the
        timers; the growth of open sockets joins in as it shows.
        """
        patterns, count = frame.patterns, len(columns)
        in_use, capacity = patterns.in_use[:count], patterns.capacity[:count]
        hold, outgoing = patterns.hold[:count], patterns.outgoing[:count]
        near = np.flatnonzero(outgoing & within_reach(in_use, capacity))
        left = np.full(count, NEVER)
        left[near] = self._foretold(frame, columns, in_use[near], capacity[near], hold, near)
        left[outgoing & (patterns.locked[:count] >= capacity)] = 0.0
        return left

    def foretell(self, found: Iterable[BoundFirst]) -> tuple[BoundFirst, ...]:
        """Return these of the newest frame with when the ports run out that they share.

        None is foretold where not all of the destinations have a series.
        """
        frame = self._frame
        if frame is None or not (found := tuple(found)):
            return ()
        columns = self._columns
        # bind() takes over no TIME-WAIT, whatever tcp_tw_reuse is.
        hold = np.full(len(columns), frame.hold_with(reuse=False).seconds)
        told = []
        for bound in found:
            theirs, use = bound.patterns(frame.patterns), bound.use
            members = np.flatnonzero(theirs[: len(columns)] & (columns >= 0))
            if len(members) == np.count_nonzero(theirs):
                total, limit = np.array([[use.in_use], [use.capacity]])
                left = self._foretold(frame, columns, total, limit, hold, members, together=True)
                seconds = float(left[0]) if use.connectable > 0 else 0.0
                full = self._patterns.were_full_together(columns[members], SECONDS)
                bound = replace(bound, seconds_left=seconds, was_full=full)
            told.append(bound)
        return tuple(told)

    def _foretold(
        self,
        frame: Frame,
        columns: Array,
        in_use: Array,
        capacity: Array,
        hold: Array,
        which: Array,
        *,
        together: bool = False,
    ) -> Array:
        """Return when each of ``which`` patterns runs out, or all ``together``, shape (1,) then."""

        def taken(values: Array) -> Array:
            return values.sum(axis=0, keepdims=True) if together else values

        closings = taken(frame.time_wait.held_by_pattern[which])
        opened, apart = self._patterns.changes(columns[which], SECONDS, LIVE)
        left = seconds_to_exhaustion(
            live=np.maximum(in_use - closings.sum(axis=1), 0),
            opened=taken(np.where((columns[which] >= 0)[:, None], opened, 0.0)),
            closings=closings,
            capacity=capacity,
            hold=hold[which][: len(closings)],
            apart=apart,
        )
        if (left < NEVER).any():
            growth = taken(self._patterns.slope(columns[which], max(EARLY_SECONDS), IN_USE))
            with np.errstate(divide="ignore", invalid="ignore"):
                grown = np.where(growth > 0, (capacity - in_use) / growth, NEVER)
            grown[grown > AHEAD * max(EARLY_SECONDS)] = NEVER
            early = taken(self._end_early(frame, columns, hold)[which]) > 0
            left[early] = np.maximum(left, grown)[early]
        return left

    def _end_early(self, frame: Frame, columns: Array, hold: Array) -> Array:
        """Say of which patterns TIME-WAITs have ended before their time, again and again."""
        now = frame.time_wait.held_by_pattern
        early = columns >= 0
        for seconds in EARLY_SECONDS:
            ago = frame.reading.table_time - seconds
            base = next((one for one in reversed(self._closings) if one[0] <= ago), None)
            if base is None:
                return np.zeros(len(columns), bool)
            time, theirs, counts = base
            at = {column: index for index, column in enumerate(theirs.tolist())}
            rows = np.array([at.get(column, -1) for column in columns.tolist()], np.intp)
            nothing = np.zeros((1, counts.shape[1]), counts.dtype)  # the last row: of one not there
            then = np.concatenate([counts, nothing])[rows]
            early &= end_early(then, now, hold, frame.reading.table_time - time)
        return early


def current_time_wait(frame: Frame) -> int:
    """Return the TIME-WAIT count at the frame's own time.

    Between spaced-out dumps that is sockstat's ``tw`` without the FIN_WAIT2 mini-sockets
    of the last dump, which it counts too.
    """
    tw = frame.counters.get("tw")
    if tw is None or (frame.age == 0 and frame.table.complete):
        return frame.time_wait.count
    table = frame.table
    minis = (table.state == State.FIN_WAIT2) & (table.timer == Timer.TIME_WAIT)
    return max(tw - int(minis.sum()), 0)
