"""Watch: readings of one place in, views out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from tui.analysis.course import Point
from tui.analysis.frame import Frame, judge
from tui.analysis.refused import Tallies
from tui.analysis.trends import Trends
from tui.findings.baseline import Baseline
from tui.findings.cases import Begun, Cases
from tui.findings.config import Config
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.processes import Owners, Process
from tui.kernel.refusals import CountingError
from tui.kernel.source import Reading
from tui.watching.history import History
from tui.watching.refused import Counting, RefusalSeries
from tui.watching.sampler import Sampler
from tui.watching.view import View

OWNER_SECONDS = 10.0
"""Between two walks over the processes: they are dear, and owners change slowly."""
OWNER_RETRY_SECONDS = 2.0
"""Between two walks as long as one of the fullest patterns has no known owner: short connections
are seen by a walk only when it comes close behind a poll."""
OWNERS_WANTED = 20
"""How many of the fullest patterns are worth a walk of their own."""
OWNER_SHARE = 0.05
"""The part of the time that the walks may take."""


class Watch:
    """What the readings of one place amount to over time. Any thread may call it."""

    def __init__(self, config: Config | None = None, baseline: Baseline | None = None) -> None:
        """Judge by these settings; ``baseline`` are the listeners that the user has saved."""
        self._config = config or Config()
        self._baseline = baseline
        self._history = History()
        self._cases = Cases()
        self._whole: Frame | None = None
        """The last frame whose table is complete."""
        self._cut_since: float | None = None
        """Since when no table was complete."""
        self._newest: View | None = None
        self._counting: Counting | None = None
        self._refusals = RefusalSeries()
        self._tallies: Tallies | None = None
        self._walk_due = 0.0
        self._walk_retry = 0.0
        self._lock = threading.Lock()

    @property
    def config(self) -> Config:
        """The settings it judges by."""
        return self._config

    def anew(self) -> Watch:
        """Return one that judges by the same, and has seen nothing yet."""
        return Watch(self._config, self._baseline)

    @property
    def newest(self) -> View | None:
        """The newest view, None before the first."""
        return self._newest

    def take(self, reading: Reading) -> View:
        """Return what to show now that this was read.

        A table that was cut short does not take the place of a whole one: the last whole one
        stays, with its age, and only the counters are new.
        """
        frame = self._frame(reading)
        with self._lock:
            trends = self._history.add(frame)
            if self._cut_since is not None:
                trends = replace(trends, cut_short_seconds=reading.time - self._cut_since)
            if (tallies := self._tally(frame)) is not None:
                trends = replace(trends, refused=tallies)
            situation = self._situation(frame, trends)
            cases = self._cases.then(diagnose(situation), frame.time)
            if frame.table.complete:  # what the first part of a table shows makes no story
                self._cases = cases
            bound = self._history.foretell(situation.bound_first)
            self._newest = View(frame, trends, self._history.owners, self._config, cases, bound)
            return self._newest

    def pass_by(self, reading: Reading) -> None:
        """Take in a reading on the way to a later one, where nothing is to be shown of it."""
        frame = self._frame(reading)
        with self._lock:
            self._history.pass_by(frame)

    def count(self, counting: Counting | None) -> Counting | None:
        """Tell in the next views what this counts, from now on, or nothing any more.

        Returns what counted before, for the caller to close.
        """
        with self._lock:
            before, self._counting = self._counting, counting
            self._refusals, self._tallies = RefusalSeries(), None
            return before

    def _tally(self, frame: Frame) -> Tallies | None:
        if self._counting is not None and (self._tallies is None or not self._tallies.broken):
            try:
                counted = self._counting.take()
                self._tallies = self._refusals.add(frame, self._history.keys, counted)
            except CountingError as error:  # what was counted so far is no lie, but old
                tallies = self._tallies or Tallies(frame.time, frame.time)
                self._tallies = replace(tallies, broken=str(error))
        return self._tallies

    def _frame(self, reading: Reading) -> Frame:
        if reading.table_time > reading.time:  # the clock was set back since
            reading = replace(reading, table_time=reading.time)
        if reading.table.complete:
            self._whole, self._cut_since = judge(reading, self._whole), None
            return self._whole
        if self._cut_since is None:
            self._cut_since = reading.time
        if self._whole is None:  # a floor is better than nothing, and says that it is one
            return judge(reading)
        if self._newest is not None and reading.time < self._newest.frame.time:
            self._set_back(reading.time, self._newest)
        kept = self._whole.reading
        return judge(
            replace(
                reading,
                table=kept.table,
                table_time=kept.table_time,
                kind=kept.kind,
                read_seconds=kept.read_seconds,
            ),
            self._whole,
        )

    def _set_back(self, now: float, before: View) -> None:
        """Keep the ages of what is shown where the clock was set back."""
        assert self._whole is not None
        read = replace(self._whole.reading, table_time=now - before.frame.age, time=now)
        self._whole = replace(self._whole, reading=read)
        self._cut_since = now - before.trends.cut_short_seconds

    def _situation(self, frame: Frame, trends: Trends) -> Situation:
        return Situation(frame, self._history.owners, trends, self._config, self._baseline)

    def judge_by(self, config: Config, shown: View | None = None) -> View | None:
        """Judge by other settings from now on, and return a view as it is under these.

        That is the newest one, or the one ``shown``, which may be older.
        """
        with self._lock:
            self._config = config
            if self._newest is not None:
                self._newest = self._judged_anew(self._newest)
                self._cases = self._newest.cases
            if shown is None or self._newest is None:
                return self._newest
            if shown.frame is self._newest.frame:
                bound = self._newest.bound_first
                return replace(shown, config=config, cases=self._cases, bound_first=bound)
            return self._judged_anew(shown)

    def _judged_anew(self, view: View) -> View:
        situation = self._situation(view.frame, view.trends)
        cases = view.cases.then(diagnose(situation), view.frame.time, quietly=True)
        if self._newest is not None and view.frame is self._newest.frame:
            bound = self._history.foretell(situation.bound_first)
        else:  # what was foretold then holds by any settings
            told = {one.address: one for one in view.bound_first}
            bound = tuple(
                replace(one, seconds_left=was.seconds_left, was_full=was.was_full)
                if (was := told.get(one.address)) is not None
                else one
                for one in situation.bound_first
            )
        return replace(view, config=self._config, cases=cases, bound_first=bound)

    def look_for_owners(self, find: Callable[[], Owners]) -> bool:
        """Have ``find`` walk the processes if it is time to, and say whether it was.

        It is called outside of the lock: a walk can take half a second. What it raises is raised.
        """
        now = time.monotonic()
        if now < (self._walk_retry if self._owner_is_wanted() else self._walk_due):
            return False
        # Set first: a walk that fails is not tried again at once.
        self._walk_retry, self._walk_due = now + OWNER_RETRY_SECONDS, now + OWNER_SECONDS
        owners = find()
        rest = (time.monotonic() - now) / OWNER_SHARE
        self._walk_retry = max(self._walk_retry, now + rest)
        self._walk_due = max(self._walk_due, now + rest)
        self.note_owners(owners)
        return True

    def recall(self, points: Iterable[Point], full: Mapping[str, float]) -> None:
        """Take in the sums of moments that were seen, and whose tables are not looked at again.

        ``full`` says when patterns had no port left, as History.recall has it.
        """
        with self._lock:
            self._history.recall(points, full)

    def recall_cases(self, begun: Mapping[tuple[str, str], Begun]) -> None:
        """Take in when findings began that are yet to be found, and ended, by their identities."""
        with self._lock:
            self._cases = replace(self._cases, begun=begun)

    def note_held(self, held: Mapping[tuple[int, ...], Process]) -> None:
        """Take in who holds which pattern, by its key, where no walk has seen anybody."""
        with self._lock:
            self._history.note_held(held)

    def note_owners(self, owners: Owners) -> None:
        """Take in what a walk over the processes found."""
        with self._lock:
            self._history.note_owners(owners)

    def _owner_is_wanted(self) -> bool:
        """Say whether nobody is known for one of the fullest patterns that has open sockets."""
        view = self._newest
        if view is None:
            return False
        live = view.frame.patterns.live[:OWNERS_WANTED]
        return any(index not in view.trends.holders for index in np.flatnonzero(live).tolist())


def views(
    sampler: Sampler[View], watch: Watch, find_owners: Callable[[], Owners] | None = None
) -> Iterator[View]:
    """Yield a view for each poll, as often as one is asked for.

    Raises TableError when the kernel's tables could not be read.
    """
    while True:
        if find_owners is not None:
            watch.look_for_owners(find_owners)
        yield sampler.poll()
