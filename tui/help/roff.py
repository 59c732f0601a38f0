"""Blocks as a page for man, in the macros that man(7) has everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tui.help.markdown import Block, Code, Heading, Item, Paragraph, Table, bare, runs

ESCAPES = str.maketrans(
    {
        "\\": r"\e",
        "-": r"\-",
        "'": r"\(aq",
        "`": r"\(ga",
        "^": r"\(ha",
        "~": r"\(ti",
        "→": r"\(->",
        "←": r"\(<-",
        "–": r"\(en",
        "·": r"\(pc",
        "×": r"\(mu",
        "≥": r"\(>=",
        "≤": r"\(<=",
        "−": r"\(mi",
        "“": r"\(lq",
        "”": r"\(rq",
        "µ": r"\(mc",
        "…": "...",
        "’": r"\(cq",
    }
)
"""What roff would read or print otherwise: a hyphen that can be copied, a quote that stays one."""
FONTS = {"code": r"\fB{}\fR", "bold": r"\fB{}\fR", "": "{}"}


def roff(parts: Iterable[Block], name: str, section: int, origin: tuple[str, str]) -> str:
    """Return a page's source; a heading of level 1 before the others is its NAME line.

    ``origin`` is the date and the name of the version that it is of.
    """
    date, version = origin
    head = f'.TH "{escaped(name.upper())}" "{section}" "{date}" "{version}"'
    return "\n".join([head, *_lines(parts)]) + "\n"


def escaped(text: str) -> str:
    """Return a text as roff prints it: no line of it begins a request."""
    text = text.translate(ESCAPES)
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _inline(text: str) -> str:
    line = "".join(FONTS[role].format(piece.translate(ESCAPES)) for piece, role in runs(text))
    return f"\\&{line}" if line.startswith(".") else line


def _lines(parts: Iterable[Block]) -> Iterator[str]:
    begins = [".PP"]
    for part in parts:
        apart, begins = begins, [] if isinstance(part, Heading) else [".PP"]
        match part:
            case Heading(1, text):
                yield from [".SH NAME", _inline(text)]
            case Heading(2, text):
                yield f'.SH "{escaped(bare(text)).upper()}"'
            case Heading(_, text):
                yield f'.SS "{escaped(bare(text))}"'
            case Paragraph(text):
                yield from [*apart, _inline(text)]
            case Item("", text):
                yield from [r".IP \(bu 2", _inline(text)]
            case Item(term, text):
                yield from [".TP", _inline(term), _inline(text)]
            case Code(_, lines):
                yield from [*apart, ".RS 2", ".nf", *map(escaped, lines), ".fi", ".RE"]
            case Table(rows):
                yield from _table(rows)


def _table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield a table as a list of terms: tbl(1) is not everywhere, and does not wrap."""
    heads, *others = rows
    for *cells, last in others:
        for head, cell in zip(heads[1:-1], cells[1:], strict=True):
            last = f"{last} ({head}: {bare(cell)})" if cell else last
        yield from [".TP", _inline(cells[0]), _inline(last)]
