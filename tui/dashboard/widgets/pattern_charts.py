"""The two charts of a pattern: its ports over time, and when they come back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.text import Text
from textual.color import Color

from tui.analysis.patterns import PatternKey
from tui.analysis.trends import Series
from tui.dashboard.widgets.chart import Colour, bar_chart, line_chart
from tui.dashboard.widgets.panel import TextPanel
from tui.watching.view import View

SHOWN_SECONDS = 300.0
"""How far back the history chart reaches."""
LEGEND = "[$primary]━ in use[/]  [$success]━ live[/]  [$warning]━ capacity[/]"


class Chart(TextPanel[View]):
    """A chart of one pattern."""

    def __init__(self, key: PatternKey, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.key = key

    def colour(self, name: str) -> Colour:
        """Return one of the theme's colours for plotext."""
        return Color.parse(self.app.theme_variables[name]).rgb


class HistoryChart(Chart):
    """Ports in use, and live sockets among them, against the capacity."""

    _series: Series | None = None
    """What was known last, at times before the present one."""

    def show(self, view: View) -> None:
        """Show a view's history, up to its own frame."""
        now = view.frame.reading.table_time
        known = view.trends.past.of(self.key)
        if known is not None:
            shown = (known.time >= now - SHOWN_SECONDS) & (known.time <= now)
            columns = known.in_use, known.live, known.total, known.capacity
            self._series = Series(known.time[shown] - now, *(column[shown] for column in columns))
        title = "Ports in use"
        if self._series:
            title += f" · capacity {self._series.capacity[-1]:,}"
        self.entitle(title, LEGEND)
        super().show(view)

    def draw(self, view: View) -> Text:
        """Draw the chart for the panel's size."""
        past = self._series
        if not past:
            return Text("no history: only the fullest patterns have one", style="dim")
        series = [(past.in_use, "primary"), (np.minimum(past.live, past.in_use), "success")]
        top, capacity = 0.0, float(past.capacity[-1])
        if past.in_use.max() >= capacity / 10:
            # A capacity far above would press the curve flat; it then stands in the title alone.
            top = capacity
            series.append((past.capacity, "warning"))
        lines = [(values.astype(float).tolist(), self.colour(name)) for values, name in series]
        return line_chart(
            past.time.tolist(), lines, top=top, width=self.size.width, height=self.size.height
        )


class ReleaseChart(Chart):
    """Ports freed in each of the next 60 seconds, from the timers."""

    _freed: Sequence[float] = ()

    def show(self, view: View) -> None:
        """Show a view."""
        closed, index = view.frame.time_wait.by_pattern, view.frame.patterns.find(self.key)
        known = index is not None and index < len(closed)
        # what was closed n seconds ago is freed in 60 − n
        self._freed = closed[index][::-1].tolist() if known else ()
        self.entitle(f"Ports freed per second, next 60 s · {int(sum(self._freed)):,} in all")
        super().show(view)

    def draw(self, view: View) -> Text:
        """Draw the chart for the panel's size."""
        if not any(self._freed):
            return Text("no TIME-WAIT here", style="dim")
        return bar_chart(
            self._freed,
            colour=self.colour("primary"),
            width=self.size.width,
            height=self.size.height,
        )
