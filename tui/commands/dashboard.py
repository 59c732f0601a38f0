"""twtop: the full-screen dashboard."""

from __future__ import annotations

import os
import sys

import click

from tui.commands.options import Settings
from tui.commands.output import UNREADABLE
from tui.commands.reading import open_source


def dashboard(settings: Settings) -> None:
    """Run the full-screen dashboard until the user quits it."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise click.UsageError("the dashboard needs a terminal; `twtop report` does not")
    source = open_source(settings)
    from tui.app import TwtopApp, describe_place  # Textual takes a third of a second to load
    from tui.kernel.processes import find_owners
    from tui.sampler import Sampler

    app = TwtopApp(
        Sampler(source),
        threshold=settings.threshold,
        place=describe_place(settings.proc),
        find_owners=lambda: find_owners(settings.proc),
    )
    app.run()
    if app.fatal is not None:
        click.echo(f"twtop: {app.fatal}", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # The terminal is restored; taking Python down in order would cost the user a tenth of a second.
    os._exit(app.return_code or (UNREADABLE if app.fatal is not None else 0))
