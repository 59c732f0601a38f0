"""The line at the top: which machine and namespace, where from, how fresh."""

from __future__ import annotations

import os
from datetime import datetime

from rich.text import Text

from tui.dashboard.widgets.panel import Shown, TextPanel
from tui.dashboard.widgets.refused import title_notes
from tui.dashboard.widgets.styles import Run
from tui.findings.finding import Severity
from tui.kernel.places import HERE, Place
from tui.watching.view import View
from tui.writing.words import plural


def describe_place(place: Place) -> str:
    """Return the host's name and the place that is looked at."""
    shown = f"from {place.root}" if place.id is None else f"netns {place.id}"
    if place.kind == "named":
        shown = f"{place.called} · {place.id}"
    elif place.nameless:
        shown = place.called
    elif place.kind not in ("host", "copy"):
        shown = f"{place.called} · {shown}"
    return f"{os.uname().nodename}  {shown}"


def kind_word(place: Place) -> str:
    """Return what a place is, in a word that can stand before its name."""
    return "netns" if place.kind == "named" else place.kind


class TitleLine(TextPanel[Shown]):
    """What it is at the left, its state at the right, and between them what is worth knowing."""

    def __init__(self, place: str, *, subject: bool = False) -> None:
        """``subject``: it is not a place but what the whole screen is about, and stays whole."""
        super().__init__(id="title")
        self.place = place
        """What it is that is looked at."""
        self._subject = subject

    def draw_nothing(self) -> Text:
        """Say why there is nothing to show yet."""
        state = (f" {self.instead} ", "warn") if self.instead else ("reading … ", "dim")
        return self.aligned([], self.line([state]))

    def aligned(self, details: list[Text], state: Text, spare: int = 0) -> Text:
        """Return the line; of the details the first give way where there is no room for all.

        So many of them as are to ``spare`` do so before the name is cut.
        """
        width = self.size.width
        left = Text.assemble((" twtop ", self.style("main")), f" {self._named}")
        cut = min(left.cell_len, width // 2) if self._stays else 7
        last = len(details) - spare
        while details:  # the least of them stands first
            least = left.cell_len if len(details) > last else cut
            if state.cell_len + sum(part.cell_len for part in details) + least <= width:
                break
            details.pop(0)
        right = Text.assemble(*details, state)
        left.truncate(max(width - right.cell_len, 0), overflow="ellipsis")
        line = left + Text(" " * max(width - left.cell_len - right.cell_len, 0)) + right
        line.truncate(width)
        line.no_wrap = True
        return line

    @property
    def _named(self) -> str:
        """What stands at the left."""
        return self.place

    @property
    def _stays(self) -> bool:
        """Whether that stays whole, before any detail."""
        return self._subject


class TitleBar(TitleLine[View]):
    """Names the host, the source and its age, and whether the screen is live.

    Of a ``subject`` critical findings are counted, which no panel beside it lists.
    """

    def draw(self, view: View) -> Text:
        """Draw the line: the state and the clock at the right, the rest as far as it fits."""
        # What was refused elsewhere: of two places one must know which is on the screen.
        notes = title_notes(view)
        told = notes is not None and bool(notes[0][0])
        spare = (1 if view.failure else 2) if told else 0  # it, and the source before it
        return self.aligned(self._details(view), self._state(view), spare)

    @property
    def _named(self) -> str:
        """The place, or the subject and before it the place where that is not twtop's own."""
        if self._subject and self.shown is not None and self._is_elsewhere:
            return f"{self.shown.frame.reading.place.name} · {self.place}"
        return self.place

    @property
    def _stays(self) -> bool:
        told = self.shown is not None and bool(self.shown.elsewhere)
        return self._subject or self._is_elsewhere or told

    @property
    def _is_elsewhere(self) -> bool:
        """Whether another place is shown than the one that twtop runs in."""
        place = None if self.shown is None else self.shown.frame.reading.place
        return place is not None and place.kind not in ("host", "copy") and place.network != HERE

    def _details(self, view: View) -> list[Text]:
        """Return what is worth knowing of the source, the most important part last."""
        table, patterns, reading = view.frame.table, view.frame.patterns, view.frame.reading
        found: list[Run] = []

        def warn(note: str) -> None:
            found.append((f" {note} ", "warn"))

        if not table.bound_known and reading.place.kind != "copy":
            warn("bound ports unknown")
        if view.frame.assumed:
            warn(f"{plural(len(view.frame.assumed), 'sysctl')} assumed")
        if not table.complete:
            warn("incomplete read: counts are minimums")
        elif not table.complete_known:
            warn("no sockstat: perhaps not the whole table")
        if table.bad_lines:
            warn(f"{plural(table.bad_lines, 'line')} unreadable")
        if view.frame.age >= 0.5:
            warn(f"table {view.frame.age:.0f} s old")
        outgoing = patterns.outgoing
        full = outgoing & (patterns.connectable <= 0)
        for bound in view.bound_first:
            if bound.use.connectable <= 0:
                full |= bound.patterns(patterns)
        if exhausted := int(full.sum()):
            found.append((f" {exhausted:,} EXHAUSTED ", "alarm"))
        critical = sum(case.finding.severity is Severity.CRITICAL for case in view.cases.present)
        if self._subject and critical and not exhausted:
            warn(f"{critical:,} critical")
        if view.elsewhere:
            warn(view.elsewhere)
        parts = [self.line([note]) for note in found]
        if (notes := title_notes(view)) is not None:
            elsewhere, here = (self.line([note]) for note in notes)
            parts = [elsewhere, *parts, here]
        if view.failure is None:
            name = "/proc" if reading.kind == "proc" else "sock_diag"
            every = "" if view.past else f" · every {view.interval:g} s"
            source = f" {name} {reading.read_seconds * 1000:.0f} ms{every}  "
            parts.insert(0, self.line([(source, "dim")]))
        return parts

    def _state(self, view: View) -> Text:
        """Return whether the screen is live, frozen, or failing."""
        time, as_of = view.frame.time, view.frame.as_of
        clock = datetime.fromtimestamp(time).strftime("%H:%M:%S")
        copy = view.frame.reading.place.kind == "copy"
        if copy and as_of is not None:
            clock = datetime.fromtimestamp(as_of).strftime("%d %b %Y %H:%M:%S")
        elif copy:
            clock = "of an unknown date"
        if view.past:
            mark, role = view.past, "frozen"
            clock = datetime.fromtimestamp(time).strftime("%d %b %H:%M:%S")
        elif view.frozen:
            mark, role = "❚❚ FROZEN", "frozen"
        else:
            mark, role = ("○ COPY", "dim") if copy else ("● LIVE", "good")
            if view.failure:
                mark, role = "○ STALE", "warn"
        failed = [] if view.failure is None else [(f" {view.failure} ", "warn")]
        recorded = [(" ● REC ", "alarm")] if view.recorded else []
        return self.line([*failed, *recorded, (f" {mark} {clock} ", role)])
