"""Post: a place that is looked at whenever somebody asks for its metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tui.analysis.forecast import NEVER
from tui.analysis.patterns import PatternKey
from tui.analysis.timewait import TRACKED
from tui.findings.baseline import Baseline
from tui.findings.config import Config
from tui.kernel.glance import Glance
from tui.kernel.places import Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import SocketTable, TableError
from tui.kernel.source import Reading, Source
from tui.metrics.seats import NOTHING, Seats, Share
from tui.watching.sampler import Sampler
from tui.watching.view import View
from tui.watching.watch import Watch


@dataclass(frozen=True, slots=True)
class Row:
    """A pattern with series of its own; one that has gone is told with 0 ports in use."""

    key: PatternKey
    in_use: int
    capacity: int
    locked: int
    seconds_left: float
    process: str | None


@dataclass(frozen=True, slots=True)
class Sight:
    """All that is told of a place at one time."""

    place: Place
    name: str
    """What it is called in its series: another one for each that is told together."""
    incomplete: int
    """Readings so far that were cut short, or failed."""
    complete: bool = False
    """Did the newest reading see the whole table?"""
    view: View | None = None
    """None where the newest reading failed, or none was made."""
    rows: tuple[Row, ...] = ()
    left_out: int = 0
    """Patterns that are full enough for a row and have none."""
    failure: str | None = None
    """Why it failed, in a line with the cure."""
    glance: Glance | None = None
    """What sockstat says, of a place told among others."""


class Post:
    """Looks at one place, and remembers what the next look needs. One thread at a time."""

    def __init__(
        self,
        source: Source,
        find_owners: Callable[[], Owners],
        config: Config | None = None,
        baseline: Baseline | None = None,
    ) -> None:
        """Read from ``source``; by ``config`` a place is judged, and patterns get their rows."""
        config = config or Config()
        self._place = source.place
        self._find_owners = find_owners
        self._watch = Watch(config, baseline)
        self._sampler = Sampler(source, self._take)
        self._benches = Benches(config)
        self._table: SocketTable | None = None
        self._complete = False
        self._incomplete = 0

    complete = True
    """Is the one place all that was asked for?"""

    def look(self) -> tuple[Sight, ...]:
        """Read the place, and return what is to be told of it. Never raises."""
        name = self._place.name
        try:
            view = self._sampler.poll()
        except (TableError, OSError) as error:  # OSError: the place has gone since its last dump
            self._incomplete += 1
            return (Sight(self._place, name, self._incomplete, failure=str(error)),)
        rows, left_out = self._benches.rows({name: view})[name]
        return (Sight(self._place, name, self._incomplete, self._complete, view, rows, left_out),)

    def look_for_owners(self) -> None:
        """Walk over the processes if it is time to: the next look tells who was found."""
        self._watch.look_for_owners(self._find_owners)

    def _take(self, reading: Reading) -> View:
        table = reading.table
        if table is not self._table:  # else only the counters are new
            self._table, self._complete = table, table.whole
            self._incomplete += not self._complete
        return self._watch.take(reading)


class Benches:
    """The seats of all places that are told together: SEATS in all, for the fullest."""

    def __init__(self, config: Config) -> None:
        """Patterns get their seats by ``config``."""
        series = config.series
        self._seats = Seats[tuple[str, PatternKey]](series.enter / 100, series.leave / 100)

    def rows(self, views: Mapping[str, View]) -> dict[str, tuple[tuple[Row, ...], int]]:
        """Return of each place its patterns with a seat, and how many others are full enough."""
        shares: dict[tuple[str, PatternKey], Share] = {}
        indices: dict[tuple[str, PatternKey], int] = {}
        left_out: dict[str, int] = {}
        for name, view in views.items():
            patterns = view.frame.patterns
            outgoing = np.flatnonzero(patterns.outgoing)
            in_use, locked = patterns.utilization[outgoing], patterns.locked_share[outgoing]
            # The fullest stand first, so whoever is near a seat is among the TRACKED.
            near = np.flatnonzero(in_use >= self._seats.leave)[:TRACKED]
            keys = [(name, key) for key in patterns.keys_of(outgoing[near])]
            indices.update(zip(keys, outgoing[near].tolist(), strict=True))
            pairs = zip(locked[near].tolist(), in_use[near].tolist(), strict=True)
            shares.update(zip(keys, map(Share._make, pairs), strict=True))
            left_out[name] = int(np.count_nonzero(in_use >= self._seats.enter))
        rows: dict[str, list[Row]] = {name: [] for name in views}
        for key in self._seats.seat(shares, time.monotonic()):
            name, pattern = key
            if name in views:
                rows[name].append(_row(views[name], pattern, indices.get(key)))
                left_out[name] -= shares.get(key, NOTHING).in_use >= self._seats.enter
        return {name: (tuple(rows[name]), left_out[name]) for name in views}


def _row(view: View, key: PatternKey, index: int | None) -> Row:
    patterns, trends = view.frame.patterns, view.trends
    if index is None:  # it is not near a seat any more
        index = patterns.find(key)
    if index is None:
        return Row(key, 0, view.frame.ports.capacity, 0, NEVER, None)
    holder, left = trends.holders.get(index), view.seconds_left(index)
    return Row(
        key,
        patterns.in_use.item(index),
        patterns.capacity.item(index),
        patterns.locked.item(index),
        NEVER if left is None else left,
        None if holder is None else holder.process.name,
    )
