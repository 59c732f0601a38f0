"""twtop record: keep what is seen, to look at it later."""

from __future__ import annotations

import math
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tui import recording
from tui.commands.configuration import configured
from tui.commands.options import (
    ONE_COPY,
    Settings,
    given,
    polled_every,
    reading_options,
    seconds,
    threshold_option,
)
from tui.commands.output import UNREADABLE, emit, fail, redraw, remark, tell
from tui.commands.reading import open_source, owners_of
from tui.commands.unit import unit_text
from tui.findings.config import Config
from tui.kernel.find_place import ALL, PlaceError, find_place, named
from tui.kernel.places import Place
from tui.kernel.sockets import TableError
from tui.recording.log import RecordingError
from tui.recording.recorder import Recorder
from tui.watching.overview import Overview
from tui.watching.roll import NOBODY, known_of, news
from tui.watching.sampler import Sampler
from tui.watching.view import View
from tui.watching.watch import Watch, views
from tui.writing.harmless import on_one_line
from tui.writing.words import byte_size, plural

INTERVAL = 3.0
"""A day takes 4 % more room at 2 s and 20 % more at 1 s."""
TOLD_SECONDS = 1.0
SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
UNIT = "twtop-record.service"


def size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return a size in bytes."""
    if value is None:
        return None
    text = value.strip().lower().removesuffix("b").removesuffix("i")
    unit = SIZES.get(text[-1:], 1)
    try:
        found = int(float(text.rstrip("kmg")) * unit)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value} is not a size such as 100M or 2G") from None
    if found < 1 << 20:
        raise click.BadParameter("must be at least 1M")
    return found


@click.command(
    epilog="Exit codes: 0 done, 1 the recording could not be written, 2 usage, "
    "3 the kernel's tables could not be read."
)
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--duration", callback=seconds(0.1), metavar="TIME", help="Stop after this time: 90s, 8h."
)
@click.option(
    "--keep",
    callback=seconds(1),
    metavar="TIME",
    help="Drop what is older than this while recording: 7d.",
)
@click.option(
    "--max-size", callback=size, metavar="SIZE", help="Drop the oldest beyond this size: 100M, 2G."
)
@click.option(
    "-N",
    "--place",
    "words",
    multiple=True,
    metavar="PLACE",
    help="Record this place: a named network namespace, a PID, a path, or a container's or pod's "
    "name or id; repeatable; all records every place.  [default: where twtop runs]",
)
@click.option("--unit", is_flag=True, help="Print a systemd unit and exit.")
@polled_every(INTERVAL)
@threshold_option
@reading_options
@click.pass_context
def record(
    context: click.Context,
    /,
    file: Path | None,
    duration: float | None,
    keep: float | None,
    max_size: int | None,
    words: tuple[str, ...],
    unit: bool,
    **options: Any,
) -> None:
    """Record the sockets to FILE, for `twtop replay` to show later.

    An existing recording is continued. It reads every 3 seconds, unless -i says otherwise; 20,000
    TIME-WAITs with 300 new ones per second take some 100 MB a day. Several places share one FILE;
    idle ones are read less often. Commands that read it take -N to choose one.

    \b
    twtop record load-test.twtop -i 0.5 --duration 10min
    twtop record web-1.twtop -N all --keep 7d --max-size 1G
    twtop record --unit > /etc/systemd/system/twtop-record.service
    """
    if unit:
        if said := given(context, options).said:
            raise click.UsageError(f"--unit records nothing; leave out {said[0]}")
        emit(unit_text(recording, UNIT))
        return
    if file is None:
        raise click.UsageError("give the FILE to record to")
    chosen = {name: value for name, value in options.items() if value is not None}
    settings = given(context, {"interval": INTERVAL, **chosen})
    polls = _polls(settings, words, configured(settings))
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _leave)
    try:
        recorder = Recorder(file, keep_seconds=keep, max_bytes=max_size)
    except RecordingError as error:
        fail(str(error), 1)
    try:
        _record(recorder, polls, settings.seconds, duration)
    except KeyboardInterrupt:
        pass
    except TableError as error:
        _end(recorder, file)
        fail(str(error), UNREADABLE)
    except RecordingError as error:
        _end(recorder, file)
        fail(f"{error}: recording stopped; what was written so far is kept", 1)
    _end(recorder, file)


def _leave(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _polls(settings: Settings, words: Sequence[str], config: Config) -> Iterator[Sequence[View]]:
    """Return what yields the views of each poll, the oldest first.

    Raises click.UsageError for a place that is not there.
    """
    if len(words) < 2 and ALL not in words:
        watch = Watch(config)
        source = open_source(replace(settings, place=words[0] if words else None))
        source.exact_timers = True  # a third of the room
        sampler = Sampler(source, watch.take)
        return ([view] for view in views(sampler, watch, lambda: owners_of(settings)))
    if settings.byte_order is not None:
        raise click.UsageError(ONE_COPY)
    there = [_place(word, settings.proc) for word in words if word != ALL]
    every = ALL in words
    overview = Overview(
        settings.proc,
        config,
        source=settings.source,
        interval=settings.seconds,
        exact_timers=True,
        of=lambda found: found.places if every else named(words, there, found, settings.proc),
    )
    overview.looked_at = lambda place: not every
    return _views_of_all(overview, settings)


def _place(word: str, procfs: Path) -> Place:
    try:
        return find_place(word, procfs)
    except PlaceError as error:
        raise click.UsageError(f"-N: {error}") from None


def _views_of_all(overview: Overview, settings: Settings) -> Iterator[Sequence[View]]:
    known = NOBODY
    while True:
        outlooks = overview.poll()
        fresh = [one.view for one in outlooks if one.fresh and one.view is not None]
        overview.note_owners(lambda: owners_of(settings))
        before, known = known, known_of(outlooks, overview.found.missing, known)
        for line in news(before, known):
            remark(line)
        yield sorted(fresh, key=lambda view: view.frame.time)


def _record(
    recorder: Recorder,
    polls: Iterator[Sequence[View]],
    interval: float,
    duration: float | None,
) -> None:
    begun = due = time.monotonic()
    told, since = -math.inf, f"{datetime.now():%H:%M:%S}"
    for seen in polls:
        for view in seen:
            recorder.take(view)
        now = time.monotonic()
        if now - told > TOLD_SECONDS:
            told = now
            redraw(f"{_so_far(recorder)} since {since}; Ctrl-C ends it")
        if duration is not None and now - begun >= duration:
            return
        due = max(due + interval, now)
        end = due if duration is None else min(due, begun + duration)
        time.sleep(max(end - now, 0))


def _so_far(recorder: Recorder) -> str:
    """Return what is new in the recording, in words: it may be one that is continued."""
    return f"{plural(recorder.count, 'moment')}, {byte_size(recorder.written)}"


def _end(recorder: Recorder, file: Path) -> None:
    with suppress(RecordingError):
        recorder.close()
    if sys.stderr.isatty():
        whole = byte_size(recorder.size)
        tell(on_one_line(f"{file}: {_so_far(recorder)}; {whole} in all"))
