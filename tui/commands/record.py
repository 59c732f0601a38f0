"""twtop record: keep what is seen, to look at it later."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tui.commands.configuration import configured
from tui.commands.options import given, seconds, shared_options
from tui.commands.output import UNREADABLE, fail
from tui.commands.reading import open_source
from tui.kernel.processes import find_owners
from tui.kernel.sockets import TableError
from tui.recording.log import RecordingError
from tui.recording.recorder import Recorder
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch, views
from tui.writing.words import byte_size

INTERVAL = 2.0
TOLD_SECONDS = 1.0
SIZES = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """Return a size in bytes."""
    if value is None:
        return None
    text = value.strip().lower().removesuffix("b").removesuffix("i")
    unit = SIZES.get(text[-1:], 1)
    try:
        found = int(float(text.rstrip("kmg")) * unit)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value} is no size, such as 100M or 2G") from None
    if found < 1 << 20:
        raise click.BadParameter("must be at least 1M")
    return found


@click.command(
    epilog="Exit codes: 0 done, 1 the recording could not be written, 2 usage, "
    "3 the kernel's tables could not be read."
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--duration", callback=seconds(0.1), metavar="TIME", help="End after so long: 90s, 8h."
)
@click.option(
    "--keep",
    callback=seconds(0.1),
    metavar="TIME",
    help="Drop what is older, while recording: 7d.",
)
@click.option(
    "--max-size", callback=size, metavar="SIZE", help="Drop the oldest beyond this: 100M, 2G."
)
@shared_options
@click.pass_context
def record(
    context: click.Context,
    /,
    file: Path,
    duration: float | None,
    keep: float | None,
    max_size: int | None,
    **options: Any,
) -> None:
    """Record the sockets to FILE, so that `twtop replay` shows what was.

    An existing recording goes on. Every 2 seconds, unless -i says otherwise; 20,000 TIME-WAITs
    with 300 new ones a second take some 90 MB a day.

    \b
    twtop record /var/lib/twtop/web-1.twtop --keep 7d --max-size 1G
    twtop record load-test.twtop -i 0.5 --duration 10min
    """
    settings = given(context, {"interval": INTERVAL, **_set(options)})
    source = open_source(settings)
    watch = Watch(configured(settings))
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _leave)
    try:
        recorder = Recorder(file, keep_seconds=keep, max_bytes=max_size)
    except RecordingError as error:
        fail(str(error), 1)
    try:
        _record(recorder, Sampler(source, watch.take), watch, settings.proc, duration)
    except KeyboardInterrupt:
        pass
    except TableError as error:
        _end(recorder, file)
        fail(str(error), UNREADABLE)
    except RecordingError as error:
        _end(recorder, file)
        fail(f"{error}: the recording ends here; what was written is kept", 1)
    _end(recorder, file)


def _set(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _leave(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _record(
    recorder: Recorder, sampler: Sampler[Any], watch: Watch, proc: Path, duration: float | None
) -> None:
    begun = due = told = time.monotonic()
    for view in views(sampler, watch, lambda: find_owners(proc)):
        recorder.take(view)
        now = time.monotonic()
        if sys.stderr.isatty() and now - told > TOLD_SECONDS:
            told = now
            waiting = view.trends.time_wait_count
            click.echo(
                f"\r\x1b[K{recorder.count:,} moments, {byte_size(recorder.size)}, "
                f"{waiting:,} in TIME-WAIT; Ctrl-C ends it",
                err=True,
                nl=False,
            )
        if duration is not None and now - begun >= duration:
            return
        due = max(due + sampler.interval, now)
        end = due if duration is None else min(due, begun + duration)
        time.sleep(max(end - now, 0))


def _end(recorder: Recorder, file: Path) -> None:
    with suppress(RecordingError):
        recorder.close()
    if sys.stderr.isatty():
        click.echo(
            f"\r\x1b[K{file}: {recorder.count:,} moments, {byte_size(recorder.size)}", err=True
        )
