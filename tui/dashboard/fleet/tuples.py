"""The table of the fullest tuples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from tui.dashboard.fleet.arranged import FleetRows, FleetTable
from tui.dashboard.fleet.cells import left_cell, use_cell
from tui.dashboard.fleet.columns import HOST, LEFT, NO_HOST, USE, WAITING, WHO
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column
from tui.fleet.fleet import FleetTuple, host_of
from tui.fleet.record import TUPLE_FIELDS, tuple_record
from tui.writing.export import Sheet


class TupleRows(FleetRows):
    """The fullest tuples of a fleet."""

    texts: ClassVar[Mapping[str, Callable[[FleetTuple], str]]] = {
        "tuple": str,
        "process": lambda one: one.process,
    }

    def drawn(self, row: FleetTuple, column: str, width: int) -> str | Sequence[Run]:
        """Return a cell that is no text."""
        threshold = self.view.threshold
        if column == "use":
            return use_cell(row.use, row.use.level(threshold), width, threshold)
        return left_cell(row.seconds_left)

    def sheet(self) -> Sheet:
        """Return the tuples with the fields of `twtop fleet --json`."""
        return Sheet(self.view.fleet.time, TUPLE_FIELDS, map(tuple_record, self.rows))


class TuplesTable(FleetTable):
    """The fullest tuples, several of a place if need be."""

    columns = (
        HOST,
        Column("tuple", "Tuple", 24, "left", most=93),
        replace(USE, width=14),
        replace(LEFT, rank=3),
        WHO,
    )
    names: ClassVar[Mapping[str, str]] = {
        "use": "ports locked",
        "left": "time left",
        "host": "host",
        "tuple": "tuple",
    }
    keys: ClassVar[Mapping[str, Callable[[FleetTuple], Any]]] = {
        "left": lambda one: one.seconds_left,
        "host": lambda one: (host_of(one.labels.get("instance", "")), one.key),
        "tuple": lambda one: (one.remote_ip, one.remote_port, one.key),
    }
    sortable = tuple(names)
    ascending = ("left", "host", "tuple")
    sort = "use"
    empty = WAITING

    def title(self, count: str, sort: str) -> str:
        """Return how many there are, and by what they are sorted."""
        return f"² Top tuples · {count} · by {self.names[sort]}"

    def show(self, view: FleetView) -> None:
        """Show a view."""
        rows, fleet = view.fleet.tuples, view.fleet
        known = (
            "no data on any ports" if fleet.blind else "no tuple has a tenth of its ports in use"
        )
        self.nothing = known if fleet.hosts else NO_HOST
        make = partial(TupleRows, view, rows, self.keys)
        self.show_when_ready(make, view.filter, len(rows))
