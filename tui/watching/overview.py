"""Overview: every place of a machine, each poll, at the cost of one.

All are looked at by their sockstat; a place is dumped where that could reach the threshold, where
it is being looked at, and else in turn. What was not dumped is told by its upper bound. One that
has a sampler of its own, as the one on a screen, is not dumped here: its watch is shared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tui.analysis.bounds import could_reach
from tui.findings.config import Config
from tui.kernel.glance import Glance, glance
from tui.kernel.places import HERE, LIVE, Place, tables_number
from tui.kernel.port_rules import PortRules
from tui.kernel.processes import Owners
from tui.kernel.sockets import TableError
from tui.kernel.source import Source, SourceChoice
from tui.kernel.survey import Survey, survey
from tui.watching.outlook import Outlook, Verdict, verdict_of
from tui.watching.sampler import CPU_SHARE
from tui.watching.view import View
from tui.watching.watch import OWNER_SHARE, Watch

NAMES_SECONDS = 60.0
"""After so long a place is named anew: containers come to a pod, and files come late."""
RULES_SECONDS = 10.0
"""For so long the sysctls of a place that is not dumped are taken as they were."""
TURN_SECONDS = 60.0
"""Between two dumps of a place that its sockstat proves fine."""
FIRST_SECONDS = 10.0
"""So often one of these comes before those that may be full, who else could take all the time."""

Identity = tuple[int | None, int | None, str]
_NOBODY: Identity = None, None, ""


@dataclass(slots=True)
class _Followed:
    """What is kept of a place from poll to poll; nothing of it is open between two."""

    watch: Watch
    source: Source | None = None
    """What it is dumped by; None as long as it was not dumped here."""
    failure: str | None = None
    judged: tuple[View | None, Verdict | None] = (None, None)
    """A view, and what was made of it: it costs more than a look, and few are new."""
    complete: bool = True
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
        reach: float | None = None,
        of: Callable[[Survey], Sequence[Place]] = lambda found: found.places,
    ) -> None:
        """Judge by ``config``; ``of`` chooses from the places that were found.

        ``reach`` is a percentage: places whose tuples cannot reach it are not dumped, even in turn.
        ``one_shot`` dumps at once all that could reach the threshold, whatever it costs.
        """
        self.procfs = procfs
        self.config = config or Config()
        self.choice = source
        self.interval = interval
        self.one_shot = one_shot
        self.exact_timers = exact_timers
        self.cpu_share = cpu_share
        self.reach = reach
        self.looked_at: Callable[[Place], bool] = lambda place: False
        """Which places are dumped whenever there is time, however idle."""
        self.turn_seconds = TURN_SECONDS
        """Between two dumps of a place that its sockstat proves fine."""
        self._sampled: Identity | None = None
        self.found = Survey(())
        """What the last survey found."""
        self._of = of
        self._followed: dict[Identity, _Followed] = {}
        self._named = -float("inf")
        self._rules: dict[Place, PortRules] = {}
        self._rules_read = -float("inf")
        self._dump_due = 0.0
        self._first_due = 0.0
        self._was_late = False
        """Was the last that was dumped one that had only its turn?"""
        self._walk_due = 0.0

    def poll(self) -> tuple[Outlook, ...]:
        """Look at every place, and return them, the worst first.

        Raises TableError where the procfs cannot be listed, or a copy not be read.
        """
        began = time.monotonic()
        glances = self._look(began)
        # To look at hundreds is not for nothing either.
        self._dump_due += (time.monotonic() - began) / self.cpu_share
        there = {identity_of(one.place) for one in glances} | {self._sampled}
        for gone in self._followed.keys() - there:
            del self._followed[gone]
        fresh, now = self._dump(glances, began), time.time()
        outlooks = [self._outlook(one, fresh, now) for one in glances]
        return tuple(sorted(outlooks, key=lambda one: one.gravity, reverse=True))

    def sample(self, place: Place, watch: Watch | None = None) -> Watch:
        """Leave a place to a sampler, which feeds the watch returned, and take back the one before.

        ``watch`` is what follows the place already; without it the watch goes on that has
        followed it here. Any thread may call this.
        """
        place = keyed(place)
        if (before := self._followed.get(self._sampled or _NOBODY)) is not None:
            before.dumped = time.monotonic()  # its sampler may still be at its last reading
        if watch is not None:
            self._followed[identity_of(place)] = _Followed(watch)
        watch = self._follow(place).watch
        self._sampled = identity_of(place)
        return watch

    def is_sampled(self, place: Place) -> bool:
        """Say whether it is the place that was left to a sampler."""
        return identity_of(place) == self._sampled

    def judge_by(self, config: Config) -> None:
        """Judge all places by other settings from now on."""
        self.config = config
        for one in list(self._followed.values()):
            one.watch.judge_by(config)

    def note_owners(self, find: Callable[[], Owners]) -> None:
        """Have ``find`` walk the processes where it is time to: one walk is for all places."""
        owners: list[Owners] = []
        if (began := time.monotonic()) < self._walk_due:
            return

        def once() -> Owners:
            owners[:] = owners or [find()]
            return owners[0]

        for one in list(self._followed.values()):
            one.watch.look_for_owners(once)
        if owners:  # each watch keeps to its share, and all of them together to one
            self._walk_due = began + (time.monotonic() - began) / OWNER_SHARE

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
            self._was_late = not could_reach(one, self.config.ports.threshold)
            if self._was_late:
                self._first_due = now + FIRST_SECONDS
            fresh.add(identity_of(one.place))
            source = self._follow(one.place).source
            cost = time.thread_time() - cpu + (0.0 if source is None else source.cpu_apart)
            # Half an interval of grace: a dump due just after a tick belongs to that tick.
            base = max(self._dump_due, now - self.interval / 2)
            self._dump_due = base + cost / self.cpu_share
        return fresh

    def _in_turn(self, glances: Iterable[Glance], now: float) -> list[Glance]:
        """Return the places to dump: those looked at, those that may be full, those that wait."""

        def age(one: Glance) -> float:
            followed = self._followed.get(identity_of(one.place))
            return float("inf") if followed is None else now - followed.dumped

        threshold = self.config.ports.threshold if self.reach is None else self.reach
        in_turn = not self.one_shot and self.reach is None
        watched, full, late = [], [], []
        for one in glances:
            if self.is_sampled(one.place):
                continue
            if self.looked_at(one.place) or one.place.kind == "copy":
                watched.append(one)
            elif one.sockets and could_reach(one, threshold):
                full.append(one)
            elif one.sockets and in_turn and age(one) > self.turn_seconds:
                late.append(one)
        if self.reach is not None:  # none may starve the others
            return sorted([*watched, *full], key=age, reverse=True)
        watched.sort(key=age, reverse=True)
        full.sort(key=age, reverse=True)
        late = sorted(late, key=age, reverse=True)[:1]
        # Where one dump has to last for longer than that, they take turns.
        if late and now >= self._first_due and not (full and self._was_late):
            return [*watched, *late, *full]
        return [*watched, *full, *late]

    def _follow(self, place: Place) -> _Followed:
        return self._followed.setdefault(identity_of(place), _Followed(Watch(self.config)))

    def _dump_one(self, place: Place) -> None:
        followed = self._follow(place)
        if followed.source is None:
            followed.source = Source(
                place,
                self.choice,
                self.interval,
                one_shot=self.one_shot,
                exact_timers=self.exact_timers,
            )
        followed.dumped = time.monotonic()
        followed.source.place = place  # by another process of it, or another name
        try:
            reading = followed.source.read()
            view = followed.watch.take(reading)
            followed.failure = None
            followed.complete = reading.table.whole
            self._rules[place] = view.frame.rules
        except TableError as error:
            if place.kind == "copy":  # there is no other to tell of
                raise
            followed.failure = str(error)

    def _outlook(self, seen: Glance, fresh: set[Identity], now: float) -> Outlook:
        identity = identity_of(seen.place)
        followed = self._followed.get(identity)
        if followed is None:
            return Outlook(seen, time=now)
        new = identity in fresh and followed.failure is None
        newest = replace(seen, rules=self._rules.get(seen.place, seen.rules))
        if (view := followed.watch.newest) is not followed.judged[0]:
            followed.judged = view, None if view is None else verdict_of(view)
        return Outlook(
            newest,
            *followed.judged,
            new,
            followed.failure,
            followed.complete,
            now,
            self.interval,
        )


def keyed(place: Place) -> Place:
    """Return a place as a survey has it: place_at leaves out what only this tells apart."""
    if place.key is not None or place.network not in (None, HERE):
        return place
    return replace(place, key=tables_number(place.tables))


def identity_of(place: Place) -> Identity:
    """Return what makes it the same place at the next poll, whatever it is called then."""
    return place.key, place.id, "" if place.key or place.id else place.name
