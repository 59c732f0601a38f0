"""A text to read and to pick from: wrapped lines that scroll, some of them items to select."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.panel import ScrollPanel, moves
from tui.dashboard.widgets.styles import Run, backdrop, foreground


class Line(NamedTuple):
    """A line of a document."""

    runs: Sequence[Run] = ()
    item: int | None = None
    """Which of the items it belongs to, if to one."""


def paragraph(
    text: str, width: int, *, label: str = "", role: str = "", item: int | None = None
) -> Iterator[Line]:
    """Yield a text's lines, the first behind the label and the others below its end."""
    room = max(width - len(label), 8)
    for number, line in enumerate(wrap(text, room, break_on_hyphens=False)):
        head = label if number == 0 else " " * len(label)
        yield Line([(head, "dim"), (line, role)], item)


class Document(ScrollPanel, can_focus=True):
    """Lines made for the width there is; j and k go from item to item, else from line to line."""

    BINDINGS: ClassVar[list[BindingType]] = moves("Top", "End", "Choose")

    @dataclass
    class Chosen(Message):
        """An item was opened with enter, or a click on it when it was selected."""

        item: int

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.cursor = 0
        """The selected item."""
        self._make: Callable[[int], Iterable[Line]] = lambda width: ()
        self._lines: Sequence[Line] = ()

    def show(self, make: Callable[[int], Iterable[Line]]) -> None:
        """Show the lines that ``make`` returns for a width, now and after each change of it."""
        self._make = make
        before, cursor = self._in_view(), self.cursor
        self._lay_out()
        if cursor == self.cursor:
            self.repaint_where(before, self._in_view())
        else:
            self.refresh()

    def _in_view(self) -> Sequence[Line]:
        top = self.scroll_offset.y
        return self._lines[top : top + self.size.height]

    def _lay_out(self) -> None:
        width = max(self.size.width - 3, 1)  # without the bar, and a blank at the scrollbar
        self._lines = list(self._make(width))
        self.cursor = min(self.cursor, max(self.items - 1, 0))
        self.virtual_size = Size(self.size.width, len(self._lines))

    @property
    def items(self) -> int:
        """How many items there are."""
        return max((line.item + 1 for line in self._lines if line.item is not None), default=0)

    def on_resize(self, event: events.Resize) -> None:
        """Wrap the lines anew."""
        self._lay_out()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        width, at = self.size.width, self.scroll_offset.y + y
        base = self.rich_style
        if at >= len(self._lines):
            return Strip([Segment(" " * width, base)], width)
        line = self._lines[at]
        selected = line.item is not None and line.item == self.cursor
        over = backdrop(self, "cursor") if selected else Style.null()
        segments = [Segment(glyphs().selected if selected else " ", base + over)]
        for text, role in line.runs:
            style = base + foreground(self, role) if role else base
            segments.append(Segment(text, style + over))
        return Strip(segments).adjust_cell_length(width, base + over)

    def action_move(self, by: int) -> None:
        """Select the next item (1) or the one before (−1); where there is none, scroll."""
        if 0 <= self.cursor + by < self.items:
            self._select(self.cursor + by)
        else:
            self.scroll_relative(y=by, animate=False, force=True, immediate=True)

    def _select(self, item: int) -> None:
        self.cursor = item
        at = [number for number, line in enumerate(self._lines) if line.item == item]
        if at:
            self.bring_into_view(at[0], at[-1])
        self.refresh()

    def action_page(self, by: float) -> None:
        """Scroll by so many pages."""
        lines = round(by * max(self.size.height - 1, 2))
        self.scroll_relative(y=lines, animate=False, force=True, immediate=True)

    def action_edge(self, side: int) -> None:
        """Go to the top (−1) or the end (1)."""
        if self.items:
            self.cursor = 0 if side < 0 else self.items - 1
        self.scroll_to(
            y=0 if side < 0 else len(self._lines), animate=False, force=True, immediate=True
        )
        self.refresh()

    def action_choose(self) -> None:
        """Open the selected item."""
        if self.items:
            self.post_message(self.Chosen(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Select an item; where it is selected open it."""
        again, at = self.was_clicked_again(event), event.get_content_offset(self)
        if at is None:
            return
        number = self.scroll_offset.y + at.y
        item = self._lines[number].item if number < len(self._lines) else None
        if item is not None:
            if again and item == self.cursor:
                self.action_choose()
            self._select(item)
