"""The patterns panel with what the kernel refused, where that is counted."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from tui.analysis.patterns import PatternKey
from tui.analysis.refused import Tally, unseen
from tui.dashboard.widgets.patterns import COLUMNS, LOOKED_AT, PatternRows, PatternsPanel
from tui.dashboard.widgets.refused import amount, curve
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column
from tui.watching.view import View
from tui.writing.words import short

REFUSED = Column("refused", "Refused", 15, rank=1)
REFUSALS = Column("refusals", "Refused, 60 s", 13, "left", stretch=1, most=30, rank=6)


def counted_columns() -> Sequence[Column]:
    """Return the patterns' columns with those of refusals: their curve beside that of closings."""
    columns = list(COLUMNS)
    at = next(i for i, column in enumerate(columns) if column.id == "recent")
    return (*columns[:at], REFUSED, columns[at], REFUSALS, *columns[at + 1 :])


COUNTED_COLUMNS = counted_columns()


class CountedRows(PatternRows):
    """The patterns with what they were refused; on top those refused without a single socket."""

    def __init__(
        self, view: View, sort: str, inverted: bool, *, without_incoming: bool = False
    ) -> None:
        super().__init__(view, sort, inverted, without_incoming=without_incoming)
        assert view.trends.refused is not None
        self.tallies = view.trends.refused
        found = unseen(self.tallies, view.frame) if view.filter is None else ()
        self.unseen = sorted(found, key=lambda key: -self.tallies.tuples[key].total)
        self.gone = tuple(one for one in self.gone if one[0] not in self.unseen)

    def __len__(self) -> int:
        return len(self.unseen) + super().__len__()

    def needs(self) -> Mapping[str, int]:
        """Return how wide columns have to be; 0 for refusals that none of the first rows has."""
        first = map(self.identity, range(min(LOOKED_AT, len(self))))
        told = any(key in self.tallies.tuples for key in first)
        own = {one.id: one.width if told else 0 for one in (REFUSED, REFUSALS)}
        return {**super().needs(), **own}

    def identity(self, row: int) -> Hashable:
        """Return the PatternKey of a row."""
        at = row - len(self.unseen)
        return self.unseen[row] if at < 0 else super().identity(at)

    def find(self, identity: Any) -> int | None:
        """Return the row of a PatternKey."""
        if identity in self.unseen:
            return self.unseen.index(identity)
        if self.view.frame.patterns.find(identity) is None:
            return super().find(identity)  # it asks for the identity of each row
        at = super().find(identity)
        return None if at is None else len(self.unseen) + at

    def role(self, row: int) -> str:
        """Return the role of a row."""
        at = row - len(self.unseen)
        return "" if at < 0 else super().role(at)

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        at = row - len(self.unseen)
        if column not in ("refused", "refusals"):
            if at < 0:
                return self._unseen_cell(self.unseen[row], column, width)
            return super().cell(at, column, width)
        key = self.identity(row)
        tally = self.tallies.tuples.get(key) if isinstance(key, PatternKey) else None
        if tally is None:
            return [("–", "dim")] if column == "refused" else ""
        if column == "refused":
            return [(amount(self.tallies, tally), self._role(tally))]
        return [(curve(self.tallies, tally, width), "alarm")]

    def _role(self, tally: Tally) -> str:
        return "alarm" if self.tallies.rate(tally) and not self.tallies.broken else "dim"

    def _unseen_cell(self, key: PatternKey, column: str, width: int) -> str | Sequence[Run]:
        tally = self.tallies.tuples[key]
        match column:
            case "pattern":
                return [(short(str(key), width), self._role(tally))]
            case "use":
                return [(short("no socket here", width), "dim")]
            case "process":
                return short(next(iter(tally.by), ""), width)
        return [("–", "dim")]


class CountedPatternsPanel(PatternsPanel):
    """The patterns, with two more columns while refusals are counted."""

    def show(self, view: View) -> None:
        """Show a view."""
        counted = view.trends.refused is not None
        self.columns = COUNTED_COLUMNS if counted else COLUMNS
        self.rows_class = CountedRows if counted else PatternRows
        super().show(view)
