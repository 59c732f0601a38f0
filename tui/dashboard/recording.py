"""The switch of recording: what is polled goes to a file, between two presses of a key."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

from tui.recording.log import RecordingError
from tui.recording.recorder import Recorder
from tui.watching.view import View


class RecordSwitch:
    """Records to one file at a time. To open and to close it takes a while: any thread may."""

    def __init__(self) -> None:
        self._recorder: Recorder | None = None
        self._lock = threading.Lock()
        self.path: Path | None = None
        """What is recorded to; None while nothing is."""

    def begin(self, path: Path) -> None:
        """Go on with a recording, or begin one. Raises RecordingError."""
        with self._lock:
            if self._recorder is None:
                self._recorder, self.path = Recorder(path), path

    def take(self, view: View) -> None:
        """Record this, where it records. Raises RecordingError when it cannot: it has ended then.

        What was written is kept.
        """
        with self._lock:
            if self._recorder is not None:
                try:
                    self._recorder.take(view)
                except RecordingError:
                    self._close()
                    raise

    def end(self) -> int | None:
        """End the recording, and return how many moments it has got; None where there is none."""
        with self._lock:
            return self._close()

    def _close(self) -> int | None:
        recorder, self._recorder, self.path = self._recorder, None, None
        if recorder is None:
            return None
        with suppress(RecordingError):  # of what could not be written any more
            recorder.close()
        return recorder.count
