"""How commands print, and how they fail."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from tui.analysis.frame import Frame

UNWRITABLE = 1
"""Exit code when the report could not be written."""
UNREADABLE = 3
"""Exit code when the kernel's tables could not be read."""


def emit(text: str, unwritable: int = UNWRITABLE) -> bool:
    """Print a text and return whether somebody may read on: a closed pipe is no error.

    A full disk is one, and ends the command with the exit code ``unwritable``.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        click.echo(text.encode(encoding, "replace").decode(encoding))  # not every locale has “–”
    except OSError as error:
        # Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            fail(f"stdout: {error.strerror or error}", unwritable)
        return False
    return True


def paint(text: str, colour: str) -> str:
    """Return the text coloured for a terminal; click takes it off again elsewhere."""
    if os.environ.get("NO_COLOR"):
        return text
    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)


def warn_of(frame: Frame) -> None:
    """Say on stderr that the table is not whole, for output that has no place for it."""
    from tui.text import unsound

    for notes in unsound(frame, lambda text, colour: text):
        for note in notes.splitlines():
            click.echo(f"twtop: {note}", err=True)


def fail(message: str, code: int = UNREADABLE) -> NoReturn:
    """Print one line on stderr and exit; unless told, the tables could not be read."""
    click.echo(f"twtop: {message}", err=True)
    sys.exit(code)
