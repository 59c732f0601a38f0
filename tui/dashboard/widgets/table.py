"""A virtual table: cost follows the rows on screen, not the rows there are."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from textwrap import wrap
from types import MappingProxyType
from typing import Any, ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.panel import ScrollPanel, moves
from tui.dashboard.widgets.styles import Run, backdrop, foreground
from tui.kernel.sockets import Array
from tui.writing.words import short


class TableRows:
    """What a table shows: rows by number, made into text only when drawn. Here there are none."""

    items: Sized = ()
    """What stands for a row each."""

    def __len__(self) -> int:
        return len(self.items)

    def identity(self, row: int) -> Hashable:
        """Return what the selection follows when the order changes."""
        raise NotImplementedError

    def find(self, identity: Any) -> int | None:
        """Return the row with this identity, if it is there: here by looking at each."""
        return next((row for row in range(len(self)) if self.identity(row) == identity), None)

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return a cell's text, or its runs of together at most ``width`` cells."""
        raise NotImplementedError

    def role(self, row: int) -> str:
        """Return the role of the whole row, "" for an ordinary one."""
        return ""

    def title(self, column: Column, width: int) -> str:
        """Return what stands over a column."""
        return column.title

    def needs(self) -> Mapping[str, int]:
        """Return how wide columns have to be to show all of their cells; 0 where all are blank."""
        return {}


