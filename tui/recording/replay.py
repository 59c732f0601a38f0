"""Going through a recording: forth as it was recorded, back and far off by beginning anew."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np

from tui.analysis.course import Point
from tui.findings.cases import FORGET_SECONDS
from tui.findings.config import Config
from tui.kernel.sockets import TableError
from tui.recording.log import RecordingError
from tui.recording.moments import Moments
from tui.recording.recording import Recording
from tui.recording.story import begun, ended, full_at
from tui.recording.summary import Summary
from tui.watching.history import EARLY_SECONDS, MARKED_SECONDS, RATE_SECONDS
from tui.watching.series import KEEP_SECONDS
from tui.watching.view import View
from tui.watching.watch import Watch

WARM_SECONDS = 64.0
"""How much of what was before a moment is looked at, so that its trends are known."""
SPANS = WARM_SECONDS, max(EARLY_SECONDS), RATE_SECONDS
"""Over what its trends are taken: each begins with a look, and each look costs as much as a poll
does. The sums of the moments between are known without one."""
MARKED = 4
"""So many moments are looked at for what is new or gone; where there are more, only the first."""
CLOCK_SECONDS = 0.001
"""By so much the times of a table and of the moment that read it may differ."""
ENDINGS = 4
"""At so many of the last moments at which findings ended it is looked what they were."""
LOOKED_AT_SECONDS = max(EARLY_SECONDS)
"""For so long the tables are looked at in any case. Those from before the whole table that the
moment's own part of the recording begins with would take as long as all else: they are left out
as long as the findings are those that were told, and of them the sums are known that a summary
has."""
PLAYED_SECONDS = 0.25
"""Between two looks while it plays."""
SPEEDS = (1, 2, 5, 10, 30, 60, 300)


class Replay:
    """Makes views of a recording: a poller whose clock is the recording's. Any thread may call."""

    def __init__(
        self,
        recording: Moments,
        judge: Config | Watch,
        *,
        follow: bool = False,
        shown: float | None = None,
        begin: float | None = None,
    ) -> None:
        """Begin at the last moment that can be read, or at what is ``shown`` already (Unix time).

        Or ``begin`` at another time, where TableError is raised for what is damaged. It judges as
        told; ``follow`` goes on with what is recorded from now on. Raises RecordingError where no
        moment can be read.
        """
        self.recording = recording
        self.interval = PLAYED_SECONDS
        self.watch = judge.anew() if isinstance(judge, Watch) else Watch(judge)
        self.newest: View | None = None
        """The moment that was gone to last; None before any was."""
        self.playing = follow
        self.speed = 1
        self._follows = follow
        self._lock = threading.RLock()
        """Held as long as a moment is being read; whoever must not wait for that goes without."""
        self._turn = threading.Lock()
        """Held while what is shown changes, and its settings with it: never for long."""
        self._shown = shown
        """When the moment was that the watch has seen last, Unix time; None for none."""
        self.damage = ""
        """What is said of the moments after the first one shown, where they cannot be read."""
        self._cut = False
        """Whether tables from before a part of the recording were left out that trends need."""
        self._clock = recording.timeline[-1].time if shown is None else shown
        self._played = time.monotonic()
        if begin is not None:
            self.go_to(begin)
        elif shown is None:
            try:
                self.go_to(self._clock)
            except TableError:
                last, self.damage = recording.last_readable(len(recording.timeline) - 1)
                self.go_to(recording.timeline[last].time)

    @property
    def timeline(self) -> list[Summary]:
        """The recording in short."""
        return self.recording.timeline

    @property
    def index(self) -> int:
        """Which moment is shown; -1 for none."""
        return -1 if self._shown is None else self.recording.index_at(self._shown)

    @property
    def at(self) -> float:
        """When that was, Unix time."""
        return self.timeline[self.index].time

    def poll(self) -> View:
        """Return the view of now: further on, if it plays. Raises TableError for damage."""
        with self._lock:
            now = time.monotonic()
            passed, self._played = (now - self._played) * self.speed, now
            at_end = self.index == len(self.timeline) - 1
            if self._follows:
                self.recording.refresh()
            if self.playing:
                if self._follows and at_end:
                    self._clock = self.timeline[-1].time
                else:
                    self._clock = min(self._clock + passed, self.timeline[-1].time)
                self._show(self.recording, self.recording.index_at(self._clock))
            if self.playing and not self._follows and self.index == len(self.timeline) - 1:
                self.playing = False
            assert self.newest is not None
            return self.newest

    def widen(self, recording: Moments) -> None:
        """Go on with moments among which are those there were. Does not wait for what is read."""
        self.recording = recording

    def play(self, *, on: bool) -> None:
        """Let it play, from the beginning where it is at its end, or halt it."""
        with self._lock:
            at_end = self.index == len(self.timeline) - 1
            if on and at_end and not self._follows:
                self.go_to(self.timeline[0].time)
            self.playing, self._played, self._clock = on, time.monotonic(), self.at

    def go_to(self, when: float, wanted: Callable[[], bool] = lambda: True) -> bool:
        """Show the moment that was the present one then, and say whether it is shown.

        It is given up as soon as it is not ``wanted`` any more. Raises TableError for what is
        damaged.
        """
        with self._lock:
            self._clock = when
            recording = self.recording
            return self._show(recording, recording.index_at(when), wanted)

    def judge_by(self, config: Config) -> None:
        """Judge by other settings from now on. Does not wait for what is being read."""
        while True:
            with self._turn:
                watch, shown = self.watch, self.newest
            judged = watch.judge_by(config, shown)
            with self._turn:
                if self.watch is watch and self.newest is shown:
                    self.newest = judged
                    return

    def close(self, files: Recording) -> None:
        """Let these files go, once nothing is read from them any more."""
        with self._lock:
            files.close()

    def _show(
        self,
        recording: Moments,
        index: int,
        wanted: Callable[[], bool] = lambda: True,
        *,
        thoroughly: bool = False,
    ) -> bool:
        """Have the watch see a moment, and those before it that matter.

        ``thoroughly`` has it begin anew and judge each of them, whatever it takes to read them.
        """
        timeline, watch = recording.timeline, self.watch
        then = timeline[index].time
        # Not self.index: that may be among more moments by now.
        now = -1 if self._shown is None else recording.index_at(self._shown)
        if index == now and not thoroughly:
            return True
        near = self.newest is not None and 0 < then - timeline[now].time <= WARM_SECONDS
        goes_on, cut = near and not thoroughly, False
        if goes_on:
            summed = first = now + 1
        else:
            watch = watch.anew()
            summed = recording.index_at(then - KEEP_SECONDS)  # of them all the charts tell
            first = recording.index_at(then - WARM_SECONDS)
            begin = recording.begin_of_part(index)
            if first < begin and timeline[begin].time <= then - LOOKED_AT_SECONDS:
                first, cut = (first, False) if thoroughly else (begin, True)
        told = _found(timeline[index])
        passed = False
        looks = {look for look in _looks(recording, index) if look >= first}
        looks |= {look for look in _endings(recording, index) if look > now or not goes_on}
        if not goes_on:
            looks.add(first)
        watch.recall_cases(begun(timeline, index, FORGET_SECONDS + WARM_SECONDS))
        for look in sorted(looks):
            if not wanted():
                return False
            watch.recall(map(_point, timeline[summed:look]), full_at(timeline, look))
            summed = look + 1
            try:
                moment = recording.moment(look)
            except RecordingError as error:
                if look == index:
                    raise TableError(str(error)) from error
                continue
            watch.note_owners(moment.owners)
            if not (thoroughly or goes_on or look == index) and _found(timeline[look]) == told:
                watch.pass_by(moment.reading)  # its findings are those that are found at last
                passed = True
                continue
            watch.take(moment.reading)
            if goes_on:  # it may end here: what the watch saw last is what is shown
                self._turn_to(watch, timeline[look].time)
        unsure = cut or (goes_on and self._cut)
        differs = watch.newest is not None and _present(watch.newest) != told
        if differs and (passed or unsure):
            # A forecast needs what was cut, or whoever recorded it had other settings.
            return self._show(recording, index, wanted, thoroughly=True)
        if not goes_on:
            self._turn_to(watch, then)
        self._cut = unsure
        return True

    def _turn_to(self, watch: Watch, then: float) -> None:
        with self._turn:
            if watch.config is not self.watch.config:  # the user has chosen meanwhile
                watch.judge_by(self.watch.config)
            self.watch, self.newest, self._shown = watch, watch.newest, then


