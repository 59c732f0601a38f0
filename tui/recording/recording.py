"""A recording, opened: its timeline at once, any moment of it soon."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui.kernel.places import Place
from tui.recording.chapter import summaries
from tui.recording.log import VERSION, Kind, LogReader, Record, RecordingError
from tui.recording.moments import Moments
from tui.recording.summary import Summary, from_plain

SUFFIX = ".twtop"
SERVICE_FOLDER = Path("/var/log/twtop")
"""Where `twtop record` writes as a service (LogsDirectory= of its unit)."""


@dataclass(eq=False)
class Chapter:
    """Where the records of some minutes lie, and what they say in short."""

    log: LogReader
    records: list[Record]
    told: list[Summary] = field(default_factory=list)
    """Known for as many of the records as were looked at."""

    def content(self, number: int) -> bytes:
        """Return one of the records. Raises RecordingError where it is damaged."""
        return self.log.content(self.records[number])


class Recording(Moments):
    """The moments of one or more files."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files of a recording. Raises RecordingError where one is none, or all empty."""
        super().__init__()
        self.notes: list[str] = []
        """What could not be read of it, in words."""
        self._chapters: list[Chapter] = []
        self._logs = [LogReader(path) for path in paths]
        self._open: dict[LogReader, Chapter | None] = dict.fromkeys(self._logs)
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
        self.lay_out(self._chapters)
        return len(self.timeline) != before

    def _take_in(self, log: LogReader) -> None:
        chapter = self._open[log]
        for record in log.more():
            if record is None:
                self.notes.append(f"{log.path}: damaged; what was recorded there is left out")
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
            note = f"{log.path}: written by a newer twtop; what this one does not know is left out"
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
                self.notes.append(f"{error}; the minutes after it are left out")
                chapter.records = chapter.records[: len(contents)]
                break
        try:
            chapter.told = [from_plain(told) for told in summaries(contents)]
        except (zlib.error, ValueError, TypeError, KeyError, IndexError) as error:
            self.notes.append(f"{chapter.log.path}: some minutes make no sense: {error}")
            chapter.records, chapter.told = [], []

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
        raise RecordingError(f"{path}: no recording in it; they end in {SUFFIX}")
    return Recording(paths)


def recorded_of(place: Place, folder: Path) -> Recording | None:
    """Return what was recorded of a place in a folder, None where that is nothing.

    Raises RecordingError.
    """
    if not any(folder.glob(f"*{SUFFIX}")):
        return None
    recording = open_recording(folder)
    there = recording.moment(len(recording.timeline) - 1).reading.place
    if (there.kind, there.name) == (place.kind, place.name):
        return recording
    recording.close()
    return None


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
