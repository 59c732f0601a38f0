"""Terminals that show ASCII alone: which they are, and what they show in place of the rest."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import asdict, replace

from tui.dashboard.widgets.glyphs import UNICODE, Glyphs

IN_PLACE = {
    "#": "█▉▊▋▐▇▛▜▙▟●■",
    "=": "▓▅▆▍",
    "-": "▒▃▄─╌–—−⎯▀▔",
    ".": "░▁▂▎▏•·┄┈",
    "|": "│┃║",
    ":": "┊┆",
    "*": "━",
    "+": "±╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝✓",
    ">": "→▸▶≥»›▌",
    "<": "←◂◀≤«‹⏎⌫",
    "^": "▲↑⇧",
    "v": "▼↓▾",
    "x": "×✗✖",
    "~": "…≈",
    "!": "≠❚",
    "o": "○",
    "u": "µ",
    "/": "÷",
    "'": "‘’",
    '"': "“”",
    "1": "¹",
    "2": "²",
    "3": "³",
    "4": "⁴",
    "5": "⁵",
    "6": "⁶",
    "7": "⁷",
    "8": "⁸",
    "9": "⁹",
    " ": "\u00a0\u2009\u202f",
}
"""One for one, so that nothing on the screen moves and every legend stays true."""
PLAIN = {ord(glyph): sign for sign, glyphs in IN_PLACE.items() for glyph in glyphs} | {
    0x2800 + dots: " .-=#"[(dots.bit_count() + 1) // 2] for dots in range(256)
}
"""For str.translate()."""
ASCII = replace(
    Glyphs(**{name: glyph.translate(PLAIN) for name, glyph in asdict(UNICODE).items()}),
    enter="enter",
)


def is_plain(environ: Mapping[str, str], encoding: str) -> bool:
    """Say whether a terminal is better shown ASCII; ``encoding`` is that of stdout.

    Without any locale, as in most containers, the terminal is taken for one of today's, and so
    is LANG=C, in which Python writes UTF-8 (PEP 538); LC_ALL=C is meant as it is said.
    """
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    named = locale.partition(".")[2].partition("@")[0]
    if environ.get("TERM") == "linux" or locale in ("C", "POSIX"):
        return True
    return not (_is_utf8(named or "utf-8") and _is_utf8(encoding))


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:  # such as a typing error: no reason for less than usual
        return True
