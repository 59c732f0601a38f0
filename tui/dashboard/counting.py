"""The switch of counting: refusals are counted for the watch on screen, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tui.kernel.refusals import CountingError
from tui.watching.refused import Counting
from tui.watching.watch import Watch

NOT_OURS = (
    "refusals are counted by this machine's own kernel; this is a copy, or a network namespace "
    "that cannot be identified"
)


class CountingSwitch:
    """Turns counting on and off. To open and to close it takes a while: threads may do both."""

    def __init__(self, watch: Watch, start: Callable[[], Counting]) -> None:
        """Count for this watch; ``start`` begins to count, or raises CountingError."""
        self._watch, self._start = watch, start
        self._counting: Counting | None = None
        self._lock = threading.Lock()
        self._ended = False

    def turn(self) -> bool:
        """Turn it on or off, and say which. Raises CountingError where it cannot be had."""
        with self._lock:
            if self._counting is not None or self._ended:
                self._stop()
                return False
            view = self._watch.newest
            if view is not None and view.frame.reading.place.id is None:
                raise CountingError(NOT_OURS)
            self._counting = self._start()
            self._watch.count(self._counting)
            return True

    def move(self, watch: Watch) -> None:
        """Count for another watch from now on."""
        with self._lock:
            self._watch.count(None)
            self._watch = watch
            watch.count(self._counting)

    def end(self) -> None:
        """Count no further, now and later."""
        with self._lock:
            self._ended = True
            self._stop()

    def _stop(self) -> None:
        counting, self._counting = self._counting, None
        self._watch.count(None)
        if counting is not None:
            counting.close()
