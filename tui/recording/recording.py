"""A recording, opened: its timeline at once, any moment of it soon."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tui.kernel.find_place import ALL, NAMED_AT_MOST, PlaceError, called
from tui.kernel.places import Place
from tui.kernel.survey import Survey
from tui.recording.chapter import place_of, summaries
from tui.recording.inflate import inflated
from tui.recording.log import FIRST, Kind, LogReader, Record, RecordingError
from tui.recording.moments import Moments
from tui.recording.places import Key, key_of, lines_of, told_apart
from tui.recording.summary import Summary, from_plain
from tui.writing.words import local


@dataclass(eq=False)
class Chapter:
    """Where the records of some minutes of a place lie, and what they say in short."""

    log: LogReader
    place: Place
    records: list[Record]
    told: list[Summary] = field(default_factory=list)
    """Known for as many of the records as were looked at."""
    ended: bool = False
    """Was it brought to its end by who wrote it?"""

    def content(self, number: int) -> bytes:
        """Return one of the records. Raises RecordingError where it is damaged."""
        return self.log.content(self.records[number])


@dataclass(frozen=True, slots=True)
class Loss:
    """Records of a file that could not be read: whose they were is not known for certain."""

    log: LogReader
    offset: int
    """What is behind it was written later."""
    note: str
    """What is said of it."""
    cut: tuple[Chapter, ...] = ()
    """Those whose rest needs what is lost."""


class Recording(Moments):
    """The moments of one place in one or more files.

    Where several places were recorded ``show`` turns to another of them.
    """

    def __init__(
        self, paths: Sequence[Path], left_out: tuple[str, ...], word: str | None = None
    ) -> None:
        """Open the files of a recording; ``word`` is what the user calls the place.

        ``left_out`` says which others of its folder are none. Raises RecordingError where a file is
        no recording or all are empty, and PlaceError where no place or several are called so, or
        several are there and none is named.
        """
        super().__init__()
        self.left_out = left_out
        """Which other files of its folder are no recordings, in words."""
        self._losses: list[Loss] = []
        self._chapters: list[Chapter] = []
        self._logs = [LogReader(path) for path in paths]
        self._open: dict[tuple[LogReader, int], Chapter] = {}
        """Chapters that go on, by file and stream."""
        self._last: dict[LogReader, list[Chapter]] = {}
        """The chapters of a file that began together last, but for those that are damaged."""
        self._lines: dict[Key, int] = {}
        """Which places are one and the same."""
        self._take_in_all()
        if not self._chapters:
            names = ", ".join(map(str, paths))
            raise RecordingError("; ".join([f"{names}: nothing was recorded", *self.notes]))
        self.place = self._chosen(word)
        """The one whose moments these are."""
        self.show(self.place)

    @property
    def places(self) -> tuple[Place, ...]:
        """The places that were recorded, by the newest of their numbers, the fullest first."""
        worst: dict[int, float] = {}
        newest: dict[int, Place] = {}
        for chapter in self._chapters:
            line = self._lines[key_of(chapter.place)]
            newest[line] = chapter.place
            worst[line] = max(worst.get(line, 0.0), *(told.worst for told in chapter.told))
        ordered = sorted(newest, key=lambda line: (-worst[line], key_of(newest[line])[:2]))
        return tuple(newest[line] for line in ordered)

    def _chosen(self, word: str | None) -> Place:
        places = self.places
        if word == ALL:
            return places[0]
        found = list(places) if word is None else called(word, Survey(places))
        if len(found) == 1:
            return found[0]
        listed = ", ".join(told_apart(one, places) for one in (found or places)[:NAMED_AT_MOST])
        if word is None:
            raise PlaceError(f"say which of {len(places)} places, the fullest first: {listed}")
        if found:
            raise PlaceError(f"{word} can be {listed}")
        raise PlaceError(f"no place is called {word} here; there are {listed}")

    @property
    def notes(self) -> list[str]:
        """What could not be read of it, in words."""
        lost = [loss.note + _told_between(*self._around(loss)) for loss in self._lost()]
        newer = (log for log in self._logs if log.is_newer)
        return [
            *self.left_out,
            *dict.fromkeys(lost),
            *(f"{log.path}: written by a newer twtop; unknown parts are left out" for log in newer),
        ]

    @property
    def is_newer(self) -> bool:
        """Whether a newer twtop wrote some of it, whose rows this one may read wrongly."""
        return any(log.is_newer for log in self._logs)

    def silent_before(self, time: float) -> float:
        """Return for how many seconds before a time nothing was recorded, of any place."""
        seen = (told.time for one in self._chapters for told in one.told if told.time <= time)
        return time - max(seen, default=0.0)

    def lost_between(self, seen: float, time: float) -> list[str]:
        """Return what is said of records of this place that may be of this while, and are lost.

        Both are Unix times. What damage leaves of a file tells only between which moments it lies.
        """
        found: dict[str, None] = {}
        line = self._lines[key_of(self.place)]
        for loss in self._lost():
            before, after = self._around(loss)
            for chapter in loss.cut:
                if chapter.told and self._lines[key_of(chapter.place)] == line:
                    before = chapter.told[-1].time
            if after == math.inf:  # another file may go on where this one ends
                others = [one for one in self._chapters if one.log is not loss.log]
                theirs = [one for one in others if self._lines[key_of(one.place)] == line]
                times = (told.time for chapter in theirs for told in chapter.told)
                after = min((time for time in times if time > before), default=after)
            if seen < after and time >= before:
                found[loss.note + _told_between(before, after)] = None
        return list(found)

    def _lost(self) -> list[Loss]:
        """Return what damage has taken, and what is missing where a file is cut off."""
        ends = {log: why for log in self._logs if (why := self._why_unended(log)) and log.is_left()}
        return [
            *self._losses,
            *(Loss(log, log.end, f"{log.path}: {why}") for log, why in ends.items()),
        ]

    def _why_unended(self, log: LogReader) -> str:
        """Return how a file ends that may have been longer; empty where it was brought to its end.

        Whoever records ends each chapter with a summary: a crash, a copy that was made meanwhile,
        and a cut between two records leave the last one without.
        """
        if log.is_torn:
            return "cut off; its end is missing"
        if all(chapter.ended for chapter in self._last.get(log, ())):
            return ""
        return "ends without having been closed; its end may be missing"

    def _around(self, loss: Loss) -> tuple[float, float]:
        """Return the Unix times of the last moment before it in its file, and of the first after.

        Where there is none it is infinite.
        """
        before, after = -math.inf, math.inf
        for chapter in self._chapters:
            if chapter.log is loss.log:
                for record, told in zip(chapter.records, chapter.told, strict=True):
                    if record.offset < loss.offset:
                        before = max(before, told.time)
                    else:
                        after = min(after, told.time)
        return before, after

    def _lose(self, log: LogReader, offset: int, note: str, *cut: Chapter) -> None:
        self._losses.append(Loss(log, offset, note, cut))

    def show(self, place: Place) -> None:
        """Turn to the moments of this place, one of ``places``."""
        self.place = place
        line = self._lines[key_of(place)]
        self.lay_out([one for one in self._chapters if self._lines[key_of(one.place)] == line])

    def find(self, place: Place) -> Place | None:
        """Return which of ``places`` is this one, None if it is none of them.

        There is but one host of a name, whatever number it has since it was started anew.
        """
        line = self._lines.get(key_of(place))
        for one in self.places:
            if self._lines[key_of(one)] == line or (
                place.kind == one.kind == "host" and place.name == one.name
            ):
                return one
        return None

    def refresh(self) -> bool:
        """Take in what was recorded since, and say whether there was anything."""
        before = len(self.timeline)
        self._take_in_all()
        self.show(self.place)
        return len(self.timeline) != before

    def _take_in_all(self) -> None:
        for log in self._logs:
            self._take_in(log)
        self._chapters = [chapter for chapter in self._chapters if chapter.told]
        self._chapters.sort(key=lambda chapter: chapter.told[0].time)
        self._lines = lines_of(
            (one.place, [told.time for told in one.told]) for one in self._chapters
        )

    def _take_in(self, log: LogReader) -> None:
        for record in log.more():
            if record is None or not self._fits(log, record):
                at = log.end if record is None else record.offset
                cut = [self._open.pop(key) for key in list(self._open) if key[0] is log]
                self._last[log] = []
                self._lose(log, at, f"{log.path}: damaged; that part is left out", *cut)
                for ended in cut:
                    self._read_summaries(ended)
                continue
            chapter = self._open.get((log, record.stream))
            if record.kind == Kind.START:
                if chapter is not None:
                    self._read_summaries(chapter)
                self._begin(log, record)
            elif record.kind == Kind.NEXT and chapter is not None:
                chapter.records.append(record)
            elif record.kind == Kind.SUMMARY and chapter is not None:
                chapter.ended = True
                self._read_summary(chapter, record)
        for key, chapter in list(self._open.items()):
            if key[0] is log and not self._read_summaries(chapter):
                del self._open[key]  # what comes of it later needs what is lost

    def _fits(self, log: LogReader, record: Record) -> bool:
        """Say whether it has a place here, or is at least whole: of a kind that is not known.

        Readings are looked at when they are needed; what seems to be none may be a damaged one.
        """
        known = record.kind == Kind.START or (log, record.stream) in self._open
        return (known and record.kind in (Kind.START, Kind.NEXT)) or log.is_whole(record)

    def _begin(self, log: LogReader, record: Record) -> None:
        self._open.pop((log, record.stream), None)
        if record.stream == FIRST:
            self._last[log] = []
        try:
            chapter = Chapter(log, place_of(log.content(record)), [record])
        except RecordingError as error:
            self._lose(log, record.offset, f"{error}; the minutes after it are left out")
            return
        self._open[log, record.stream] = chapter
        self._last.setdefault(log, []).append(chapter)
        self._chapters.append(chapter)

    def _read_summary(self, chapter: Chapter, record: Record) -> None:
        """Take a finished chapter's summaries, of which there is one for each record."""
        try:
            told = inflated(chapter.log.content(record))
            found = [from_plain(one) for one in told]
        except (RecordingError, zlib.error, ValueError, TypeError, IndexError):
            return  # each record has its own as well
        if len(found) == len(chapter.records):
            chapter.told = found

    def _read_summaries(self, chapter: Chapter) -> bool:
        """Take the summaries of a chapter that has not ended, and say whether all are there."""
        if len(chapter.told) == len(chapter.records):
            return True
        log, contents, whole = chapter.log, [], True
        for record in chapter.records:
            try:
                contents.append(log.content(record))
            except RecordingError as error:
                note = f"{error}; everything after it is left out"
                self._lose(log, record.offset, note, chapter)
                chapter.records, whole = chapter.records[: len(contents)], False
                break
        try:
            chapter.told = summaries(contents)
        except RecordingError as error:
            note = f"{log.path}: some minutes are left out: {error}"
            self._lose(log, chapter.records[0].offset, note)
            chapter.records, chapter.told, whole = [], [], False
        return whole

    def close(self) -> None:
        """Let the files go."""
        for log in self._logs:
            log.close()


def _told_between(before: float, after: float) -> str:
    """Return when what is lost was recorded, in words to follow others."""
    if before == -math.inf and after == math.inf:
        return ""
    if after == math.inf:
        return f" (after {local(before)})"
    if before == -math.inf:
        return f" (before {local(after)})"
    return f" (between {local(before)} and {local(after)})"
