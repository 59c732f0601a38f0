"""Text without what a terminal would act on: paths, names and messages may be of others' making."""

from __future__ import annotations

import re

ACTING = r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
ACTING += r"\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff"
"""Control characters but tab and newline, what turns the direction of writing or is not seen, and
bytes that are no UTF-8, as Python has them in paths."""
_ACTS = re.compile(f"[{ACTING}]")
_COUNTED = re.compile(r"[\xad\ud800-\udfff]")
"""Those of them that Rich takes for a column wide; the others have none."""
_COLOURS = r"\x1b\[(?:0|1|[39][0-7])m"
"""Those that `commands.output.paint` uses."""
_COLOUR_OR_ACTS = re.compile(f"({_COLOURS})|[{ACTING}]")


def harmless(text: str) -> str:
    """Return a text of twtop's, colours and all, in which nothing else acts on a terminal."""
    return text if text.isprintable() else _COLOUR_OR_ACTS.sub(lambda found: found[1] or "?", text)


def on_one_line(text: str) -> str:
    """Return a message as one line: nobody's path or name begins another one."""
    return _ACTS.sub("?", re.sub(r"\s*\n\s*", " ", text.strip()))


def unseen(text: str) -> str:
    """Return a text without what acts on a terminal, in as many columns as Rich counts for it."""
    return text if text.isprintable() else _ACTS.sub("", _COUNTED.sub("?", text))


def escaped(text: str) -> str:
    """Return JSON in which it is escaped, which loses nothing; CSV and others get the same."""
    return _ACTS.sub(lambda found: _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    """Write a character as JSON does, which has UTF-16's pairs for those beyond it."""
    if code < 0x10000:
        return f"\\u{code:04x}"
    return f"\\u{0xD7C0 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
