"""Rounds: all places of a machine, looked at whenever somebody asks for their metrics."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tui.analysis.bounds import could_reach
from tui.findings.config import Config
from tui.kernel.places import HERE, Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import TableError
from tui.kernel.source import SourceChoice
from tui.metrics.post import Benches, Sight
from tui.watching.outlook import Outlook
from tui.watching.overview import Overview

WITH_PID = re.compile(r"\[[0-9]+\]$")


class Rounds:
    """Looks at every place, and remembers what the next look needs. One thread at a time.

    twtop's own place is read each time. Of the others only those are whose sockstat does not rule
    out a pattern that is full enough for a seat: a dump of an idle one costs as much as one of all.
    """

    def __init__(
        self,
        procfs: Path,
        find_owners: Callable[[], Owners],
        config: Config | None = None,
        *,
        source: SourceChoice = "auto",
        interval: float = 1.0,
        one_shot: bool = False,
    ) -> None:
        """Judge by ``config``; ``one_shot`` reads at once all that it must, whatever it costs."""
        config = config or Config()
        self._find_owners = find_owners
        self._level = min(config.series.leave, config.series.enter)
        self._overview = Overview(
            procfs,
            config,
            source=source,
            interval=interval,
            one_shot=one_shot,
            reach=self._level,
        )
        self._overview.looked_at = _is_own
        self._benches = Benches(config)
        self._incomplete: Counter[str] = Counter()
        self.complete = False
        """Could every place be found?"""

    def look(self) -> tuple[Sight, ...]:
        """Look at all places, and return what is to be told of them. Never raises."""
        try:
            outlooks = sorted(self._overview.poll(), key=lambda one: one.place.name)
        except TableError:
            self.complete = False
            return ()
        self.complete = not self._overview.found.missing
        named = dict(zip(names([one.place for one in outlooks]), outlooks, strict=True))
        views = {name: one.view for name, one in named.items() if one.view and self._is_judged(one)}
        seated = self._benches.rows(views)
        sights = []
        for name, one in named.items():
            self._incomplete[name] += one.failure is not None or (one.fresh and not one.complete)
            rows, left_out = seated.get(name, ((), 0))
            view, count = views.get(name), self._incomplete[name]
            complete = one.complete and (view is not None or not self._is_judged(one))
            sights.append(
                Sight(
                    *(one.place, name, count, complete, view, rows, left_out, one.failure),
                    one.glance,
                )
            )
        self._incomplete = Counter({name: self._incomplete[name] for name in named})
        return tuple(sights)

    def look_for_owners(self) -> None:
        """Walk over the processes if it is time to: the next look tells who was found."""
        self._overview.note_owners(self._find_owners)

    def _is_judged(self, one: Outlook) -> bool:
        """Say whether the view still holds: that of a place gone idle is not made anew."""
        return one.failure is None and (
            _is_own(one.place) or one.place.kind == "copy" or could_reach(one.glance, self._level)
        )


def _is_own(place: Place) -> bool:
    return place.network == HERE


def names(places: Sequence[Place]) -> list[str]:
    """Return what each place is called in its series, by a name that no other has.

    A process's name is nobody's own, and two such places are told apart by the namespace's number
    even before there is a second one, or the series of the first would end with it.
    """
    found = [
        f"{WITH_PID.sub('', one.name)}:{one.id or one.key}" if one.kind == "process" else one.name
        for one in places
    ]
    several = {name for name, count in Counter(found).items() if count > 1}
    return [
        f"{name}:{one.id or one.key or number}" if name in several else name
        for number, (name, one) in enumerate(zip(found, places, strict=True))
    ]
