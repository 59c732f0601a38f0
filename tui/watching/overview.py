"""Overview: every place of a machine, each poll, at the cost of one.

All are looked at by their sockstat; a place is dumped where that could reach the threshold, where
it is being looked at, and else in turn. What was not dumped is told by its upper bound.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tui.analysis.bounds import could_reach, utilization_at_most
from tui.analysis.judgement import pattern_levels
from tui.analysis.owners import holders
from tui.analysis.patterns import Direction
from tui.findings.config import Config
from tui.kernel.glance import Glance, glance
from tui.kernel.places import LIVE, Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import TableError
from tui.kernel.source import Source, SourceChoice
from tui.kernel.survey import Survey, survey
from tui.kernel.sysctls import PortRules
from tui.report.places import Seen
from tui.watching.sampler import CPU_SHARE
from tui.watching.view import View
from tui.watching.watch import Watch

NAMES_SECONDS = 60.0
"""After so long a place is named anew: containers come to a pod, and files come late."""
RULES_SECONDS = 10.0
"""For so long the sysctls of a place that is not dumped are taken as they were."""
TURN_SECONDS = 60.0
"""Between two dumps of a place that its sockstat proves fine."""
FIRST_SECONDS = 10.0
"""So often one of these comes before those that may be full, who else could take all the time."""

Identity = tuple[int | None, int | None, str]


@dataclass(frozen=True, slots=True)
class Outlook:
    """One place at one poll."""

    glance: Glance
    view: View | None = None
    """What its last dump showed; None if there was none."""
    fresh: bool = False
    """Was it dumped at this very poll?"""
    failure: str | None = None
    """Why its last dump failed; None if it did not."""

    @property
    def place(self) -> Place:
        """Which place it is."""
        return self.glance.place

    @property
    def worst(self) -> int | None:
        """The index of the pattern of the view that is nearest to its end; None without one."""
        if self.view is None:
            return None
        patterns = self.view.frame.patterns
        outgoing = (patterns.direction == Direction.OUTGOING).nonzero()[0]
        if not len(outgoing):
            return None
        full = patterns.locked[outgoing] / patterns.capacity[outgoing].clip(1)
        return int(outgoing[full.argmax()])

    @property
    def gravity(self) -> tuple[int, float]:
        """What places are sorted by: the Level of the worst, and how full it is, or may be."""
        worst = self.worst
        if self.view is None:
            bound = utilization_at_most(self.glance)
            return 0, 2.0 if bound is None else bound  # what is not known at all comes first
        if worst is None:
            return 0, 0.0
        patterns = self.view.frame.patterns
        level = int(pattern_levels(patterns, self.view.threshold)[worst])
        return level, float(patterns.locked[worst] / max(int(patterns.capacity[worst]), 1))


@dataclass(slots=True)
class _Followed:
    """What is kept of a place from poll to poll; nothing of it is open between two."""

    source: Source
    watch: Watch
    view: View | None = None
    failure: str | None = None
    dumped: float = -float("inf")
    """When it was dumped last, time.monotonic()."""


class Overview:
    """Looks at all places at each poll. One thread at a time may call it."""

    def __init__(
        self,
        procfs: Path = LIVE,
        config: Config | None = None,
        *,
        source: SourceChoice = "auto",
        interval: float = 1.0,
        one_shot: bool = False,
        exact_timers: bool = False,
        cpu_share: float = CPU_SHARE,
        of: Callable[[Survey], Sequence[Place]] = lambda found: found.places,
    ) -> None:
        """Judge by ``config``; ``of`` chooses from the places that were found.

        ``one_shot`` dumps at once all that could reach the threshold, whatever it costs.
        """
        self.procfs = procfs
        self.config = config or Config()
        self.choice = source
        self.interval = interval
        self.one_shot = one_shot
        self.exact_timers = exact_timers
        self.cpu_share = cpu_share
        self.looked_at: Callable[[Place], bool] = lambda place: False
        """Which places are dumped whenever there is time, however idle."""
        self.found = Survey(())
        """What the last survey found."""
        self._of = of
        self._followed: dict[Identity, _Followed] = {}
        self._named = -float("inf")
        self._rules: dict[Place, PortRules] = {}
        self._rules_read = -float("inf")
        self._dump_due = 0.0
        self._first_due = 0.0

    def poll(self) -> tuple[Outlook, ...]:
        """Look at every place, and return them, the worst first.

        Raises TableError where the procfs cannot be listed, or a copy not be read.
        """
        began = time.monotonic()
        glances = self._look(began)
        there = {_identity(one.place) for one in glances}
        for gone in self._followed.keys() - there:
            del self._followed[gone]
        fresh = self._dump(glances, began)
        outlooks = [self._outlook(one, fresh) for one in glances]
        return tuple(sorted(outlooks, key=lambda one: one.gravity, reverse=True))

    def note_owners(self, find: Callable[[], Owners]) -> None:
        """Have ``find`` walk the processes where it is time to: one walk is for all places."""
        owners: list[Owners] = []

        def once() -> Owners:
            owners[:] = owners or [find()]
            return owners[0]

        for one in self._followed.values():
            one.watch.look_for_owners(once)

    def _look(self, now: float) -> list[Glance]:
        renamed = now - self._named > NAMES_SECONDS
        known = {} if renamed else {one.key: one for one in self.found.places if one.key}
        try:
            self.found = survey(self.procfs, known)
        except OSError as error:
            raise TableError(f"{self.procfs}: {error.strerror or error}") from error
        if renamed:
            self._named = now
        places = self._of(self.found)
        if now - self._rules_read > RULES_SECONDS:
            self._rules, self._rules_read = {}, now
        glances = glance(places, {one: self._rules[one] for one in places if one in self._rules})
        self._rules = {one.place: one.rules for one in glances}
        return glances

    def _dump(self, glances: Iterable[Glance], now: float) -> set[Identity]:
        """Dump those whose turn it is, for as long as they may take of the processor."""
        fresh: set[Identity] = set()
        for one in self._in_turn(glances, now):
            if not self.one_shot and time.monotonic() < self._dump_due:
                break
            cpu = time.thread_time()
            self._dump_one(one.place)
            if not could_reach(one, self.config.ports.threshold):
                self._first_due = now + FIRST_SECONDS
            fresh.add(_identity(one.place))
            # Entered by a thread of its own: what that takes is seen by the clock alone.
            cost = max(time.thread_time() - cpu, self._spent(one.place))
            # Half an interval of grace: a dump due just after a tick belongs to that tick.
            base = max(self._dump_due, now - self.interval / 2)
            self._dump_due = base + cost / self.cpu_share
        return fresh

    def _in_turn(self, glances: Iterable[Glance], now: float) -> list[Glance]:
        """Return the places to dump: those looked at, those that may be full, those that wait."""

        def age(one: Glance) -> float:
            followed = self._followed.get(_identity(one.place))
            return float("inf") if followed is None else now - followed.dumped

        threshold = self.config.ports.threshold
        watched, full, late = [], [], []
        for one in glances:
            if self.looked_at(one.place) or one.place.kind == "copy":
                watched.append(one)
            elif one.sockets and could_reach(one, threshold):
                full.append(one)
            elif one.sockets and not self.one_shot and age(one) > TURN_SECONDS:
                late.append(one)
        watched.sort(key=age, reverse=True)
        full.sort(key=age, reverse=True)
        late = sorted(late, key=age, reverse=True)[:1]
        if late and now >= self._first_due:
            return [*watched, *late, *full]
        return [*watched, *full, *late]

    def _dump_one(self, place: Place) -> None:
        followed = self._followed.get(_identity(place))
        if followed is None:
            source = Source(
                place,
                self.choice,
                self.interval,
                one_shot=self.one_shot,
                exact_timers=self.exact_timers,
            )
            followed = self._followed[_identity(place)] = _Followed(source, Watch(self.config))
        followed.dumped = time.monotonic()
        followed.source.place = place  # by another process of it, or another name
        try:
            followed.view = followed.watch.take(followed.source.read())
            followed.failure = None
            self._rules[place] = followed.view.frame.rules
        except TableError as error:
            if place.kind == "copy":  # there is no other to tell of
                raise
            followed.failure = str(error)

    def _spent(self, place: Place) -> float:
        view = self._followed[_identity(place)].view
        return 0.0 if view is None else view.frame.reading.read_seconds

    def _outlook(self, seen: Glance, fresh: set[Identity]) -> Outlook:
        identity = _identity(seen.place)
        followed = self._followed.get(identity)
        if followed is None:
            return Outlook(seen)
        new = identity in fresh and followed.failure is None
        newest = replace(seen, rules=self._rules.get(seen.place, seen.rules))
        return Outlook(newest, followed.view, new, followed.failure)


def seen(outlook: Outlook, owners: Owners | None = None) -> Seen:
    """Return a place as records and text have it; owners are those that its watch remembers."""
    view, worst = outlook.view, outlook.worst
    if view is None or worst is None:
        return Seen(outlook.glance, None if view is None else view.frame, failure=outlook.failure)
    holder: object | None = view.trends.holders.get(worst)
    if holder is None and owners is not None:
        frame = view.frame
        held = holders(frame.table, frame.patterns, owners.by_inode, len(frame.patterns))
        holder = held.get(worst)
    return Seen(outlook.glance, view.frame, worst, holder, outlook.failure)


def _identity(place: Place) -> Identity:
    """Return what makes it the same place at the next poll, whatever it is called then."""
    return place.key, place.id, "" if place.key or place.id else place.name
