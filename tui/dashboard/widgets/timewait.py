"""The TIME-WAIT panel: how many, how fast they come, when they go."""

from __future__ import annotations

from rich.text import Text

from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.sparkline import sparkline, sparkrows
from tui.watching.view import View
from tui.writing.words import short, signed

LABEL = 8
"""Width of the labels left of the sparklines."""


class TimeWaitPanel(TextPanel):
    """TIME-WAIT now, with two sparklines of a second a cell.

    "new/s" comes from the timers and is full from the first frame; "held" is what was
    counted since the start. Both rise from zero.
    """

    COMPONENT_CLASSES = {f"timewait--{name}" for name in ("figure", "dim", "warn", "held", "new")}

    def __init__(self) -> None:
        super().__init__(id="timewait")
        self.entitle("² TIME-WAIT")
        self._view: View | None = None
        self._instead = "reading the kernel's tables …"

    def show_nothing(self, reason: str) -> None:
        """Say why there is nothing to show."""
        self._instead = reason
        self.redraw()

    def show(self, view: View) -> None:
        """Show a view."""
        self._view = view
        self.redraw()

    def draw(self) -> Text:
        """Draw the panel for its size: two lines where there is no room for more."""
        view, width, height = self._view, self.size.width, self.size.height
        if view is None:
            return Text(short(f" {self._instead}", width), no_wrap=True)
        lines = [self._figures(view, width)]
        room = max(width - LABEL, 1)
        closed = list(view.trends.entered[-room:])
        if height <= 3:
            lines.append(
                self.line([(" new/s".ljust(LABEL), "dim"), (sparkline(closed, room), "new")])
            )
            return Text("\n").join(lines)
        held = list(view.trends.held[-room:])
        tall = height - 2
        new_rows = max(tall // 2, 1)
        held_rows = tall - new_rows
        capacity = view.frame.ports.capacity
        lines += self._spark("held", held, held_rows, room, "held", capacity)
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
        text = Text.assemble((f" {count:,} ", self.style("figure")), no_wrap=True)
        text.append(f" {signed(trends.time_wait)}/s")
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
            head = f" {label}" if index == 0 else (f" {short_count(top)}" if index == 1 else "")
            if index == marked:
                row = row.replace(" ", "┄")
            texts.append(self.line([(short(head, LABEL).ljust(LABEL), "dim"), (row, kind)]))
        return texts


def short_count(value: float) -> str:
    """Return a number in at most six characters: ``327``, ``14.2k``, ``1.2M``."""
    if value < 10_000:
        return f"{value:,.0f}"
    if value < 1_000_000:
        return f"{value / 1000:.1f}k"
    return f"{value / 1_000_000:.1f}M"
