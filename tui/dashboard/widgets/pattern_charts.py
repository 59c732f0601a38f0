"""The two charts of a pattern: its ports over time, and when they come back."""

from __future__ import annotations

import numpy as np
from rich.text import Text
from textual.color import Color
from textual.widget import Widget

from tui.analysis.patterns import PatternKey
from tui.dashboard.widgets.chart import Colour, bar_chart, line_chart
from tui.dashboard.widgets.panel import TextPanel
from tui.watching.view import View

SHOWN_SECONDS = 300.0
"""How far back the history chart reaches."""
LEGEND = "[$primary]━ in use[/]  [$success]━ live[/]  [$warning]━ capacity[/]"


def theme_colour(widget: Widget, name: str) -> Colour:
    """Return one of the theme's colours for plotext."""
    return Color.parse(widget.app.theme_variables[name]).rgb


class HistoryChart(TextPanel):
    """Ports in use, and live sockets among them, against the capacity."""

    def __init__(self, key: PatternKey) -> None:
        super().__init__(id="past")
        self.key = key
        self.entitle("Ports in use", LEGEND)
        self._times = self._in_use = self._live = self._capacity = np.empty(0)

    def show(self, view: View, index: int | None) -> None:
        """Show a view's history, up to its own frame."""
        now = view.frame.reading.table_time
        series = view.trends.past.of(self.key)
        if series is not None:
            shown = (series.time >= now - SHOWN_SECONDS) & (series.time <= now)
            self._times = series.time[shown] - now
            self._in_use, self._live = series.in_use[shown], series.live[shown]
            self._capacity = series.capacity[shown]
        if len(self._times):
            self.entitle(f"Ports in use · capacity {self._capacity[-1]:,}", LEGEND)
        self.redraw()

    def draw(self) -> Text:
        """Draw the chart for the panel's size."""
        if not len(self._times):
            return Text("no history: only the fullest patterns have one", style="dim")
        times = self._times.tolist()
        live = np.minimum(self._live, self._in_use)
        series = [
            (self._in_use.astype(float).tolist(), theme_colour(self, "primary")),
            (live.astype(float).tolist(), theme_colour(self, "success")),
        ]
        top, capacity = 0.0, float(self._capacity[-1])
        if self._in_use.max() >= capacity / 10:
            # A capacity far above would press the curve flat; it then stands in the title alone.
            top = capacity
            series.append((self._capacity.astype(float).tolist(), theme_colour(self, "warning")))
        return line_chart(times, series, top=top, width=self.size.width, height=self.size.height)


class ReleaseChart(TextPanel):
    """Ports freed in each of the next 60 seconds, from the timers."""

    def __init__(self, key: PatternKey) -> None:
        super().__init__(id="future")
        self.key = key
        self.entitle("Ports freed per second, next 60 s")
        self._freed: list[float] | None = None

    def show(self, view: View, index: int | None) -> None:
        """Show a view."""
        closed = view.frame.time_wait.by_pattern
        known = index is not None and index < len(closed)
        # what was closed n seconds ago is freed in 60 − n
        self._freed = closed[index][::-1].tolist() if known else None
        total = 0 if self._freed is None else int(sum(self._freed))
        self.entitle(f"Ports freed per second, next 60 s · {total:,} in all")
        self.redraw()

    def draw(self) -> Text:
        """Draw the chart for the panel's size."""
        if not self._freed or not any(self._freed):
            return Text("no TIME-WAIT here", style="dim")
        colour = theme_colour(self, "primary")
        return bar_chart(self._freed, colour=colour, width=self.size.width, height=self.size.height)
