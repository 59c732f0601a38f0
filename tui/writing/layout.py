"""Text in a terminal: colours, lines of a width, tables."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

Paint = Callable[[str, str], str]
"""Gives a text one of the colours "red", "yellow", "green" or "bold", or leaves it plain."""


def wrapped(text: str, width: int, first: str, later: str | None = None) -> list[str]:
    """Return a text as lines of a width; ``first`` and ``later`` are what they begin with."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=first if later is None else later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    paint: Paint,
    colours: Sequence[str] = (),
    total: int | None = None,
    empty: str = "none",
) -> str:
    """Return a titled table, each column as wide as its widest cell.

    A head that begins with ``>`` stands for a column that is aligned at its right; columns
    that would be empty are left out. ``total`` is how many rows there are beyond those given.
    """
    if not rows:
        return f"{paint(title, 'bold')}\n  {empty}"
    kept = [number for number, column in enumerate(zip(*rows, strict=True)) if any(column)]
    right = [heads[number].startswith(">") for number in kept]
    grid = [[row[number] for number in kept] for row in rows]
    if any(head.strip(">") for head in heads):
        grid.insert(0, [heads[number].removeprefix(">") for number in kept])
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    lines = [
        "  "
        + "  ".join(
            cell.rjust(width) if at_right else cell.ljust(width)
            for cell, width, at_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in grid
    ]
    first = len(grid) - len(rows)
    for index, colour in enumerate(colours, first):
        lines[index] = paint(lines[index], colour) if colour else lines[index]
    if total is not None and total > len(rows):
        lines.append(f"  … and {total - len(rows):,} more; --json has them all")
    return "\n".join([paint(title, "bold"), *lines])
