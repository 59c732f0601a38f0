"""twtop audit: what it means, and what to do."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from tui.commands.configuration import configured
from tui.commands.forms import emit_csv, form_options, refuse_two, warn_of
from tui.commands.options import given, recording_options, shared_options
from tui.commands.output import NOT_RUN, UNREADABLE, emit, fail, paint, text_width
from tui.commands.reading import read_look
from tui.findings.baseline import (
    BaselineError,
    baseline_path,
    load_baseline,
    save_baseline,
    take_baseline,
)
from tui.findings.codes import CODES
from tui.findings.config_schema import config_schema, documented_defaults
from tui.findings.finding import Finding, record
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.report.findings import findings_text
from tui.report.text import owners_notes, unsound
from tui.writing.export import Sheet
from tui.writing.words import plural

UNWRITABLE = UNREADABLE
"""Elsewhere it is 1, which is a warning here."""
FIELDS = ("code", "severity", "subject", "message", "evidence", "advice")
"""Of a finding as CSV."""
EPILOG = (
    "Exit codes: 0 nothing above info, 1 warnings, 2 critical findings, "
    "3 the kernel's tables could not be read, or what it says not be written, 64 usage."
)


@click.command(epilog=EPILOG)
@form_options
@click.option(
    "--save-baseline",
    "saving",
    is_flag=True,
    help="Remember what is listened on now; new-listener tells of what comes later.",
)
@click.option(
    "--baseline",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where that is remembered; one that is given must be there, unless it is to be saved.  "
    "[default: ~/.local/state/twtop/listeners.json]",
)
@click.option(
    "--show-config",
    is_flag=True,
    help="Print all settings with their defaults, as a config.toml to begin with; "
    "with --json, its JSON Schema.",
)
@recording_options
@shared_options
@click.pass_context
def audit(
    context: click.Context,
    /,
    as_json: bool,
    as_csv: bool,
    saving: bool,
    baseline: Path | None,
    show_config: bool,
    **options: Any,
) -> None:
    """Say what is wrong, what it means, what to do, and when that advice is wrong.

    Thresholds and findings to be silent about are set in ~/.config/twtop/config.toml.

    \b
    twtop audit
    twtop audit --json | jq '.findings[] | select(.severity == "critical")'
    twtop audit --save-baseline
    """
    refuse_two(as_json, as_csv)
    if show_config:
        schema = json.dumps(config_schema(CODES), indent=2) if as_json else None
        emit(schema or documented_defaults().rstrip(), unwritable=UNWRITABLE)
        return
    settings = given(context, options)
    config = configured(settings, NOT_RUN)
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
        fail(f"{path}: no such file; --save-baseline with it makes one", NOT_RUN)
    look = read_look(settings)
    frame, owners = look.frame, look.owners()
    findings = diagnose(Situation(frame, owners, config=config, baseline=known))
    if as_json:
        emit(to_json(findings), unwritable=UNWRITABLE)
        warn_of(frame)
    elif as_csv:
        emit_csv(Sheet(frame.time, FIELDS, map(record, findings)), UNWRITABLE)
        warn_of(frame)
    else:
        width = text_width()
        whole = frame.table.complete and not frame.table.bad_lines
        said = findings_text(findings, paint, width, whole=whole)
        parts = *unsound(frame, paint), said, *owners_notes(owners)
        emit("\n\n".join(parts), unwritable=UNWRITABLE)
    sys.exit(max((int(finding.severity) for finding in findings), default=0))


def to_json(findings: tuple[Finding, ...]) -> str:
    """Return the findings as the contract's JSON object."""
    return json.dumps({"findings": [record(one) for one in findings]}, ensure_ascii=False)
