"""What was, in three lines: TIME-WAIT, the highest use, and where findings began."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from rich.text import Text
from textual import events
from textual.content import Content
from textual.message import Message

from tui.dashboard.widgets.panel import TextPanel, hint
from tui.dashboard.widgets.sparkline import sparkline
from tui.dashboard.widgets.styles import Run
from tui.findings.finding import Severity
from tui.recording.story import Event, Full
from tui.recording.summary import Summary

LABEL, FIGURE = 12, 8
"""Cells left and right of the curves."""
MARKS = {Severity.CRITICAL: "■", Severity.WARNING: "▲", Severity.INFO: "·"}
FULL = "━"
"""Between the mark where a pattern became full and the end of that."""
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
PLAYING_KEYS = (("space", "pause"), ("[ ]", "speed"))


@dataclass(frozen=True, slots=True)
class Span:
    """What the timeline shows, all of one moment."""

    moments: Sequence[Summary]
    index: int
    """Which of them is on the screen."""
    events: Sequence[Event]
    """Where findings began, by these moments."""
    full: Sequence[Full] = ()
    """When patterns had no port left."""
    plays: str = ""
    """How a recording is played; empty for the past of what is live."""
    playing: bool = False
    awaited: bool = False
    """Is its moment still being read?"""

    def clock(self, time: float, *, date: bool = False) -> str:
        """Return a time as the reader wants it."""
        moment = datetime.fromtimestamp(time)
        return moment.strftime("%d %b %H:%M:%S" if date else "%H:%M:%S")


class Timeline(TextPanel[Span]):
    """Draws the span; a click goes there."""

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
        parts.append(_told(span))
        keys = LIVE_KEYS if not span.plays else PLAYING_KEYS if span.playing else REPLAY_KEYS
        self.entitle(Content.assemble(*parts), hint(*TIME_KEYS, *keys))
        self.show(span)

    def _full(self, span: Span, begins: Sequence[int]) -> set[int]:
        """Return the cells in which a pattern had no port left."""
        found: set[int] = set()
        for one in span.full:
            first = bisect_left(span.moments, one.begin, key=_time)
            last = bisect_right(span.moments, one.end, key=_time) - 1
            found.update(range(_cell(begins, first), _cell(begins, last) + 1))
        return found

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
            self._curve("TIME-WAIT", waits, "locked", at, f"{now.time_wait:,}"),
            self._curve("worst use", worst, "command", at, f"{100 * now.worst:.1f}%"),
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
        """Mark where findings began, the gravest of each cell, and while a pattern was full."""
        graver: dict[int, int] = {}
        begins = [begin for begin, _ in edges]
        for event in span.events:
            cell = _cell(begins, event.index)
            graver[cell] = max(graver.get(cell, 0), event.severity)
        full = self._full(span, begins)
        runs: list[Run] = [(" findings".ljust(LABEL), "dim")]
        for cell in range(width):
            if cell in graver:
                severity = Severity(graver[cell])
                runs.append((MARKS[severity], ROLES[severity]))
            elif cell in full:
                runs.append((FULL, ROLES[Severity.CRITICAL]))
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


def _told(span: Span) -> tuple[str, str]:
    """Return what the title says of the moment, and in which colour: what was gravest then."""
    now = span.moments[span.index]
    if span.awaited:
        return f" · reading {span.clock(now.time)} …", ""
    mark = MARKS[Severity.CRITICAL]
    if there := [one for one in span.full if one.begin <= now.time <= one.end]:
        one = there[0]
        more = f" and {len(there) - 1} more" if len(there) > 1 else ""
        text = f"FULL {span.clock(one.begin)}–{span.clock(one.end)} {one.name}{more}"
        return f" · {mark} {text}", COLOURS[Severity.CRITICAL]
    if now.findings:
        severity = Severity(now.findings[0].severity)
        return f" · {MARKS[severity]} {now.findings[0].title}", COLOURS[severity]
    if span.full:
        one = span.full[0]
        more = f", {len(span.full)} times in all" if len(span.full) > 1 else ""
        return f" · {mark} FULL {span.clock(one.begin)}–{span.clock(one.end)}{more}", ""
    return "", ""


def _time(moment: Summary) -> float:
    return moment.time


def _cell(begins: Sequence[int], index: int) -> int:
    """Return the cell of a moment, by the moments at which cells begin."""
    return max(bisect_left(begins, index + 1) - 1, 0)


def _highest(values: Sequence[float], edges: Sequence[tuple[int, int]]) -> list[float]:
    """Return the highest value of each cell; one without a moment goes on with the last."""
    return [max(values[max(begin - (begin == end), 0) : end], default=0.0) for begin, end in edges]


def _edges(moments: Sequence[Summary], width: int) -> list[tuple[int, int]]:
    """Return for each cell which moments fall into its share of the time, from and to."""
    first, last = moments[0].time, moments[-1].time
    span = max(last - first, 1e-9)
    times = [first + span * cell / width for cell in range(1, width)]
    inner = [bisect_left(moments, time, key=_time) for time in times]
    bounds = [0, *inner, len(moments)]
    return list(pairwise(bounds))
