"""ASCII for what else is written: one for one where columns must hold, spelled out where not."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

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
SPELLED = PLAIN | {
    ord(sign): word
    for sign, word in {"→": "->", "←": "<-", "≥": ">=", "≤": "<=", "≠": "!=", "…": "..."}.items()
}
"""For text, where a sign may take more than one column."""
ENCODING = ERRORS = "twtop-ascii"
"""The names of an encoding and its error handler, for streams: ASCII, and the rest spelled out.
It is not called ASCII, for click takes such a stream for a mistake, and writes UTF-8 to it."""


def spelled(text: str) -> str:
    """Return a text in ASCII; what is no sign of twtop's becomes a question mark.

    A sign that takes more columns than before takes them from the next gap of the line, so that
    the columns of a table stay below each other.
    """
    return text if text.isascii() else "\n".join(map(_spelled_line, text.split("\n")))


def _spelled_line(line: str) -> str:
    owed = 0
    parts = []
    for part in re.split(r"(  +)", line):
        if part.startswith("  "):
            paid = min(owed, len(part) - 1)
            owed -= paid
            parts.append(part[paid:])
        else:
            parts.append(part.translate(SPELLED).encode("ascii", "replace").decode())
            owed += len(parts[-1]) - len(part)
    return "".join(parts)


def _instead(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    sign = error.object[error.start]
    return SPELLED.get(ord(sign), "?"), error.start + 1


def _encoding(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != ENCODING:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        incrementalencoder=known.incrementalencoder,
        incrementaldecoder=known.incrementaldecoder,
        name=ENCODING,
    )


codecs.register_error(ERRORS, _instead)
codecs.register(_encoding)


def is_ascii(environ: Mapping[str, str], encoding: str) -> bool:
    """Say whether the locale, or the stream's encoding, asks for ASCII.

    Without any locale, as in most containers, it is taken for one of today's, and so is LANG=C,
    in which Python writes UTF-8 (PEP 538); LC_ALL=C is meant as it is said.
    """
    locale = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    named = locale.partition(".")[2].partition("@")[0]
    return locale in ("C", "POSIX") or not (_is_utf8(named or "utf-8") and _is_utf8(encoding))


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name == "utf-8"
    except LookupError:  # such as a typing error: no reason for less than usual
        return True
