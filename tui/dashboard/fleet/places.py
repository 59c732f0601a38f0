"""The table of places, each by its worst tuple."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from textual.content import Content

from tui.dashboard.fleet.arranged import FleetRows, FleetTable
from tui.dashboard.fleet.cells import findings_cell, hour_cell, left_cell, use_cell
from tui.dashboard.fleet.columns import HOST, HOUR, LEFT, USE, WAITING, WHO, place_name
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.widgets.panel import hint
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column
from tui.findings.finding import Severity
from tui.fleet.fleet import FleetPlace, host_of
from tui.fleet.record import PLACE_FIELDS, place_record
from tui.writing.export import Sheet
from tui.writing.words import short


class PlaceRows(FleetRows):
    """The places of a fleet."""

    texts: ClassVar[Mapping[str, Callable[[FleetPlace], str]]] = {
        "place": lambda one: place_name(one.labels),
        "tuple": lambda one: f"→ {one.worst.destination}" if one.worst is not None else "",
        "process": lambda one: one.worst.process if one.worst is not None else "",
    }

    def title(self, column: Column, width: int) -> str:
        """Return what stands over a column: the label of the groups over theirs."""
        return self.view.fleet.by if column.id == "by" else column.title

    def drawn(self, row: FleetPlace, column: str, width: int) -> str | Sequence[Run]:
        """Return a cell that is no text."""
        view = self.view
        match column:
            case "use":
                runs = use_cell(row.use, row.level(view.threshold), width, view.threshold)
                if row.doubt is None or not runs[-1][0].endswith(" "):
                    return runs
                return [*runs[:-1], (f"{runs[-1][0][:-1]}?", "warn")]  # it may be more
            case "left":
                return left_cell(row.seconds_left)
            case "findings":
                return findings_cell(row, width)
            case "hour":
                return hour_cell(view.moment.lines.get(row.key), view.fleet.time, width)
        return short(row.labels.get(view.fleet.by, ""), width)

    def sheet(self) -> Sheet:
        """Return the places with the fields of `twtop fleet --json`."""
        return Sheet(self.view.fleet.time, PLACE_FIELDS, map(place_record, self.rows))


class PlacesTable(FleetTable):
    """Every place by its worst tuple, the worst first."""

    columns = (
        HOST,
        Column("place", "Place", 12, "left", most=40, rank=5),
        Column("tuple", "Worst tuple", 18, "left", most=48),
        USE,
        LEFT,
        WHO,
        Column("findings", "Findings", 18, "left", stretch=1, most=40, rank=6),
        HOUR,
        Column("by", "", 10, "left", most=20, rank=7),
    )
    names: ClassVar[Mapping[str, str]] = {
        "use": "ports locked",
        "left": "time left",
        "findings": "findings",
        "host": "host",
        "process": "process",
    }
    keys: ClassVar[Mapping[str, Callable[[FleetPlace], Any]]] = {
        "left": lambda one: one.seconds_left,
        "findings": lambda one: (
            one.doubt is None,
            *(-sum(f.severity is of for f in one.findings) for of in reversed(Severity)),
        ),
        "host": lambda one: (host_of(one.labels.get("instance", "")), one.key),
        "process": lambda one: (
            one.worst.process.lower() if one.worst and one.worst.process else "~"
        ),
    }
    sortable = tuple(names)
    ascending = ("left", "host", "process")
    sort = "use"
    nothing = "no host reports anything: does this Prometheus scrape `twtop metrics`?"
    empty = WAITING

    def title(self, count: str, sort: str) -> str:
        """Return how many there are, and by what they are sorted."""
        return f"¹ Places · {count} · by {self.names[sort]}"

    def show(self, view: FleetView) -> None:
        """Show a view."""
        rows = view.fleet.places
        make = partial(PlaceRows, view, rows, self.keys)
        self.show_when_ready(make, view.filter, len(rows))
        more = "the others have fewer ports locked · " if view.fleet.cut else ""
        keys = hint(("⏎", "opens"))
        self.entitle(self._titles[0], Content(more) + keys)

    def in_view(self) -> list[FleetPlace]:
        """Return the places whose rows are on screen."""
        if not isinstance(self.rows, PlaceRows):
            return []
        top = self.scroll_offset.y
        return self.rows.rows[top : top + self.size.height]
