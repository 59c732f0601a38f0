"""twtop watch: a JSON line per interval."""

from __future__ import annotations

import json
import select
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tui.commands.options import Settings, given, interval_option, place_option, reading_options
from tui.commands.output import emit_data, epilog, fail, remark
from tui.commands.reading import open_source, owners_of, recorded, refuse_live
from tui.kernel.find_place import ALL
from tui.kernel.sockets import TableError
from tui.report.places import places_record
from tui.report.watch import watch_record
from tui.watching.outlook import seen
from tui.watching.overview import Overview
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch, views


@click.command(epilog=epilog("the lines"))
@click.option(
    "-n", "--count", type=click.IntRange(1), metavar="LINES", help="Stop after this many lines."
)
@click.option(
    "--top",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    metavar="PATTERNS",
    help="How many of the fullest patterns each line holds.",
)
@click.option(
    "--from",
    "recording",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Print all moments of a recording (twtop record) instead.",
)
@interval_option
@reading_options
@place_option
@click.pass_context
def watch(context: click.Context, /, count: int | None, top: int, **options: Any) -> None:
    """Print one line of JSON per interval: states, TIME-WAIT with its rates, the fullest patterns.

    With -N all that is one line for all places (twtop.places/1), and one for each place whose
    sockets were read. With --from it is one line for each recorded moment; -N chooses the place.

    \b
    twtop watch -i 5 >> ports.jsonl
    twtop watch --from web-1.twtop | jq -r '[.time, .time_wait.count] | @tsv'
    twtop watch | jq -r '.patterns[0] | [.remote_ip, .utilization, .seconds_left] | @tsv'
    """
    settings = given(context, options)
    if settings.recording is not None:
        refuse_live(settings)
        _print_recorded(settings.recording, settings.place, count, top)
        return
    if settings.place == ALL:
        _print_all(settings, count, top)
        return
    source = open_source(settings)
    printed = 0
    due = time.monotonic()
    try:
        watched = Watch()
        for view in views(Sampler(source, watched.take), watched, lambda: owners_of(settings)):
            record = watch_record(view.frame, view.trends, top, view.seconds_left)
            printed += 1
            if not emit_data(json.dumps(record, ensure_ascii=False)) or printed == count:
                return
            due = max(due + settings.seconds, time.monotonic())
            if reader_left(due - time.monotonic()):
                return
    except TableError as error:
        fail(str(error))


def _print_recorded(path: Path, word: str | None, count: int | None, top: int) -> None:
    """Print a line of each moment, as it would have been printed then; one place after the other.

    What is damaged is left out, and told at the end.
    """
    from tui.recording.log import RecordingError

    printed = 0
    try:
        with recorded(path, word) as recording:
            notes = dict.fromkeys(recording.notes)
            for place in recording.places if word == ALL else (recording.place,):
                recording.show(place)
                watched = Watch()
                for index in range(len(recording.timeline)):
                    try:
                        moment = recording.moment(index)
                    except RecordingError as error:
                        notes[str(error)] = None
                        continue
                    watched.note_owners(moment.owners)
                    view = watched.take(moment.reading)
                    record = watch_record(view.frame, view.trends, top, view.seconds_left)
                    printed += 1
                    if not emit_data(json.dumps(record, ensure_ascii=False)) or printed == count:
                        return
    except TableError as error:
        fail(str(error))
    for note in notes:
        remark(note)


def _print_all(settings: Settings, count: int | None, top: int) -> None:
    """Print a line of all places each interval, and one of each that was dumped then."""
    overview = Overview(settings.proc, source=settings.source, interval=settings.seconds)
    printed = 0
    due = time.monotonic()
    while True:
        try:
            found = overview.poll()
        except TableError as error:
            fail(str(error))
        overview.note_owners(lambda: owners_of(settings))
        rows = [seen(one) for one in found]
        records: list[object] = [places_record(rows, time.time(), overview.found.missing)]
        dumped = [one.view for one in found if one.fresh and one.view is not None]
        records += [
            watch_record(view.frame, view.trends, top, view.seconds_left) for view in dumped
        ]
        for record in records:
            printed += 1
            if not emit_data(json.dumps(record, ensure_ascii=False)) or printed == count:
                return
        due = max(due + settings.seconds, time.monotonic())
        if reader_left(due - time.monotonic()):
            return


def reader_left(seconds: float) -> bool:
    """Sleep so long, and say whether nobody reads the lines any more, at once if so.

    Without it `| head -1` would have to wait for the next line to fail.
    """
    poll = select.poll()
    with suppress(OSError, AttributeError):  # no real file: nobody can leave it
        poll.register(sys.stdout.fileno(), 0)  # for errors alone
    return bool(poll.poll(max(seconds, 0) * 1000))
