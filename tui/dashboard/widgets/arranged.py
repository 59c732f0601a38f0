"""Tables whose rows take long to filter and to sort: a thread does it, and the screen goes on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual.content import Content
from textual.message import Message

from tui.analysis.filter import Filter
from tui.dashboard.widgets.table import RowTable, TableRows

AT_ONCE = 10_000
"""So many rows are filtered and in order before a thread would have begun."""


class ArrangedRows(TableRows):
    """Rows that were filtered and sorted."""

    total: int
    """How many there were to filter."""
    note = ""
    """What stands below them."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """Rows that are wanted."""

    make: Callable[[], ArrangedRows]
    """Filters and sorts. It runs in a thread, so it may touch nothing that changes."""
    filter: str | None
    """The text of the user's filter."""
    sort: str
    inverted: bool

    @property
    def choices(self) -> Hashable:
        """What the user has chosen: rows made for other choices are not shown any more."""
        return self.filter, self.sort, self.inverted


class ArrangedTable(RowTable):
    """A table that shows its newest rows as soon as they are filtered and sorted.

    One thread at a time works on them, always on the newest that are wanted. Rows of a frame
    before that are shown if the user still wants them so: where sorting takes longer than the
    time between two frames there would never be any.
    """

    @dataclass(eq=False)
    class Arranged(Message):
        """Rows are ready."""

        arrangement: Arrangement | None
        rows: ArrangedRows | None

    nothing: ClassVar[str]
    """What is said where there are no rows to filter."""
    ascending: ClassVar[Collection[str]]
    """The columns whose smallest value stands first."""

    sort: str
    """The column to sort by."""
    inverted = False
    _wanted: Arrangement | None = None
    """The newest that was asked for; None when it is on screen, or nothing is wanted."""
    _arranging = False
    _shown_choices: Hashable = None

    def title(self, count: str, sort: str) -> str:
        """Return the title of so many rows in this order."""
        raise NotImplementedError

    def show_when_ready(
        self, make: Callable[[str, bool], ArrangedRows], chosen: Filter | None, count: int
    ) -> None:
        """Show rows: at once where they are made of few, ``count``, else when they are ready.

        ``make`` gets the column to sort by, and whether the order is turned round.
        """
        sort, inverted = self.sort, self.inverted
        text = None if chosen is None else chosen.text
        wanted = Arrangement(partial(make, sort, inverted), text, sort, inverted)
        if count <= AT_ONCE:
            self._wanted = None
            self._show(wanted, wanted.make())
            return
        self._wanted = wanted
        if wanted.choices != self._shown_choices:
            self.entitle(self._title("…", wanted))
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
        self._shown_choices = made.choices
        count, self.empty = f"{rows.total:,}", self.nothing
        if made.filter is not None:
            count = f"{len(rows):,} of {count}"
            self.empty = "nothing passes the filter; esc clears it"
        self.entitle(self._title(count, made), rows.note)
        self.show_rows(rows, sorted_by=(made.sort, (made.sort in self.ascending) != made.inverted))

    def _title(self, count: str, made: Arrangement) -> Content:
        """Return the panel's title; a filter is no markup."""
        title = self.title(count, made.sort)
        return Content(title if made.filter is None else f"{title} · filter: {made.filter}")

    def _begin(self) -> None:
        self._arranging = True
        # Not as an argument: a worker lies in reference cycles, and would keep whole frames.
        self.run_worker(self._make, thread=True, group="arrange")

    def _make(self) -> None:
        """In a thread: make the newest rows that are wanted."""
        wanted = self._wanted
        self.post_message(self.Arranged(wanted, None if wanted is None else wanted.make()))

    def on_arranged_table_arranged(self, message: Arranged) -> None:
        """Show the rows if they are still wanted, and go on with those wanted since."""
        message.stop()
        self._arranging = False
        made, wanted = message.arrangement, self._wanted
        if wanted is None:
            return
        if made is not None and message.rows is not None and made.choices == wanted.choices:
            self._show(made, message.rows)
        if made is wanted:
            self._wanted = None
        else:
            self._begin()
