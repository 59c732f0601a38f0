"""Going through time, one way for a recording and for the past of what is shown live."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tui.dashboard.widgets.timeline import Span
from tui.recording.moments import Moments
from tui.recording.replay import Replay
from tui.recording.story import Event, Full, events, full_spans
from tui.recording.summary import Summary
from tui.recording.when import TimeError, parse_time
from tui.watching.view import View

MINUTE = 60.0
WIDTHS = (60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 86400.0)
"""How many seconds the timeline can be narrowed to."""
HALTED = "❚❚"
PATIENCE_SECONDS = 0.25
"""A newer wish takes the place of an older one, but while a key is held a moment comes on screen
this often."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the timeline shows of all moments, worked out once for many keys."""

    moments: Sequence[Summary]
    events: Sequence[Event]
    full: Sequence[Full]
    begin: int
    """Which of all moments is the first of these."""
    count: int
    """How many there were in all."""


class Scrubber:
    """Which moment is on screen, and what it takes to come to another one.

    A key moves the timeline at once. To read the moment anew takes a while, so that is for a thread
    of its own, which calls seek(); all else is for the screen's.
    """

    def __init__(
        self,
        replay: Replay,
        name: str,
        *,
        width: float | None = None,
        plays: bool = False,
    ) -> None:
        """``name`` is what the title line calls it; ``width`` of the timeline is in seconds.

        ``plays``: it can be played, and not only gone through.
        """
        self.replay = replay
        self.name = name
        self._plays = plays
        self._width = width
        """None for all there is."""
        self.wanted: float | None = None
        """What time is to be shown (Unix time); None where it is the one that is."""
        self._begins = False
        """Was the beginning gone to last? It is another one once earlier recordings are read."""
        self._arrived = 0.0
        """When a moment was shown last, on the monotonic clock."""
        self._stretch: Stretch | None = None
        self._told: tuple[int, list[Event], list[Full]] = (0, [], [])
        """What findings tell of so many moments."""

    @property
    def index(self) -> int:
        """Which moment the timeline stands at."""
        wanted = self.wanted
        return self.replay.index if wanted is None else self.replay.recording.index_at(wanted)

    @property
    def _mark(self) -> str:
        return f"▶ {self.replay.speed}×" if self.replay.playing else HALTED

    def seek(self, wanted: float) -> bool:
        """In a thread: read what was then, and say whether that is at hand now.

        It is not where another moment is wanted by now. Raises TableError for what is damaged.
        """
        begun = time.monotonic()

        def go_on() -> bool:
            late = begun - self._arrived > PATIENCE_SECONDS
            return self.wanted == wanted or (late and self.wanted is not None)

        return self.replay.go_to(wanted, go_on)

    def arrive(self, reached: float) -> None:
        """Take note that a moment is on screen, or never will be."""
        self._arrived = time.monotonic()
        if self.wanted == reached:
            self.wanted = None

    def present(self) -> View | None:
        """Return the moment that was gone to last, None before any was."""
        newest = self.replay.newest
        return None if newest is None else replace(newest, past=f"{self._mark} {self.name}")

    def widen(self, moments: Moments) -> None:
        """Go on with moments among which are those there were."""
        self.replay.widen(moments)
        self._stretch = None
        if self._begins:
            self.edge(-1)

    def step(self, moments: int) -> None:
        """Go so many moments on, or back, and halt there."""
        self.replay.playing = False
        timeline = self.replay.timeline
        self._want(timeline[min(max(self.index + moments, 0), len(timeline) - 1)])

    def minutes(self, by: int) -> None:
        """Go so many minutes on, or back."""
        self.go_to(self.replay.timeline[self.index].time + by * MINUTE)

    def edge(self, side: int) -> None:
        """Go to the beginning (−1) or the end (1)."""
        self._want(self.replay.timeline[0 if side < 0 else -1])
        self._begins = side < 0

    def finding(self, direction: int) -> str | None:
        """Go to where the next finding began (1), or the one before (−1); say if there is none.

        That a pattern is full, which was critical before, counts as well.
        """
        found, full = self._all()
        index_at = self.replay.recording.index_at
        begun = sorted({event.index for event in found} | {index_at(one.begin) for one in full})
        there = [n for n in begun if (n > self.index if direction > 0 else n < self.index)]
        if not there:
            return f"no finding began {'after' if direction > 0 else 'before'} this"
        self._want(self.replay.timeline[there[0] if direction > 0 else there[-1]])
        return None

    def go_to(self, when: float) -> None:
        """Go to what was the present moment then (Unix time)."""
        recording = self.replay.recording
        self._want(recording.timeline[recording.index_at(when)])

    def go_to_text(self, text: str) -> str | None:
        """Go to a time that was typed; say what is wrong with it."""
        timeline = self.replay.timeline
        try:
            self.go_to(parse_time(text, timeline[0].time, timeline[-1].time))
        except TimeError as error:
            return str(error)
        return None

    def zoom(self, direction: int) -> None:
        """Show less (1) or more (−1) of the time on the timeline."""
        timeline = self.replay.timeline
        whole = timeline[-1].time - timeline[0].time
        there = [width for width in WIDTHS if width < whole]
        now = min(self._width or whole, whole)
        if direction > 0:
            self._width = next((width for width in reversed(there) if width < now), self._width)
        else:
            self._width = next((width for width in there if width > now), None)
        self._stretch = None

    def span(self) -> Span:
        """Return what the timeline shows."""
        timeline, index = self.replay.timeline, self.index
        now = self._stretch
        if (
            now is None
            or now.count != len(timeline)
            or not now.begin <= index < now.begin + len(now.moments)
        ):
            now = self._stretch = self._around(index)
        plays = self._mark if self._plays else ""
        at = index - now.begin
        playing = self.replay.playing
        return Span(now.moments, at, now.events, now.full, plays=plays, playing=playing)

    def _want(self, moment: Summary) -> None:
        self.wanted, self._begins = moment.time, False

    def _around(self, index: int) -> Stretch:
        timeline, begin, end = self.replay.timeline, 0, len(self.replay.timeline)
        if self._width is not None:
            last = timeline[-1].time
            first = min(timeline[index].time - self._width / 2, last - self._width)
            first = max(first, timeline[0].time)
            begin = bisect_left(timeline, first, key=_time)
            end = bisect_right(timeline, first + self._width, key=_time)
            end = max(end, index + 1)
        begun, full = self._all()
        moments = timeline[begin:end]
        return Stretch(
            moments,
            [replace(one, index=one.index - begin) for one in begun if begin <= one.index < end],
            [one for one in full if one.begin <= moments[-1].time and one.end >= moments[0].time],
            begin,
            len(timeline),
        )

    def _all(self) -> tuple[list[Event], list[Full]]:
        timeline = self.replay.timeline
        if self._told[0] != len(timeline):
            self._told = len(timeline), events(timeline), full_spans(timeline)
        return self._told[1:]


def _time(moment: Summary) -> float:
    return moment.time
