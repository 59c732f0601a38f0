"""One reading of the kernel's tables for a command."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import click

from tui.analysis.frame import Frame, judge
from tui.commands.options import Settings
from tui.commands.output import fail
from tui.kernel.places import place_at
from tui.kernel.processes import Owners, find_owners
from tui.kernel.sockets import TableError
from tui.kernel.source import Source


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
        settings.interval,
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


def take_frame(settings: Settings) -> Frame:
    """Read the tables once and judge them. Raises TableError."""
    return judge(open_source(settings, one_shot=True).read())


def read_frame(settings: Settings) -> Frame:
    """Read the tables once and judge them; without them the command ends here."""
    try:
        return take_frame(settings)
    except TableError as error:
        fail(str(error))


def owners_of(settings: Settings) -> Owners:
    """Look for the owners of sockets, for as long as a command may take."""
    return find_owners(settings.proc, deadline=time.monotonic() + OWNERS_SECONDS)
