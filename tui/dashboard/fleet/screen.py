"""The fleet: every place by its worst tuple, top tuples, groups, silent hosts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer

from tui.analysis.filter import Filter, parse_begun, parse_filter
from tui.dashboard.fleet.groups import GroupsTable
from tui.dashboard.fleet.pane import PlacePanel
from tui.dashboard.fleet.places import PlacesTable
from tui.dashboard.fleet.silent import SilentTable
from tui.dashboard.fleet.title import FleetTitle
from tui.dashboard.fleet.tuples import TuplesTable
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.keys import bind
from tui.dashboard.screens.overview import FOLLOWS_AFTER
from tui.dashboard.screens.table_screen import TableScreen
from tui.dashboard.widgets.footer import Hint, each
from tui.dashboard.widgets.table import RowTable
from tui.fleet.filter import FleetParser, Row
from tui.fleet.fleet import FleetPlace, Key
from tui.kernel.sockets import Array

PANELS = {
    "places": "places",
    "tuples": "top tuples",
    "groups": "groups",
    "silent": "silent hosts",
}
"""The panels that the number keys maximize, in the keys' order."""


@dataclass
class PlaceAsked(Message):
    """Show a place."""

    key: Key


@dataclass
class ShellAsked(Message):
    """Run twtop on the host of a place."""

    place: FleetPlace


class Looked(Message):
    """Other places are in view now."""


class FleetScreen(TableScreen[FleetView]):
    """The places, and around them what is told of all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("fleet.ssh", "S", "ssh", "ssh", "Open twtop on its host over ssh (needs --ssh)"),
        bind("fleet.maximize", "m", "maximize_panel", "Maximize", "Give a panel the whole screen"),
        *(
            bind(f"fleet.{name}", str(number), f"panel('{name}')", title, f"Show only {title}")
            for number, (name, title) in enumerate(PANELS.items(), 1)
        ),
    ]
    hints = (
        *each("move.open", "table.filter", "table.sort", "fleet.ssh"),
        Hint([f"fleet.{name}" for name in PANELS], "Panel"),
    )
    more_hints = each("table.export", "app.palette")
    has_past = False
    filter_hint = "job = gateway · dst 10.0.0.0/8 · dport 443 · locked > 50% · text"
    maximized_panel: reactive[str | None] = reactive(None)
    """The panel that has the screen to itself."""

    def __init__(self, host: str) -> None:
        self.places = PlacesTable(id="places")
        super().__init__(FleetTitle(f"fleet · {host}"), self.places, load=False)
        self.selected, self.folded = PlacePanel(id="selected"), PlacePanel(id="folded")
        self.tuples = TuplesTable(id="tuples")
        self.groups, self.silent = GroupsTable(id="groups"), SilentTable(id="silent")
        self._following: Timer | None = None
        self.add_class("-fleet", update=False)

    def panels(self) -> ComposeResult:
        """Lay the panels out from top to bottom."""
        with Container(id="middle"):
            yield self.places
            yield self.selected
        yield self.folded
        with Container(id="lower"):
            yield self.tuples
            yield self.groups
            yield self.silent

    def on_mount(self) -> None:
        """Also say so when the first refresh fails: there is no view then."""
        self.watch(self.app, "failure", self._failed)

    def _failed(self, failure: str | None) -> None:
        if failure is not None and self.view is None:
            self.title_bar.show_nothing("no answer")
            self.places.show_nothing(f"{failure} · trying again")

    def show(self, view: FleetView) -> None:
        """Hand the view to every panel."""
        view = replace(view, filter=self.filter)
        self.add_class("-read")
        self.title_bar.show(view)
        for table in (self.places, self.tuples, self.groups, self.silent):
            table.show(view)
        self._follow_selection()

    def read_filter(self, text: str) -> Filter | None:
        """Return a filter; None for an empty one. Raises FilterError."""
        return parse_filter(text, FleetParser)

    def read_begun(self, text: str) -> Filter | None:
        """Return one that is still being typed. Raises FilterError where it ends too soon."""
        return parse_begun(text, FleetParser)

    @on(RowTable.Moved)
    def moved(self, event: RowTable.Moved) -> None:
        """Let the pane follow the selected place, and the histories what is in view."""
        if event.table is self.places and self._following is None:
            self._following = self.set_timer(FOLLOWS_AFTER, self._follow_selection)

    def on_resize(self) -> None:
        """Show the selection where there is room for it now."""
        self.call_after_refresh(self._follow_selection)

    def _follow_selection(self) -> None:
        self._following = None
        for pane in (self.selected, self.folded):
            if self.view is not None and pane.display:
                pane.show_of(self.view, self.places.selected)
        self.post_message(Looked())

    @property
    def place(self) -> FleetPlace | None:
        """The selected place; of another panel, that of its row."""
        if self.view is None:
            return None
        key = self.places.selected
        if self.focused is self.tuples and isinstance(self.tuples.selected, tuple):
            key = self.tuples.selected[0]
        return self.view.fleet.find(key) if isinstance(key, tuple) else None

    @on(RowTable.Chosen)
    def chosen(self, event: RowTable.Chosen) -> None:
        """Open a place, or filter by a group."""
        if event.table in (self.places, self.tuples):
            if (place := self.place) is not None:
                self.post_message(PlaceAsked(place.key))
        elif event.table is self.groups and self.view is not None:
            self._filter_by(group_filter(self.view.fleet.by, str(event.identity)))
            self.maximized_panel = None
            self.places.focus()

    def action_ssh(self) -> None:
        """Run twtop on the selected host."""
        if (place := self.place) is not None:
            self.post_message(ShellAsked(place))

    def action_maximize_panel(self) -> None:
        """Give the focused panel the whole screen, or take it back."""
        focused = self.focused.id if self.focused is not None else None
        name = focused if focused in PANELS else "places"
        self.maximized_panel = None if self.maximized_panel is not None else name

    def action_panel(self, name: str) -> None:
        """Show one panel alone; asked again, show all."""
        self.maximized_panel = None if self.maximized_panel == name else name

    def watch_maximized_panel(self, before: str | None, now: str | None) -> None:
        """Hide what is not the maximized panel."""
        self.set_class(now is not None, "-one")
        for name in PANELS:
            self.set_class(name == now, f"-one-{name}")
        tables = (self.places, self.tuples, self.groups, self.silent)
        panel = next((table for table in tables if table.id == (now or "places")), self.places)
        if panel.is_attached:
            panel.focus()

    def go_back(self) -> None:
        """Leave the maximized panel, else take the filter away, else let the screen go on."""
        if self.maximized_panel is not None:
            self.maximized_panel = None
        elif self.filter is not None:
            super().go_back()
        else:
            self.leave_past()


def group_filter(by: str, name: str) -> Filter:
    """Return what lets a group pass, whatever characters its name has."""

    def predicate(rows: Sequence[Row]) -> Array:
        return np.array([row.labels.get(by, "") == name for row in rows], bool)

    return Filter(f"{by} = {name}", predicate)
