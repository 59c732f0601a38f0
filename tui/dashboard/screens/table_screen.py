"""What the two screens around a main table share: filter, sort and export of that table."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import BindingType

from tui.analysis.expressions import FilterError
from tui.analysis.filter import Filter, parse_begun, parse_filter
from tui.dashboard.keys import bind
from tui.dashboard.screens.palette import Choice, Palette, choices
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.widgets.arranged import ArrangedRows, ArrangedTable
from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.panel import Shown
from tui.dashboard.widgets.table import RowTable
from tui.dashboard.widgets.titlebar import TitleLine
from tui.writing.export import ExportError, Sheet, write_export
from tui.writing.words import plural


class TableScreen(ViewScreen[Shown]):
    """A screen that shows the app's view around one table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("table.filter", "slash,f3,f4,backslash", "filter", "Filter", "Show only what matches"),
        bind("table.sort", "s,greater_than_sign", "sort(1)", "Sort", "Sort by the next column"),
        bind(
            "table.sort-back",
            "less_than_sign",
            "sort(-1)",
            "Sort back",
            "Sort by the column before",
        ),
        bind("table.sort-menu", "f6", "sort_menu", "Sort by …", "Choose the column to sort by"),
        bind("table.invert", "I,i", "invert", "Reverse", "Reverse the order"),
        bind("table.export", "e", "export", "Export", "Write the rows shown to a CSV or JSON file"),
        bind("table.back", "escape", "back", "Back", "Go back, or clear the filter"),
    ]

    filter_hint: ClassVar[str] = "state time-wait · dport 5432 · dst 10.0.0.0/8 · use > 50% · text"

    def __init__(
        self, title_bar: TitleLine[Shown], main_table: ArrangedTable, *, load: bool
    ) -> None:
        super().__init__(title_bar, main_table, load=load)
        self.main_table = main_table
        """The table that filter, sort and export are about."""
        self.filter: Filter | None = None

    def read_filter(self, text: str) -> Filter | None:
        """Return a filter; None for an empty one. Raises FilterError."""
        return parse_filter(text)

    def read_begun(self, text: str) -> Filter | None:
        """Return one that is still being typed. Raises FilterError where it ends too soon."""
        return parse_begun(text)

    def action_filter(self) -> None:
        """Ask for a filter, which works as it is typed."""
        before = self.filter
        self.prompt.ask(
            "Filter:",
            before.text if before is not None else "",
            partial(self._set_filter, before),
            self.filter_hint,
            as_typed=self._try_filter,
            undo=lambda: self._filter_by(before),
        )

    def _set_filter(self, before: Filter | None, text: str) -> str | None:
        try:
            self._filter_by(self.read_filter(text))
        except FilterError as error:
            self._filter_by(before)
            return str(error)
        return None

    def _try_filter(self, text: str) -> None:
        with suppress(FilterError):
            self._filter_by(self.read_begun(text))

    def _filter_by(self, chosen: Filter | None) -> None:
        self.filter = chosen
        self.again()

    @property
    def sorted_table(self) -> RowTable | None:
        """The table that the keys sort: the focused one, None where it has an order of its own."""
        table = self.focused if isinstance(self.focused, RowTable) else self.main_table
        if table.sortable:
            return table
        self.notify("this panel has a fixed order: press tab for another", timeout=3)
        return None

    def action_sort(self, by: int) -> None:
        """Sort by the next column (1), or the one before (−1)."""
        if (table := self.sorted_table) is not None:
            columns = table.sortable
            self._sort_by(table, columns[(columns.index(table.sort) + by) % len(columns)])

    def action_sort_menu(self) -> None:
        """Let the user choose the column to sort by."""
        if (table := self.sorted_table) is not None:
            titles = {column.id: column.title for column in table.columns}
            up = (table.sort in table.ascending) != table.inverted
            mark = glyphs().ascending if up else glyphs().descending
            columns = [
                Choice(
                    f"{titles[column]} {mark}" if column == table.sort else titles[column],
                    partial(self._sort_by, table, column),
                )
                for column in table.sortable
            ]
            self.app.push_screen(Palette([choices(columns)], placeholder="Sort by …"))

    def action_invert(self) -> None:
        """Turn the order round."""
        if (table := self.sorted_table) is not None:
            self._invert(table)

    def _invert(self, table: RowTable) -> None:
        table.inverted = not table.inverted
        self.again()

    @on(RowTable.SortAsked)
    def sort_asked(self, event: RowTable.SortAsked) -> None:
        """Sort by the header that was clicked; a second click turns the order round."""
        if event.column not in event.table.sortable:
            return
        if event.column == event.table.sort:
            self._invert(event.table)
        else:
            self._sort_by(event.table, event.column)

    def _sort_by(self, table: RowTable, column: str) -> None:
        table.sort, table.inverted = column, False
        self.again()

    def action_export(self) -> None:
        """Ask where to write the rows shown."""
        name = f"twtop-{self.main_table.id}-{datetime.now():%Y%m%d-%H%M%S}.csv"
        self.prompt.ask("Export to (.csv or .json):", name, self._export)

    def _export(self, text: str) -> str | None:
        if any(worker.group == "export" and worker.is_running for worker in self.workers):
            return "writing …"
        rows = self.main_table.rows
        if not isinstance(rows, ArrangedRows):
            return "nothing to write yet"
        self._write(Path(text.strip()).expanduser(), rows.sheet())
        return "writing …"

    @work(thread=True, group="export")
    def _write(self, path: Path, sheet: Sheet) -> None:
        """Write the rows while the screen goes on: half a million take seconds."""
        try:
            count = write_export(path, sheet)
        except ExportError as error:
            self.app.call_from_thread(self.prompt.say, str(error))
            return
        self.app.call_from_thread(self._exported, count, path)

    def _exported(self, count: int, path: Path) -> None:
        self.prompt.close()
        self.notify(f"{plural(count, 'row')} in {path}", title="Exported", markup=False)

    def go_back(self) -> None:
        """Take the filter away, else go back."""
        if self.filter is not None:
            self.filter = None
            self.again()
        else:
            super().go_back()
