"""Bounded series over frames: growth, rates, time to exhaustion."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise, takewhile

import numpy as np

from tui.analysis.forecast import NEVER, RECENT, seconds_to_exhaustion
from tui.analysis.frame import Frame
from tui.analysis.owners import holders
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.timewait import SECONDS, TRACKED
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import Array, State, Timer

KEEP_SECONDS = 600.0
"""How far back a series reaches."""
KEEP_POINTS = 1200
RATE_SECONDS = 5.0
"""Over how long a change per second is taken: shorter is jumpy, longer is late."""
TREND_SECONDS = 20.0
"""Over how long the growth of open sockets must show before it counts as one."""
MARKED_SECONDS = 3.5
"""How long a new or a vanished pattern is marked."""
FORGET_SECONDS = 60.0
"""How long a vanished pattern's series is kept."""
REMEMBERED = 4 * TRACKED
"""How many patterns' holders are remembered."""


@dataclass(frozen=True, slots=True)
class Point:
    """The whole table at one time."""

    time: float
    table_time: float
    """When the sockets were read that ``states`` counts: earlier, between spaced-out dumps."""
    states: Array
    time_wait: int


@dataclass(frozen=True, slots=True)
class UseAt:
    """One pattern at one time."""

    time: float
    in_use: int
    live: int
    total: int
    """Sockets in any state; 0 when the pattern was not there."""
    capacity: int


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a pattern's sockets, or is remembered to have held them."""

    process: Process
    remembered: bool

    def __str__(self) -> str:
        return f"{self.process} (remembered)" if self.remembered else str(self.process)


@dataclass(frozen=True, slots=True)
class Trends:
    """What the history says at one frame; the arrays are for the first TRACKED patterns."""

    states: Array | None
    """Change per second of each state's count, or None at the first frame."""
    time_wait: float | None
    """Change per second of the TIME-WAIT count, or None at the first frame."""
    growth: Array
    """Change per second of the ports in use; NaN where it is not yet known."""
    seconds_left: Array
    """Until no port is left: 0 is now, NEVER not within the hour as things go."""
    reused: float | None
    """TIME-WAITs that connect() took over, per second (TcpExt TWRecycled)."""
    overflowed: float | None
    """Sockets that skipped TIME-WAIT for tcp_max_tw_buckets, per second."""
    closing: float
    """Sockets that went into TIME-WAIT per second: the timers', or the kernel's counter where
    that knows more, since what connect() took over has no timer any more."""
    was_full: Array
    """Was the pattern without a free port in the last minute? bool."""
    new: Array
    """Did the pattern appear in the last few seconds? bool."""
    gone: tuple[tuple[PatternKey, UseAt], ...]
    """Patterns that vanished in the last few seconds, with their last use."""


