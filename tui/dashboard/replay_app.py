"""The dashboard over a recording: the same screens, and a timeline under them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.dom import DOMNode

from tui.dashboard.app import TwtopApp
from tui.dashboard.keys import ACT, bind
from tui.dashboard.scrubbing import Scrubber
from tui.dashboard.widgets.footer import Hint, each
from tui.dashboard.widgets.timeline import Span
from tui.kernel.sockets import TableError
from tui.recording.replay import SPEEDS, Replay
from tui.watching.view import View

OF_NOW = ("record", "count_refusals", "step_interval")
"""Actions that a recording has no use for."""


class ReplayApp(TwtopApp):
    """The dashboard, going through a recording."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("app.freeze", "space", "freeze", "Play", "Play the recording, or halt it"),
        bind("replay.slower", "left_square_bracket", "speed(-1)", "Slower", "Play slower"),
        bind("replay.faster", "right_square_bracket", "speed(1)", "Faster", "Play faster"),
    ]
    hints: ClassVar[Sequence[Hint]] = each("app.freeze", "time.go-to", "time.finding-next")
    replays = True
    special = "This recording"
    scrubber: Scrubber

    def __init__(self, replay: Replay, *, place: str, notes: Sequence[str] = ()) -> None:
        """Show a recording; ``notes`` say what of it cannot be shown."""
        super().__init__(replay, replay.watch, place=place)
        self.replay = replay
        self.scrubber = Scrubber(replay, "REPLAY", plays=True)
        self._notes = notes

    def on_mount(self) -> None:
        """Tell what cannot be shown: on stderr it is seen only once the screen is left."""
        self.tell_notes(self._notes)

    def _show(self, view: View) -> None:
        """Put a view on screen; its watch may be another one by now."""
        self.watched = self.replay.watch
        super()._show(view)

    def take(self, view: View) -> None:
        """Show what was replayed, with its timeline. Nothing in the past is news."""
        if not self._turning and (self.scrubber.span() != self.span or self.view is None):
            self._show_moment(self.scrubber)

    def watch_span(self, before: Span | None, now: Span | None) -> None:
        """Have the footer say what the keys do where that has changed."""
        if now is not None and (before is None or before.playing != now.playing):
            self.screen.refresh_bindings()

    def name_of(self, binding: Binding) -> str:
        """Return what a key does now, in a word: that which plays halts what plays."""
        halts = binding.id == "app.freeze" and self.replay.playing
        return "Pause" if halts else super().name_of(binding)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no keys for what is there now."""
        return action not in OF_NOW and super().check_action(action, parameters)

    def works(self, node: type[DOMNode], key: Binding) -> bool:
        """Whether a key does there what its binding says: not what is for now."""
        return _action(key) not in OF_NOW and super().works(node, key)

    def why_not(self, binding: Binding) -> str:
        """Return why a key does nothing here."""
        of_now = _action(binding) in OF_NOW
        if not of_now and not (binding.id or "").startswith(ACT):
            return ""
        return f"{self.get_key_display(binding)} is for what is there now; this is a recording"

    def action_freeze(self) -> None:
        """Play, or halt."""
        self.run_worker(self._turn_playing, thread=True, group="time")

    def _turn_playing(self) -> None:
        """In a thread: from its end it plays from its beginning, which must be read first."""
        try:
            self.replay.play(on=not self.replay.playing)
        except TableError as error:
            self.call_later(partial(self.notify, str(error), severity="error", markup=False))
        self.call_later(self.travel)

    def action_speed(self, direction: int) -> None:
        """Play slower (−1) or faster (1)."""
        now = self.replay.speed
        steps = [speed for speed in SPEEDS if (speed > now if direction > 0 else speed < now)]
        if steps:
            self.replay.speed = steps[0] if direction > 0 else steps[-1]
            self.travel()


def _action(binding: Binding) -> str:
    """Return the name of what a key does, without its parameters."""
    return binding.action.partition("(")[0]
