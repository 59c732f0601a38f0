"""The two charts of a pattern: its ports over time, and when they come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import ceil, floor

import numpy as np
from rich.text import Text
from textual.content import Content

from tui.analysis.judgement import SLOW_PERCENT
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.trends import Series
from tui.dashboard.widgets.chart import Cells, cells_for, chart
from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.sparkline import arearows, scale_of
from tui.dashboard.widgets.styles import Run
from tui.kernel.sockets import Array
from tui.watching.view import View
from tui.writing.words import written

SHOWN_SECONDS = 300.0
"""How far back the history chart reaches."""
LEAST_SECONDS = 60.0
"""How far at least."""


class HistoryChart(TextPanel[View]):
    """Ports in use, and live sockets among them, against the capacity."""

    def __init__(self, key: PatternKey) -> None:
        super().__init__(id="past")
        self.key = key
        self._series: Series | None = None
        """What was known last, at times before the present one."""

    def show(self, view: View) -> None:
        """Show a view's history, up to its own frame."""
        now = view.frame.reading.table_time
        known = view.trends.past.of(self.key)
        if known is not None:
            self._series = recent(known, now)
        title = "Ports in use"
        if self._series:
            title += f" · capacity {self._series.capacity[-1]:,}"
            index = view.frame.patterns.find(self.key)
            if index is not None and (bound := view.bound_at(index)) is not None:
                title += f" shared by {bound.destinations:,} destinations"
        self.entitle(title, self._legend())
        super().show(view)

    def _legend(self) -> Content:
        """Return what the shapes mean, of those that are drawn."""
        past = self._series
        if not past:
            return Content("")
        named = [(glyphs().area[-1], "in use", "$primary-lighten-1")]
        if past.live.any():
            named.append((glyphs().line, "live", "$success"))
        if capacity_shown(past):
            named.append((glyphs().capacity, "capacity", "$warning"))
        keys = [Content.assemble((glyph, colour), f" {name}") for glyph, name, colour in named]
        return Content("  ").join(keys)

    def draw(self, view: View) -> Text:
        """Draw the chart for the panel's size."""
        past = self._series
        if not past:
            return Text("no history: only the fullest patterns have one", style="dim")
        width, height = self.size
        now, limits = view.frame.reading.table_time, limits_of(view, self.key)
        lines = history(past, now, limits, width, height, called=view.now)
        return self.stacked([self.line(line) for line in lines])


def limits_of(view: View, key: PatternKey) -> list[tuple[float, str]]:
    """Return the percentages of a pattern's capacity that are judged, and what is beyond them.

    None where connect() may take over what is in use, where others use up the same ports, and of
    ports that are the peer's.
    """
    index = view.frame.patterns.find(key)
    if key.direction is not Direction.OUTGOING or index is None:
        return []
    if view.frame.patterns.reuse[index] or view.bound_at(index) is not None:
        return []
    return [(SLOW_PERCENT, "warn"), (view.threshold, "alarm")]


def recent(series: Series, now: float) -> Series:
    """Return what a chart shows of a series, at seconds before ``now``."""
    shown = (series.time >= now - SHOWN_SECONDS) & (series.time <= now)
    columns = series.in_use, series.live, series.total, series.capacity
    return Series(series.time[shown] - now, *(column[shown] for column in columns))


def capacity_shown(past: Series) -> bool:
    """Say whether the scale reaches to the capacity: one far above would press the curve flat."""
    return bool(past.in_use.max() >= past.capacity[-1] / 10)


