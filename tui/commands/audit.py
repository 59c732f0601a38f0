"""twtop audit: what it means, and what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from tui.commands.configuration import configured
from tui.commands.forms import emit_csv, form_options, in_places, refuse_two, warn_of
from tui.commands.inspection import Inspection, inspect
from tui.commands.options import given, look_options, recording_options
from tui.commands.output import (
    NOT_RUN,
    UNREADABLE,
    WIDEST,
    emit,
    emit_data,
    fail,
    paint,
    plain,
    tell,
    text_width,
)
from tui.commands.reading import Looks, read_look
from tui.findings.baseline import (
    BaselineError,
    baseline_path,
    load_baseline,
    save_baseline,
    take_baseline,
)
from tui.findings.codes import CODES
from tui.findings.config import config_path, load_config
from tui.findings.config_schema import config_schema, documented_defaults, in_force
from tui.findings.finding import record
from tui.kernel.processes import Owners
from tui.report.findings import Audited, audit_record
from tui.report.text import owners_notes, place_text
from tui.writing.export import Sheet
from tui.writing.words import plural

UNWRITABLE = UNREADABLE
"""Elsewhere it is 1, which is a warning here."""
FIELDS = ("code", "severity", "subject", "message", "evidence", "advice")
"""Of a finding as CSV."""
EPILOG = (
    "Exit codes: 0 nothing above info, 1 warnings, 2 critical findings, 3 the kernel's tables "
    "could not be read or the output not written, 64 wrong usage."
)


@click.command(epilog=EPILOG)
@form_options
@click.option(
    "--save-baseline",
    "saving",
    is_flag=True,
    help="Remember today's listening ports; the finding new-listener then reports any that appear "
    "later.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where they are remembered; a file named here must exist, except with --save-baseline.  "
    "[default: ~/.local/state/twtop/listeners.json]",
)
@click.option(
    "--show-config",
    is_flag=True,
    help="Print the settings in force, each with where it comes from; with --json, the JSON Schema "
    "of config.toml.",
)
@click.option(
    "--example-config",
    is_flag=True,
    help="Print all settings with their defaults, as a config.toml to start from.",
)
@recording_options
@look_options
@click.pass_context
def audit(
    context: click.Context,
    /,
    as_json: bool,
    as_csv: bool,
    saving: bool,
    baseline: Path | None,
    show_config: bool,
    example_config: bool,
    **options: Any,
) -> None:
    """Say what is wrong, what it means, what to do, and when not to do it.

    With --from, one recorded moment is judged, the last unless --at names another; what was found
    at other times of the recording is told after it, and does not change the exit code.

    Set thresholds, and silence findings, in ~/.config/twtop/config.toml.

    \b
    twtop audit
    twtop audit --json | jq '.findings[] | select(.severity == "critical")'
    twtop audit --save-baseline
    """
    refuse_two(as_json, as_csv)
    if show_config and as_json:
        emit_data(json.dumps(config_schema(CODES), indent=2), unwritable=UNWRITABLE)
        return
    if example_config:
        emit_data(documented_defaults().rstrip(), unwritable=UNWRITABLE)
        return
    settings = given(context, options)
    config = configured(settings, NOT_RUN)
    if show_config:
        file = config_path()
        shown = in_force(config, load_config(file, CODES), file)
        emit(shown.rstrip(), unwritable=UNWRITABLE)
        return
    path = baseline or baseline_path()
    try:
        if saving:
            found = take_baseline(read_look(settings).frame)
            save_baseline(found, path)
            count = plural(len(found.listeners), "listener")
            emit(f"{count} saved in {path}", unwritable=UNWRITABLE)
            return
        known = load_baseline(path)
    except BaselineError as error:
        fail(str(error), UNWRITABLE if saving else NOT_RUN)
    if known is None and baseline is not None:  # only the default one may be absent
        fail(f"{path}: no such file; --save-baseline creates it", NOT_RUN)
    looks = Looks(settings)
    every = [inspect(look, config, known) for look in looks]
    owners = every[-1].owners if every else Owners({})
    audited = [(one.look.frame, one.found) for one in every]
    if as_json:
        recorded = settings.recording is not None
        episodes = [one.episodes for one in every] if recorded else None
        said = audit_record(audited, placed=looks.several, episodes=episodes)
        emit_data(json.dumps(said, ensure_ascii=False), unwritable=UNWRITABLE)
    elif as_csv:
        sheet = _sheet(audited, placed=looks.several)
        emit_csv(sheet, UNWRITABLE)
    else:
        notes = owners_notes(owners)
        emit("\n\n".join([*_texts(every, placed=looks.several), *notes]), unwritable=UNWRITABLE)
    if as_json or as_csv:
        for frame, _ in audited:
            warn_of(frame)
    if as_csv:
        for one in every:
            for text in one.elsewhere(plain, WIDEST):
                tell(text)
    looks.finish()
    sys.exit(max((int(one.severity) for _, found in audited for one in found), default=0))


def _sheet(every: Audited, *, placed: bool) -> Sheet:
    if not placed:
        ((frame, found),) = every
        return Sheet(frame.as_of, FIELDS, map(record, found))
    sheet: Sheet | None = None
    for frame, found in every:
        sheet = in_places(frame, FIELDS, map(record, found), sheet)
    return sheet or Sheet(0.0, FIELDS, ())


def _texts(every: Sequence[Inspection], *, placed: bool) -> Iterator[str]:
    """Yield what is said of each place; of several, those without a finding in one line."""
    width = text_width()
    quiet = 0
    for one in every:
        if placed and one.is_whole and not (one.found or one.episodes or one.lost):
            quiet += 1
            continue
        if placed:
            yield place_text(one.look.frame, paint)
        yield from one.texts(paint, width)
    if quiet:
        moment = "" if every[0].look.origin is None else " at this moment"
        yield paint(f"No findings in {plural(quiet, 'place')}{moment}.", "green")
