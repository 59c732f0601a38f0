"""The dashboard over a recording: the same screens, and a timeline under them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from tui.dashboard.app import TwtopApp
from tui.dashboard.polling import Sampled
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.widgets.timeline import Span, Timeline
from tui.kernel.sockets import TableError
from tui.recording.replay import SPEEDS, Replay, events
from tui.recording.when import TimeError, parse_time
from tui.watching.view import View

MINUTE = 60.0
KEYS = """\
[b]The recording[/b]
  ← →        one moment back, forward              ⇧← ⇧→  one minute back, forward
  Home End   start, end of the recording           { }    previous, next finding
  g          go to a time: 03:12, -90s             space  play, pause
  \\[ ]        slower, faster
"""


class ReplayApp(TwtopApp):
    """The dashboard, going through a recording."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "play", "Play", priority=True, tooltip="Play or pause the recording"),
        Binding("left", "step(-1)", "Step back", show=False, priority=True),
        Binding("right", "step(1)", "Step on", show=False, priority=True),
        Binding("shift+left", "minute(-1)", "Minute back", show=False, priority=True),
        Binding("shift+right", "minute(1)", "Minute on", show=False, priority=True),
        Binding("home", "end(-1)", "Beginning", show=False, priority=True),
        Binding("end", "end(1)", "End", show=False, priority=True),
        Binding("left_curly_bracket", "finding(-1)", "Last finding", key_display="{", show=False),
        Binding("right_curly_bracket", "finding(1)", "Next finding", key_display="}"),
        Binding("g", "time", "Go to", priority=True, tooltip="Go to a time of the recording"),
        Binding("left_square_bracket", "speed(-1)", "Slower", key_display="[", show=False),
        Binding("right_square_bracket", "speed(1)", "Faster", key_display="]", show=False),
    ]
    replays = True

    span: reactive[Span | None] = reactive(None, repaint=False)
    """What the timeline shows."""

    def __init__(self, replay: Replay, *, place: str, utc: bool = False) -> None:
        """Show a recording; times are the reader's, or ``utc``."""
        super().__init__(replay, replay.watch, place=place)
        self.replay = replay
        self._utc = utc
        self._events: tuple[int, list[tuple[int, str, int]]] = (0, [])

    def on_sampled(self, message: Sampled) -> None:
        """Take what was replayed: its watch may be another one by now."""
        self.watched = self.replay.watch
        super().on_sampled(message)

    def take(self, view: View) -> None:
        """Show a view with the timeline that belongs to it. Nothing in the past is news."""
        if self.view is not None and view.frame is self.view.frame and self._is_current():
            return
        self._show(replace(view, replay=self._mark()))
        self._publish()

    def _is_current(self) -> bool:
        span = self.span
        return (
            span is not None
            and span.index == self.replay.index
            and span.mark == self._mark()
            and len(span.moments) == len(self.replay.timeline)
        )

    def _mark(self) -> str:
        return f"▶ {self.replay.speed}×" if self.replay.playing else "❚❚"

    def _publish(self) -> None:
        timeline = self.replay.timeline
        if self._events[0] != len(timeline):
            self._events = len(timeline), events(timeline)
        self.span = Span(
            tuple(timeline), self.replay.index, self._events[1], self._mark(), self._utc
        )

    def _go(self, move: Callable[[], object]) -> None:
        """Move in the recording and show what is there."""
        try:
            move()
        except TableError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.watched = self.replay.watch
        if self.watched.newest is not None:
            self.take(self.watched.newest)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys to what lies in front: a prompt, the help, the palette."""
        if action in ("step", "minute", "end", "finding", "time", "speed", "play"):
            screen = self.screen if self.screen_stack else None
            return isinstance(screen, ViewScreen) and not screen.prompt.is_open
        if action == "freeze":
            return False
        return super().check_action(action, parameters)

    def action_play(self) -> None:
        """Play, or halt."""
        self._go(lambda: self.replay.play(on=not self.replay.playing))

    def action_step(self, moments: int) -> None:
        """Go so many moments on (or back), and halt there."""
        self.replay.play(on=False)
        self._go(lambda: self.replay.step(moments))

    def action_minute(self, direction: int) -> None:
        """Go a minute on (1) or back (−1)."""
        self._go(lambda: self.replay.go_to(self.replay.at + direction * MINUTE))

    def action_end(self, which: int) -> None:
        """Go to the beginning (−1) or the end (1)."""
        self._go(lambda: self.replay.go_to(self.replay.timeline[0 if which < 0 else -1].time))

    def action_finding(self, direction: int) -> None:
        """Go to where the next finding began (1), or the one before (−1)."""
        at, begun = self.replay.index, [event[0] for event in self._events[1]]
        there = [n for n in begun if (n > at if direction > 0 else n < at)]
        if not there:
            self.notify("no more findings in this direction", timeout=2)
            return
        index = there[0] if direction > 0 else there[-1]
        self._go(lambda: self.replay.go_to(self.replay.timeline[index].time))

    def action_time(self) -> None:
        """Ask for a time to go to."""
        screen = self.screen
        if isinstance(screen, ViewScreen):
            screen.prompt.ask("Go to:", "", self._go_to, "03:12 · 03:12:40 · -90s from the end")

    def _go_to(self, text: str) -> str | None:
        first, last = self.replay.timeline[0].time, self.replay.timeline[-1].time
        try:
            time = parse_time(text, first, last)
        except TimeError as error:
            return str(error)
        self._go(lambda: self.replay.go_to(time))
        return None

    def action_speed(self, direction: int) -> None:
        """Play slower (−1) or faster (1)."""
        now = self.replay.speed
        steps = [speed for speed in SPEEDS if (speed > now if direction > 0 else speed < now)]
        if steps:
            self.replay.speed = steps[0] if direction > 0 else steps[-1]
            self._publish()

    @on(Timeline.Chosen)
    def _clicked(self, message: Timeline.Chosen) -> None:
        self._go(lambda: self.replay.go_to(message.time))

    def help_first(self) -> str:
        """Begin the help with the recording's own keys."""
        return f"{KEYS}\n"

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the command palette what the keys do."""
        yield from super().get_system_commands(screen)
        yield SystemCommand("Replay: play", "Play or pause the recording", self.action_play)
        yield SystemCommand("Replay: go to", "Go to a time of the recording", self.action_time)
        yield SystemCommand(
            "Replay: next finding",
            "Go to where the next finding began",
            partial(self.action_finding, 1),
        )
