"""The TIME-WAIT panel: how many, how fast they come, when they go."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from tui.analysis.course import SHOWN_SECONDS
from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.sparkline import arearows
from tui.dashboard.widgets.styles import Run
from tui.watching.view import View
from tui.writing.words import short_count, signed

LABEL = 14
"""Width of the labels left of the curves."""


class TimeWaitPanel(TextPanel[View]):
    """TIME-WAIT now, with two curves of two seconds a cell.

    How many entered comes from the timers and is full from the first frame; how many there were
    is what was counted since the start. Both rise from zero.
    """

    BORDER_TITLE = "² TIME-WAIT"
    instead = "reading the kernel's tables …"

    def draw(self, view: View) -> Text:
        """Draw the panel for its size: two lines where there is no room for more."""
        width, height = self.size
        room = max(width - LABEL - 1, 1)
        held, entered = (
            _newest(values, 2 * room)
            for values in (view.trends.course.held, view.trends.course.entered)
        )
        lines = [self._figures(view, width)]
        if height <= 3:
            return Text("\n").join([*lines, *self._curve("entering/s", entered, 1)])
        rows = max((height - 2) // 2, 1)
        capacity = view.frame.ports.capacity
        lines += self._curve("in TIME-WAIT", held, height - 2 - rows, capacity)
        lines += self._curve("entering/s", entered, rows)
        first = f"−{min(2 * room, SHOWN_SECONDS)} s".rjust(max(room - SHOWN_SECONDS // 2, 0))
        note = ""
        if any(glyphs().guide in line.plain for line in lines):
            note = f"{glyphs().guide} one destination's {capacity:,} ports"
        axis = first + note.center(room - len(first + view.now)) + view.now
        lines.append(Text(" " * LABEL + axis, style=self.style("dim")))
        return Text("\n").join(lines)

    def _figures(self, view: View, width: int) -> Text:
        """Return the first line: as many figures as fit, the telling ones first."""
        tw, trends = view.frame.time_wait, view.trends
        count, rates = trends.time_wait_count, trends.rates
        text = self.line([(f" {count:,} ", "main"), (f" {signed(trends.time_wait)}/s", "")])
        figures: list[tuple[str, str]] = []
        if overflowed := rates.get("TCPTimeWaitOverflow"):
            figures.append(("BUCKETS OVERFLOW", f"{overflowed:,.0f}/s"))
        if count or trends.closing:
            figures.append(("closing", f"{trends.closing:,.0f}/s"))
        else:
            figures.append(("no TIME-WAIT here", ""))
        if reused := rates.get("TWRecycled"):
            figures.append(("reused", f"{reused:,.0f}/s"))
        if count:
            figures += [
                ("freed next second", f"{tw.freed_per_second[0] - tw.expiring:,}"),
                ("next 10 s", f"{tw.freed_per_second[:10].sum() - tw.expiring:,}"),
                ("expiring", f"{tw.expiring:,}"),
            ]
        for label, figure in figures:
            if text.cell_len + 4 + len(label) + len(figure) > width:
                break
            style = self.style("warn" if label.isupper() else "dim")
            text.append(f"   {label} ", style).append(figure)
        text.truncate(width)
        return text

    def _curve(self, label: str, values: list[float], height: int, line: int = 0) -> list[Text]:
        """Return a curve's lines; ``line`` is a height to be marked where it stays free."""
        top = max(values)
        rows = arearows(values, height, top)
        at = height - 1 - int(line / top * height) if 0 < line < top else -1
        texts = []
        for index, row in enumerate(rows):
            head = {0: f" {label}", 1: f" max {short_count(top)}"}.get(index, "")
            runs: list[Run] = [(row, "locked")]
            blank = len(row) - len(row.lstrip(" "))
            if index == at and blank:
                runs = [(glyphs().guide * blank, "mark"), (row[blank:], "locked")]
            texts.append(self.line([(head.ljust(LABEL), "dim"), *runs]))
        return texts


def _newest(values: Sequence[float], count: int) -> list[float]:
    """Return the last ``count`` values, 0 where there are fewer."""
    newest = list(values[-count:])
    return [0.0] * (count - len(newest)) + newest
