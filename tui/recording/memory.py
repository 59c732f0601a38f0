"""The last minutes, packed as a recording has them: what a live dashboard goes back to."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from tui.recording.chapter import ChapterWriter
from tui.recording.moments import Moments
from tui.recording.summary import Summary, summarise
from tui.watching.view import View

KEEP_SECONDS = 900.0
KEPT_BYTES = 8 << 20
"""How much there is at most, whatever there is to see: of 30,000 sockets with 300 new ones a second
15 minutes take 2 MB."""
CHAPTER_SECONDS = 60.0
"""Shorter than in a file: what is gone back to is near, and must be there at once."""
SHARE = 0.004
"""The part of a core that packing may take; beyond it moments are left out."""


@dataclass(eq=False)
class Minute:
    """One chapter."""

    told: list[Summary] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)
    size: int = 0
    """Of the records, in bytes."""

    def add(self, told: Summary, record: bytes) -> None:
        """Take in a moment."""
        self.told.append(told)
        self.records.append(record)
        self.size += len(record)

    def content(self, number: int) -> bytes:
        """Return one of the records."""
        return self.records[number]


class Memory:
    """Takes views in one thread, and gives what there is in another."""

    def __init__(self) -> None:
        self._minutes: deque[Minute] = deque()
        self._writer = ChapterWriter()
        self._due = 0.0
        """When the next moment is kept, Unix time."""
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Of all that is kept, in bytes, without the summaries."""
        return sum(minute.size for minute in self._minutes)

    def take(self, view: View) -> None:
        """Keep what this view was made of, unless those before have cost too much."""
        began, now, minutes = time.thread_time(), view.frame.time, self._minutes
        set_back = bool(minutes) and now < minutes[-1].told[-1].time
        if now < self._due and not set_back:
            return
        summary = summarise(view)
        with self._lock:
            if set_back:
                minutes.clear()
            if not minutes or now - minutes[-1].told[0].time >= CHAPTER_SECONDS:
                self._writer = ChapterWriter()
                minutes.append(Minute())
            minutes[-1].add(summary, self._writer.record(view.frame.reading, view.owners, summary))
            while len(minutes) > 1 and (
                now - minutes[1].told[0].time > KEEP_SECONDS or self.size > KEPT_BYTES
            ):
                minutes.popleft()
        self._due = now + (time.thread_time() - began) / SHARE

    def recall(self) -> Moments:
        """Return what is there now; nothing changes in it."""
        with self._lock:
            return Moments([Minute([*one.told], [*one.records], one.size) for one in self._minutes])