def history(
    past: Series,
    now: float,
    limits: Iterable[tuple[float, str]],
    width: int,
    height: int,
    *,
    called: str = "now",
) -> list[list[Run]]:
    """Draw a series, its times in seconds before ``now``; what is in use is drawn over all else.

    ``called`` is what its end is called; ``limits`` are percentages of the capacity, and the roles
    of what is beyond them.
    """
    most, capacity = float(past.in_use.max()), float(past.capacity[-1])
    rows = height - 1
    if reaches := capacity_shown(past):
        top = max(most, float(past.capacity.max()))
    else:
        top, limits = scale_of(most), ()

    def row_of(value: float) -> int:
        return min(int(value / top * rows), rows - 1)

    marks = {row_of(percent / 100 * capacity): (percent, role) for percent, role in limits}
    labels = {row: f"{written(percent)}%" for row, (percent, _) in marks.items()}
    labels |= {row_of(top): f"{top:,.0f}", 0: "0"}
    cells = cells_for(labels, width, height)
    for row in marks:
        cells.level(row, glyphs().guide, "mark")
    first = min(-LEAST_SECONDS, float(past.time[0]))
    if reaches:
        for column, value in enumerate(spread(past, past.capacity, now, first, cells.columns)):
            if value > 0:  # before the first moment nothing is known
                cells.put(column, row_of(value), glyphs().capacity, "mark")
    in_use = spread(past, past.in_use, now, first, 2 * cells.columns)
    fill(cells, in_use, top, row_roles({row: role for row, (_, role) in marks.items()}, rows))
    live = spread(past, np.minimum(past.live, past.in_use), now, first, cells.columns)
    for column, value in enumerate(live):
        row = row_of(value)
        # It is a line over the area, but where it would hide all that there is of it.
        if value > 0 and (row < row_of(in_use[2 * column]) or value >= in_use[2 * column]):
            cells.put(column, row, glyphs().line, "live")
    last = cells.columns - 1
    times = {0: before(first), last: called}
    if cells.columns > 3 * len(before(first / 2)):  # plotext would leave the last one out for it
        times[last // 2] = before(first / 2)
    return chart(cells, labels, times, width)


def row_roles(limits: Mapping[int, str], rows: int) -> list[str]:
    """Return the role of each row from below; ``limits`` are the rows where others begin."""
    roles = ["locked"] * rows
    for row in sorted(limits):
        roles[row:] = [limits[row]] * (rows - row)
    return roles


def fill(cells: Cells, values: Sequence[float], top: float, roles: Sequence[str]) -> None:
    """Fill the cells from below to the values, two a column; each row has a role."""
    for y, line in enumerate(arearows(values, cells.rows, top)):
        row = cells.rows - 1 - y
        for column, glyph in enumerate(line):
            cells.put(column, row, glyph, roles[row])


def spread(past: Series, values: Array, now: float, first: float, count: int) -> list[float]:
    """Return the greatest value of each of ``count`` spans from ``first`` seconds before now on.

    What was not read then is what was read before; what is older than the series is 0. Spans
    begin where the clock divides by their length: what has happened does not flicker.
    """
    length = -first / count
    newest = now - now % length if length < now else 0.0
    edges = newest - now + length * np.arange(1 - count, 1)
    start = np.searchsorted(past.time, edges + 1e-6, "right") - 1
    found = np.maximum.reduceat(values, np.maximum(start, 0)).astype(float)
    ahead = np.searchsorted(past.time, edges + length, "left") == 0
    found[ahead] = 0.0
    result: list[float] = found.tolist()
    return result


def before(seconds: float) -> str:
    """Return a time before now (≤ 0) in seconds or minutes."""
    if seconds > -100:
        return f"−{-seconds:.0f} s"
    return f"−{-seconds / 60:.2g} min"


class ReleaseChart(TextPanel[View]):
    """Ports freed in each of the next 60 seconds, from the timers."""

    def __init__(self, key: PatternKey) -> None:
        super().__init__(id="future")
        self.key = key

    def show(self, view: View) -> None:
        """Show a view."""
        freed = releases(view, self.key)
        due = f" · {freed[0]:,} due {view.now}" if freed and freed[0] > max(freed[1:]) else ""
        total = int(sum(freed))
        self.entitle(f"Ports freed per second, next 60 s · {total:,} in all{due}")
        super().show(view)

    def draw(self, view: View) -> Text:
        """Draw the chart for the panel's size."""
        freed = releases(view, self.key)
        if not any(freed):
            return Text("no TIME-WAIT here", style="dim")
        lines = schedule(freed, *self.size, called=view.now)
        return self.stacked([self.line(line) for line in lines])


def releases(view: View, key: PatternKey) -> list[int]:
    """Return a pattern's ports freed in each of the next 60 seconds; empty if that is unknown."""
    closed, index = view.frame.time_wait.by_pattern, view.frame.patterns.find(key)
    if index is None or index >= len(closed):
        return []
    # what was closed n seconds ago is freed in 60 − n
    freed: list[int] = closed[index][::-1].tolist()
    return freed


def release_scale(freed: Sequence[float]) -> float:
    """Return the scale of a schedule: what is overdue, in its first second, does not set it."""
    return scale_of(max(freed[1:], default=0) or max(freed, default=0))


def stretched(values: Sequence[float], count: int) -> list[float]:
    """Return ``count`` values over the same span, the greatest of each part."""
    edges = [at * len(values) / count for at in range(count + 1)]
    return [max(values[floor(a) : ceil(b)]) for a, b in pairwise(edges)]


def schedule(
    freed: Sequence[float], width: int, height: int, *, called: str = "now"
) -> list[list[Run]]:
    """Draw what is freed in each second from a moment on, and what that is ``called``."""
    top, rows = release_scale(freed), height - 1
    labels = {0: "0", rows - 1: f"{top:,.0f}"}
    cells = cells_for(labels, width, height)
    fill(cells, stretched(freed, 2 * cells.columns), top, ["locked"] * rows)
    marks = (0, 15, 30, 45)
    times = {second * cells.columns // len(freed): f"+{second} s" for second in marks}
    return chart(cells, labels, {**times, 0: called}, width)
