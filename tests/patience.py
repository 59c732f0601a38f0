"""How long to wait for what must come: multiples of a start that is measured in the same run.

A limit in seconds fits one machine at one load. What is waited for here is mostly a process
that starts or ends, so the start of an interpreter with twtop's libraries is the measure of
both: sixty of them are twenty seconds on a quiet machine, and minutes on a busy one. Should
that machine have become busy since, it is measured again before a wait is given up.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

STARTS = 60.0
"""Far more starts than anything takes, so that only what never comes is given up."""
FLOOR_SECONDS = 0.25
"""No start counts for less: one measured in a lucky moment says little of the others."""
MEASURED = "TWTOP_TESTS_START_SECONDS"
"""Where the figure is left for the processes that a test starts."""


def start_seconds() -> float:
    """How long a start takes: the slowest that was measured so far, by whoever came first."""
    known = os.environ.get(MEASURED)
    return float(known) if known else measure()


def measure() -> float:
    """Start an interpreter with what a dashboard needs, and remember the slowest such start."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", "import numpy, textual.app"], check=True)
    took = time.monotonic() - began
    slowest = max(FLOOR_SECONDS, took, float(os.environ.get(MEASURED, 0)))
    os.environ[MEASURED] = str(slowest)
    return slowest


def limit(starts: float = 5 * STARTS) -> float:
    """Seconds for what takes a number, as subprocess does: it cannot be measured again there."""
    return starts * start_seconds()


class Patience:
    """A wait that begins when this is made, and lasts so many starts."""

    def __init__(self, starts: float = STARTS) -> None:
        self._starts = starts
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self._began

    @property
    def is_over(self) -> bool:
        """Whether it has lasted too long even by a start of just now."""
        if self.seconds <= limit(self._starts):
            return False
        return self.seconds > self._starts * measure()

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s, {self.seconds / start_seconds():.0f} starts"


def until(
    done: Callable[[], object], what: str, *, starts: float = STARTS, step: float = 0.01
) -> None:
    """Wait until this is true. Raises AssertionError, with what was waited for."""
    patience = Patience(starts)
    while not done():
        if patience.is_over:
            raise AssertionError(f"waited {patience} for {what}")
        time.sleep(step)
