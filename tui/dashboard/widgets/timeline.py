"""What was, in three lines: TIME-WAIT, the highest use, and where findings began."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from rich.text import Text
from textual import events
from textual.content import Content
from textual.message import Message

from tui.dashboard.widgets.panel import TextPanel, hint
from tui.dashboard.widgets.sparkline import sparkline
from tui.dashboard.widgets.styles import Run, role_classes
from tui.findings.finding import Severity
from tui.recording.replay import Event
from tui.recording.summary import Summary

LABEL, FIGURE = 12, 8
"""Cells left and right of the curves."""
MARKS = {Severity.CRITICAL: "■", Severity.WARNING: "▲", Severity.INFO: "·"}
COLOURS = {Severity.CRITICAL: "$text-error", Severity.WARNING: "$text-warning", Severity.INFO: ""}
ROLES = {Severity.CRITICAL: "alarm", Severity.WARNING: "warn", Severity.INFO: "dim"}
TIME_KEYS = (
    ("←→", "step"),
    ("⇧←→", "minute"),
    ("{ }", "finding"),
    ("g", "go to"),
    ("z Z", "zoom"),
)
LIVE_KEYS = (("space", "live"),)
REPLAY_KEYS = (("space", "play"), ("[ ]", "speed"))


@dataclass(frozen=True, slots=True)
class Span:
    """What the timeline shows, all of one moment."""

    moments: Sequence[Summary]
    index: int
    """Which of them is on the screen."""
    events: Sequence[Event]
    """Where findings began, by these moments."""
    plays: str = ""
    """How a recording is played; empty for the past of what is live."""
    utc: bool = False
    awaited: bool = False
    """Is its moment still being read?"""

    def clock(self, time: float, *, date: bool = False) -> str:
        """Return a time as the reader wants it."""
        moment = datetime.fromtimestamp(time, UTC if self.utc else None)
        return moment.strftime("%d %b %H:%M:%S" if date else "%H:%M:%S")


class Timeline(TextPanel[Span]):
    """Draws the span; a click goes there."""

    COMPONENT_CLASSES = role_classes("timeline", "at", "held", "new")
    _drawn: tuple[Sequence[Summary], int, str, str] | None = None
    """The curves of the moments that were drawn last, at what width."""

    @dataclass
    class Chosen(Message):
        """Go to this time (Unix)."""

        time: float

    def on_mount(self) -> None:
        """Follow what the app has on."""
        self.watch(self.app, "span", self._follow)

    def _follow(self, span: Span | None) -> None:
        self.display = span is not None
        self.screen.set_class(self.display, "-past")  # others have less room then
        if span is None:
            return
        first, last = span.moments[0].time, span.moments[-1].time
        parts = [(f"{span.clock(first, date=True)} … {span.clock(last)}", "")]
        if span.awaited:
            parts.append((f" · reading {span.clock(span.moments[span.index].time)} …", ""))
        elif found := span.moments[span.index].findings:
            severity = Severity(found[0].severity)
            parts.append((f" · {MARKS[severity]} {found[0].title}", COLOURS[severity]))
        keys = LIVE_KEYS if not span.plays else REPLAY_KEYS
        self.entitle(Content.assemble(*parts), hint(*TIME_KEYS, *keys))
        self.show(span)

    def draw(self, span: Span) -> Text:
        """Draw as many lines as there is room for."""
        width = max(self.size.width - LABEL - FIGURE, 1)
        edges = _edges(span.moments, width)
        if self._drawn is None or self._drawn[0] is not span.moments or self._drawn[1] != width:
            waits = sparkline(_highest([one.time_wait for one in span.moments], edges), width)
            worst = sparkline(_highest([one.worst for one in span.moments], edges), width, 1.0)
            self._drawn = span.moments, width, waits, worst
        waits, worst = self._drawn[2:]
        at = next((x for x, (a, b) in enumerate(edges) if a <= span.index < b), width - 1)
        now = span.moments[span.index]
        lines = [
            self._curve("TIME-WAIT", waits, "held", at, f"{now.time_wait:,}"),
            self._curve("worst use", worst, "new", at, f"{100 * now.worst:.1f}%"),
            self._marks(span, edges, width, at),
        ]
        return self.stacked([self.line(line) for line in lines])

    def _curve(self, label: str, drawn: str, role: str, at: int, figure: str) -> list[Run]:
        return [
            (f" {label}".ljust(LABEL), "dim"),
            (drawn[:at], role),
            (drawn[at : at + 1] or " ", "at"),
            (drawn[at + 1 :], role),
            (figure.rjust(FIGURE), "figure"),
        ]

    def _marks(
        self, span: Span, edges: Sequence[tuple[int, int]], width: int, at: int
    ) -> list[Run]:
        """Mark where findings began, the gravest of each cell."""
        graver: dict[int, int] = {}
        begins = [begin for begin, _ in edges]
        for event in span.events:
            cell = min(max(bisect_left(begins, event.index + 1) - 1, 0), width - 1)
            graver[cell] = max(graver.get(cell, 0), event.severity)
        runs: list[Run] = [(" findings".ljust(LABEL), "dim")]
        for cell in range(width):
            if cell in graver:
                severity = Severity(graver[cell])
                runs.append((MARKS[severity], ROLES[severity]))
            else:
                runs.append((" ", "at" if cell == at else ""))
        return runs

    def on_click(self, event: events.Click) -> None:
        """Go to where was clicked."""
        width = self.size.width - LABEL - FIGURE
        x = event.x - LABEL - self.gutter.left
        if self.shown is None or not 0 <= x < width:
            return
        moments = self.shown.moments
        first, last = moments[0].time, moments[-1].time
        self.post_message(self.Chosen(first + (last - first) * x / max(width - 1, 1)))


def _highest(values: Sequence[float], edges: Sequence[tuple[int, int]]) -> list[float]:
    """Return the highest value of each cell; one without a moment goes on with the last."""
    return [max(values[max(begin - (begin == end), 0) : end], default=0.0) for begin, end in edges]


def _edges(moments: Sequence[Summary], width: int) -> list[tuple[int, int]]:
    """Return for each cell which moments fall into its share of the time, from and to."""
    first, last = moments[0].time, moments[-1].time
    span = max(last - first, 1e-9)
    times = [first + span * cell / width for cell in range(1, width)]
    inner = [bisect_left(moments, time, key=lambda moment: moment.time) for time in times]
    bounds = [0, *inner, len(moments)]
    return list(pairwise(bounds))
