"""The part of Markdown that the topics are written in, as blocks; and what stands in a line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

Run = tuple[str, str]
"""A piece of text and its role: "code", "bold", "dim", or "" for plain."""

MARKS = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
ITEM = re.compile(r"- (?:(`[^`]+`(?:, `[^`]+`)*): )?(.*)")
RULE = re.compile(r"[-|: ]+")


class Heading(NamedTuple):
    """A title: level 1 is the page's own."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """Lines that flow into each other."""

    text: str


class Item(NamedTuple):
    """One item of a list; ``term`` is what it is about, where it begins so: "- `term`: text"."""

    term: str
    text: str


class Code(NamedTuple):
    """Lines to be left as they are."""

    language: str
    lines: tuple[str, ...]


class Table(NamedTuple):
    """Rows of cells, the first of which has the heads; they may be empty."""

    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Item | Code | Table


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks of a text. A block ends at an empty line, or where another kind begins."""
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        line, first = lines[at], at
        at += 1
        if not line.strip():
            continue
        if line.startswith("```"):
            while at < len(lines) and not lines[at].startswith("```"):
                at += 1
            yield Code(line[3:], tuple(lines[first + 1 : at]))
            at += 1
        elif line.startswith("#"):
            marks, _, title = line.partition(" ")
            yield Heading(len(marks), title)
        elif line.startswith("|"):
            while at < len(lines) and lines[at].startswith("|"):
                at += 1
            yield Table(tuple(_cells(row) for row in lines[first:at] if not RULE.fullmatch(row)))
        else:
            while at < len(lines) and lines[at] and not lines[at].startswith(("- ", "```", "|")):
                at += 1
            flowing = " ".join(part.strip() for part in lines[first:at])
            found = ITEM.fullmatch(flowing)
            yield Item(found[1] or "", found[2]) if found else Paragraph(flowing)


def _cells(row: str) -> tuple[str, ...]:
    return tuple(cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1])


def runs(text: str) -> Iterator[Run]:
    """Yield a line's pieces, without the marks that gave them their roles."""
    end = 0
    for found in MARKS.finditer(text):
        if found.start() > end:
            yield text[end : found.start()], ""
        yield (found[1], "code") if found[1] else (found[2], "bold")
        end = found.end()
    if end < len(text):
        yield text[end:], ""


def bare(text: str) -> str:
    """Return a line without its marks."""
    return "".join(piece for piece, _ in runs(text))
