"""Tables whose rows take long to filter and to sort: a thread does it, and the screen goes on."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from textual.content import Content
from textual.message import Message

from tui.dashboard.widgets.table import NoRows, RowTable, TableRows

AT_ONCE = 10_000
"""So many rows are filtered and in order before a thread would have begun."""


@dataclass(frozen=True, slots=True, eq=False)
class Arrangement:
    """Rows that are wanted."""

    make: Callable[[], TableRows]
    """Filters and sorts. It runs in a thread, so it may touch nothing that changes."""
    choices: Hashable
    """The user's filter and order: rows made for other ones are not shown any more."""
    meanwhile: Content
    """The title until they are there, where these choices are new."""
    show: Callable[[TableRows], None]
    """Shows them; on the screen's own thread."""


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
        rows: TableRows

    _wanted: Arrangement | None = None
    """The newest that was asked for; None when it is on screen, or nothing is wanted."""
    _arranging = False
    _shown_choices: Hashable = None

    def show_when_ready(self, wanted: Arrangement, count: int) -> None:
        """Show rows: at once where they are made of few, ``count``, else when they are ready."""
        if count <= AT_ONCE:
            self._wanted = None
            self._show(wanted, wanted.make())
            return
        self._wanted = wanted
        if wanted.choices != self._shown_choices:
            self.entitle(wanted.meanwhile)
        if not self._arranging:
            self._begin()

    def drop(self) -> None:
        """Show no rows that are still being made."""
        self._wanted = None

    def show_nothing(self, reason: str) -> None:
        """Show no rows, not even those still being made, but why there are none."""
        self.drop()
        super().show_nothing(reason)

    def _show(self, made: Arrangement, rows: TableRows) -> None:
        self._shown_choices = made.choices
        made.show(rows)

    def _begin(self) -> None:
        self._arranging = True
        # Not as an argument: a worker lies in reference cycles, and would keep whole frames.
        self.run_worker(self._make, thread=True, group="arrange")

    def _make(self) -> None:
        """In a thread: make the newest rows that are wanted."""
        wanted = self._wanted
        self.post_message(self.Arranged(wanted, NoRows() if wanted is None else wanted.make()))

    def on_arranged_table_arranged(self, message: Arranged) -> None:
        """Show the rows if they are still wanted, and go on with those wanted since."""
        message.stop()
        self._arranging = False
        made, wanted = message.arrangement, self._wanted
        if wanted is None:
            return
        if made is not None and made.choices == wanted.choices:
            self._show(made, message.rows)
        if made is wanted:
            self._wanted = None
        else:
            self._begin()
