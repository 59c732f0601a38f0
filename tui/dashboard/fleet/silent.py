"""The table of hosts that tell nothing."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from tui.dashboard.fleet.columns import HOST, NO_HOST, WAITING
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.widgets.addresses import cut
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, RowTable, TableRows
from tui.fleet.fleet import Silent
from tui.writing.words import short


class SilentRows(TableRows):
    """The hosts that tell nothing."""

    def __init__(self, view: FleetView) -> None:
        self.fleet = view.fleet
        self.items: Sequence[Silent] = view.fleet.silent

    def identity(self, row: int) -> Hashable:
        """Return what tells the host from all others."""
        return tuple(sorted(self.items[row].labels.items()))

    def title(self, column: Column, width: int) -> str:
        """Return what stands over a column."""
        return self.fleet.by if column.id == "by" else column.title

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        one = self.items[row]
        match column:
            case "host":
                return cut(self.fleet.host_name(one.labels), width, width // 2)
            case "by":
                return short(one.labels.get(self.fleet.by, ""), width)
        return [(short(str(one.why), width), "warn")]


class SilentTable(RowTable):
    """The hosts that tell nothing, and why."""

    columns = (
        replace(HOST, stretch=1),
        Column("by", "", 8, "left", most=20, rank=1),
        Column("why", "Why", 17, "left", most=30),
    )

    empty = WAITING

    def show(self, view: FleetView) -> None:
        """Show a view."""
        self.empty = "none: every host reports" if view.fleet.hosts else NO_HOST
        self.entitle(f"⁴ Silent hosts · {len(view.fleet.silent):,}")
        self.show_rows(SilentRows(view))
