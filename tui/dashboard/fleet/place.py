"""One place: what is known of it, its last hour, and that of each of its patterns."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.analysis.judgement import PortUse
from tui.analysis.patterns import endpoint
from tui.dashboard.fleet.cells import hour_cell, use_cell
from tui.dashboard.fleet.columns import HOUR, USE
from tui.dashboard.fleet.pane import HourPanel, PlacePanel
from tui.dashboard.fleet.screen import ShellAsked
from tui.dashboard.fleet.title import FleetTitle
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.keys import bind
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.widgets.footer import each
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, RowTable, TableRows
from tui.fleet.answers import Labels
from tui.fleet.fleet import RATIO_PORTS, FleetPlace


class HourRows(TableRows):
    """The patterns that had series of their own in the last hour, the fullest now first."""

    def __init__(self, view: FleetView) -> None:
        self.view = view
        detail = view.moment.detail
        lines, now = ((), ()) if detail is None else (detail.patterns, detail.now)
        self._points = {name_of(one.labels): one.points for one in lines}
        self._now = {name_of(one.labels): locked(one.value) for one in now}
        names = {*self._points, *self._now}
        self.items: Sequence[str] = sorted(names, key=lambda one: (-self._now.get(one, 0), one))

    def identity(self, row: int) -> Hashable:
        """Return the pattern's name."""
        return self.items[row]

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        name, threshold = self.items[row], self.view.threshold
        if column == "tuple":
            return name
        if column == "hour":
            return hour_cell(self._points.get(name), self.view.fleet.time, width)
        use = PortUse(RATIO_PORTS, waiting=round(self._now.get(name, 0) * RATIO_PORTS))
        return use_cell(use, use.level(threshold), width, threshold)


def locked(value: float) -> float:
    """Return the locked part of a pattern; all of it, where it can have no port at all."""
    return 1.0 if math.isnan(value) else min(value, 1.0)


def name_of(labels: Labels) -> str:
    """Return a pattern's name."""
    get = labels.get
    port = get("remote_port", "")
    remote = get("remote_ip", "?")
    return f"{get('local_ip', '?')} → {endpoint(remote, int(port)) if port.isdecimal() else remote}"


class HourTable(RowTable):
    """Every pattern's last hour."""

    columns = (
        Column("tuple", "Tuple", 26, "left", stretch=1, most=93),
        USE,
        replace(HOUR, width=20, stretch=2, most=62),
    )

    def show(self, view: FleetView) -> None:
        """Show a view."""
        self.empty = "no tuple had a tenth of its ports in use in the last hour"
        rows = HourRows(view)
        self.entitle(f"Tuples in the last hour · {len(rows):,}")
        self.show_rows(rows)


class PlaceScreen(ViewScreen[FleetView]):
    """All that Prometheus knows of one place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("place.back", "escape,backspace,left,h", "back", "Back", "Go back"),
        bind("place.ssh", "S", "ssh", "ssh", "Open twtop on this host over ssh (needs --ssh)"),
    ]
    hints = each("place.back", "place.ssh")
    more_hints = each("app.palette")
    has_past = False

    def __init__(self, place: FleetPlace) -> None:
        self.patterns = HourTable(id="quadruplets")
        super().__init__(FleetTitle(place.name, subject=True), self.patterns, load=False)
        self.place, self.about = place, place.key
        self.facts = PlacePanel(place.key, id="facts")
        self.past = HourPanel(place.key)

    def panels(self) -> ComposeResult:
        """Lay out facts, chart and table from top to bottom."""
        self.add_class("-place")
        yield self.facts
        yield self.past
        yield self.patterns

    def show(self, view: FleetView) -> None:
        """Hand the view to every panel."""
        for panel in (self.title_bar, self.facts, self.past, self.patterns):
            panel.show(view)

    @on(RowTable.Chosen)
    def action_ssh(self) -> None:
        """Run twtop on this host."""
        self.post_message(ShellAsked(self.place))