class RowTable(ScrollPanel, can_focus=True):
    """A table with a header that stays, a selected row, and a sort column."""

    BINDINGS: ClassVar[list[BindingType]] = moves("First row", "Last row", "Open")

    columns: Sequence[Column]
    empty = ""
    """What is said where there are no rows."""
    sortable: ClassVar[Sequence[str]] = ()
    """The columns that it can be sorted by, in the order of the keys; none, where its own order
    tells something."""
    ascending: ClassVar[Collection[str]] = ()
    """The columns whose smallest value stands first."""
    sort: str = ""
    """The column to sort by."""
    inverted = False
    head: ClassVar[int] = 1
    """Lines above the rows."""
    cursor: reactive[int] = reactive(0, repaint=False)
    """The selected row."""

    @dataclass
    class Chosen(Message):
        """A row was opened with enter, or a click on it when it was selected."""

        table: RowTable
        identity: Hashable

    @dataclass
    class Moved(Message):
        """Another row is selected, or the same one stands for something else."""

        table: RowTable

    @dataclass
    class SortAsked(Message):
        """A column's header was clicked."""

        table: RowTable
        column: str

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.rows = TableRows()
        self.sorted_by: tuple[str, bool] | None = None
        """The column the rows are sorted by, and whether its greatest stands last."""
        self._layout: list[tuple[Column, int]] = []
        self._needs: dict[str, int] = {}
        """What columns have needed so far: one that shrank again would make the table jump."""
        self._moved = False
        self.is_users = False
        """Has the user moved the selection?"""
        self._left: Hashable = None
        """What was selected last where there are no rows now."""
        self._told: Hashable = None
        """The selection that was told of last."""
        self._styles_of: dict[str, Style] = {}
        self._combined: dict[tuple[str, str, str], Style] = {}
        self._drawn: list[Strip] = []
        self._drawn_as: object = None
        """What the drawn lines depend on beside the rows."""

    def show_rows(self, rows: TableRows, *, sorted_by: tuple[str, bool] | None = None) -> None:
        """Show other rows; the selection stays with what it was on, if that is still there.

        Also if there were no rows in between. Until it has been moved it stays on the first row,
        wherever that goes.
        """
        if len(self.rows):
            self._left = self.selected
        selected = self._left if self._moved else None
        self.rows = rows
        self.sorted_by = sorted_by
        needs, known = rows.needs(), self._needs  # in the order of those that are shown now
        self._needs = {
            name: max(needs.get(name, 0), known.get(name, 0)) for name in {**needs, **known}
        }
        self.virtual_size = Size(self.size.width, len(rows) + self.head)
        found = rows.find(selected) if selected is not None else None
        if found is None:
            found = min(self.cursor, max(len(rows) - 1, 0)) if self._moved else 0
        if found != self.cursor:
            self.cursor = found
            self.bring_into_view(self.cursor, self.cursor)
        # From one second to the next most lines are the same.
        before, self._drawn_as = self._drawn, None
        if self.is_on_screen:
            self.repaint_where(before, self._lines())
        else:
            self.refresh()

        self._tell()

    def _tell(self) -> None:
        if (selected := self.selected) != self._told:
            self._told = selected
            self.post_message(self.Moved(self))

    def show_nothing(self, reason: str) -> None:
        """Show no rows but why there are none."""
        self.empty = reason
        self.show_rows(TableRows())

    @property
    def selected(self) -> Hashable | None:
        """What the selected row stands for, None in an empty table."""
        return self.rows.identity(self.cursor) if self.cursor < len(self.rows) else None

    def notify_style_update(self) -> None:
        """Forget the styles of the old theme."""
        self._styles_of.clear()
        self._combined.clear()
        self._drawn_as = None
        super().notify_style_update()

    def on_resize(self, event: events.Resize) -> None:
        """Keep the selected row in view."""
        self.virtual_size = Size(self.size.width, len(self.rows) + self.head)
        self.bring_into_view(self.cursor, self.cursor)

    def render_line(self, y: int) -> Strip:
        """Return one line of the screen."""
        lines = self._lines()
        return lines[y] if y < len(lines) else Strip.blank(self.size.width)

    def _lines(self) -> list[Strip]:
        """Return the lines as they are now, drawn anew when something they depend on changed."""
        depends_on = (self.size, self.scroll_offset.y, self.has_focus)
        if self._drawn_as != depends_on:
            self._drawn_as = depends_on
            self._layout = fit(self.columns, max(self.size.width - 2, 1), self._needs)
            self._drawn = [self._line(y) for y in range(self.size.height)]
        return self._drawn

    def _line(self, y: int) -> Strip:
        """Draw the header, a row, or the room below."""
        width = self.size.width
        if y < self.head:
            return self._header(width)
        y -= self.head
        row = self.scroll_offset.y + y
        if row < len(self.rows):
            return self._row(row, width)
        plain = self._style("")
        if not len(self.rows) and y >= self.head:
            text = wrap(self.empty, max(width - 2, 1))[y - self.head : y - self.head + 1]
            line = "".join(text).center(width)
            return Strip([Segment(line, plain + self._style("dim"))], width)
        return Strip([Segment(" " * width, plain)], width)

    def _style(self, role: str) -> Style:
        style = self._styles_of.get(role)
        if style is None:
            if not role:
                style = self.rich_style
            elif role in ("cursor", "blurred"):
                style = backdrop(self, role)
            else:
                style = foreground(self, role)
            self._styles_of[role] = style
        return style

    def _header(self, width: int) -> Strip:
        ground = self._style("")
        runs = list[Run]()
        for column, cell_width in self._layout:
            arrow = ""
            if self.sorted_by is not None and self.sorted_by[0] == column.id:
                arrow = glyphs().ascending if self.sorted_by[1] else glyphs().descending
            # Where the name fills its column the arrow stands in the blank between two.
            title = short(self.rows.title(column, cell_width), cell_width) + arrow
            side = "<" if column.align == "left" else ">"
            gap = " " if len(title) <= cell_width else ""
            runs.append((f"{gap}{title:{side}{cell_width}}", "main" if arrow else "header"))
        strip = Strip(Segment(text, ground + self._style(role)) for text, role in runs)
        return strip.adjust_cell_length(width, ground)

    def _row(self, row: int, width: int) -> Strip:
        role = self.rows.role(row)
        selected = row == self.cursor
        ground = ("cursor" if self.has_focus else "blurred") if selected else ""
        runs: list[Run] = [(glyphs().selected if selected else " ", "")]
        for column, cell_width in self._layout:
            content = self.rows.cell(row, column.id, cell_width)
            if isinstance(content, str):
                content = [(short(content, cell_width), "")]
            pad = " " * max(cell_width - sum(len(text) for text, _ in content), 0)
            if column.align == "right":
                runs += [(pad, ""), *content, (" ", "")]
            else:
                runs += [*content, (pad + " ", "")]
        # Each segment costs some 40 bytes of colours on its way to the terminal.
        segments = [
            Segment("".join(text for text, _ in of_one), style)
            for style, of_one in groupby(
                filter(itemgetter(0), runs), lambda run: self._laid_over(role, run[1], ground)
            )
        ]
        return Strip(segments).adjust_cell_length(width, self._laid_over(role, "", ground))

    def _laid_over(self, row: str, run: str, ground: str) -> Style:
        """Return the style of a run in a row, each of its role, on a ground."""
        key = row, run, ground
        if (style := self._combined.get(key)) is None:
            roles = [role for role in key if role]
            style = self._combined[key] = Style.combine(map(self._style, ["", *roles]))
        return style

    def watch_cursor(self, before: int, now: int) -> None:
        """Redraw the two rows concerned."""
        lines = self._lines()
        for row in (before, now):
            y = row - self.scroll_offset.y + self.head
            if self.head <= y < len(lines):
                lines[y] = self._line(y)
                self.refresh(Region(0, y, self.size.width, 1))

        self._tell()

    def select(self, row: int) -> None:
        """Select a row, or the nearest there is."""
        self._moved = True
        self.cursor = min(max(row, 0), max(len(self.rows) - 1, 0))
        self.bring_into_view(self.cursor, self.cursor)

    def _choose(self, row: int) -> None:
        self.is_users = True
        self.select(row)

    def action_move(self, by: int) -> None:
        """Move the selection by so many rows."""
        self._choose(self.cursor + by)

    def action_page(self, by: float) -> None:
        """Move the selection by so many pages."""
        self._choose(self.cursor + round(by * max(self.size.height - self.head - 1, 2)))

    def action_edge(self, side: int) -> None:
        """Select the first row (−1) or the last (1)."""
        self._choose(0 if side < 0 else len(self.rows) - 1)

    def action_choose(self) -> None:
        """Open the selected row."""
        if (identity := self.selected) is not None:
            self.post_message(self.Chosen(self, identity))

    def on_click(self, event: events.Click) -> None:
        """Select a row; where it is selected open it; a click on a header sorts."""
        at = event.get_content_offset(self)
        again = self.was_clicked_again(event)
        if at is None:  # on the border
            return
        if at.y < self.head:
            x = 1
            for column, width in self._layout:
                if x <= at.x < x + width + 1:
                    self.post_message(self.SortAsked(self, column.id))
                x += width + 1
            return
        row = self.scroll_offset.y + at.y - self.head
        if row < len(self.rows):
            if again and row == self.cursor:
                self.action_choose()
            self._choose(row)


