"""The line at the top: which machine and namespace, where from, how fresh."""

from __future__ import annotations

from datetime import datetime

from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from tui.view import View
from tui.widgets.styles import foreground


class TitleBar(Widget):
    """Names the host, the source and its age, and whether the screen is live."""

    COMPONENT_CLASSES = {"title--name", "title--live", "title--frozen", "title--warn", "title--dim"}

    def __init__(self, place: str) -> None:
        super().__init__(id="title")
        self.place = place
        """Host name and network namespace."""
        self._view: View | None = None
        self._failure: str | None = None

    def show(self, view: View) -> None:
        """Show a view."""
        self._view = view
        self._failure = view.failure
        self.refresh()

    def show_failure(self, text: str) -> None:
        """Say why there is nothing to show yet."""
        self._failure = text
        self.refresh()

    def render(self) -> Text:
        """Draw the line: the state and the clock at the right, the rest as far as it fits."""
        width = self.size.width
        left = Text.assemble((" twtop ", self._style("name")), f" {self.place}")
        right = Text()
        if self._failure is not None:
            right.append(f" {self._failure} ", self._style("warn"))
        if self._view is None:
            if self._failure is None:
                right.append("reading … ", self._style("dim"))
        else:
            view = self._view
            for note in notes(view):
                right.append(f" {note} ", self._style("warn"))
            if self._failure is None:
                right.append(f" {source_text(view)}  ", self._style("dim"))
            clock = datetime.fromtimestamp(view.frame.time).strftime("%H:%M:%S")
            if view.frozen:
                right.append(f" ❚❚ FROZEN {clock} ", self._style("frozen"))
            else:
                right.append(f" ● LIVE {clock} ", self._style("live"))
        room = width - right.cell_len
        if room < left.cell_len:
            left.truncate(max(room, 7), overflow="ellipsis")
        line = left + Text(" " * max(width - left.cell_len - right.cell_len, 0)) + right
        line.truncate(width)
        line.no_wrap = True
        return line

    def _style(self, name: str) -> Style:
        return foreground(self, f"title--{name}")


def source_text(view: View) -> str:
    """Return where the sockets came from, how long that took, and how often it is done."""
    reading = view.frame.reading
    name = "/proc" if reading.kind == "proc" else "sock_diag"
    return f"{name} {reading.read_seconds * 1000:.0f} ms · every {view.interval:g} s"


def notes(view: View) -> list[str]:
    """Return what the user must know of the table: old, cut short, unreadable lines."""
    table, age = view.frame.table, view.frame.age
    found = []
    if not table.complete:
        found.append("incomplete: counts are floors")
    if table.bad_lines:
        found.append(f"{table.bad_lines:,} line{'s' * (table.bad_lines != 1)} unreadable")
    if age >= 0.5:
        found.append(f"table {age:.0f} s old")
    return found
