"""Moments that were seen, wherever they are kept: in short at once, any one of them soon."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Protocol

from tui.recording.chapter import ChapterReader, Recorded
from tui.recording.log import RecordingError
from tui.recording.summary import Summary
from tui.writing.words import local


class Part(Protocol):
    """The records of one chapter, and what they say in short."""

    told: list[Summary]

    def content(self, number: int) -> bytes:
        """Return one of the records. Raises RecordingError where it is damaged."""
        ...


class Moments:
    """What was seen, oldest first. One thread at a time may use it."""

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        self.timeline: list[Summary] = []
        self._places: list[tuple[Part, int]] = []
        self._at: Part | None = None
        """Whose sockets are in memory: those of one chapter at a time."""
        self._reader = ChapterReader()
        self.lay_out(parts)

    def lay_out(self, parts: Sequence[Part]) -> None:
        """Have the moments of these, oldest first."""
        self.timeline = [told for part in parts for told in part.told]
        self._places = [(part, number) for part in parts for number in range(len(part.told))]

    def refresh(self) -> bool:
        """Take in what was recorded since, and say whether there was anything."""
        return False

    def after(self, earlier: Moments) -> Moments:
        """Return these with those before them that others have."""
        count = len(earlier.timeline)
        if self.timeline:
            begin = self.timeline[0].time
            count = bisect_left(earlier.timeline, begin, key=lambda told: told.time)
        both = Moments()
        both.timeline = earlier.timeline[:count] + self.timeline
        both._places = earlier._places[:count] + self._places
        return both

    def index_at(self, time: float) -> int:
        """Return which moment was the present one then: the last before it, or the first."""
        return max(bisect_right(self.timeline, time, key=lambda told: told.time) - 1, 0)

    def begin_of_part(self, index: int) -> int:
        """Return the first moment of those that are read on the way to this one."""
        return index - self._places[index][1]

    def moment(self, index: int) -> Recorded:
        """Return what was read at a moment of the timeline. Raises RecordingError."""
        part, number = self._places[index]
        if self._at is not part or self._reader.count > number + 1:
            self._at, self._reader = part, ChapterReader()
        try:
            self._reader.take([part.content(n) for n in range(self._reader.count, number + 1)])
            return self._reader.moment()
        except RecordingError:
            self._at = None
            raise

    def last_readable(self, index: int) -> tuple[int, str]:
        """Return the last moment up to this one that can be read, and what is said of the others.

        Nothing is said where it is this one. Raises RecordingError where none can be read.
        """
        wanted, why = index, self._damage(index)
        while self._damage(index):
            # Each record needs those before it: what can be read of a part is its beginning.
            begin = self.begin_of_part(index)
            index = begin + bisect_left(range(begin, index), True, key=self._is_damaged) - 1
            if index < 0:
                raise RecordingError(why)
        if not why:
            return index, ""
        since, until = (local(self.timeline[at].time) for at in (index + 1, wanted))
        return index, f"{why}: what was recorded from {since} to {until} cannot be read"

    def _damage(self, index: int) -> str:
        try:
            self.moment(index)
        except RecordingError as error:
            return str(error)
        return ""

    def _is_damaged(self, index: int) -> bool:
        return bool(self._damage(index))
