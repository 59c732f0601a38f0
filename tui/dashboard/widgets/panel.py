"""Panels that repaint only what changed: Textual compares nothing, it writes what is refreshed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Generic, Self, TypeVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from tui.dashboard.keys import bind
from tui.dashboard.widgets.glyphs import UNICODE, glyphs
from tui.dashboard.widgets.styles import Run, foreground
from tui.writing.words import short

Shown = TypeVar("Shown")


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
        width = self.size.width  # which Textual looks up by way of the layout
        pairs = enumerate(zip(before, after, strict=True))
        if changed := [Region(0, y, width, 1) for y, (old, new) in pairs if old != new]:
            self.refresh(*changed)


def hint(*keys: tuple[str, str]) -> Content:
    """Return keys and what they do, for a border."""
    named = [(key.replace(UNICODE.enter, glyphs().enter), does) for key, does in keys]
    return Content("  ").join(
        [Content.assemble((key, "bold $accent"), f" {does}") for key, does in named]
    )


def moves(first: str, last: str, choose: str) -> list[BindingType]:
    """Return the keys of a ScrollPanel; the arguments are what they are called there."""
    return [
        bind("move.up", "up,k", "move(-1)", "Up", "Go up by one"),
        bind("move.down", "down,j", "move(1)", "Down", "Go down by one"),
        bind("move.page-up", "pageup,ctrl+b", "page(-1)", "Page up", "Go up by a page"),
        bind("move.page-down", "pagedown,ctrl+f", "page(1)", "Page down", "Go down by a page"),
        bind("move.half-up", "ctrl+u", "page(-0.5)", "Half a page up", "Go up by half a page"),
        bind("move.half-down", "ctrl+d", "page(0.5)", "Half a page down", "Go down by half a page"),
        bind("move.first", "home,g", "edge(-1)", first, "Go to the top"),
        bind("move.last", "end,G", "edge(1)", last, "Go to the end"),
        bind("move.open", "enter", "choose", choose, "Open the selected row"),
    ]


class ScrollPanel(ScrollView, Panel, inherit_bindings=False):
    """A panel of more lines than it has room for; it leaves ← and → to its screen."""

    head: ClassVar[int] = 0
    """Lines at its top that do not scroll."""

    _focused_before = False
    """Had it the focus before the mouse was pressed?"""
    _clicked = False
    """Did the present run of clicks begin here?"""

    def focus_on_click(self) -> bool:
        """Remember whether the click that Textual asks for is what brings the focus."""
        self._focused_before = self.has_focus
        return super().focus_on_click()

    def was_clicked_again(self, event: events.Click) -> bool:
        """Say whether a click can open what is selected: one that begins nothing here.

        The first click into a panel gives it the focus, and no more. The second of a double
        click that has opened this screen was meant for the one below.
        """
        begins = event.chain == 1
        self._clicked = self._clicked or begins
        return self._clicked and (self._focused_before or not begins)

    def bring_into_view(self, first: int, last: int) -> None:
        """Scroll as little as shows these lines."""
        if not self.size.height:  # it is not laid out: what resizes it will ask again
            return
        page, top = max(self.size.height - self.head, 1), self.scroll_offset.y
        if first < top:
            self.scroll_to(y=first, animate=False, force=True)
        elif last >= top + page:
            self.scroll_to(y=last - page + 1, animate=False, force=True)


class TextPanel(Panel, Generic[Shown]):
    """A panel that draws what it is shown as a text."""

    shown: Shown | None = None
    """What it shows; None where there is nothing."""
    instead = ""
    """What it says then."""
    _drawing: tuple[Size, Text] | None = None
    """What was drawn last, and for which size."""
    _lines: list[Strip] | None = None
    """Its lines as they are put on screen."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._styles_of: dict[str, Style] = {}

    def show(self, shown: Shown) -> None:
        """Show this."""
        self.shown = shown
        self.redraw()

    def show_nothing(self, reason: str = "") -> None:
        """Show no more than why there is nothing to show."""
        self.shown, self.instead = None, reason
        self.redraw()

    def draw(self, shown: Shown) -> Text:
        """Return what it shows, for its present size."""
        raise NotImplementedError

    def draw_nothing(self) -> Text:
        """Return what stands there while nothing is shown."""
        return Text(short(f" {self.instead}", self.size.width), no_wrap=True)

    def style(self, role: str) -> Style:
        """Return how a role is drawn, "" being plain."""
        if not role:
            return Style.null()
        if role not in self._styles_of:
            self._styles_of[role] = foreground(self, role)
        return self._styles_of[role]

    def line(self, runs: Iterable[Run]) -> Text:
        """Return a line that is cut, not wrapped, where it is too long."""
        return Text.assemble(*((text, self.style(role)) for text, role in runs), no_wrap=True)

    def stacked(self, lines: Sequence[Text]) -> Text:
        """Return lines below each other, as many and as much of each as there is room for."""
        for line in lines:
            line.truncate(self.size.width, overflow="ellipsis")
        return Text("\n").join(lines[: max(self.size.height, 1)])

    def redraw(self) -> None:
        """Draw anew, after what is shown has changed, and repaint the lines that differ."""
        before, lines = self._drawing, self._lines
        self._drawing = self._lines = None
        if before is None or lines is None or before[0] != self.size or not self.is_on_screen:
            self.refresh()
        else:
            self.repaint_where(lines, self._strips())

    def render(self) -> Text:
        """Return the drawing for the present size."""
        if self._drawing is None or self._drawing[0] != self.size:
            text = self.draw_nothing() if self.shown is None else self.draw(self.shown)
            self._drawing, self._lines = (self.size, text), None
        return self._drawing[1]

    def render_line(self, y: int) -> Strip:
        """Return a line of the drawing.

        Textual would go by way of a Content, and make all lines of it anew for one that differs.
        """
        if self.text_selection is not None:  # which it knows how to mark
            return super().render_line(y)
        lines = self._strips()
        return lines[y].apply_offsets(0, y) if y < len(lines) else self._blank()

    def _strips(self) -> list[Strip]:
        text = self.render()
        if self._lines is None:
            self._lines = [*self._laid_out(text)]
        return self._lines

    def _laid_out(self, text: Text) -> Iterator[Strip]:
        """Yield the lines of a text on the panel's ground; those too long are wrapped."""
        width, base, console = self.size.width, self.visual_style.rich_style, self.app.console
        lines = text.split("\n", allow_blank=True)
        if not text.no_wrap and any(line.cell_len > width for line in lines):
            lines = text.wrap(console, width)
        for line in lines:
            runs = Segment.apply_style(line.render(console), base) if line else ()
            yield Strip(runs).adjust_cell_length(width, base)

    def _blank(self) -> Strip:
        return Strip.blank(self.size.width, self.visual_style.rich_style)

    def notify_style_update(self) -> None:
        """Draw anew in the new theme's colours."""
        self._drawing = self._lines = None
        self._styles_of.clear()
        super().notify_style_update()


class LinePanel(TextPanel[str]):
    """A panel of one line, for a screen that has no room for more."""

    def draw(self, shown: str) -> Text:
        """Draw the line, as far as it fits."""
        return Text(short(f" {shown}", self.size.width), no_wrap=True)


def _markup(title: str | Content) -> str:
    return title if isinstance(title, str) else title.markup