def first_row(mask: Array) -> int | None:
    """Return the first row for which a mask is set, None if there is none."""
    return int(mask.argmax()) if mask.any() else None


NARROWEST = 8
"""The width that a column keeps in the narrowest of tables."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    id: str
    title: str
    width: int
    align: Literal["left", "right"] = "right"
    stretch: int = 0
    """Its share of the width that is left over; 0 keeps it as wide as ``width``."""
    most: int = 400
    """How wide it may stretch."""
    rank: int = 0
    """Columns of the highest rank give way first where the table is too narrow; 0 stays."""


SPARED = 9
"""The rank from which on a column is there only where all others have what they need."""


def fit(
    columns: Sequence[Column], width: int, needs: Mapping[str, int] = MappingProxyType({})
) -> list[tuple[Column, int]]:
    """Return the columns that have room in ``width`` cells, each with its own width.

    A blank stands between two columns. Nothing is dropped but by rank, and what stays
    grows narrower only then; the leftover goes to those that need it, in the order of
    ``needs``, then to the stretching ones. A column that needs nothing gives way to one whose
    need is not met, if it may at all.
    """
    most = {column.id: column.most for column in columns}
    wanted = {name: min(need, most[name]) for name, need in needs.items() if need and name in most}
    kept = list(columns)

    def asked() -> int:
        return sum(max(wanted.get(column.id, 0), column.width) + 1 for column in kept) - 1

    if asked() > width:
        kept = [column for column in kept if column.rank == 0 or needs.get(column.id) != 0]
    if asked() > width:
        kept = [column for column in kept if column.rank < SPARED]
    while len(kept) > 1 and sum(column.width + 1 for column in kept) - 1 > width:
        droppable = max(kept, key=lambda column: column.rank)
        if droppable.rank == 0:
            break
        kept.remove(droppable)
    widths = [column.width for column in kept]
    left = width - sum(widths) - (len(kept) - 1)
    while left < 0 and max(widths) > NARROWEST:  # a very narrow terminal: all get less
        widths[widths.index(max(widths))] -= 1
        left += 1
    places = {column.id: i for i, column in enumerate(kept)}
    for i, want in ((places[name], want) for name, want in wanted.items() if name in places):
        more = max(min(want - widths[i], left), 0)
        widths[i] += more
        left -= more
    while left > 0:
        growing = [i for i, column in enumerate(kept) if column.stretch and widths[i] < column.most]
        if not growing:
            break
        total = sum(kept[i].stretch for i in growing)
        given = 0
        for i in growing:
            more = min(max(left * kept[i].stretch // total, 1), kept[i].most - widths[i])
            more = min(more, left - given)
            widths[i] += more
            given += more
        left -= given
    return list(zip(kept, widths, strict=True))
