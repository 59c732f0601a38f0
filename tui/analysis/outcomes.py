"""A load's outcomes over a second: those of a quarter jump about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from statistics import median

from tui.lab.outcome import Latency, Outcome


def over(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the newest outcome, with rates and latency of all the time that these cover.

    The first of them is only where that time begins. Of the latencies the middle one is the
    median of the medians; the slowest is the slowest of any.
    """
    first, *later = outcomes
    if not later:
        return first
    newest = later[-1]
    span = newest.elapsed - first.elapsed
    if span <= 0:
        return newest
    parts = [outcome.latency for outcome in later if outcome.latency is not None]
    return replace(
        newest,
        connected_per_second=(newest.connected - first.connected) / span,
        errors_per_second={
            name: (count - first.errors.get(name, 0)) / span
            for name, count in newest.errors.items()
            if count > first.errors.get(name, 0)
        },
        latency=Latency(
            p50=median(part.p50 for part in parts),
            p99=max(part.p99 for part in parts),
            longest=max(part.longest for part in parts),
        )
        if parts
        else None,
    )
