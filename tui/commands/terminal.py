"""Where a screen can be opened, what it says of the place, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import click

from tui.commands.output import UNREADABLE, remark

if TYPE_CHECKING:  # Textual takes a third of a second to load
    from tui.dashboard.shell import ShellApp

CRASHED = 1


def own_command() -> list[str]:
    """Return what runs twtop again: -P, for what lies in the current directory is not to be run."""
    return [sys.executable, "-P", "-m", __name__.partition(".")[0]]


def require_terminal() -> None:
    """Raise click.UsageError where no screen can be opened."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):  # stderr may be a file
        raise click.UsageError("the dashboard needs a terminal; `twtop report` does not")
    if os.environ.get("TERM") in (None, "", "dumb"):  # it can place nothing on its screen
        raise click.UsageError("this terminal cannot show the dashboard; `twtop report` prints it")


def run(app: ShellApp, close: Callable[[], object] = lambda: None) -> NoReturn:
    """Run the app until the user quits it; ``close`` ends what was started for it."""
    from tui.commands.memory import keep_little
    from tui.dashboard.plain import ASCII, is_plain
    from tui.dashboard.widgets.glyphs import draw_with

    keep_little()
    if not app.serves and is_plain(os.environ, sys.stdout.encoding):
        draw_with(ASCII)
    try:
        app.run()
    finally:
        close()
    if app.fatal is not None:
        remark(app.fatal)
    sys.stdout.flush()
    sys.stderr.flush()
    # The terminal is restored; taking Python down in order would cost the user a tenth of a second.
    if app.return_code is None:  # nobody asked it to end
        os._exit(CRASHED)
    os._exit(app.return_code or (UNREADABLE if app.fatal is not None else 0))
