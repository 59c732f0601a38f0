"""twtop watch: a JSON line per interval."""

from __future__ import annotations

import json
import select
import sys
import time
from contextlib import suppress
from typing import Any

import click

from tui.commands.options import Settings, given, shared_options
from tui.commands.output import emit, epilog, fail
from tui.commands.reading import open_source, owners_of
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
    "-n", "--count", type=click.IntRange(1), metavar="LINES", help="End after so many lines."
)
@click.option(
    "--top",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    metavar="PATTERNS",
    help="How many of the fullest patterns are in a line.",
)
@shared_options
@click.pass_context
def watch(context: click.Context, /, count: int | None, top: int, **options: Any) -> None:
    """Print a line of JSON per interval: states, TIME-WAIT with its rates, the fullest patterns.

    With -N all that is a line of all places (twtop.places/1), and one of each that was dumped.

    \b
    twtop watch -i 5 >> ports.jsonl
    twtop watch | jq -r '.patterns[0] | [.remote_ip, .utilization, .seconds_left] | @tsv'
    """
    settings = given(context, options)
    if settings.place == ALL:
        _print_all(settings, count, top)
        return
    source = open_source(settings)
    printed = 0
    due = time.monotonic()
    try:
        watched = Watch()
        for view in views(Sampler(source, watched.take), watched, lambda: owners_of(settings)):
            record = watch_record(view.frame, view.trends, top)
            printed += 1
            if not emit(json.dumps(record, ensure_ascii=False)) or printed == count:
                return
            due = max(due + settings.seconds, time.monotonic())
            if reader_left(due - time.monotonic()):
                return
    except TableError as error:
        fail(str(error))


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
        records = [places_record(rows, time.time(), overview.found.missing)]
        dumped = [one.view for one in found if one.fresh and one.view is not None]
        records += [watch_record(view.frame, view.trends, top) for view in dumped]
        for record in records:
            printed += 1
            if not emit(json.dumps(record, ensure_ascii=False)) or printed == count:
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
