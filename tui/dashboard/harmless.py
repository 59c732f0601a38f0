"""What is drawn, without what a terminal would act on."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from tui.writing.harmless import unseen


class Harmless(LineFilter):
    """Takes it out of every line that any widget draws: Textual leaves an escape where it is."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the line without it, as wide as before."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [Segment(unseen(text), style, control) for text, style, control in segments]
