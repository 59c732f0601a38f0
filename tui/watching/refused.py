"""What was refused, over time: counts by tuple and process, and how far the verdicts agreed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from tui.analysis.frame import Frame
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.refused import (
    OTHERS,
    RATE_SECONDS,
    RECENT_SECONDS,
    Agreed,
    Compared,
    Tables,
    Tallies,
    Tally,
    key_of,
)
from tui.analysis.timewait import TRACKED

if TYPE_CHECKING:  # whoever does not count loads nothing that does
    from tui.kernel.refusals import Counted, Refused

EVEN = 0.9
"""By so much of it a rate's stretch may be shorter."""
COMPARED = 100
"""How many patterns are held against the kernel beside those that are refused, the fullest."""
MOST_NAMED = 50
"""Processes by which what was refused is told apart."""
ENDED = "processes that had ended"


class Counting(Protocol):
    """What counts refusals: tui.kernel.refusals.Refusals, or what stands in for it."""

    def take(self) -> Counted:
        """Return what was refused since the last time. Raises CountingError."""

    def close(self) -> None:
        """Count no further."""


class _Last(NamedTuple):
    """The newest comparison of one tuple, not yet added up, and the one before."""

    before: Compared | None
    newest: Compared
    seconds: float


class RefusalSeries:
    """What refusals amount to. It changes; what it says, Tallies, does not."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._takes: tuple[float, ...] = ()
        """When counts were taken of late, Unix times, oldest first, with the beginning."""
        self._tuples: dict[PatternKey, Tally] = {}
        """The TRACKED that were refused last; the newest stand last."""
        self._elsewhere = self._lost = Tally()
        self._agreed: dict[PatternKey, Agreed] = {}
        self._last: dict[PatternKey, _Last] = {}
        self._frame: Frame | None = None
        """That of the last whole table."""
        self._index: Mapping[PatternKey, int] = {}
        """Its patterns, of the first TRACKED."""
        self._refused: Counter[PatternKey] = Counter()
        """Since that table."""
        self._unplaced: Counter[PatternKey] = Counter()
        self._uncertain = False
        """Was more refused since than is known of?"""

    def add(self, frame: Frame, keys: Sequence[PatternKey], counted: Counted) -> Tallies:
        """Take in what was refused up to a frame, whose first patterns are ``keys``."""
        if self._since is None:
            self._since = counted.since
            self._takes = (counted.since,)
        # The newest that is RATE_SECONDS ago, or nearly: ticks are never exactly even.
        old = [at for at in self._takes if counted.until - at >= EVEN * RATE_SECONDS]
        rated_since = max(old, default=self._takes[0])
        self._takes = (*(at for at in self._takes if at >= rated_since), counted.until)
        place = frame.reading.place.id
        here: dict[PatternKey, dict[Refused, int]] = {}
        there: dict[Refused, int] = {}
        for each, count in counted.refused.items():
            key = key_of(each)
            if key is None:
                continue
            # Nobody knows where a process was that had ended: here, if the address is ours.
            ended = each.namespace is None
            ours = frame.owns(each.local_ip or "") if ended else each.namespace == place
            if ours and place is not None:
                here.setdefault(key, {})[each] = count
            else:
                there[each] = count
        for key, refused in here.items():
            tally = self._tuples.pop(key, Tally())
            self._tuples[key] = _more(tally, counted.until, refused)
            self._refused[key] += sum(refused.values())
            self._unplaced[key] += self._tuples[key].unplaced - tally.unplaced
        while len(self._tuples) > TRACKED:
            del self._tuples[next(iter(self._tuples))]
        self._elsewhere = _more(self._elsewhere, counted.until, there, told_apart=True)
        if counted.lost:
            self._lost = _noted(self._lost, counted.until, counted.lost)
            self._uncertain = True
        self._compare(frame, keys)
        return Tallies(
            since=self._since,
            until=counted.until,
            tuples=MappingProxyType(dict(self._tuples)),
            agreed=MappingProxyType(dict(self._agreed)),
            elsewhere=self._elsewhere,
            lost=self._lost,
            rated_since=rated_since,
        )

    def _compare(self, frame: Frame, keys: Sequence[PatternKey]) -> None:
        """Compare what is said of each tuple with what happened, where there is a new table."""
        before = self._frame
        if before is not None and before.table is frame.table:
            return
        index = {key: at for at, key in enumerate(keys)}
        if not frame.table.complete:
            self._frame = None  # what it is part of is not known
        elif before is not None and before.reading.table_time < frame.reading.table_time:
            tables = Tables(before, frame)
            outgoing = np.flatnonzero(frame.patterns.direction[: len(keys)] == Direction.OUTGOING)
            wanted = dict.fromkeys(keys[at] for at in outgoing[:COMPARED].tolist())
            for key in wanted | dict.fromkeys(self._tuples) | dict.fromkeys(self._last):
                compared = tables.compare(
                    _at(before, self._index, key),
                    _at(frame, index, key),
                    self._refused[key],
                    self._unplaced[key],
                    certain=not self._uncertain,
                )
                self._note(key, compared, tables.seconds, frame.time)
            self._frame = frame
        else:
            self._frame = frame
        self._index = index
        self._refused.clear()
        self._unplaced.clear()
        self._uncertain = False
        while len(self._agreed) > 2 * TRACKED:
            gone = next(iter(self._agreed))
            del self._agreed[gone]
            self._last.pop(gone, None)

    def _note(self, key: PatternKey, newest: Compared, seconds: float, now: float) -> None:
        """Add up the comparison before, now that what came after it is known too.

        Where ports ran out close to a reading, what was refused falls to its other side.
        """
        if newest is Compared.UNTRIED:
            return
        last, agreed = self._last.get(key), self._agreed.pop(key, Agreed())
        if last is not None:
            found = last.newest
            moving = Compared.CHANGING, Compared.REFUSED
            if found.at_odds and (last.before in moving or newest in moving):
                found = Compared.CHANGING
            if found.agrees:
                agreed = replace(agreed, seconds=agreed.seconds + last.seconds)
            elif found.at_odds:
                agreed = replace(agreed, at_odds=agreed.at_odds + last.seconds)
            else:
                agreed = replace(agreed, left_out=agreed.left_out + last.seconds)
            twice = newest if found is newest else None
            agreed = replace(agreed, twice=twice, at=now)
        self._agreed[key] = agreed
        self._last[key] = _Last(None if last is None else last.newest, newest, seconds)


def _at(frame: Frame, index: Mapping[PatternKey, int], key: PatternKey) -> int | None:
    """Return the index of a pattern; to look for it beyond the first ones takes a while."""
    found = index.get(key)
    return frame.patterns.find(key) if found is None and len(frame.patterns) > TRACKED else found


def _more(
    tally: Tally, now: float, refused: Mapping[Refused, int], *, told_apart: bool = False
) -> Tally:
    """Add refusals; ``told_apart`` says to name the namespace of who was refused as well."""
    if not refused:
        return replace(tally, recent=_fresh(tally.recent, now))
    by = Counter(tally.by)
    unplaced = tally.unplaced
    for each, count in refused.items():
        who = ENDED if each.process is None else str(each.process)
        if told_apart and each.namespace is not None:
            who += f" in net:[{each.namespace}]"
        by[who] += count
        unplaced += count if each.namespace is None else 0
    if len(by) > MOST_NAMED:
        # Half of them at once: what is cut to size each time would never tell the newest.
        rest = by.pop(OTHERS, 0)
        named = dict(by.most_common(MOST_NAMED // 2))
        by = Counter({**named, OTHERS: rest + sum(by.values()) - sum(named.values())})
    noted = _noted(tally, now, sum(refused.values()))
    return replace(noted, unplaced=unplaced, by=dict(by.most_common()))


def _noted(tally: Tally, now: float, count: int) -> Tally:
    recent = (*_fresh(tally.recent, now), (now, count))
    return replace(tally, total=tally.total + count, recent=recent)


def _fresh(recent: Iterable[tuple[float, int]], now: float) -> tuple[tuple[float, int], ...]:
    return tuple(one for one in recent if 0 <= now - one[0] < RECENT_SECONDS)
