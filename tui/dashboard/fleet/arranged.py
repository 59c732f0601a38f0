"""A table of the fleet that is filtered and sorted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from tui.dashboard.fleet.view import FleetView
from tui.dashboard.widgets.addresses import cut
from tui.dashboard.widgets.arranged import ArrangedRows, ArrangedTable
from tui.dashboard.widgets.patterns import READABLE_GAUGE
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column

LOOKED_AT = 40
"""How many rows say how wide a column has to be."""


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
        columns = ("host", *self.texts)
        texts = {column: [len(self.text(row, column)) for row in first] for column in columns}
        return {"use": READABLE_GAUGE} | {
            column: max(lengths, default=0) for column, lengths in texts.items()
        }

    texts: ClassVar[Mapping[str, Callable[[Any], str]]]
    """What stands in the columns that are as wide as their texts, beside that of the host."""

    def text(self, row: Any, column: str) -> str:
        """Return what stands in such a column."""
        if column == "host":
            return self.view.fleet.host_name(row.labels)
        return self.texts[column](row)

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        if column == "host" or column in self.texts:
            return cut(self.text(self.rows[row], column), width, width // 2)
        return self.drawn(self.rows[row], column, width)

    def drawn(self, row: Any, column: str, width: int) -> str | Sequence[Run]:
        """Return a cell that is no text."""
        raise NotImplementedError


class FleetTable(ArrangedTable):
    """A table of the fleet."""

    columns: Sequence[Column]
    names: ClassVar[Mapping[str, str]]
    """What it can be sorted by, and what that is called."""

    def show(self, view: FleetView) -> None:
        """Show a view."""
        raise NotImplementedError
