"""The tables of the fleet: places, tuples, groups, hosts that are silent."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from textual.content import Content

from tui.analysis.judgement import PortUse
from tui.dashboard.fleet.cells import counts_cell, findings_cell, hour_cell, left_cell, use_cell
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.widgets.addresses import cut
from tui.dashboard.widgets.arranged import ArrangedRows, ArrangedTable
from tui.dashboard.widgets.panel import hint
from tui.dashboard.widgets.patterns import READABLE_GAUGE
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, RowTable, TableRows
from tui.findings.finding import Severity
from tui.fleet.answers import Labels
from tui.fleet.fleet import RATIO_PORTS, Group, Place, Silent, Tuple, host_of
from tui.fleet.record import PLACE_FIELDS, TUPLE_FIELDS, place_record, tuple_record
from tui.writing.export import Sheet
from tui.writing.words import short

LOOKED_AT = 40
"""How many rows say how wide a column has to be."""
HOST = Column("host", "Host", 12, "left", most=40)
USE = Column("use", "Use", 15, "left", stretch=2, most=60)
LEFT = Column("left", "Full in", 8, rank=1)
WHO = Column("process", "Who", 9, "left", most=24, rank=4)
HOUR = Column("hour", "Last hour", 9, "left", stretch=1, most=40, rank=3)


def host_name(labels: Labels) -> str:
    """Return what a host is called, without the port that is scraped."""
    return host_of(labels.get("instance", "?"))


def place_name(labels: Labels) -> str:
    """Return what a place is called beside its host: nothing where it has the host's name."""
    own = labels.get("place", "")
    return "" if own == host_name(labels) else own


