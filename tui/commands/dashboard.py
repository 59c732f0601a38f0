"""twtop: the full-screen dashboard."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import click

from tui.commands.options import Settings
from tui.commands.output import UNREADABLE, fail
from tui.commands.reading import USAGE, configured, open_source

if TYPE_CHECKING:
    from tui.dashboard.app import TwtopApp
    from tui.findings.baseline import Baseline
    from tui.kernel.places import Place


def dashboard(settings: Settings) -> None:
    """Run the full-screen dashboard until the user quits it."""
    require_terminal()
    source = open_source(settings)
    from tui.dashboard.app import TwtopApp  # Textual takes a third of a second to load
    from tui.kernel.processes import find_owners
    from tui.watching.sampler import Sampler

    run(
        TwtopApp(
            Sampler(source),
            config=configured(settings),
            baseline=saved_listeners(),
            place=describe_place(source.place),
            find_owners=lambda: find_owners(settings.proc),
        )
    )


def require_terminal() -> None:
    """Raise click.UsageError where no screen can be opened."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise click.UsageError("the dashboard needs a terminal; `twtop report` does not")


def saved_listeners() -> Baseline | None:
    """Return the listeners that the user has saved, None if never.

    A file that cannot be read ends the command: what came since would be missed in silence.
    """
    from tui.findings.baseline import BaselineError, baseline_path, load_baseline

    try:
        return load_baseline(baseline_path())
    except BaselineError as error:
        fail(str(error), USAGE)


def describe_place(place: Place) -> str:
    """Return the host's name and the network namespace that is looked at."""
    shown = f"from {place.root}" if place.id is None else f"netns {place.id}"
    return f"{socket.gethostname()}  {shown}"


def run(app: TwtopApp, close: Callable[[], object] = lambda: None) -> NoReturn:
    """Run the app until the user quits it; ``close`` ends what was started for it."""
    try:
        app.run()
    finally:
        close()
    if app.fatal is not None:
        click.echo(f"twtop: {app.fatal}", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # The terminal is restored; taking Python down in order would cost the user a tenth of a second.
    os._exit(app.return_code or (UNREADABLE if app.fatal is not None else 0))
