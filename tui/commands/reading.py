"""One reading of the kernel's tables for a command."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.analysis.frame import Frame, judge
from tui.commands.options import Settings
from tui.commands.output import fail
from tui.kernel.places import place_at
from tui.kernel.processes import Owners, find_owners
from tui.kernel.sockets import TableError
from tui.kernel.source import Source

if TYPE_CHECKING:
    from tui.recording.chapter import Recorded


def open_source(settings: Settings, *, one_shot: bool = False) -> Source:
    """Return the source to read from.

    Raises click.UsageError for sock_diag on a procfs that is not this namespace's own.
    """
    place = place_at(settings.proc)
    if settings.source == "sock_diag" and not place.answers:
        raise click.UsageError(
            f"--source sock_diag reads this network namespace, which {settings.proc} does not "
            "show; leave out one of --source and --proc"
        )
    return Source(
        place,
        settings.source,
        settings.seconds,
        one_shot=one_shot,
        byte_order=settings.byte_order,
        progress=_progress() if one_shot else None,  # a dashboard has the terminal to itself
    )


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
            ended = "\r\x1b[K" if done == total else ""
            click.echo(f"\rtwtop: {done / total:4.0%} read{ended}", err=True, nl=False)

    return tell


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a place: what was read, and by whom its sockets were held, as far as is known."""

    frame: Frame
    owners: Callable[[], Owners]
    """Looks for them now, or says what was recorded."""


def take_look(settings: Settings) -> Look:
    """Read the tables once and judge them: those of now, or of a moment that was recorded.

    Raises TableError, and click.UsageError for a moment that is not in the recording.
    """
    if settings.recording is None:
        if settings.at is not None:
            raise click.UsageError("--at is a moment of a recording: --from says which")
        frame = judge(open_source(settings, one_shot=True).read())
        return Look(frame, lambda: owners_of(settings))
    moment = _recorded(settings.recording, settings.at)
    return Look(judge(moment.reading), lambda: moment.owners)


def _recorded(path: Path, at: str | None) -> Recorded:
    from tui.recording.log import RecordingError
    from tui.recording.recording import open_recording
    from tui.recording.when import TimeError, parse_time

    try:
        recording = open_recording(path)
        first, last = recording.timeline[0].time, recording.timeline[-1].time
        index = recording.index_at(last if at is None else parse_time(at, first, last))
        return recording.moment(index)
    except RecordingError as error:
        raise TableError(str(error)) from error
    except TimeError as error:
        raise click.UsageError(f"--at: {error}") from None


def read_look(settings: Settings) -> Look:
    """Read the tables once and judge them; without them the command ends here."""
    try:
        return take_look(settings)
    except TableError as error:
        fail(str(error))


def owners_of(settings: Settings) -> Owners:
    """Look for the owners of sockets, for as long as a command may take."""
    return find_owners(settings.proc, deadline=time.monotonic() + OWNERS_SECONDS)
