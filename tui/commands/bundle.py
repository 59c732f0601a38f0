"""twtop bundle: everything a support ticket needs, in one archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tui.commands.configuration import configured
from tui.commands.options import Settings, given, shared_options
from tui.commands.output import UNWRITABLE, emit, epilog, fail, plain
from tui.commands.reading import chosen_place, every_place, owners_of
from tui.findings.finding import record
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.find_place import ALL, same_place
from tui.kernel.places import LIVE, Place
from tui.kernel.sockets import TableError
from tui.recording.excerpt import last_minutes
from tui.recording.log import RecordingError
from tui.recording.recording import SERVICE_FOLDER, is_recording
from tui.report.bundle import NOTHING, Parts, Past, write_bundle
from tui.report.copied import BundleError, copy_place
from tui.report.findings import findings_text
from tui.report.redaction import renamed
from tui.report.text import report_text
from tui.report.whole import to_json
from tui.writing.words import plural

ENDINGS = (".tar.gz", ".tgz")
PAST_SECONDS = 600.0
"""How much of a recording goes along."""


@click.command(epilog=epilog("the archive"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--redact",
    is_flag=True,
    help="Replace every address, user and program by another one, always the same; leave out the "
    "host's name.",
)
@click.option(
    "--from",
    "recording",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take the last 10 minutes of this recording along, or of a folder of them.  "
    f"[default: {SERVICE_FOLDER}, if it is there]",
)
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@shared_options
@click.pass_context
def bundle(
    context: click.Context, /, file: Path, redact: bool, force: bool, **options: Any
) -> None:
    """Write FILE, a .tar.gz with all that a support ticket needs.

    It has the report and the findings as text and JSON, versions, and the kernel's own files
    they were made from, which `twtop --proc` reads again. No packet's content, no environment,
    no command lines. Only you may read it. What `twtop record` wrote in the minutes before goes
    along, but never with --redact.

    \b
    twtop bundle ticket-4711.tar.gz --redact
    """
    if not file.name.endswith(ENDINGS):
        raise click.UsageError(f"{file}: the name must end in {' or '.join(ENDINGS)}")
    if file.exists() and not force:
        raise click.UsageError(f"{file} is there already; --force replaces it")
    settings = given(context, options)
    if settings.source == "sock_diag":
        raise click.UsageError("a bundle is made of /proc's files; leave out --source sock_diag")
    config = configured(settings)
    if redact and settings.recording is not None:
        raise click.UsageError("--redact cannot redact a recording; leave out --from")
    several = settings.place == ALL
    if several and redact:  # one address must have one other name in all of them
        raise click.UsageError("--redact is for one place; leave out -N all, or name one")
    counts: list[int] = []

    def parts(place: Place) -> Parts | None:
        try:
            copy = copy_place(place, redacted=redact, byte_order=settings.byte_order)
        except TableError:
            if several and place.pid is not None and same_place(place) is None:
                return None  # it has ended meanwhile
            raise
        frame = copy.frame()
        counts.append(len(frame.table))
        owners = renamed(owners_of(settings)) if redact else owners_of(settings)
        findings = diagnose(Situation(frame, owners, config=config))
        whole = frame.table.complete and not frame.table.bad_lines
        return copy, {
            "report.txt": report_text(frame, owners, config.ports.threshold, plain),
            "report.json": to_json(frame, owners),
            "audit.txt": findings_text(findings, plain, whole=whole),
            "audit.json": json.dumps({"findings": [record(one) for one in findings]}),
        }

    try:
        places = every_place(settings).places if several else (chosen_place(settings),)
        made = [one for place in places if (one := parts(place)) is not None]
        size = write_bundle(file, *made, redacted=redact, past=_past(settings, redact))
    except TableError as error:
        fail(str(error))
    except BundleError as error:
        fail(str(error), UNWRITABLE)
    emit(f"{plural(sum(counts), 'socket')}, {size / 1024:,.0f} kB in {file}")


def _past(settings: Settings, redact: bool) -> Past:
    """Return what was recorded in the minutes before.

    A recording that the user names must be readable; the service's is of all places of this host,
    so it goes along where no other is looked at. Raises TableError.
    """
    path = settings.recording
    if path is None:
        if settings.proc != LIVE or settings.place not in (None, ALL):
            return NOTHING
        if not is_recording(SERVICE_FOLDER):
            return NOTHING
        path = SERVICE_FOLDER
    if redact:
        return Past(left_out=f"{path} is there, and cannot be redacted")
    try:
        taken = last_minutes(path, PAST_SECONDS)
    except RecordingError as error:
        if settings.recording is not None:
            raise TableError(str(error)) from error
        return Past(left_out=str(error))
    return Past({one.name: one.content for one in taken}, min(one.since for one in taken))
