"""A table's columns, and how they share the width there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

NARROWEST = 8
"""The width that a column keeps in the narrowest of tables."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    id: str
    title: str
    width: int
    align: Literal["left", "right"] = "right"
    stretch: int = 0
    """Its share of the width that is left over; 0 keeps it as wide as ``width``."""
    most: int = 400
    """How wide it may stretch."""
    rank: int = 0
    """Columns of the highest rank give way first where the table is too narrow; 0 stays."""


def fit(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """Return the columns that have room in ``width`` cells, each with its own width.

    A blank stands between two columns. Nothing is dropped but by rank, and what stays
    grows narrower only then; the leftover goes to the stretching ones.
    """
    kept = list(columns)
    while len(kept) > 1 and sum(column.width + 1 for column in kept) - 1 > width:
        droppable = max(kept, key=lambda column: column.rank)
        if droppable.rank == 0:
            break
        kept.remove(droppable)
    widths = [column.width for column in kept]
    left = width - sum(widths) - (len(kept) - 1)
    while left < 0 and max(widths) > NARROWEST:  # a very narrow terminal: all get less
        widths[widths.index(max(widths))] -= 1
        left += 1
    while left > 0:
        growing = [i for i, column in enumerate(kept) if column.stretch and widths[i] < column.most]
        if not growing:
            break
        total = sum(kept[i].stretch for i in growing)
        given = 0
        for i in growing:
            more = min(max(left * kept[i].stretch // total, 1), kept[i].most - widths[i])
            more = min(more, left - given)
            widths[i] += more
            given += more
        left -= given
    return list(zip(kept, widths, strict=True))
