"""The line at the top: which machine and namespace, where from, how fresh."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from tui.analysis.patterns import Direction
from tui.dashboard.widgets.panel import TextPanel
from tui.findings.finding import Severity
from tui.watching.view import View
from tui.writing.words import plural


class TitleBar(TextPanel):
    """Names the host, the source and its age, and whether the screen is live."""

    COMPONENT_CLASSES = {"title--name", "title--live", "title--frozen", "title--warn", "title--dim"}

    def __init__(self, place: str, *, subject: bool = False) -> None:
        """``subject``: it is not a place but what the whole screen is about.

        It stays whole then, and critical findings are counted, which no panel beside it lists.
        """
        super().__init__(id="title")
        self.place = place
        """Host name and network namespace."""
        self._subject = subject
        self._view: View | None = None
        self._failure: str | None = None

    def show(self, view: View) -> None:
        """Show a view."""
        self._view = view
        self._failure = view.failure
        self.redraw()

    def show_failure(self, text: str) -> None:
        """Say why there is nothing to show yet."""
        self._failure = text
        self.redraw()

    def draw(self) -> Text:
        """Draw the line: the state and the clock at the right, the rest as far as it fits."""
        width = self.size.width
        left = Text.assemble((" twtop ", self.style("name")), f" {self.place}")
        state, details = self._state(), self._details()
        least = min(left.cell_len, width // 2) if self._subject else 7
        while details and state.cell_len + sum(part.cell_len for part in details) + least > width:
            details.pop(0)  # the least of them stands first
        right = Text.assemble(*details, state)
        left.truncate(max(width - right.cell_len, 0), overflow="ellipsis")
        line = left + Text(" " * max(width - left.cell_len - right.cell_len, 0)) + right
        line.truncate(width)
        line.no_wrap = True
        return line

    def _details(self) -> list[Text]:
        """Return what is worth knowing of the source, the most important part last."""
        if self._view is None:
            return []
        parts = []
        if self._failure is None:
            parts.append(Text(f" {source_text(self._view)}  ", self.style("dim")))
        return parts + [Text(f" {note} ", self.style("warn")) for note in self._notes(self._view)]

    def _notes(self, view: View) -> list[str]:
        found = notes(view)
        critical = sum(case.finding.severity is Severity.CRITICAL for case in view.cases.present)
        if self._subject and critical and not any("EXHAUSTED" in note for note in found):
            found.append(f"{critical:,} critical")
        return found

    def _state(self) -> Text:
        """Return whether the screen is live, frozen, or failing."""
        text = Text()
        if self._failure is not None:
            text.append(f" {self._failure} ", self.style("warn"))
        if self._view is None:
            return text if self._failure else Text("reading … ", self.style("dim"))
        clock = datetime.fromtimestamp(self._view.frame.time).strftime("%H:%M:%S")
        if self._view.frozen:
            return text.append(f" ❚❚ FROZEN {clock} ", self.style("frozen"))
        mark = "○ STALE" if self._failure else "● LIVE"
        return text.append(f" {mark} {clock} ", self.style("warn" if self._failure else "live"))


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
        found.append(f"{plural(table.bad_lines, 'line')} unreadable")
    if age >= 0.5:
        found.append(f"table {age:.0f} s old")
    patterns = view.frame.patterns
    outgoing = patterns.direction == Direction.OUTGOING
    exhausted = int((outgoing & (patterns.connectable <= 0)).sum())
    if exhausted:
        found.append(f"{exhausted:,} EXHAUSTED")
    return found
