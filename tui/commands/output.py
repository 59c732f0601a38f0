"""How commands print, and how they fail."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

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
        lose_stdout()
        if not isinstance(error, BrokenPipeError):
            fail(f"stdout: {error.strerror or error}", unwritable)
        return False
    return True


def as_csv_text(fields: Sequence[str], rows: Any) -> str:
    """Return records, or counts by state, as CSV with a line of heads."""
    from tui.kernel.sockets import State

    states = [state.name for state in State]
    if isinstance(rows, dict):
        rows = [{"state": name, "count": count} for name, count in rows.items()]
    heads = [head for field in fields for head in (states if field == "states" else [field])]
    out = io.StringIO()
    writer = csv.DictWriter(out, heads, restval=0, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = {
            name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
            for name, value in row.items()
            if name != "states"
        }
        writer.writerow(cells | row.get("states", {}))
    return out.getvalue().rstrip("\n")


def lose_stdout() -> None:
    """Write nothing more: Python would complain once more when it flushes stdout at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_closed_streams() -> None:
    """Give this process the standard streams that it was started without.

    Else Python has None for them, and the next file opened would be one of them. What is
    written to stdout then fails, as it should: nobody gets it.
    """
    if sys.stdin is None:
        sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: PTH123, SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def paint(text: str, colour: str) -> str:
    """Return the text coloured for a terminal; click takes it off again elsewhere."""
    if os.environ.get("NO_COLOR"):
        return text
    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)


def warn_of(frame: Frame) -> None:
    """Say on stderr that the table is not whole, for output that has no place for it."""
    from tui.report.text import unsound

    for notes in unsound(frame, lambda text, colour: text):
        for note in notes.splitlines():
            click.echo(f"twtop: {note}", err=True)


def fail(message: str, code: int = UNREADABLE) -> NoReturn:
    """Print one line on stderr and exit; unless told, the tables could not be read."""
    click.echo(f"twtop: {message}", err=True)
    sys.exit(code)
