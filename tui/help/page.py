"""Blocks as lines of a width: for a terminal, and for the dashboard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from tui.help.markdown import Block, Code, Heading, Item, Paragraph, Run, Table, bare, runs

LEAST = 24
"""Columns that the last cell of a row has at least; where there is no room, it goes below."""
GAP = 2

Line = tuple[Run, ...]


def page(parts: Iterable[Block], width: int) -> Iterator[Line]:
    """Yield the lines of a page, no longer than ``width`` but for code and long words."""
    before: Block | None = None
    for part in parts:
        close = isinstance(part, Item) and isinstance(before, Item) and not part.term
        if before is not None and not close:
            yield ()
        yield from _lines(part, width)
        before = part


def _lines(part: Block, width: int) -> Iterator[Line]:
    match part:
        case Heading(_, text):
            yield ((bare(text), "bold"),)
        case Paragraph(text):
            yield from flow(text, width)
        case Item("", text):
            yield from flow(text, width, [("- ", "dim")])
        case Item(term, text):
            yield from flow(term, width)
            yield from flow(text, width, [("    ", "")])
        case Code(_, lines):
            yield from (((f"  {line}", "code"),) for line in lines)
        case Table(rows):
            yield from _table(rows, width)


def flow(text: str, width: int, first: Sequence[Run] = ()) -> Iterator[Line]:
    """Yield a text as lines, all but the first below the end of the runs ``first``."""
    indent = sum(len(piece) for piece, _ in first)
    line, room = list(first), width - indent
    blank = ""
    for word in _words(text):
        length = sum(len(piece) for piece, _ in word)
        if blank and length + 1 > room:
            yield tuple(line)
            line, room, blank = [(" " * indent, "")] if indent else [], width - indent, ""
        line += [(blank, "")] * bool(blank) + word
        room -= length + len(blank)
        blank = " "
    yield tuple(line)


def _words(text: str) -> Iterator[list[Run]]:
    """Yield each word of a text: what stands between two spaces may have several roles."""
    word: list[Run] = []
    for piece, role in runs(text):
        for part in re.split(r"( +)", piece):
            if part.isspace():
                if word:
                    yield word
                word = []
            elif part:
                word.append((part, role))
    if word:
        yield word


def _table(rows: Sequence[Sequence[str]], width: int) -> Iterator[Line]:
    """Yield a table's lines: its widest column wraps, and where even so there is no room, each row
    is a term and what follows it."""
    kept = rows if any(rows[0]) else rows[1:]
    widths = [max(map(len, map(bare, column))) for column in zip(*kept, strict=True)]
    widest = widths.index(max(widths))
    room = width - sum(widths) + widths[widest] - GAP * (len(widths) - 1)
    if room < LEAST:
        for *cells, last in rows[1:]:
            yield from flow(" · ".join(filter(None, cells)), width)
            yield from flow(last, width, [("    ", "")])
        return
    widths[widest] = min(widths[widest], room)
    for row in kept:
        cells = [f"**{bare(cell)}**" if row is rows[0] and cell else cell for cell in row]
        columns = [flow(cell, at_most) for cell, at_most in zip(cells, widths, strict=True)]
        for parts in zip_longest(*columns, fillvalue=()):
            line: list[Run] = []
            for part, at_most in zip(parts, widths, strict=True):
                line += [*part, (" " * (at_most - sum(len(text) for text, _ in part) + GAP), "")]
            yield tuple(line[:-1])
