"""The clockwork: a daemon thread that reads the kernel each interval, and hands on what it read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from tui.kernel.counters import read_counters
from tui.kernel.source import Reading, Source

T = TypeVar("T")

CPU_SHARE = 0.10
"""The part of one core that reading and judging may take; beyond it dumps are spaced out."""


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
            counters = read_counters(self.source.root)
            return self.take(replace(self._last, time=time.time(), counters=counters))
        reading = self.source.read()
        taken = self.take(reading)
        cost = time.thread_time() - cpu
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
