"""How TIME-WAIT went on, second by second, by the sums of each poll."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter

import numpy as np

from tui.kernel.sockets import Array

SHOWN_SECONDS = 300
"""How many of the last seconds are told one by one."""


@dataclass(frozen=True, slots=True)
class Point:
    """The whole table at one time."""

    time: float
    table_time: float
    """When the sockets were read that ``states`` counts: earlier, between spaced-out dumps."""
    states: Array
    time_wait: int
    entered: int | None
    """Sockets that ever went into TIME-WAIT (TcpExt TW), None where the kernel does not say."""


@dataclass(frozen=True)
class Course:
    """The TIME-WAITs of the last seconds, reckoned when somebody looks: nobody does at a scrape."""

    now: float
    """Unix time."""
    points: tuple[Point, ...]
    """Those of the last SHOWN_SECONDS, oldest first."""
    closings: Array
    """Closings of the last minute by the timers, newest first, as in TimeWait."""

    @cached_property
    def held(self) -> tuple[float, ...]:
        """TIME-WAITs at each of the last seconds, as far as known, newest last.

        Seconds without a poll of their own carry the one before.
        """
        times, counts = self._column("time"), self._column("time_wait")
        seconds = self.now - np.arange(SHOWN_SECONDS)[::-1] + 1e-3
        at = np.searchsorted(times, seconds, "right") - 1
        return tuple(counts[at[at >= 0]].tolist())

    @cached_property
    def entered(self) -> tuple[float, ...]:
        """Sockets that went into TIME-WAIT in each of the last seconds, newest last.

        The timers know the last minute from the first frame on; what the counter has shown
        since the start is added where it is more.
        """
        entered = np.zeros(SHOWN_SECONDS)  # by age
        entered[: len(self.closings)] = self.closings
        times, counts = self._column("time"), self._column("entered")
        told = np.flatnonzero(~np.isnan(counts))[::-1]
        begins = np.rint(self.now - times[told])
        # Each second is one of those between two times that tell, of which this is the later.
        later = np.searchsorted(begins, np.arange(SHOWN_SECONDS), "right") - 1
        between = np.flatnonzero((later >= 0) & (later < len(told) - 1))
        # Only between neighbours: where those in between do not tell, as after a seek, the mean
        # would be false.
        between = between[told[later[between]] - told[later[between] + 1] == 1]
        newer, older = told[later[between]], told[later[between] + 1]
        rates = (counts[newer] - counts[older]) / (times[newer] - times[older])
        entered[between] = np.maximum(entered[between], rates)
        return tuple(entered[::-1].tolist())

    def _column(self, name: str) -> Array:
        """Return what all points have of this, oldest first; NaN where that is not known."""
        return np.array([*map(attrgetter(name), self.points)], float)
