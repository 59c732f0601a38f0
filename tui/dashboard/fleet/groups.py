"""The table of groups, by a label."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from textual.content import Content

from tui.analysis.judgement import PortUse
from tui.dashboard.fleet.cells import counts_cell, hour_cell, use_cell
from tui.dashboard.fleet.columns import HOUR, NO_HOST, USE, WAITING
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.widgets.panel import hint
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, RowTable, TableRows
from tui.findings.finding import Severity
from tui.fleet.fleet import RATIO_PORTS, FleetPlace, Group
from tui.writing.words import short


class GroupRows(TableRows):
    """The groups of a fleet, the worst first."""

    def __init__(self, view: FleetView) -> None:
        self.view = view
        self.items: Sequence[Group] = view.fleet.groups

    def identity(self, row: int) -> Hashable:
        """Return the group's name."""
        return self.items[row].name

    def title(self, column: Column, width: int) -> str:
        """Return what stands over a column: the label over its values."""
        return self.view.fleet.by if column.id == "name" else column.title

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        group, threshold = self.items[row], self.view.threshold
        match column:
            case "name":
                return short(group.name or "(none)", width)
            case "use":
                part = group.locked
                use = None if part is None else PortUse(RATIO_PORTS, 0, round(part * RATIO_PORTS))
                if use is None:
                    return use_cell(None, FleetPlace({}, None).level(threshold), width, threshold)
                return use_cell(use, use.level(threshold), width, threshold)
            case "hosts":
                return f"{group.hosts:,}"
            case "silent":
                return [(f"{group.silent:,}", "warn" if group.silent else "dim")]
            case "findings":
                counts = (Severity.CRITICAL, group.critical), (Severity.WARNING, group.warnings)
                return counts_cell(counts, width)
        points = self.view.moment.groups.get(group.name)
        return hour_cell(points, self.view.fleet.time, width)


class GroupsTable(RowTable):
    """The groups by their worst tuples."""

    columns = (
        Column("name", "", 10, "left", stretch=1, most=30),
        Column("hosts", "Hosts", 6),
        Column("silent", "Silent", 6, rank=3),
        replace(USE, width=12, most=40),
        Column("findings", "Findings", 11, "left", rank=2),
        HOUR,
    )
    empty = WAITING

    def show(self, view: FleetView) -> None:
        """Show a view."""
        self.empty = "no groups" if view.fleet.hosts else NO_HOST
        groups = len(view.fleet.groups)
        self.entitle(Content(f"³ By {view.fleet.by} · {groups:,}"), hint(("⏎", "filters")))
        self.show_rows(GroupRows(view))
