"""The cells that several tables of the fleet have."""

from __future__ import annotations

from collections.abc import Sequence

from tui.analysis.forecast import NEVER
from tui.analysis.judgement import Level, PortUse
from tui.dashboard.widgets.findings import MARKS, ROLES
from tui.dashboard.widgets.gauge import gauge
from tui.dashboard.widgets.patterns import use_role
from tui.dashboard.widgets.sparkline import resample, sparkline
from tui.dashboard.widgets.styles import Run
from tui.findings.finding import Severity
from tui.fleet.fleet import FleetPlace
from tui.fleet.reader import HISTORY_SECONDS, STEP_SECONDS
from tui.fleet.refresh import Points
from tui.writing.words import floored, short, span

MINUTES = round(HISTORY_SECONDS / STEP_SECONDS)


def use_cell(use: PortUse | None, level: Level, width: int, threshold: float) -> list[Run]:
    """Return a gauge and the part that is locked, marked as it is judged by that."""
    if use is None:
        return [("not known"[:width], "warn")]
    percent = f"{floored(use.locked, use.capacity):5.1f}%"
    role = use_role(level)
    mark = {"alarm": "!", "warn": "~"}.get(role, " ")
    return [*gauge(use, width - len(percent) - 1, threshold), (percent + mark, role)]


def left_cell(left: float) -> list[Run]:
    """Return how long until no port is left."""
    if left == 0:
        return [("FULL", "alarm")]
    return [(span(left), "dim" if left == NEVER else "alarm" if left < 60 else "warn")]


def hour_cell(points: Points | None, end: float, width: int) -> list[Run]:
    """Return the last hour of a locked part; nothing where it is not known."""
    return [(sparkline(resample(by_minute(points or (), end), width), width, 1.0), "locked")]


def by_minute(points: Points, end: float) -> list[float]:
    """Return a value for each minute of the hour until ``end``; 0 where there was none."""
    last = end // STEP_SECONDS
    values = [0.0] * (MINUTES + 1)
    for time, value in points:
        at = MINUTES - round(last - time / STEP_SECONDS)
        if 0 <= at <= MINUTES and value == value:  # not NaN
            values[at] = min(max(value, 0.0), 1.0)
    return values


def findings_cell(place: FleetPlace, width: int) -> list[Run]:
    """Return why a place is doubted, else its gravest finding and how many more there are."""
    if place.doubt is not None:
        return [(short(f"? {place.doubt}", width), "warn")]
    if not place.findings:
        return [("", "")]
    worst, more = place.findings[0], len(place.findings) - 1
    end = f" +{more}" if more else ""
    text = short(f"{MARKS[worst.severity]} {worst.code}", width - len(end))
    return [(text, ROLES[worst.severity]), (end, "dim")]


def counts_cell(counts: Sequence[tuple[Severity, int]], width: int) -> list[Run]:
    """Return how many findings of each severity there are."""
    runs: list[Run] = []
    for severity, count in counts:
        if count:
            runs.append((f"{' ' if runs else ''}{MARKS[severity]} {count:,}", ROLES[severity]))
    return runs if sum(len(text) for text, _ in runs) <= width else runs[:1]
