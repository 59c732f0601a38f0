"""The overview of all places."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from tui.dashboard.keys import bind
from tui.dashboard.screens.acting import PatternActs
from tui.dashboard.screens.table_screen import TableScreen
from tui.dashboard.widgets.footer import each
from tui.dashboard.widgets.places import PlaceRows, Places, PlacesPanel, PlacesTitle
from tui.dashboard.widgets.table import RowTable
from tui.kernel.places import Place
from tui.watching.view import View


@dataclass
class PlaceAsked(Message):
    """Show the whole dashboard of a place; None is twtop's own."""

    place: Place | None


class PlacesScreen(TableScreen[View], PatternActs):
    """One row a place."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("table.back", "escape,backspace,left,h", "back", "Own place", "Go to twtop's own"),
    ]
    hints = each("move.open", "table.back", "table.filter", "table.sort")
    more_hints = each("app.palette", "table.export", "app.threshold")
    about = "places"
    has_past = False

    def __init__(self, machine: str, selected: Hashable = None) -> None:
        """Select the place with this identity at first."""
        self.places_title = PlacesTitle(machine)
        self.table = PlacesPanel(id="places")
        super().__init__(self.places_title, self.table, load=False)
        self._selected = selected

    @property
    def pattern(self) -> None:
        """None is selected."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no keys that are about a pattern."""
        return action not in ("free", "keep") and super().check_action(action, parameters)

    def panels(self) -> ComposeResult:
        """Lay out the table."""
        yield self.table

    def on_mount(self) -> None:
        """Follow the places, which are looked at on their own."""
        self.watch(self.app, "places", lambda _: self.again())

    def again(self) -> None:
        """Show the present places once more."""
        places: Places | None = getattr(self.app, "places", None)
        if places is not None and self.is_current:
            with self.app.batch_update():
                self.places_title.tell(places)
                self.table.show(places, self.filter)
                if self._selected is not None and isinstance(self.table.rows, PlaceRows):
                    row = self.table.rows.find(self._selected)
                    self._selected = None
                    if row is not None:
                        self.table.select(row)
        super().again()

    def show(self, view: View) -> None:
        """Show how fresh it is."""
        self.places_title.show(view)

    @on(RowTable.Chosen)
    def chosen(self, event: RowTable.Chosen) -> None:
        """Open a place."""
        rows = self.table.rows
        place = rows.place(event.identity) if isinstance(rows, PlaceRows) else None
        if place is not None:  # else it has gone meanwhile
            self.post_message(PlaceAsked(place))

    def go_back(self) -> None:
        """Take the filter away, else go to twtop's own place."""
        if self.filter is not None:
            super().go_back()
        else:
            self.post_message(PlaceAsked(None))
