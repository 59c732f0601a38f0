"""twtop diff: what differs between two moments."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import click

from tui.commands.configuration import configured
from tui.commands.options import Settings, byte_order_option, given, place_option, threshold_option
from tui.commands.output import emit, emit_data, fail, paint
from tui.commands.reading import Look, take_look, tell_doubts
from tui.findings.config import Config
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.sockets import TableError
from tui.kernel.ticket import CURE
from tui.recording.files import SUFFIX, is_recording
from tui.report.diff import Side, diff_record, diff_text, difference
from tui.report.run import SCHEMA as RUN
from tui.report.whole import to_dict
from tui.writing.files import read_whole

DIFFERS, UNWRITABLE = 1, 3
LONGEST = 1 << 28
"""Bytes of a report that are read: half a million patterns."""
SIDES = (
    f"recordings (*{SUFFIX}), folders of them, copies of /proc, bundles, and what twtop report "
    "--json prints"
)


@click.command(
    epilog="Exit codes: 0 nothing differs, 1 something does, 2 wrong usage, 3 a file could not be "
    "read or the answer not written."
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--at",
    multiple=True,
    metavar="TIME",
    help="The moment of a recording: once for each of two FILEs, or twice for one.  [default: the "
    "last]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@threshold_option
@byte_order_option
@place_option
@click.pass_context
def diff(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    at: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Compare two moments: states, patterns, kernel parameters and findings.

    A FILE is a recording or a folder of recordings, a copy of /proc (or a bundle's .tar.gz), or the
    output of `twtop report --json`. To compare two moments of one recording, name it once; -N names
    the place where it has several.

    \b
    twtop diff web-1.twtop --at 03:05 --at 03:12
    twtop diff last-release.twtop this-release.twtop
    twtop diff before.json after.json
    """
    settings = given(context, options)
    if len(files) == 1 and len(at) == 2:
        files = (files[0], files[0])
    if len(files) != 2 or len(at) not in (0, 2):
        raise click.UsageError("name two files, or one recording with --at twice")
    config = configured(settings)
    times: tuple[str | None, ...] = at or (None, None)
    try:
        sides = [
            _side(file, time, settings, config) for file, time in zip(files, times, strict=True)
        ]
        found = difference(*sides)
    except TableError as error:
        fail(str(error))
    except (KeyError, TypeError, AttributeError) as error:
        fail(f"not a twtop report: {error!r}")
    text = json.dumps(diff_record(found), ensure_ascii=False) if as_json else ""
    (emit_data if as_json else emit)(text or diff_text(found, paint), unwritable=UNWRITABLE)
    sys.exit(DIFFERS if found.is_any else 0)


def _side(file: Path, at: str | None, settings: Settings, config: Config) -> Side:
    kind = _kind(file)
    if kind == "report":
        if at is not None:
            raise click.UsageError(
                f"{file}: a report shows one moment only; --at is for recordings"
            )
        return Side(_report(file), None)
    if kind == "recording" or at is not None:
        look = take_look(replace(settings, recording=file, at=at, byte_order=None))
        tell_doubts(look)
    else:
        try:
            look = take_look(replace(settings, proc=file))
        except TableError as error:
            if not (why := str(error)).endswith(CURE):
                raise
            raise TableError(f"{why.removesuffix(CURE)}diff compares {SIDES}") from error
    return Side(to_dict(look.frame, look.owners()), _findings(look, config))


def _kind(file: Path) -> Literal["report", "recording", "copy"]:
    """Return what a side is, by its name or else by what it begins with. Raises TableError."""
    try:
        mode = file.stat().st_mode
        # What a pipe has can be read only once, so it is not looked at before.
        if stat.S_ISFIFO(mode) or (file.suffix == ".json" and not stat.S_ISDIR(mode)):
            return "report"
        if file.suffix == SUFFIX or is_recording(file):
            return "recording"
        if stat.S_ISDIR(mode):
            (file / "net/tcp").stat()
            return "copy"
        if stat.S_ISREG(mode):
            with file.open("rb") as opened:
                return "report" if opened.read(1) == b"{" else "copy"
    except OSError as error:
        why = f"{error.filename or file}: {error.strerror}"
        raise TableError(f"{why}: diff compares {SIDES}") from error
    raise TableError(f"{file}: a device or socket: diff compares {SIDES}")


def _findings(look: Look, config: Config) -> dict[tuple[str, str], str]:
    found = diagnose(Situation(look.frame, look.owners(), look.trends, config))
    return {one.identity: one.message for one in found}


def _report(file: Path) -> dict[str, Any]:
    """Return a report's JSON. Raises TableError."""
    try:
        report = json.loads(read_whole(file, LONGEST))
    except OSError as error:
        raise TableError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise TableError(f"{file}: not JSON: {error}") from error
    if not isinstance(report, dict):
        raise TableError(f"{file}: not what twtop report --json prints")
    schema = report.get("schema")
    if schema == RUN:
        raise TableError(
            f"{file}: what twtop run --json writes; two runs are compared by their recordings "
            f"(twtop run --out FILE{SUFFIX})"
        )
    if schema != "twtop.report/1":
        what = f"{schema}, not" if isinstance(schema, str) else "not"
        raise TableError(f"{file}: {what} what twtop report --json prints")
    return report
