"""One reading of the kernel's tables for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tui.commands.options import Settings
from tui.commands.output import fail

if TYPE_CHECKING:
    from tui.analysis.frame import Frame
    from tui.kernel.source import Source


def open_source(settings: Settings, *, one_shot: bool = False) -> Source:
    """Return the source to read from.

    Raises click.UsageError for sock_diag on a procfs that is not this namespace's own.
    """
    from tui.kernel.source import Source

    source = Source(settings.proc, settings.source, settings.interval, one_shot=one_shot)
    if settings.source == "sock_diag" and not source.own_namespace:
        raise click.UsageError(
            f"--source sock_diag reads this network namespace, which {settings.proc} does not "
            "show; leave out one of --source and --proc"
        )
    return source


def read_frame(settings: Settings) -> Frame:
    """Read the tables once and judge them; without them the command ends here."""
    source = open_source(settings, one_shot=True)
    from tui.analysis.frame import judge
    from tui.kernel.sockets import TableError

    try:
        return judge(source.read())
    except TableError as error:
        fail(str(error))
