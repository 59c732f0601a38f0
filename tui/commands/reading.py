"""One reading of the kernel's tables for a command."""

from __future__ import annotations

import click

from tui.analysis.frame import Frame, judge
from tui.commands.options import Settings
from tui.commands.output import fail
from tui.kernel.sockets import TableError
from tui.kernel.source import Source


def open_source(settings: Settings, *, one_shot: bool = False) -> Source:
    """Return the source to read from.

    Raises click.UsageError for sock_diag on a procfs that is not this namespace's own.
    """
    source = Source(settings.proc, settings.source, settings.interval, one_shot=one_shot)
    if settings.source == "sock_diag" and not source.own_namespace:
        raise click.UsageError(
            f"--source sock_diag reads this network namespace, which {settings.proc} does not "
            "show; leave out one of --source and --proc"
        )
    return source


def take_frame(settings: Settings) -> Frame:
    """Read the tables once and judge them. Raises TableError."""
    return judge(open_source(settings, one_shot=True).read())


def read_frame(settings: Settings) -> Frame:
    """Read the tables once and judge them; without them the command ends here."""
    try:
        return take_frame(settings)
    except TableError as error:
        fail(str(error))
