"""One reading of the kernel's tables for a command."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.analysis.doubts import trusted_reuse
from tui.analysis.frame import Frame, judge
from tui.commands.lasting import lasting
from tui.commands.options import Settings
from tui.commands.output import UNREADABLE, fail, redraw, remark
from tui.kernel.find_place import ALL, PlaceError, find_place, same_place
from tui.kernel.places import Place, place_at
from tui.kernel.processes import Owners, find_owners
from tui.kernel.sockets import TableError
from tui.kernel.source import Source
from tui.kernel.survey import Survey, survey
from tui.recording.when import TimeError, parse_time
from tui.writing.words import duration, local, span

if TYPE_CHECKING:
    from tui.analysis.trends import Trends
    from tui.kernel.sockets import ByteOrder
    from tui.recording.recording import Recording
    from tui.recording.summary import Summary


def chosen_place(settings: Settings) -> Place:
    """Return the one place that -N and --proc name.

    Raises click.UsageError where -N names none, several or all, and TableError for a file that is
    no archive of a copy.
    """
    if settings.place is None:
        return place_at(settings.proc)
    _refuse_all(settings.place)
    try:
        return find_place(settings.place, settings.proc)
    except PlaceError as error:
        raise click.UsageError(f"-N: {error}") from None


def _refuse_all(word: str | None) -> None:
    if word == ALL:
        raise click.UsageError(
            "-N all is for check, audit, places, report, watch, bundle, record and the parts of a "
            "report; name one place here"
        )


def open_source(settings: Settings, *, one_shot: bool = False) -> Source:
    """Return the source to read from: that of one place.

    Raises click.UsageError for sock_diag on a procfs that is not this namespace's own.
    """
    return source_of(chosen_place(settings), settings, one_shot=one_shot)


def source_of(place: Place, settings: Settings, *, one_shot: bool, among: bool = False) -> Source:
    """Return the source of a place; ``among`` others, where an empty one must cost nothing."""
    if settings.source == "sock_diag" and not place.answers:
        cure = "one of --source and --proc" if settings.place is None else "--source"
        raise click.UsageError(
            f"sock_diag cannot read the sockets that {place.where} shows; leave out {cure}"
        )
    return Source(
        place,
        settings.source,
        settings.seconds,
        one_shot=one_shot,
        skips_empty=among,
        byte_order=byte_order_of(place, settings),
        progress=_progress() if one_shot else None,  # a dashboard has the terminal to itself
    )


def byte_order_of(place: Place, settings: Settings) -> ByteOrder | None:
    """Return what the user says of a copy. Raises click.UsageError where it is of none."""
    if settings.byte_order is not None and place.kind != "copy":
        raise click.UsageError("--byte-order is for a copy of /proc; leave it out")
    return settings.byte_order


OWNERS_SECONDS = 0.5
"""How long a command may look for the owners of sockets."""
PATIENCE_SECONDS = 1.0
"""After so long one likes to be told that something goes on."""


def _progress() -> Callable[[int, int], None] | None:
    """Return what tells on a terminal how far the files of a copy have been read."""
    if not sys.stderr.isatty():
        return None
    began = time.monotonic()

    def tell(done: int, total: int) -> None:
        if time.monotonic() - began > PATIENCE_SECONDS:
            redraw(f"twtop: {done / total:4.0%} read" if done < total else "")

    return tell


@dataclass(frozen=True, slots=True)
class Provenance:
    """The recording that a look is from, as far as it is of the same place."""

    path: Path
    timeline: Sequence[Summary]
    asked: bool
    """Has the user asked for this moment? Else it is the last."""
    lost: tuple[str, ...]
    """What is said of all that damage has taken, of any moment."""

    def about(self, time: float) -> str:
        """Return of which moment is spoken, in a sentence; ``time`` is its Unix time."""
        if self.asked:
            return f"Recorded {local(time)} in {self.path}."
        begin, last = local(self.timeline[0].time), "last"
        if self.timeline[-1].time > time:
            last = "last readable"
        return (
            f"Recorded {local(time)}: the {last} moment of {self.path}, which begins {begin}; "
            "--at shows another."
        )


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a place: what was read, and by whom its sockets were held, as far as is known."""

    frame: Frame
    owners: Callable[[], Owners]
    """Looks for them now, or says what was recorded."""
    trends: Trends | None = None
    """What the moments before a recorded one say with it."""
    origin: Provenance | None = None
    doubts: tuple[str, ...] = ()
    """Why what was recorded may not be what was there at the moment that was asked for."""
    notes: tuple[str, ...] = ()
    """What else is to be said of it."""

    @property
    def about(self) -> list[str]:
        """Which recorded moment it is of, in a line that stands above a text; none of now."""
        return [] if self.origin is None else [self.origin.about(self.frame.time)]


