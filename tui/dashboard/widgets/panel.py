"""Panels that repaint only what changed: Textual compares nothing, it writes what is refreshed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from rich.style import Style
from rich.text import Text
from textual.content import Content
from textual.geometry import Region, Size
from textual.widget import Widget

from tui.dashboard.widgets.styles import Run, foreground
from tui.writing.words import short


class Panel(Widget):
    """A widget whose lines and border are repainted where they differ, and nowhere else."""

    _titles = ("", "")
    """What stands in the border, above and below."""
    _only: tuple[Region, ...] = ()
    """What is refreshed in place of the whole widget, while a title is set."""

    def entitle(self, title: str | Content, subtitle: str | Content = "") -> None:
        """Set what stands in the border: as markup, or as Content to be shown as it is."""
        above, below = self._titles
        self._titles = (_markup(title), _markup(subtitle))
        try:
            if self._titles[0] != above:
                self._only = (Region(0, -1, self.size.width, 1),)
                self.border_title = title
            if self._titles[1] != below:
                self._only = (Region(0, self.size.height, self.size.width, 1),)
                self.border_subtitle = subtitle
        finally:
            self._only = ()

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Refresh these regions, or all; while a title is set only the line it stands in."""
        regions = regions or self._only
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def repaint_where(self, before: Sequence[object], after: Sequence[object]) -> None:
        """Repaint the lines that differ; all, where there are more or fewer than before."""
        if len(before) != len(after):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, after, strict=True)):
            if old != new:
                self.refresh(Region(0, y, self.size.width, 1))


class Drawing(NamedTuple):
    """What a panel has drawn, and for which size."""

    size: Size
    text: Text

    def lines(self) -> list[object]:
        """Return all that the looks of each line depend on."""
        base = self.text.style
        return [
            (line.plain, base, line.style, line.spans)
            for line in self.text.split("\n", allow_blank=True)
        ]


class TextPanel(Panel):
    """A panel that draws itself as a text, in roles: component classes that begin with its id."""

    _drawing: Drawing | None = None

    def draw(self) -> Text:
        """Return what it shows now, for its present size."""
        raise NotImplementedError

    def style(self, role: str) -> Style:
        """Return how a role is drawn, "" being plain."""
        return foreground(self, f"{self.id}--{role}") if role else Style.null()

    def line(self, runs: Iterable[Run]) -> Text:
        """Return a line that is cut, not wrapped, where it is too long."""
        return Text.assemble(*((text, self.style(role)) for text, role in runs), no_wrap=True)

    def redraw(self) -> None:
        """Draw anew, after what is shown has changed, and repaint the lines that differ."""
        before, self._drawing = self._drawing, None
        if before is None or before.size != self.size or not self.is_on_screen:
            self.refresh()
        else:
            self.repaint_where(before.lines(), self._drawn().lines())

    def render(self) -> Text:
        """Return the drawing for the present size."""
        return self._drawn().text

    def _drawn(self) -> Drawing:
        if self._drawing is None or self._drawing.size != self.size:
            self._drawing = Drawing(self.size, self.draw())
        return self._drawing

    def notify_style_update(self) -> None:
        """Draw anew in the new theme's colours."""
        self._drawing = None
        super().notify_style_update()


class LinePanel(TextPanel):
    """A panel of one line, for a screen that has no room for more."""

    _text = ""

    def say(self, text: str) -> None:
        """Show this text, as far as it fits."""
        self._text = text
        self.redraw()

    def draw(self) -> Text:
        """Draw the line."""
        return Text(short(f" {self._text}", self.size.width), no_wrap=True)


def _markup(title: str | Content) -> str:
    return title if isinstance(title, str) else title.markup
