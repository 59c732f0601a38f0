"""Reads a fleet from Prometheus: so many requests a refresh, whatever its size."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from tui.fleet import queries
from tui.fleet.answers import Answer, Labels, Line, Sample
from tui.fleet.client import FleetError, Prometheus
from tui.fleet.fleet import Cost, Fleet, FleetPlace
from tui.fleet.gathered import Answered, fleet_of
from tui.metrics import recorded

HISTORY_SECONDS = 3600.0
STEP_SECONDS = 60.0
"""Of a history; its times divide by it, so that the same question has the same answer."""


class Reader:
    """Asks one Prometheus about its fleet. One thread at a time."""

    def __init__(self, prometheus: Prometheus, by: str = "job", *, raw: bool = False) -> None:
        """Group by the label ``by``. With ``raw`` no recording rule is trusted: one that fails is
        silent, and so would what it should tell be.
        """
        self.prometheus = prometheus
        self.by = by
        self._raw = raw
        self._partial: set[str] = set()
        self._cost = Cost()

    def read(self) -> Fleet:
        """Return the fleet as it is now. Raises FleetError."""
        self._begin()
        answer = self._asked(self.prometheus.ask, queries.IS_RECORDED)
        if answer.time is None:
            raise FleetError(f"{self.prometheus.address.host}: no answer to vector(0)")
        now, is_recorded = answer.time, answer.samples[0].value == 1 and not self._raw

        def ask(query: str) -> tuple[Sample, ...]:
            return self._asked(self.prometheus.ask, query, now).samples

        answered: Answered = {
            name: ask(queries.expression(name, is_recorded=is_recorded, by=self.by))
            for name in recorded.RULES
            if name != "locked"  # it comes with the sizes
        }
        sizes = ask(queries.sizes(is_recorded=is_recorded))
        fleet = fleet_of(answered, sizes, now, self.by)
        partial = tuple(sorted(self._partial))
        return replace(fleet, partial=partial, is_recorded=is_recorded, cost=self._cost)

    def history(self, places: Sequence[Labels], end: float) -> tuple[Line, ...]:
        """Return the locked part of these places over the hour until ``end``. Raises FleetError.

        One request, and of the first MOST_ASKED hosts.
        """
        return self._range(queries.locked_of(places), end) if places else ()

    def history_of_groups(self, end: float, *, is_recorded: bool) -> tuple[Line, ...]:
        """Return the same of each group. Raises FleetError."""
        query = queries.expression("groups", is_recorded=is_recorded, by=self.by)
        return self._range(query, end)

    def history_of(
        self, place: FleetPlace, end: float
    ) -> tuple[tuple[Line, ...], tuple[Line, ...], tuple[Sample, ...]]:
        """Return what one place had locked, each of its patterns, and what they have at ``end``: a
        history ends with the last full minute. Raises FleetError.
        """
        ratios = queries.ratios_of(place.labels)
        whole = self._range(queries.selector(recorded.LOCKED, place.labels), end)
        now = self._asked(self.prometheus.ask, ratios, end).samples
        return whole, self._range(ratios, end), now

    def _range(self, query: str, end: float) -> tuple[Line, ...]:
        last = end // STEP_SECONDS * STEP_SECONDS
        first = last - HISTORY_SECONDS
        return self._asked(self.prometheus.ask_range, query, first, last, STEP_SECONDS).lines

    def _begin(self) -> None:
        self._partial, self._cost = set(), Cost()

    def _asked(self, ask: Callable[..., Answer], *arguments: object) -> Answer:
        """Ask, and count what it cost."""
        began = time.monotonic()
        answer = ask(*arguments)
        self._partial.update(answer.partial)
        before, seconds = self._cost, time.monotonic() - began
        self._cost = Cost(
            before.requests + 1, before.seconds + seconds, before.samples + answer.touched
        )
        return answer
