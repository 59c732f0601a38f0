"""The glyphs that gauges, charts and tables are drawn with: one table for each kind of terminal."""

from __future__ import annotations

from dataclasses import dataclass

from tui.writing.braille import BRAILLE


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What stands for what. Shapes differ, since colour alone must not carry a meaning."""

    live: str = "█"
    locked: str = "▓"
    reusable: str = "▒"
    free: str = "·"
    slow: str = "┊"
    """The mark at 50 % of a gauge."""
    threshold: str = "│"
    """The mark at the user's threshold."""
    levels: str = " ▁▂▃▄▅▆▇█"
    """A cell from empty to full, in any number of steps: bars and sparklines."""
    area: str = BRAILLE
    """A cell of two columns side by side, each empty to full in n heights: n × n glyphs, those of
    an empty left column first.
    """
    line: str = "━"
    """A line over an area."""
    capacity: str = "─"
    guide: str = "┄"
    """A line that something is measured by: 50 %, the threshold."""
    selected: str = "▌"
    ascending: str = "▲"
    descending: str = "▼"
    cut: str = "…"
    """Where something was left out."""
    enter: str = "⏎"
    """The key that opens what is selected."""


UNICODE = Glyphs()

_drawn = UNICODE


def glyphs() -> Glyphs:
    """Return the glyphs to draw with. A process has one terminal, so there is one set."""
    return _drawn


def draw_with(chosen: Glyphs) -> None:
    """Draw with these from now on; to be called before anything is drawn."""
    global _drawn
    _drawn = chosen
