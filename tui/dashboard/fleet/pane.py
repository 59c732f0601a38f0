"""One place in a few lines, in a pane beside the table or on a screen of its own."""

from __future__ import annotations

import numpy as np
from rich.text import Text
from textual.content import Content

from tui.analysis.forecast import NEVER
from tui.analysis.judgement import SLOW_PERCENT, Level
from tui.analysis.trends import Series
from tui.dashboard.fleet.cells import by_minute
from tui.dashboard.fleet.columns import WAITING
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.widgets.findings import MARKS, ROLES
from tui.dashboard.widgets.gauge import gauge
from tui.dashboard.widgets.panel import TextPanel, hint
from tui.dashboard.widgets.pattern_charts import history
from tui.dashboard.widgets.patterns import use_role
from tui.dashboard.widgets.styles import Run
from tui.fleet.fleet import FleetPlace, Key, host_of
from tui.fleet.reader import HISTORY_SECONDS, STEP_SECONDS
from tui.fleet.refresh import Points
from tui.writing.words import floored, span

CHART_LINES = 16
"""Of the history in a pane, at most."""
LEAST_CHART = 5


class PlacePanel(TextPanel[FleetView]):
    """What is known of a place; in a pane with its last hour, where there is room."""

    instead = WAITING

    def __init__(self, key: Key | None = None, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.key = key

    def show_of(self, view: FleetView, key: object) -> None:
        """Show a place; nothing where none is selected."""
        self.key = key if isinstance(key, tuple) else None
        place = None if self.key is None else view.fleet.find(self.key)
        if self.id == "selected":
            title = Content("Selected" if place is None else place.name)
            self.entitle(title, hint(("⏎", "opens")) if place is not None else "")
        if place is None:
            self.show_nothing("nothing is selected")
        else:
            self.show(view)

    def draw(self, view: FleetView) -> Text:
        """Draw as many lines as there is room for; of one or two, those that matter most."""
        place = None if self.key is None else view.fleet.find(self.key)
        width, height = self.size
        if place is None:
            return self.line([(" no longer reported: see the silent hosts", "warn")])
        lines = [self.line(runs) for runs in facts(place, view)]
        if height == 1:
            return self.stacked([lines[0] + self.line(found(place))])
        if height == 2:
            return self.stacked(lines)
        bar: list[Run] = []
        if place.use is not None:
            bar = gauge(place.use, max(width - 2, 0), view.threshold)
        lines.insert(0, self.line([(" ", ""), *bar]))
        lines += [self.line(runs) for runs in more_facts(place)]
        room = min(height - len(lines) - 2, CHART_LINES)
        if self.id == "selected" and room >= LEAST_CHART:
            lines += [Text(""), self.line([(" ports locked in the last hour, percent", "dim")])]
            points = view.moment.lines.get(place.key, ())
            lines += [self.line(line) for line in hour_chart(points, view, width - 1, room)]
        return self.stacked(lines)


def facts(place: FleetPlace, view: FleetView) -> list[list[Run]]:
    """Return how full it is and how long yet; then who holds it, and what is found."""
    use = place.use
    level = place.level(view.threshold)
    if use is None:
        first: list[Run] = [(" no data on its ports", "warn")]
    else:
        percent = f"{floored(use.locked, use.capacity):.1f}%"
        counts = f"{use.locked:,} of {use.capacity:,} locked "
        first = [(f" {counts if place.worst is not None else 'worst tuple: locked '}", "")]
        first.append((percent, use_role(level) or "figure"))
        if level is Level.EXHAUSTED:
            first.append((" · EXHAUSTED: connect() fails, EADDRNOTAVAIL", "alarm"))
        elif place.worst is not None:
            first.append((f" · {use.connectable:,} left", ""))
    if 0 < place.seconds_left < NEVER:
        first.append((f" · full in {span(place.seconds_left)}", "warn"))
    if level is Level.SLOW:
        first.append((" · connect() is slow", "warn"))
    second: list[Run] = [(f" {place.name}", "figure")]
    if place.worst is not None:
        second.append((f" {place.worst}", ""))
        if place.worst.process:
            second.append((f" · held by {place.worst.process}", ""))
    return [first, [*second, *found(place)]]


def found(place: FleetPlace) -> list[Run]:
    """Return why it is doubted, and what is found there."""
    doubt = [] if place.doubt is None else [(f" · ? {place.doubt}", "warn")]
    findings = [
        (f" · {MARKS[one.severity]} {one.code}", ROLES[one.severity]) for one in place.findings
    ]
    return [*doubt, *findings]


def more_facts(place: FleetPlace) -> list[list[Run]]:
    """Return its findings, a line each, and its labels."""
    found: list[list[Run]] = [
        [
            (f" {MARKS[one.severity]} {one.severity.label}", ROLES[one.severity]),
            (f" {one.code}" + (f" × {one.times:,}" if one.times > 1 else ""), ""),
        ]
        for one in place.findings
    ]
    told = " · ".join(f"{name} {value}" for name, value in sorted(place.labels.items()))
    return [*found, [(f" {told}", "dim")]]


def hour_chart(points: Points, view: FleetView, width: int, height: int) -> list[list[Run]]:
    """Return the last hour of a locked part as a chart, in percent."""
    if not points:
        return [[(" not known", "dim")]]
    end = view.fleet.time // STEP_SECONDS * STEP_SECONDS
    percent = np.array(by_minute(points, end)) * 100
    time = np.linspace(-HISTORY_SECONDS, 0, len(percent))
    none = np.zeros(len(percent))
    past = Series(time, percent, none, none, np.full(len(percent), 100.0))
    limits = (SLOW_PERCENT, "warn"), (view.threshold, "alarm")
    return history(past, end, limits, width, height)


class HourPanel(TextPanel[FleetView]):
    """The last hour of one place."""

    def __init__(self, key: Key) -> None:
        super().__init__(id="past")
        self.key = key

    def show(self, view: FleetView) -> None:
        """Show a view."""
        self.entitle("Ports locked in the last hour, percent of the worst tuple's")
        super().show(view)

    def draw(self, view: FleetView) -> Text:
        """Draw the chart for the panel's size."""
        detail = view.moment.detail
        if detail is None or detail.key != self.key:
            return self.line([(" asking Prometheus …", "dim")])
        lines = hour_chart(detail.locked, view, *self.size)
        return self.stacked([self.line(line) for line in lines])


def where(place: FleetPlace) -> str:
    """Return the host that a shell on the place's machine would be asked for."""
    return host_of(place.labels.get("instance", "?"))
