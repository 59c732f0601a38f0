"""What an app keeps of what it shows: in memory, to go back to, and in a recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal

from textual import work
from textual.binding import Binding

from tui.dashboard.recording import RecordSwitch
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.scrubbing import Scrubber
from tui.dashboard.time_app import TimeApp
from tui.kernel.places import Place
from tui.recording.files import SUFFIX, recorded_of
from tui.recording.log import RecordingError
from tui.recording.memory import KEEP_SECONDS, Memory
from tui.recording.recording import Recording
from tui.recording.replay import Replay
from tui.watching.view import View
from tui.watching.watch import Watch
from tui.writing.words import plural

TOLD_SECONDS = 12
"""How long it is told what of a recording cannot be shown."""


class PastApp(TimeApp):
    """An app whose screens can show what was."""

    def __init__(
        self, watch: Watch, keys: Mapping[str, str], recordings: Path | None, *, serves: bool
    ) -> None:
        """The ``watch`` judges; in ``recordings`` there may be what was before this began."""
        super().__init__(keys, watch.config.screen.theme, serves=serves)
        self.watched = watch
        self.memory = Memory()
        self.recording = RecordSwitch()
        self._recordings = recordings
        self._earlier: Recording | None = None
        """What the scrubber goes through besides, while it does."""
        self._noted: set[str] = set()
        """What was said of recordings: it is not said anew at each look back."""

    def keep(self, view: View, memory: Memory) -> None:
        """In the sampler's thread: keep what was seen, and record it where that is wanted."""
        memory.take(view)
        try:
            self.recording.take(view)
        except RecordingError as error:
            text = f"{error}; what was written is kept"
            self.call_later(self._tell_of_recording, text, "Recording has ended", "error")

    def forget(self) -> None:
        """Begin anew, for another place."""
        self.leave_past()
        if self.recording.path is not None:
            self._end_recording()
        self.memory = Memory()

    def open_past(self, shown: View) -> None:
        """Have the past at hand that is in memory, and soon that of the recordings."""
        moments, place = self.memory.recall(), shown.frame.reading.place
        if moments.timeline:
            replay = Replay(moments, self.watched, shown=shown.frame.time)
            scrubber = Scrubber(replay, "PAST", width=KEEP_SECONDS)
            self.scrubber, self.span = scrubber, scrubber.span()
            self.screen.refresh_bindings()
            if self._recordings is not None:
                look = partial(self._look_further, scrubber, self._recordings, place)
                self.run_worker(look, thread=True, group="recordings")

    def _look_further(self, scrubber: Scrubber, folder: Path, place: Place) -> None:
        """In a thread: go further back where a recording does."""
        try:
            earlier, notes = recorded_of(place, folder)
        except RecordingError as error:
            self.call_later(
                self._tell_of_recording, str(error), "Earlier recordings cannot be read", "warning"
            )
        else:
            self.call_later(self.tell_notes, notes)
            if earlier is not None:
                self.call_later(self._widen, scrubber, earlier)

    def tell_notes(self, notes: Sequence[str]) -> None:
        """Tell what of the recordings cannot be shown, but for what was told already."""
        for note in dict.fromkeys(notes):
            if note not in self._noted:
                self._noted.add(note)
                self.notify(note, severity="warning", timeout=TOLD_SECONDS, markup=False)

    def _widen(self, scrubber: Scrubber, earlier: Recording) -> None:
        if self.scrubber is not scrubber:  # the past was left meanwhile
            earlier.close()
            return
        self._earlier = earlier
        scrubber.widen(scrubber.replay.recording.after(earlier))
        self.travel()

    def leave_past(self) -> None:
        """Let it go; what is there now was kept meanwhile."""
        scrubber, earlier = self.scrubber, self._earlier
        self.frozen, self.scrubber, self.span, self._earlier = False, None, None, None
        if scrubber is not None:
            scrubber.wanted = None
            if earlier is not None:
                close = partial(scrubber.replay.close, earlier)
                self.run_worker(close, thread=True, group="recordings")
        if self.screen_stack:
            self.screen.refresh_bindings()

    def name_of(self, binding: Binding) -> str:
        """Return what a key does now, in a word: that which froze the screen lets it go on."""
        return "Live" if binding.id == "app.freeze" and self.frozen else super().name_of(binding)

    def action_record(self) -> None:
        """Ask where to record to, or end the recording."""
        screen = self.screen
        if self.recording.path is not None:
            self._end_recording()
        elif isinstance(screen, ViewScreen):
            name = f"twtop-{datetime.now():%Y%m%d-%H%M%S}{SUFFIX}"
            screen.prompt.ask("Record to:", name, self._record_to)

    def _record_to(self, text: str) -> str | None:
        if not text.strip():
            return "a name for a file"
        self._begin_recording(Path(text.strip()).expanduser())
        return None

    @work(thread=True, group="recording")
    def _begin_recording(self, path: Path) -> None:
        """Begin while the screen goes on: what is there already is read first."""
        try:
            self.recording.begin(path)
        except RecordingError as error:
            self.call_later(self._tell_of_recording, str(error), "Not recorded", "error")
        else:
            self.call_later(self._tell_of_recording, f"to {path}; the same key ends it")

    @work(thread=True, group="recording")
    def _end_recording(self) -> None:
        """End it while the screen goes on: the disk may take its time."""
        path, count = self.recording.path, self.recording.end()
        if count is not None:
            text = f"{plural(count, 'moment')} in {path}; twtop replay shows them"
            self.call_later(self._tell_of_recording, text, "Recorded")

    def _tell_of_recording(
        self,
        text: str,
        title: str = "Recording",
        severity: Literal["information", "warning", "error"] = "information",
    ) -> None:
        """Say what became of it, and have the title line say so too."""
        self.show_again()
        seconds = 5 if severity == "information" else 60
        self.notify(text, title=title, severity=severity, timeout=seconds, markup=False)
