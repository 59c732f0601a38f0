"""The TIME-WAIT panel: how many, how fast they come, when they go."""

from __future__ import annotations

from rich.text import Text

from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.sparkline import sparkline, sparkrows
from tui.watching.view import View
from tui.writing.words import short, signed

LABEL = 8
"""Width of the labels left of the sparklines."""


class TimeWaitPanel(TextPanel[View]):
    """TIME-WAIT now, with two sparklines of a second a cell.

    "new/s" comes from the timers and is full from the first frame; "held" is what was
    counted since the start. Both rise from zero.
    """

    BORDER_TITLE = "² TIME-WAIT"
    COMPONENT_CLASSES = {f"timewait--{name}" for name in ("figure", "dim", "warn", "held", "new")}
    instead = "reading the kernel's tables …"

    def draw(self, view: View) -> Text:
        """Draw the panel for its size: two lines where there is no room for more."""
        width, height = self.size
        lines = [self._figures(view, width)]
        room = max(width - LABEL, 1)
        closed = list(view.trends.entered[-room:])
        if height <= 3:
            spark = sparkline(closed, room)
            return Text("\n").join([*lines, self._labelled(" new/s", spark, "new")])
        held = list(view.trends.held[-room:])
        new_rows = max((height - 2) // 2, 1)
        capacity = view.frame.ports.capacity
        lines += self._spark("held", held, height - 2 - new_rows, room, "held", capacity)
        lines += self._spark("new/s", closed, new_rows, room, "new", 0)
        axis = f"−{room} s".ljust(max(room - 3, 0)) + "now"
        if 0 < capacity <= max(held, default=0):
            note = f"┄ one destination's {capacity:,} ports"
            axis = f"−{room} s" + note.center(room - len(f"−{room} snow")) + "now"
        lines.append(Text(" " * LABEL + axis, style=self.style("dim")))
        return Text("\n").join(lines)

    def _figures(self, view: View, width: int) -> Text:
        """Return the first line: as many figures as fit, the telling ones first."""
        tw, trends = view.frame.time_wait, view.trends
        count, rates = trends.time_wait_count, trends.rates
        text = self.line([(f" {count:,} ", "figure"), (f" {signed(trends.time_wait)}/s", "")])
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

    def _spark(
        self, label: str, values: list[float], height: int, width: int, kind: str, line: int
    ) -> list[Text]:
        top = max(values, default=0)
        rows = sparkrows(values, width, height)
        marked = -1
        if 0 < line <= top:  # a dashed line where one destination's ports would be full
            marked = height - 1 - min(int(line / top * height), height - 1)
        texts = []
        for index, row in enumerate(rows):
            head = {0: f" {label}", 1: f" {short_count(top)}"}.get(index, "")
            texts.append(
                self._labelled(head, row.replace(" ", "┄") if index == marked else row, kind)
            )
        return texts

    def _labelled(self, label: str, blocks: str, kind: str) -> Text:
        return self.line([(short(label, LABEL).ljust(LABEL), "dim"), (blocks, kind)])


def short_count(value: float) -> str:
    """Return a number in at most six characters: ``327``, ``14.2k``, ``1.2M``."""
    if value < 10_000:
        return f"{value:,.0f}"
    if value < 1_000_000:
        return f"{value / 1000:.1f}k"
    return f"{value / 1_000_000:.1f}M"
