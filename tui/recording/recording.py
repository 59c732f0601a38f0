"""A recording, opened: its timeline at once, any moment of it soon."""

from __future__ import annotations

import json
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui.recording.chapter import ChapterReader, Recorded, summaries
from tui.recording.log import VERSION, Kind, LogReader, Record, RecordingError
from tui.recording.summary import Summary, from_plain

SUFFIX = ".twtop"


@dataclass(eq=False)
class Chapter:
    """Where the records of some minutes lie, and what they say in short."""

    log: LogReader
    records: list[Record]
    told: list[Summary] = field(default_factory=list)
    """Known for as many of the records as were looked at."""
    reader: ChapterReader = field(default_factory=ChapterReader)


class Recording:
    """The moments of one or more files, oldest first. One thread at a time may use it."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files of a recording. Raises RecordingError where one is none, or all empty."""
        self.notes: list[str] = []
        """What could not be read of it, in words."""
        self._chapters: list[Chapter] = []
        self._logs = [LogReader(path) for path in paths]
        self._open: dict[LogReader, Chapter | None] = dict.fromkeys(self._logs)
        self._at: Chapter | None = None
        """The chapter whose reader is in use: one at a time has its sockets in memory."""
        self.timeline: list[Summary] = []
        self._places: list[tuple[Chapter, int]] = []
        self.refresh()
        if not self.timeline:
            names = ", ".join(map(str, paths))
            raise RecordingError("\n".join([f"{names}: nothing was recorded", *self.notes]))

    def refresh(self) -> bool:
        """Take in what was recorded since, and say whether there was anything."""
        before = len(self.timeline)
        for log in self._logs:
            self._take_in(log)
        self._chapters = [chapter for chapter in self._chapters if chapter.told]
        self._chapters.sort(key=lambda chapter: chapter.told[0].time)
        self.timeline = [told for chapter in self._chapters for told in chapter.told]
        self._places = [
            (chapter, number) for chapter in self._chapters for number in range(len(chapter.told))
        ]
        return len(self.timeline) != before

    def _take_in(self, log: LogReader) -> None:
        chapter = self._open[log]
        for record in log.more():
            if record is None:
                self.notes.append(f"{log.path}: damaged; that part is left out")
                self._read_summaries(chapter)
                chapter = None
            elif record.kind == Kind.START:
                self._read_summaries(chapter)
                chapter = Chapter(log, [record])
                self._chapters.append(chapter)
            elif record.kind == Kind.NEXT and chapter is not None:
                chapter.records.append(record)
            elif record.kind == Kind.SUMMARY and chapter is not None:
                self._read_summary(chapter, record)
        self._read_summaries(chapter)
        self._open[log] = chapter
        if log.about.get("version", VERSION) > VERSION:
            note = f"{log.path}: written by a newer twtop; unknown parts are left out"
            if note not in self.notes:
                self.notes.append(note)

    def _read_summary(self, chapter: Chapter, record: Record) -> None:
        """Take a finished chapter's summaries, of which there is one for each record."""
        try:
            told = json.loads(zlib.decompress(chapter.log.content(record)))
            found = [from_plain(one) for one in told]
        except (RecordingError, zlib.error, ValueError, TypeError, IndexError):
            return  # each record has its own as well
        if len(found) == len(chapter.records):
            chapter.told = found

    def _read_summaries(self, chapter: Chapter | None) -> None:
        """Take the summaries of a chapter that has not ended, from its records."""
        if chapter is None or len(chapter.told) == len(chapter.records):
            return
        contents = []
        for record in chapter.records:
            try:
                contents.append(chapter.log.content(record))
            except RecordingError as error:
                self.notes.append(f"{error}; everything after it is left out")
                chapter.records = chapter.records[: len(contents)]
                break
        try:
            chapter.told = [from_plain(told) for told in summaries(contents)]
        except (zlib.error, ValueError, TypeError, KeyError, IndexError) as error:
            self.notes.append(f"{chapter.log.path}: some minutes are invalid: {error}")
            chapter.records, chapter.told = [], []

    def index_at(self, time: float) -> int:
        """Return which moment was the present one then: the last before it, or the first."""
        return max(bisect_right(self.timeline, time, key=lambda told: told.time) - 1, 0)

    def moment(self, index: int) -> Recorded:
        """Return what was read at a moment of the timeline. Raises RecordingError."""
        chapter, number = self._places[index]
        if self._at is not None and (self._at is not chapter or self._at.reader.count > number + 1):
            self._at.reader = ChapterReader()  # forget: from its beginning it is known again
        self._at = chapter
        try:
            while chapter.reader.count <= number:
                record = chapter.records[chapter.reader.count]
                chapter.reader.take(chapter.log.content(record))
            return chapter.reader.moment()
        except RecordingError:
            chapter.reader = ChapterReader()
            raise

    def close(self) -> None:
        """Let the files go."""
        for log in self._logs:
            log.close()


def open_recording(path: Path) -> Recording:
    """Open a recording, or all of a folder. Raises RecordingError."""
    if not path.is_dir():
        return Recording([path])
    paths = sorted(path.glob(f"*{SUFFIX}"))
    if not paths:
        raise RecordingError(f"{path}: contains no recording (*{SUFFIX})")
    return Recording(paths)


def chapters_of(path: Path) -> list[tuple[float, int]]:
    """Return when each chapter of a file began, and at which byte. Raises RecordingError."""
    log = LogReader(path)
    found = []
    try:
        for record in log.more():
            if record is not None and record.kind == Kind.START:
                try:
                    (told,) = summaries([log.content(record)])
                    found.append((from_plain(told).time, record.begin))
                except (RecordingError, zlib.error, ValueError, TypeError, KeyError, IndexError):
                    continue
    finally:
        log.close()
    return found