def _found(told: Summary) -> set[tuple[tuple[str, str], int]]:
    return {(one.identity, one.severity) for one in told.findings}


def _present(view: View) -> set[tuple[tuple[str, str], int]]:
    return {(case.identity, int(case.finding.severity)) for case in view.cases.present}


def _point(told: Summary) -> Point:
    return Point(told.time, told.time - told.age, np.array(told.states), told.time_wait, None)


def _looks(recording: Moments, index: int) -> set[int]:
    """Return the moments that are looked at for one, itself among them.

    Trends reach back from its table, which may be older than itself, and from the table before.
    """
    then = recording.timeline[index].time
    read = recording.index_at(then - recording.timeline[index].age + CLOCK_SECONDS)
    ends = then, recording.timeline[read].time
    begins = {recording.index_at(end - seconds) for end in ends for seconds in SPANS}
    first = min(recording.index_at(then - MARKED_SECONDS) + 1, index)
    marked = range(first, index) if index - first < MARKED else (first,)
    return begins | {*marked, max(read - 1, 0), read, index}


def _endings(recording: Moments, index: int) -> set[int]:
    """Return the moments that tell what findings were that ended lately."""
    timeline = recording.timeline
    last_there = sorted(set(ended(timeline, index).values()))[-ENDINGS:]
    before = {recording.index_at(timeline[at].time - RATE_SECONDS) for at in last_there}
    before |= {max(at - 1, 0) for at in last_there}
    return before.union(last_there)
