"""Terminals that show ASCII alone: which they are, and what they show in place of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

from tui.dashboard.widgets.glyphs import UNICODE, Glyphs
from tui.writing.plain import PLAIN, is_ascii

ASCII = replace(
    Glyphs(**{name: glyph.translate(PLAIN) for name, glyph in asdict(UNICODE).items()}),
    enter="enter",
    ascending="+",  # as commands write an order; a letter would be read as the heading's own
    descending="-",
)


def is_plain(environ: Mapping[str, str], encoding: str) -> bool:
    """Say whether a terminal is better shown ASCII; ``encoding`` is that of stdout."""
    return environ.get("TERM") == "linux" or is_ascii(environ, encoding)
