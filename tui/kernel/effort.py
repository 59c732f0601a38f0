"""How much work a read may take: the kernel's time, not the scheduler's."""

from __future__ import annotations

import time

WAITING = 30.0
"""Seconds after which a read that has spent its effort in waiting alone is cut as well."""


class Effort:
    """The processor time that one thread may spend on a read, from now on.

    On a busy machine a read of a millisecond can take a second; but the table is no longer for
    that, and cutting it short would only lose it. What a read call costs the kernel is counted
    to the thread that makes it, so this ends a table that never does, and no other.
    """

    def __init__(self, seconds: float) -> None:
        """To be made by the thread that reads."""
        self.seconds = seconds
        self._began = time.monotonic()
        self._cpu = time.thread_time()

    def spent(self) -> bool:
        """Say whether the effort is used up; cheap enough to be asked at each read call."""
        waited = time.monotonic() - self._began
        if waited <= self.seconds:  # no thread works longer than that
            return False
        return time.thread_time() - self._cpu > self.seconds or waited > self.seconds + WAITING
