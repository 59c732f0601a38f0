"""The kernel's tables, read while client threads want the same interpreter."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tui.analysis.frame import Frame, judge
from tui.kernel.counters import read_counters
from tui.kernel.places import place_at
from tui.kernel.sockets import TableError
from tui.kernel.source import Source
from tui.simulate.target import Target

PROC = Path("/proc")
INTERVAL_SECONDS = 2.0
"""A read may take half of it."""
LEAST_SECONDS = 1.0
"""Between two readings."""
SHARE = 0.05
"""The part of the time that readings may take from the clients."""


class Reader:
    """Makes frames of this namespace, and knows when the next one is due."""

    def __init__(self) -> None:
        # /proc costs three times as much, and a system call for every 27 sockets.
        self._source = Source(place_at(PROC), "sock_diag", INTERVAL_SECONDS)
        self._due = 0.0

    def read(self) -> Frame:
        """Read now. Raises TableError."""
        began = time.thread_time()
        try:
            reading = self._source.read()
        except TableError:
            if self._source.choice == "proc":
                raise
            self._source = Source(self._source.place, "proc", INTERVAL_SECONDS)
            reading = self._source.read()
        frame = judge(reading)
        cost = time.thread_time() - began
        self._due = time.monotonic() + max(LEAST_SECONDS, cost / SHARE)
        return frame

    def read_if_due(self) -> Frame | None:
        """Read if the last reading is long enough ago, and if that works now."""
        if time.monotonic() < self._due:
            return None
        try:
            return self.read()
        except TableError:
            return None


def server_counters(target: Target) -> Mapping[str, int]:
    """Return the counters of the server's namespace, empty where that is not on this machine."""
    return {} if target.server_root is None else read_counters(target.server_root)
