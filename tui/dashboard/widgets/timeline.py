"""The whole of a recording in four lines: TIME-WAIT, the worst use, and where findings began."""

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
from tui.recording.summary import Summary

LABEL = 12
MARKS = {Severity.CRITICAL: "■", Severity.WARNING: "▲", Severity.INFO: "·"}
ROLES = {Severity.CRITICAL: "alarm", Severity.WARNING: "warn", Severity.INFO: "dim"}


@dataclass(frozen=True, slots=True)
class Span:
    """What the timeline shows, all of one moment."""

    moments: Sequence[Summary]
    index: int
    """Which of them is on the screen."""
    events: Sequence[tuple[int, str, int]]
    """Where findings began: which moment, headline, severity."""
    mark: str
    """Playing and how fast, or halted."""
    utc: bool = False

    def clock(self, time: float, *, date: bool = False) -> str:
        """Return a time as the reader wants it."""
        moment = datetime.fromtimestamp(time, UTC if self.utc else None)
        return moment.strftime("%d %b %H:%M:%S" if date else "%H:%M:%S")


class Timeline(TextPanel[Span]):
    """Draws the span; a click goes there."""

    COMPONENT_CLASSES = role_classes("timeline", "at", "held", "new")

    @dataclass
    class Chosen(Message):
        """Go to this time (Unix)."""

        time: float

    def on_mount(self) -> None:
        """Follow what the app has on."""
        self.watch(self.app, "span", self._follow)

    def _follow(self, span: Span | None) -> None:
        if span is None:
            return
        first, last = span.moments[0].time, span.moments[-1].time
        self.entitle(
            Content(f"{span.clock(first, date=True)} … {span.clock(last)}"),
            hint(
                ("←→", "step"),
                ("⇧←→", "minute"),
                ("{ }", "finding"),
                ("g", "go to"),
                ("space", "play"),
                ("[ ]", "speed"),
            ),
        )
        self.show(span)

    def draw(self, span: Span) -> Text:
        """Draw as many lines as there is room for."""
        width = max(self.size.width - LABEL - 1, 1)
        edges = _edges(span.moments, width)
        waits = _highest([moment.time_wait for moment in span.moments], edges)
        worst = _highest([moment.worst for moment in span.moments], edges)
        at = next((x for x, (a, b) in enumerate(edges) if a <= span.index < b), width - 1)
        now = span.moments[span.index]
        lines = [
            self._curve("TIME-WAIT", sparkline(waits, width), "held", at),
            self._curve("worst use", sparkline(worst, width, 1.0), "new", at),
            self._marks(span, edges, width, at),
            [
                (f" {span.mark} {span.clock(now.time, date=True)} ".ljust(LABEL), "figure"),
                (f" {now.time_wait:,} in TIME-WAIT · worst use {now.worst:.1%}", "dim"),
                (self._beside(span), "warn"),
            ],
        ]
        return self.stacked([self.line(line) for line in lines])

    def _curve(self, label: str, drawn: str, role: str, at: int) -> list[Run]:
        return [
            (f" {label}".ljust(LABEL), "dim"),
            (drawn[:at], role),
            (drawn[at : at + 1] or " ", "at"),
            (drawn[at + 1 :], role),
        ]

    def _marks(
        self, span: Span, edges: Sequence[tuple[int, int]], width: int, at: int
    ) -> list[Run]:
        """Mark where findings began, the gravest of each cell."""
        graver: dict[int, int] = {}
        begins = [begin for begin, _ in edges]
        for index, _, grave in span.events:
            cell = min(max(bisect_left(begins, index + 1) - 1, 0), width - 1)
            graver[cell] = max(graver.get(cell, 0), grave)
        runs: list[Run] = [(" findings".ljust(LABEL), "dim")]
        for cell in range(width):
            if cell in graver:
                severity = Severity(graver[cell])
                runs.append((MARKS[severity], ROLES[severity]))
            else:
                runs.append((" ", "at" if cell == at else ""))
        return runs

    def _beside(self, span: Span) -> str:
        """Return the headline of what began last, up to the present moment."""
        began = [event for event in span.events if event[0] <= span.index]
        if not began:
            return ""
        index, title, _ = began[-1]
        return f" · {span.clock(span.moments[index].time)} {title}"

    def on_click(self, event: events.Click) -> None:
        """Go to where was clicked."""
        width = self.size.width - LABEL - 1
        x = event.x - LABEL - 1
        if self.shown is None or not 0 <= x <= width:
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
