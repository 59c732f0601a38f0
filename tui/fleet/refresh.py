"""A fleet again and again, with the last hour of what is looked at."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tui.fleet.answers import Line, Sample
from tui.fleet.client import FleetError
from tui.fleet.fleet import Fleet, FleetPlace, Key, key_of
from tui.fleet.queries import MOST_ASKED
from tui.fleet.reader import STEP_SECONDS, Reader

Points = tuple[tuple[float, float], ...]
"""Unix time and value, the oldest first."""
MOST_KEPT = 10 * MOST_ASKED
"""Places whose history is kept while it is fresh: what the user has scrolled over."""


@dataclass(frozen=True, slots=True)
class Detail:
    """The last hour of one place."""

    key: Key
    locked: Points
    patterns: tuple[Line, ...]
    """The locked part of each of its patterns."""
    now: tuple[Sample, ...] = ()
    """The same at the time of the fleet; NaN for one that can have no port at all."""


@dataclass(frozen=True, slots=True)
class Moment:
    """All that is known at one time."""

    fleet: Fleet
    lines: Mapping[Key, Points]
    """The locked part of places in the last hour, of those looked at."""
    groups: Mapping[str, Points]
    """The same of each group."""
    detail: Detail | None = None


class Refresher:
    """Reads the fleet once an interval, and the history of what is looked at once a minute.

    One thread polls; ``look_at`` and ``study`` may be called in another.
    """

    def __init__(self, reader: Reader, interval: float) -> None:
        self.reader = reader
        self.interval = interval
        self._wanted: Sequence[FleetPlace] = ()
        self._studied: FleetPlace | None = None
        self._fleet: Fleet | None = None
        self._due = 0.0
        self._minute = -1.0
        self._lines: dict[Key, Points] = {}
        self._groups: dict[str, Points] = {}

    def look_at(self, places: Sequence[FleetPlace]) -> bool:
        """Have the history of these with the next poll; return whether one is new."""
        self._wanted = places[:MOST_ASKED]
        return any(place.key not in self._lines for place in self._wanted)

    def study(self, place: FleetPlace | None) -> None:
        """Have all about this place's last hour with each poll."""
        self._studied = place

    def poll(self) -> Moment:
        """Return what is known: asked anew once an interval, else with more history.

        Raises FleetError where the fleet could not be had.
        """
        now = time.monotonic()
        if self._fleet is None or now >= self._due:
            self._fleet = self.reader.read()
            self._due = now + 0.9 * self.interval  # a tick that comes a little early is one
        fleet, detail = self._fleet, None
        try:
            self._remember(fleet)
            if self._studied is not None:
                whole, patterns, now_used = self.reader.history_of(self._studied, fleet.time)
                points = whole[0].points if whole else ()
                detail = Detail(self._studied.key, points, patterns, now_used)
        except FleetError as error:  # the present is there all the same
            fleet = replace(fleet, partial=(*fleet.partial, f"no history: {error}"))
        return Moment(fleet, dict(self._lines), dict(self._groups), detail)

    def _remember(self, fleet: Fleet) -> None:
        """Ask for what is wanted and not known for this minute."""
        minute = fleet.time // STEP_SECONDS
        if minute != self._minute:
            groups = self.reader.history_of_groups(fleet.time, is_recorded=fleet.is_recorded)
            by = self.reader.by
            self._groups = {one.labels.get(by, ""): one.points for one in groups}
            self._lines, self._minute = {}, minute
        wanted = self._wanted or fleet.places[:MOST_ASKED]
        unknown = [place for place in wanted if place.key not in self._lines]
        if not unknown:
            return
        found = self.reader.history([place.labels for place in unknown], fleet.time)
        if len(self._lines) > MOST_KEPT:
            self._lines = {}
        self._lines |= {place.key: () for place in unknown}
        self._lines |= {key_of(one.labels): one.points for one in found}
