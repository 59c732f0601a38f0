"""The clockwork: a daemon thread that reads the kernel each interval, and hands on what it read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from tui.kernel.source import Reading, Source

T = TypeVar("T")

CPU_SHARE = 0.10
"""The part of one core that reading and judging may take; beyond it dumps are spaced out."""
PROMPT_TRIES = 4
"""How often a dump that was cut short is tried again at the next poll, whatever it costs: each
time with twice the work. After that even an incomplete one is spaced out."""


class Sampler(Generic[T]):
    """Reads at each poll, decides which polls read the whole table, and hands the readings on."""

    def __init__(
        self, source: Source, take: Callable[[Reading], T], *, cpu_share: float = CPU_SHARE
    ) -> None:
        """Hand each reading to ``take``, whose result a poll returns and whose cost counts."""
        self.source = source
        self.take = take
        self.cpu_share = cpu_share
        self._last: Reading | None = None
        self._next_dump = 0.0
        self._incomplete = 0
        """Dumps in a row that were cut short."""

    @property
    def interval(self) -> float:
        """Seconds between polls."""
        return self.source.interval

    @interval.setter
    def interval(self, seconds: float) -> None:
        self.source.interval = seconds
        self._next_dump = 0.0

    def poll(self) -> T:
        """Take a new reading: a dump, or the last one's table with counters of now.

        Raises TableError when the kernel's tables could not be read.
        """
        began, cpu = time.monotonic(), time.thread_time()
        if self._last is not None and began < self._next_dump:
            return self.take(self.source.refresh(self._last))
        reading = self.source.read()
        taken = self.take(reading)
        cost = time.thread_time() - cpu + self.source.cpu_apart
        self._incomplete = 0 if reading.table.complete else self._incomplete + 1
        if 0 < self._incomplete <= PROMPT_TRIES:
            self._next_dump = 0.0
        else:
            # Half an interval of grace: a dump due just after a tick belongs to that tick.
            self._next_dump = began + cost / self.cpu_share - self.interval / 2
        self._last = reading
        return taken


class Cycle(threading.Thread):
    """Calls ``work`` at once and then every so many seconds, until stopped.

    One call at a time: ticks that come due while a call runs are one late tick after it.
    A daemon thread, because quitting must not wait for a slow read.
    """

    def __init__(self, work: Callable[[], object], interval: float, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.work = work
        self.interval = interval
        self._wake = threading.Event()
        self._stopping = False

    def run(self) -> None:
        """Work until stop() is called."""
        due = time.monotonic()
        while True:
            self._wake.clear()
            if self._stopping:  # asked after clear(), or a stop() just before it would be lost
                return
            self.work()
            due = max(due + self.interval, time.monotonic())
            if self._wake.wait(due - time.monotonic()):
                due = time.monotonic()

    def now(self) -> None:
        """Work now, or as soon as the present call has ended."""
        self._wake.set()

    def stop(self) -> None:
        """Start no further call."""
        self._stopping = True
        self._wake.set()
