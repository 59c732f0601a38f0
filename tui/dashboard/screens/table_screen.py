"""What the two screens around a main table share: filter, sort and export of that table."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from tui.analysis.filter import Filter, FilterError, parse_filter
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.widgets.arranged import ArrangedRows, ArrangedTable
from tui.dashboard.widgets.table import RowTable
from tui.dashboard.widgets.titlebar import TitleBar
from tui.writing.export import ExportError, Sheet, write_export


class TableScreen(ViewScreen):
    """A screen that shows the app's view around one table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Show only what matches"),
        Binding("s", "sort", "Sort", tooltip="Sort by the next column"),
        Binding("I", "invert", "Invert", show=False, tooltip="Turn the order round"),
        Binding(
            "e",
            "export",
            "Export",
            show=False,
            tooltip="Write the rows shown to a CSV or JSON file",
        ),
        Binding("escape", "back", "Back", show=False),
    ]

    def __init__(self, title_bar: TitleBar, main_table: ArrangedTable, *, load: bool) -> None:
        super().__init__(title_bar, main_table, load=load)
        self.main_table = main_table
        """The table that filter, sort and export are about."""
        self.filter: Filter | None = None

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.prompt.ask(
            "Filter:",
            self.filter.text if self.filter is not None else "",
            self._set_filter,
            "state time-wait · dport 5432 · dst 10.0.0.0/8 · use > 50% · text",
        )

    def _set_filter(self, text: str) -> str | None:
        try:
            self.filter = parse_filter(text)
        except FilterError as error:
            return str(error)
        self.again()
        return None

    def action_sort(self) -> None:
        """Sort by the next column."""
        columns = self.main_table.sortable
        self._sort_by(columns[(columns.index(self.main_table.sort) + 1) % len(columns)])

    def action_invert(self) -> None:
        """Turn the order round."""
        self.main_table.inverted = not self.main_table.inverted
        self.again()

    @on(RowTable.SortAsked)
    def sort_asked(self, event: RowTable.SortAsked) -> None:
        """Sort by the header that was clicked; a second click turns the order round."""
        if event.table is not self.main_table or event.column not in self.main_table.sortable:
            return
        if event.column == self.main_table.sort:
            self.action_invert()
        else:
            self._sort_by(event.column)

    def _sort_by(self, column: str) -> None:
        self.main_table.sort = column
        self.main_table.inverted = False
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
            return "there is nothing to write yet"
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
        self.prompt.action_cancel()
        self.notify(f"{count:,} rows in {path}", title="Exported", markup=False)

    def go_back(self) -> None:
        """Take the filter away, else go back."""
        if self.filter is not None:
            self.filter = None
            self.again()
        else:
            super().go_back()
