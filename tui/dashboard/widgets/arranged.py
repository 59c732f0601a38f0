"""Tables whose rows take long to filter and to sort: a thread does it, and the screen goes on."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial

from textual.content import Content

from tui.analysis.filter import Filter
from tui.dashboard.widgets.table import RowTable, TableRows
from tui.writing.export import Sheet

AT_ONCE = 10_000
"""So many rows are filtered and in order before a thread would have begun."""


class ArrangedRows(TableRows):
    """Rows that were filtered and sorted."""

    total: int
    """How many there were to filter."""
    note = ""
    """What stands below them."""

    def sheet(self) -> Sheet:
        """Return the rows for an export."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """Rows that are wanted."""

    make: Callable[[], ArrangedRows]
    """Filters and sorts. It runs in a thread, so it may touch nothing that changes."""
    choices: tuple[str | None, str, bool]
    """The text of the user's filter, the column to sort by, and whether the order is turned round:
    rows made for other choices are not shown any more.
    """


class ArrangedTable(RowTable):
    """A table that shows its newest rows as soon as they are filtered and sorted.

    One thread at a time works on them, always on the newest that are wanted. Rows of a frame
    before that are shown if the user still wants them so: where sorting takes longer than the
    time between two frames there would never be any.
    """

    nothing: str
    """What is said where there are no rows to filter."""
    _wanted: Arrangement | None = None
    """The newest that was asked for; None when it is on screen, or nothing is wanted."""
    _arranging = False
    _shown_choices: Hashable = None

    def title(self, count: str, sort: str) -> str:
        """Return the title of so many rows in this order."""
        raise NotImplementedError

    def foot(self, rows: ArrangedRows) -> Content | str:
        """Return what stands in the border below these rows."""
        return rows.note

    def show_when_ready(
        self, make: Callable[[str, bool], ArrangedRows], chosen: Filter | None, count: int
    ) -> None:
        """Show rows: at once where they are made of few, ``count``, else when they are ready.

        ``make`` gets the column to sort by, and whether the order is turned round.
        """
        choices = None if chosen is None else chosen.text, self.sort, self.inverted
        wanted = Arrangement(partial(make, self.sort, self.inverted), choices)
        if count <= AT_ONCE:
            self._wanted = None
            self._show(wanted, wanted.make())
            return
        self._wanted = wanted
        if wanted.choices != self._shown_choices:
            self.entitle(self._title("…", *choices[:2]))
        if not self._arranging:
            self._begin()

    def drop(self) -> None:
        """Show no rows that are still being made."""
        self._wanted = None

    def show_nothing(self, reason: str) -> None:
        """Show no rows, not even those still being made, but why there are none."""
        self.drop()
        super().show_nothing(reason)

    def _show(self, made: Arrangement, rows: ArrangedRows) -> None:
        self._shown_choices = chosen, sort, inverted = made.choices
        count, self.empty = f"{rows.total:,}", self.nothing
        if chosen is not None:
            count = f"{len(rows):,} of {count}"
            self.empty = "nothing matches the filter; esc clears it"
        self.show_rows(rows, sorted_by=(sort, (sort in self.ascending) != inverted))
        self.entitle(self._title(count, chosen, sort), self.foot(rows))

    def _title(self, count: str, chosen: str | None, sort: str) -> Content:
        """Return the panel's title; a filter is no markup."""
        title = self.title(count, sort)
        return Content(title if chosen is None else f"{title} · filter: {chosen}")

    def _begin(self) -> None:
        self._arranging = True
        # Not as an argument: a worker lies in reference cycles, and would keep whole frames.
        self.run_worker(self._make, thread=True, group="arrange")

    def _make(self) -> None:
        """In a thread: make the newest rows that are wanted."""
        wanted = self._wanted
        self.call_later(self._arranged, wanted, None if wanted is None else wanted.make())

    def _arranged(self, made: Arrangement | None, rows: ArrangedRows | None) -> None:
        """Show the rows if they are still wanted, and go on with those wanted since."""
        self._arranging = False
        wanted = self._wanted
        if wanted is None:
            return
        if made is not None and rows is not None and made.choices == wanted.choices:
            self._show(made, rows)
        if made is wanted:
            self._wanted = None
        else:
            self._begin()