@dataclass(slots=True)
class History:
    """What the frames so far amount to. Only the thread that shows it may touch it."""

    points: deque[Point] = field(default_factory=lambda: deque(maxlen=KEEP_POINTS))
    uses: dict[PatternKey, deque[UseAt]] = field(default_factory=dict)
    owners: Owners = field(default_factory=lambda: Owners({}))
    _counters: deque[tuple[float, Mapping[str, int]]] = field(
        default_factory=lambda: deque(maxlen=KEEP_POINTS)
    )
    _last: dict[PatternKey, UseAt] = field(default_factory=dict)
    """Each pattern's newest use that was one."""
    _held: dict[PatternKey, Process] = field(default_factory=dict)
    _seen: set[PatternKey] = field(default_factory=set)
    """The patterns whose holder the last walk saw."""
    _table_time: float = 0.0
    _saw_all_at: float | None = None
    """When the last table was read, if all of its patterns were few enough to be tracked."""

    def add(self, frame: Frame) -> None:
        """Take in one frame; of spaced-out dumps only what is new in it."""
        self._counters.append((frame.time, frame.counters))
        table_time, states = frame.reading.table_time, frame.states
        if not frame.table.complete and self.points:  # its counts are floors: no trend in them
            table_time, states = self.points[-1].table_time, self.points[-1].states
        self.points.append(Point(frame.time, table_time, states, current_time_wait(frame)))
        while frame.time - self.points[0].time > KEEP_SECONDS:
            self.points.popleft()
        if frame.reading.table_time != self._table_time and frame.table.complete:
            self._table_time = frame.reading.table_time
            self._add_uses(frame)
            if len(self.points) == 1:  # the walk may have been faster than the first poll
                self.note_owners(frame, self.owners)

    def _add_uses(self, frame: Frame) -> None:
        patterns, now = frame.patterns, frame.reading.table_time
        columns = zip(
            patterns.in_use[:TRACKED].tolist(),
            patterns.live[:TRACKED].tolist(),
            patterns.total[:TRACKED].tolist(),
            patterns.capacity[:TRACKED].tolist(),
            strict=True,
        )
        for index, (in_use, live, total, capacity) in enumerate(columns):
            key = patterns.key(index)
            series = self.uses.get(key)
            if series is None:
                series = self.uses[key] = deque(maxlen=KEEP_POINTS)
                if self._saw_all_at is not None:  # so it was not there then: it grew from 0
                    series.append(UseAt(self._saw_all_at, 0, 0, 0, capacity))
            series.append(UseAt(now, in_use, live, total, capacity))
            if now - series[0].time > KEEP_SECONDS:
                series.popleft()
            self._last[key] = series[-1]
        self._saw_all_at = now if len(patterns) <= TRACKED else None
        for key, last in list(self._last.items()):
            if now - last.time > FORGET_SECONDS:
                del self.uses[key], self._last[key]
            elif last.time < now and self._saw_all_at is not None:  # it is not there now
                self.uses[key].append(UseAt(now, 0, 0, 0, last.capacity))

    def note_owners(self, frame: Frame, owners: Owners) -> None:
        """Remember who holds which pattern while that can still be seen."""
        self.owners = owners
        found = holders(frame.table, frame.patterns, owners.by_inode, TRACKED)
        self._seen = {frame.patterns.key(index) for index in found}
        for index, process in found.items():
            key = frame.patterns.key(index)
            self._held.pop(key, None)  # so that the oldest stand first
            self._held[key] = process
        while len(self._held) > REMEMBERED:
            del self._held[next(iter(self._held))]

    def holder(self, frame: Frame, index: int) -> Holder | None:
        """Return who holds a pattern, or held it when its sockets were still open."""
        key = frame.patterns.key(index)
        process = self._held.get(key)
        if process is None:
            return None
        open_now = int(frame.patterns.live[index]) > 0
        # An incoming pattern's is also who listens, which needs no open connection to be seen.
        listens = key.direction is Direction.INCOMING and key in self._seen
        return Holder(process, remembered=not (open_now or listens))

    def copy(self) -> History:
        """Return the history as it is now, for a screen that holds still."""
        return replace(
            self,
            points=self.points.copy(),
            uses={key: series.copy() for key, series in self.uses.items()},
            _counters=self._counters.copy(),
            _last=self._last.copy(),
            _held=self._held.copy(),
        )

    def trends(self, frame: Frame) -> Trends:
        """Return what the series so far say of this frame, the last one added."""
        count = min(len(frame.patterns), TRACKED)
        keys = [frame.patterns.key(index) for index in range(count)]
        series = [self.uses.get(key) for key in keys]
        now = frame.reading.table_time
        shown = set(keys)
        return Trends(
            states=self._state_rates(),
            time_wait=self._time_wait_rate(),
            growth=np.array([_slope(uses, RATE_SECONDS, "in_use") for uses in series]),
            seconds_left=self._seconds_left(frame, series),
            reused=self.counter_rate("TWRecycled"),
            overflowed=self.counter_rate("TCPTimeWaitOverflow"),
            closing=max(
                float(frame.time_wait.closings[:RECENT].mean()), self.counter_rate("TW") or 0.0
            ),
            was_full=np.array([_was_full(uses, now) for uses in series], bool)
            & ~frame.patterns.reuse[:count],
            new=np.array([self._is_new(uses, now) for uses in series], bool),
            gone=tuple(
                (key, last)
                for key, last in self._last.items()
                if key not in shown
                and self.uses[key][-1].total == 0  # seen to be gone, not merely not seen
                and now - last.time < MARKED_SECONDS
            ),
        )

    @staticmethod
    def _is_new(uses: deque[UseAt] | None, now: float) -> bool:
        recent = takewhile(lambda use: now - use.time < MARKED_SECONDS, reversed(uses or ()))
        return any(use.total == 0 for use in recent)

    def _state_rates(self) -> Array | None:
        base = self._base(RATE_SECONDS)
        if base is None or self.points[-1].table_time <= base.table_time:
            return None
        now = self.points[-1]
        rates: Array = (now.states - base.states) / (now.table_time - base.table_time)
        return rates

    def _time_wait_rate(self) -> float | None:
        base = self._base(RATE_SECONDS)
        now = self.points[-1]
        if base is None or now.time <= base.time:
            return None
        return (now.time_wait - base.time_wait) / (now.time - base.time)

    def _base(self, seconds: float) -> Point | None:
        """Return the newest point that is ``seconds`` old, else the oldest there is."""
        if len(self.points) < 2:
            return None
        now = self.points[-1].time
        for point in islice(reversed(self.points), 1, None):
            if now - point.time >= seconds:
                return point
        return self.points[0]

    def counter_rate(self, name: str) -> float | None:
        """Return a counter's increase per second, None where it is not known twice."""
        if len(self._counters) < 2:
            return None
        now, counters = self._counters[-1]
        base = self._counters[0]
        for base in islice(reversed(self._counters), 1, None):
            if now - base[0] >= RATE_SECONDS:
                break
        then, before = base
        if name not in counters or name not in before or now <= then:
            return None
        return (counters[name] - before[name]) / (now - then)

    def entered_per_second(self, frame: Frame, seconds: int) -> list[float]:
        """Return how many sockets went into TIME-WAIT in each of the last seconds, newest last.

        The timers know the last minute from the first frame on; what the counter has shown
        since the start is added where it is more.
        """
        entered = [0.0] * seconds
        closings = frame.time_wait.closings.tolist()[:seconds]
        entered[seconds - len(closings) :] = closings[::-1]
        points = list(self._counters)
        for (then, before), (now, counters) in pairwise(points):
            if "TW" not in before or "TW" not in counters or now <= then:
                continue
            rate = (counters["TW"] - before["TW"]) / (now - then)
            first, last = frame.time - now, frame.time - then
            for age in range(max(round(first), 0), min(round(last), seconds)):
                entered[seconds - 1 - age] = max(entered[seconds - 1 - age], rate)
        return entered

    def _seconds_left(self, frame: Frame, series: list[deque[UseAt] | None]) -> Array:
        """Return when each pattern runs out: known from the first frame on, thanks to the
        timers; the growth of open sockets joins in as it shows.
        """
        patterns, count = frame.patterns, len(series)
        closings = frame.time_wait.by_pattern
        left = seconds_to_exhaustion(
            live=np.maximum(patterns.in_use[:count] - closings.sum(axis=1), 0),
            live_growth=np.array([_live_trend(uses) for uses in series]),
            closings=closings,
            capacity=patterns.capacity[:count],
            hold=np.where(
                patterns.reuse[:count], frame.rules.reuse_delay_ms / 1000, float(SECONDS)
            ),
        )
        left[patterns.connectable[:count] == 0] = 0.0
        left[patterns.direction[:count] != Direction.OUTGOING] = NEVER
        return left


def _was_full(series: deque[UseAt] | None, now: float) -> bool:
    recent = takewhile(lambda use: now - use.time < SECONDS, reversed(series or ()))
    return any(use.in_use >= use.capacity > 0 for use in recent)


def _live_trend(series: deque[UseAt] | None) -> float:
    """Return the growth per second of a pattern's open sockets, 0 where it is noise."""
    slope = _slope(series, TREND_SECONDS, "live")
    if series is None or np.isnan(slope):
        return 0.0
    span = min(series[-1].time - series[0].time, TREND_SECONDS)
    return slope if abs(slope * span) > max(5.0, 0.05 * series[-1].live) else 0.0


def _slope(series: deque[UseAt] | None, seconds: float, name: str) -> float:
    """Return a column's change per second over about so many seconds, NaN if unknown."""
    if series is None or len(series) < 2:
        return float("nan")
    now = then = series[-1]
    for then in islice(reversed(series), 1, None):
        if now.time - then.time >= seconds:
            break
    if now.time <= then.time:
        return float("nan")
    change: int = getattr(now, name) - getattr(then, name)
    return change / (now.time - then.time)


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