class FleetRows(ArrangedRows):
    """Places or tuples, filtered and sorted."""

    def __init__(
        self,
        view: FleetView,
        rows: Sequence[Any],
        keys: Mapping[str, Callable[[Any], Any]],
        sort: str,
        inverted: bool,
    ) -> None:
        """``keys`` are what a column sorts by; rows that are equal there keep their order."""
        self.view = view
        self.total = len(rows)
        chosen = list(rows)
        if view.filter is not None:
            passing = np.flatnonzero(view.filter.predicate(chosen)).tolist()
            chosen = [chosen[number] for number in passing]
        if sort in keys:
            chosen.sort(key=keys[sort])
        self.items = self.rows = chosen[::-1] if inverted else chosen
        self._found = {row.key: number for number, row in enumerate(self.rows)}

    def identity(self, row: int) -> Hashable:
        """Return what tells a row from all others."""
        key: Hashable = self.rows[row].key
        return key

    def find(self, identity: Any) -> int | None:
        """Return the row of an identity."""
        return self._found.get(identity)

    def needs(self) -> Mapping[str, int]:
        """Return how wide names are; 0 where all are blank."""
        first = self.rows[:LOOKED_AT]
        texts = {column: [len(text(row)) for row in first] for column, text in self.texts.items()}
        return {"use": READABLE_GAUGE} | {
            column: max(lengths, default=0) for column, lengths in texts.items()
        }

    texts: ClassVar[Mapping[str, Callable[[Any], str]]]
    """What stands in the columns that are as wide as their texts."""

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        if column in self.texts:
            return cut(self.texts[column](self.rows[row]), width, width // 2)
        return self.drawn(self.rows[row], column, width)

    def drawn(self, row: Any, column: str, width: int) -> str | Sequence[Run]:
        """Return a cell that is no text."""
        raise NotImplementedError


class PlaceRows(FleetRows):
    """The places of a fleet."""

    texts: ClassVar[Mapping[str, Callable[[Place], str]]] = {
        "host": lambda one: host_name(one.labels),
        "place": lambda one: place_name(one.labels),
        "tuple": lambda one: f"→ {one.worst.destination}" if one.worst is not None else "",
        "process": lambda one: one.worst.process if one.worst is not None else "",
    }

    def title(self, column: Column, width: int) -> str:
        """Return what stands over a column: the label of the groups over theirs."""
        return self.view.fleet.by if column.id == "by" else column.title

    def drawn(self, row: Place, column: str, width: int) -> str | Sequence[Run]:
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


class FleetTable(ArrangedTable):
    """A table of the fleet."""

    columns: Sequence[Column]
    names: ClassVar[Mapping[str, str]]
    """What it can be sorted by, and what that is called."""

    def show(self, view: FleetView) -> None:
        """Show a view."""
        raise NotImplementedError


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
    keys: ClassVar[Mapping[str, Callable[[Place], Any]]] = {
        "left": lambda one: one.seconds_left,
        "findings": lambda one: (
            one.doubt is None,
            *(-sum(f.severity is of for f in one.findings) for of in reversed(Severity)),
        ),
        "host": lambda one: (host_name(one.labels), one.key),
        "process": lambda one: (
            one.worst.process.lower() if one.worst and one.worst.process else "~"
        ),
    }
    sortable = tuple(names)
    ascending = ("left", "host", "process")
    sort = "use"
    nothing = "no host reports anything: does this Prometheus scrape `twtop metrics`?"
    empty = "waiting for Prometheus …"

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

    def in_view(self) -> list[Place]:
        """Return the places whose rows are on screen."""
        if not isinstance(self.rows, PlaceRows):
            return []
        top = self.scroll_offset.y
        return self.rows.rows[top : top + self.size.height]


class TupleRows(FleetRows):
    """The fullest tuples of a fleet."""

    texts: ClassVar[Mapping[str, Callable[[Tuple], str]]] = {
        "host": lambda one: host_name(one.labels),
        "tuple": str,
        "process": lambda one: one.process,
    }

    def drawn(self, row: Tuple, column: str, width: int) -> str | Sequence[Run]:
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
    keys: ClassVar[Mapping[str, Callable[[Tuple], Any]]] = {
        "left": lambda one: one.seconds_left,
        "host": lambda one: (host_name(one.labels), one.key),
        "tuple": lambda one: (one.remote_ip, one.remote_port, one.key),
    }
    sortable = tuple(names)
    ascending = ("left", "host", "tuple")
    sort = "use"
    nothing = "no tuple has a tenth of its ports in use"

    def title(self, count: str, sort: str) -> str:
        """Return how many there are, and by what they are sorted."""
        return f"² Top tuples · {count} · by {self.names[sort]}"

    def show(self, view: FleetView) -> None:
        """Show a view."""
        rows = view.fleet.tuples
        make = partial(TupleRows, view, rows, self.keys)
        self.show_when_ready(make, view.filter, len(rows))


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
                    return use_cell(None, Place({}, None).level(threshold), width, threshold)
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
    nothing = "no groups"

    def show(self, view: FleetView) -> None:
        """Show a view."""
        self.empty = self.nothing
        groups = len(view.fleet.groups)
        self.entitle(Content(f"³ By {view.fleet.by} · {groups:,}"), hint(("⏎", "filters")))
        self.show_rows(GroupRows(view))


class SilentRows(TableRows):
    """The hosts that tell nothing."""

    def __init__(self, view: FleetView) -> None:
        self.by = view.fleet.by
        self.items: Sequence[Silent] = view.fleet.silent

    def identity(self, row: int) -> Hashable:
        """Return what tells the host from all others."""
        return tuple(sorted(self.items[row].labels.items()))

    def title(self, column: Column, width: int) -> str:
        """Return what stands over a column."""
        return self.by if column.id == "by" else column.title

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        one = self.items[row]
        match column:
            case "host":
                return cut(host_name(one.labels), width, width // 2)
            case "by":
                return short(one.labels.get(self.by, ""), width)
        return [(short(str(one.why), width), "warn")]


class SilentTable(RowTable):
    """The hosts that tell nothing, and why."""

    columns = (
        replace(HOST, stretch=1),
        Column("by", "", 8, "left", most=20, rank=1),
        Column("why", "Why", 17, "left", most=30),
    )

    def show(self, view: FleetView) -> None:
        """Show a view."""
        self.empty = "none: every host reports"
        self.entitle(f"⁴ Silent hosts · {len(view.fleet.silent):,}")
        self.show_rows(SilentRows(view))