LOOK_AGAIN_SECONDS = 1.0
"""Between the two looks where one is not enough."""


class Looks:
    """The look at the place that -N names, or at each for `-N all`, the host first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.several = settings.place == ALL
        self.unread = False
        """Could some place not be read? It is told on stderr."""

    def __iter__(self) -> Iterator[Look]:
        """Look at them one by one; without the one that is named the command ends here."""
        if not self.several:
            yield read_look(self.settings)
            return
        if self.settings.recording is not None:
            refuse_live(self.settings)
            try:
                told: set[str] = set()
                for look in recorded_looks(self.settings.recording, self.settings.at):
                    tell_doubts(look, told)
                    yield look
            except TableError as error:
                fail(str(error))
            return
        owners = cache(lambda: owners_of(self.settings))  # one walk does for all places
        found = every_place(self.settings)
        for why in found.missing:
            self._tell(why)
        for place in found.places:
            try:
                source = source_of(place, self.settings, one_shot=True, among=True)
                yield Look(judge_now(source), owners)
            except (TableError, click.UsageError) as error:
                if place.pid is None or same_place(place) is not None:  # else it has ended
                    self._tell(f"{place.called}: {error}")

    def _tell(self, why: str) -> None:
        remark(why)
        self.unread = True

    def finish(self) -> None:
        """End the command with the code for unreadable tables if some could not be read."""
        if self.unread:
            sys.exit(UNREADABLE)


def refuse_live(settings: Settings) -> None:
    """Raise click.UsageError where it is said how to read the kernel, and it is not read."""
    if said := [one for one in settings.said if one not in ("--threshold", "--place")]:
        raise click.UsageError(f"--from reads what was recorded; leave out {said[0]}")


def every_place(settings: Settings) -> Survey:
    """Return all places, the host first; without them the command ends here."""
    try:
        found = survey(settings.proc)
    except (TableError, OSError) as error:
        fail(str(error))
    first = sorted(found.places, key=lambda place: (place.kind != "host", place.name))
    return replace(found, places=tuple(first))


def judge_now(source: Source) -> Frame:
    """Read the tables and judge them. Raises TableError.

    Where a destination has ports only if tcp_tw_reuse works for it, they are read once more: the
    second look shows whether it does.
    """
    frame = judge(source.read())
    if source.place.kind != "copy" and trusted_reuse(frame):
        time.sleep(LOOK_AGAIN_SECONDS)
        frame = judge(source.read(), frame)
    return frame


def take_look(settings: Settings, *, as_now: bool = False) -> Look:
    """Read the tables once and judge them: those of now, or of a moment that was recorded.

    ``as_now``: where no moment is asked for, the last one is taken to be how it is now.

    Raises TableError, and click.UsageError for a moment that is not in the recording.
    """
    if settings.recording is None:
        return Look(judge_now(open_source(settings, one_shot=True)), lambda: owners_of(settings))
    _refuse_all(settings.place)
    refuse_live(settings)
    with recorded(settings.recording, settings.place) as recording:
        first, last = recording.timeline[0].time, recording.timeline[-1].time
        look = _look_at(recording, settings.recording, settings.at, _when(settings.at, first, last))
        return _not_now(look, recording, last) if as_now and settings.at is None else look


@contextmanager
def recorded(path: Path, word: str | None) -> Iterator[Recording]:
    """Open a recording at the place that the user calls so; ALL begins with the fullest.

    Raises TableError where it cannot be read, and click.UsageError where the place or the time is
    not in it.
    """
    from tui.recording.files import open_recording
    from tui.recording.log import RecordingError

    try:
        with lasting():
            recording = open_recording(path, word)
        yield recording
        recording.close()
    except RecordingError as error:
        raise TableError(str(error)) from error
    except PlaceError as error:
        raise click.UsageError(f"-N: {error}") from None


def _when(at: str | None, first: float, last: float) -> float:
    try:
        return last if at is None else parse_time(at, first, last)
    except TimeError as error:
        raise click.UsageError(f"--at: {error}") from None


LATE_SECONDS = 300.0
"""For so long a place is taken to have been there after it was seen last: idle ones are recorded
in turn. What is printed of it has the time at which it was read."""
SILENT_SECONDS = 15.0
"""Where nothing at all was recorded for longer, nobody looked: ports can run out in 6 seconds."""


def _look_at(
    recording: Recording, path: Path, at: str | None, time: float, *, among: bool = False
) -> Look:
    """Return the look at a moment, or where none is asked for at the last that can be read.

    ``among`` says that other places are looked at too: one that may be missing is a doubt then.
    """
    from tui.findings.config import Config
    from tui.recording.recorder import CHAPTER_SECONDS
    from tui.recording.replay import Replay

    index, damage = recording.index_at(time), ""
    if at is None:
        index, damage = recording.last_readable(index)
    if damage:
        time = recording.timeline[index].time
    view = Replay(recording, Config(), begin=recording.timeline[index].time).newest
    moment = recording.moment(index)
    frame, trends = judge(moment.reading), None
    # A table that was cut short is shown by the whole one before it, whose trends are not its own.
    if view is not None and frame.table.complete:
        frame, trends = view.frame, view.trends
    silent, late = recording.silent_before(time) + frame.age, time - frame.time
    # So long after damage each place that is there was recorded anew: the next chapter has the
    # idle ones in turn. Until then one may be missing that is not known.
    since = min(frame.time, time - CHAPTER_SECONDS - LATE_SECONDS) if among else frame.time
    doubts = [*filter(None, (damage,)), *recording.lost_between(since, time)]
    if among:
        doubts += recording.left_out
    if max(silent, late - LATE_SECONDS + SILENT_SECONDS) > SILENT_SECONDS:
        doubts.append(f"not recorded for {duration(max(silent, late))} before {local(time)}")
    if recording.is_newer:
        doubts.append("recorded by a newer twtop, which this one may misread")
    notes = () if among else recording.left_out
    timeline = recording.timeline
    lost = recording.lost_between(timeline[0].time, timeline[-1].time)
    return Look(
        frame,
        lambda: moment.owners,
        trends,
        origin=Provenance(path, timeline, at is not None, tuple(lost)),
        doubts=tuple(doubts),
        notes=notes,
    )


STALE_SECONDS = 300.0
"""The last moment of a recording tells for so long how it is now, or for STALE_INTERVALS."""
STALE_INTERVALS = 3
AHEAD_SECONDS = 60.0
"""So far the clocks of two machines may be apart. A moment further ahead does not tell of now."""
_LAST = 6
"""The shortest of so many last intervals counts: between two recordings there may be days."""


def _not_now(look: Look, recording: Recording, last: float) -> Look:
    """Return the look at the last moment, with a doubt where that does not tell of now.

    A recorder that has ended would else be OK for ever, or until the time that its clock told.
    """
    times = [told.time for told in recording.timeline[-_LAST:]]
    interval = min((after - before for before, after in pairwise(times)), default=0.0)
    age = time.time() - last
    if -AHEAD_SECONDS <= age <= max(STALE_SECONDS, STALE_INTERVALS * interval):
        return look
    doubt = f"nothing was recorded in the last {span(age)}; --at judges a past moment"
    if age < 0:
        doubt = f"the last moment is {span(-age)} in the future: a clock is wrong"
    return replace(look, doubts=(*look.doubts, doubt))


def recorded_looks(path: Path, at: str | None, *, as_now: bool = False) -> Iterator[Look]:
    """Look at every place that was there at a moment, the host first; as take_look() does."""
    with recorded(path, ALL) as recording:
        spans = {}
        for place in recording.places:
            recording.show(place)
            spans[place] = recording.timeline[0].time, recording.timeline[-1].time
        first, last = min(span[0] for span in spans.values()), max(s[1] for s in spans.values())
        then = _when(at, first, last)
        for place in sorted(spans, key=lambda place: (place.kind != "host", place.name)):
            begun, seen = spans[place]
            if begun <= then <= seen + LATE_SECONDS:
                recording.show(place)
                look = _look_at(recording, path, at, then, among=True)
                yield _not_now(look, recording, last) if as_now and at is None else look


def read_look(settings: Settings) -> Look:
    """Read the tables once and judge them; without them the command ends here."""
    try:
        look = take_look(settings)
    except TableError as error:
        fail(str(error))
    tell_doubts(look)
    return look


def tell_doubts(look: Look, told: set[str] | None = None) -> None:
    """Say on stderr why it may not be what was there, but for what was ``told`` already."""
    told = set() if told is None else told
    for doubt in (*look.doubts, *look.notes):
        if doubt not in told:
            told.add(doubt)
            remark(doubt)


def owners_of(settings: Settings) -> Owners:
    """Look for the owners of sockets, for as long as a command may take."""
    return find_owners(settings.proc, deadline=time.monotonic() + OWNERS_SECONDS)
