"""How commands print, and how they fail."""

from __future__ import annotations

import os
import shutil
import sys
from io import TextIOWrapper
from typing import NoReturn

import click

from tui.writing.harmless import escaped, harmless, on_one_line
from tui.writing.plain import ENCODING, ERRORS, is_ascii, spelled

UNWRITABLE = 1
"""Exit code when the report could not be written."""
UNREADABLE = 3
"""Exit code when the kernel's tables could not be read."""
USAGE = 2
"""Exit code when options or settings are wrong."""
NOT_RUN = 64
"""EX_USAGE of sysexits.h: of `audit`, whose 2 is a critical finding."""
UNKNOWN = 3
"""Exit code of a monitoring plugin that has no answer."""
WIDEST = 100
"""Columns of text: longer lines are hard to read."""


def epilog(what: str, done: str = "done") -> str:
    """Return the exit codes of a command that writes ``what``, for its help."""
    return (
        f"Exit codes: 0 {done}, 1 {what} could not be written, 2 wrong usage, 3 the kernel's "
        "tables could not be read."
    )


EPILOG = epilog("the report")
"""Of commands that print a report or a part of it."""


def emit(text: str, unwritable: int = UNWRITABLE) -> bool:
    """Print a text and return whether somebody may read on: a closed pipe is no error.

    A full disk is one, and ends the command with the exit code ``unwritable``.
    """
    return _print(_shown(text), unwritable)


def emit_paged(text: str) -> None:
    """Print a text, through the user's pager where it is longer than the terminal."""
    if sys.stdout.isatty() and text.count("\n") + 2 > shutil.get_terminal_size().lines:
        click.echo_via_pager(_shown(text))
    else:
        emit(text)


def emit_data(text: str, unwritable: int = UNWRITABLE) -> bool:
    """Print JSON, CSV and other things for programs, as emit() does: UTF-8 in every locale."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    return _print(escaped(text), unwritable)


def tell(text: str) -> None:
    """Print a text on stderr: what is not the result."""
    _line.draw("")
    click.echo(harmless(text), err=True)


def remark(message: str) -> None:
    """Print one line on stderr, whatever is in the message."""
    _line.draw("")
    click.echo(f"twtop: {on_one_line(message)}", err=True)


class _DrawnLine:
    """The last line of a terminal that is stderr, which is drawn over: whatever else is printed
    takes it away first, and so has a line of its own. Elsewhere there is none.
    """

    def __init__(self) -> None:
        self._shown = False

    def draw(self, text: str) -> None:
        if (text or self._shown) and sys.stderr.isatty():
            # What is longer would be of two lines, of which only one is drawn over.
            fits = on_one_line(text)[: shutil.get_terminal_size().columns - 1]
            click.echo(f"\r\x1b[K{fits}", err=True, nl=False)
            self._shown = bool(fits)


_line = _DrawnLine()


def redraw(text: str) -> None:
    """Draw over the line on stderr, if that is a terminal; an empty text takes it away."""
    _line.draw(text)


def _shown(text: str) -> str:
    return harmless(spelled(text) if sys.stdout.encoding == ENCODING else text)


def _print(text: str, unwritable: int) -> bool:
    _line.draw("")
    try:
        click.echo(text)
    except OSError as error:
        lose_stdout()
        if not isinstance(error, BrokenPipeError):
            fail(f"stdout: {error.strerror or error}", unwritable)
        return False
    return True


def spell_out() -> None:
    """Have all text of this process in ASCII where the locale or the stream has no more."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and is_ascii(os.environ, stream.encoding):
            stream.reconfigure(encoding=ENCODING, errors=ERRORS)


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


def plain(text: str, colour: str) -> str:
    """Return the text as it is: for what is no terminal's."""
    return text


def text_width() -> int:
    """Return how many columns of text to fill."""
    return min(shutil.get_terminal_size((WIDEST, 24)).columns, WIDEST)


def fail(message: str, code: int = UNREADABLE) -> NoReturn:
    """Print one line on stderr and exit; unless told, the tables could not be read."""
    remark(message)
    sys.exit(code)


def unknown(reason: str) -> NoReturn:
    """Say on stdout, where a monitoring system reads, why there is no answer."""
    emit(f"TWTOP UNKNOWN - {on_one_line(reason.replace('|', '/'))}", unwritable=UNKNOWN)
    sys.exit(UNKNOWN)
