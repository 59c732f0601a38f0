"""Recording: each view's reading becomes a record; what is too old goes.

All places go to one file, each as a stream of its own, so that one size and one age hold for all
of them, and one file is what there is to copy. They begin their chapters together: the file can
be cut there.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from tui import __version__
from tui.recording.chapter import ChapterWriter
from tui.recording.files import chapters_of
from tui.recording.log import FIRST, Kind, LogWriter
from tui.recording.summary import Summary, plain, summarise
from tui.watching.view import View

CHAPTER_SECONDS = 360.0
"""How far apart whole tables are written. A seek reads half a chapter on average; a whole table of
20,000 sockets takes 57 kB, and what changes in a second 1 kB."""
CHAPTER_MOMENTS = 240
"""How many moments a chapter has at most, so that a seek is soon done where they are close."""
SPARE = 1.25
"""How much more than what is to be kept may be there before the file is written anew: often would
be costly."""


@dataclass(eq=False)
class _Stream:
    """A place's chapter that is being written."""

    number: int
    writer: ChapterWriter = field(default_factory=ChapterWriter)
    told: list[Summary] = field(default_factory=list)


class Recorder:
    """Writes the views of one place, or of several, to a file."""

    def __init__(
        self, path: Path, *, keep_seconds: float | None = None, max_bytes: int | None = None
    ) -> None:
        """Go on with a recording, or begin one; None keeps everything. Raises RecordingError."""
        self._log = LogWriter(path, {"twtop": __version__, "pid": os.getpid()})
        self._keep_seconds = keep_seconds
        self._max_bytes = max_bytes
        self._streams: dict[tuple[object, ...], _Stream] = {}
        """By what makes a place the same."""
        self._begun = self._newest = 0.0
        """Unix times of this chapter's first moment and of the last one."""
        self._chapters = chapters_of(path) if self._log.size else []
        """When each chapter began, and where in the file."""
        self.count = 0
        """How many moments were written."""

    @property
    def size(self) -> int:
        """Of the file, in bytes."""
        return self._log.size

    @property
    def written(self) -> int:
        """What of it is new, in bytes."""
        return self._log.written

    def take(self, view: View) -> None:
        """Write what this view was made of. Raises RecordingError where it cannot be written.

        Views of several places come in the order of their times, which only a clock that was set
        back disturbs.
        """
        summary, place = summarise(view), view.frame.reading.place
        set_back = summary.time < self._newest
        ends = summary.time - self._begun >= CHAPTER_SECONDS or any(
            len(stream.told) >= CHAPTER_MOMENTS for stream in self._streams.values()
        )
        if not self._streams or set_back or ends:
            self._end_chapters()
            self._begun = summary.time
            self._make_room(summary.time)
            self._chapters.append((summary.time, self._log.size))
        self._newest = summary.time
        key = place.kind, place.name, place.id
        stream = self._streams.setdefault(key, _Stream(FIRST + len(self._streams)))
        kind = Kind.NEXT if stream.told else Kind.START
        content = stream.writer.record(view.frame.reading, view.owners, summary)
        self._log.append(kind, stream.number, content)
        stream.told.append(summary)
        self.count += 1

    def _end_chapters(self) -> None:
        for stream in self._streams.values():
            told = json.dumps([plain(summary) for summary in stream.told]).encode()
            self._log.append(Kind.SUMMARY, stream.number, zlib.compress(told))
        self._streams = {}

    def _make_room(self, now: float) -> None:
        """Drop the oldest chapters where they are too old or too much."""
        chapters = self._chapters
        if not chapters:
            return
        first = 0
        if self._keep_seconds is not None and now - chapters[0][0] > self._keep_seconds * SPARE:
            oldest = now - self._keep_seconds
            first = next((i for i, (t, _) in enumerate(chapters) if t >= oldest), len(chapters) - 1)
        if self._max_bytes is not None and self._log.size > self._max_bytes:
            begin = self._log.size - self._max_bytes / SPARE
            small = next((i for i, (_, at) in enumerate(chapters) if at >= begin), len(chapters))
            first = max(first, min(small, len(chapters) - 1))
        if first:
            before = self._log.size
            self._log.drop_before(chapters[first][1])
            shift = self._log.size - before
            self._chapters = [(time, at + shift) for time, at in chapters[first:]]

    def close(self) -> None:
        """End the recording. Raises RecordingError where the end of it cannot be written."""
        try:
            self._end_chapters()
        finally:
            self._log.close()
