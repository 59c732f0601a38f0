"""twtop bundle: everything a support ticket needs, in one archive."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tui.analysis.frame import Frame
from tui.commands.configuration import configured
from tui.commands.inspection import Inspection, inspect
from tui.commands.options import Settings, given, look_options
from tui.commands.output import UNWRITABLE, WIDEST, emit, epilog, fail, plain
from tui.commands.reading import (
    byte_order_of,
    chosen_place,
    every_place,
    owners_of,
    recorded_looks,
    take_look,
    tell_doubts,
)
from tui.findings.config import Config
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.find_place import ALL, same_place
from tui.kernel.places import LIVE, Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import TableError
from tui.recording.excerpt import last_minutes
from tui.recording.files import SERVICE_FOLDER, is_recording
from tui.recording.log import RecordingError
from tui.report.bundle import NOTHING, Parts, Past, write_bundle
from tui.report.copied import BundleError, Copy, copy_place, redacted
from tui.report.findings import audit_record, findings_text
from tui.report.redaction import renamed
from tui.report.text import place_text, report_text
from tui.report.whole import to_json
from tui.writing.words import plural

ENDINGS = (".tar.gz", ".tgz")
PAST_SECONDS = 600.0
"""How much of a recording goes along."""
OF_NOW = (
    "This is of when the bundle was made; recording/audit.txt and recording/report.txt are of the "
    "moment that was asked for.\n\n"
)
"""Above texts that could be taken for those of a recorded moment."""
AFTER_SECONDS = 300.0
"""How much of what came after a moment that is asked for."""


@click.command(epilog=epilog("the archive"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--redact",
    is_flag=True,
    help="Replace every address, user and program by a made-up one, the same throughout; leave "
    "out the host's name.",
)
@click.option(
    "--from",
    "recording",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Add the last 10 minutes of this recording, or folder of recordings.  "
    f"[default: {SERVICE_FOLDER}, if it exists]",
)
@click.option(
    "--at",
    metavar="TIME",
    help="Add instead the minutes around this moment of it, and the report and findings of then.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@look_options
@click.pass_context
def bundle(
    context: click.Context, /, file: Path, redact: bool, force: bool, **options: Any
) -> None:
    """Write FILE, a .tar.gz with everything a support ticket needs.

    It holds the report and the findings as text and JSON, versions, and the kernel's own files they
    were made from, which `twtop --proc` can read. No packet contents, no environment, no command
    lines. Only you can read the file. The last minutes that `twtop record` wrote are added, or with
    --at those around that moment with the report and the findings of then, but never with --redact.

    \b
    twtop bundle ticket-4711.tar.gz --redact
    twtop bundle ticket-4711.tar.gz --from web-1.twtop --at 03:12
    twtop bundle cart.tar.gz -N shop/cart-7f9
    """
    if not file.name.endswith(ENDINGS):
        raise click.UsageError(f"{file}: the name must end in {' or '.join(ENDINGS)}")
    if file.exists() and not force:
        raise click.UsageError(f"{file} already exists; --force overwrites it")
    settings = given(context, options)
    if settings.source == "sock_diag":
        raise click.UsageError(
            "a bundle is made from the files of /proc; leave out --source sock_diag"
        )
    config = configured(settings)
    if redact and settings.recording is not None:
        raise click.UsageError("--redact cannot redact a recording; leave out --from")
    several = settings.place == ALL

    def copied(place: Place) -> Copy | None:
        try:
            return copy_place(place, byte_order=byte_order_of(place, settings))
        except TableError:
            if several and place.pid is not None and same_place(place) is None:
                return None  # it has ended meanwhile
            raise

    def parts(copy: Copy, frame: Frame, owners: Owners, of_now: str) -> Parts:
        findings = diagnose(Situation(frame, owners, config=config))
        whole = frame.table.whole
        return copy, {
            "report.txt": of_now + report_text(frame, owners, config.ports.threshold, plain),
            "report.json": to_json(frame, owners),
            "audit.txt": of_now + findings_text(findings, plain, whole=whole),
            "audit.json": json.dumps(audit_record([(frame, findings)])),
        }

    try:
        places = every_place(settings).places if several else (chosen_place(settings),)
        copies = [one for place in places if (one := copied(place)) is not None]
        owners = owners_of(settings)
        if redact:
            copies, owners = redacted(copies), renamed(owners)
        frames = [copy.frame() for copy in copies]
        past = _past(settings, config, redact)
        of_now = OF_NOW if settings.at is not None else ""
        pairs = zip(copies, frames, strict=True)
        made = [parts(copy, frame, owners, of_now) for copy, frame in pairs]
        size = write_bundle(file, *made, redacted=redact, past=past)
    except TableError as error:
        fail(str(error))
    except BundleError as error:
        fail(str(error), UNWRITABLE)
    sockets = sum(len(frame.table) for frame in frames)
    emit(f"{plural(sockets, 'socket')}, {size / 1024:,.0f} kB in {file}")


def _past(settings: Settings, config: Config, redact: bool) -> Past:
    """Return what was recorded in the minutes before, or around the moment that is asked for.

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
    looks, seconds, until = [], PAST_SECONDS, math.inf
    if settings.at is not None:
        then = Settings(recording=path, at=settings.at, place=settings.place)
        looks = [*recorded_looks(path, settings.at)] if settings.place == ALL else [take_look(then)]
        until = max((look.frame.time for look in looks), default=0.0) + AFTER_SECONDS
        seconds += AFTER_SECONDS
    told = set[str]()
    for look in looks:
        tell_doubts(look, told)
    try:
        taken = last_minutes(path, seconds, until)
    except RecordingError as error:
        if settings.recording is not None:
            raise TableError(str(error)) from error
        return Past(left_out=str(error))
    files = {one.name: one.content for one in taken}
    if looks:
        files |= _texts_of([inspect(look, config) for look in looks], config)
    return Past(files, min(one.since for one in taken))


def _texts_of(every: Sequence[Inspection], config: Config) -> dict[str, bytes]:
    """Return the report and the findings of a recorded moment, of each place."""
    reports, audits, records = [], [], []
    for one in every:
        look = one.look
        place = [place_text(look.frame, plain)] * (len(every) > 1)
        report = report_text(look.frame, one.owners, config.ports.threshold, plain)
        reports.append("\n\n".join([*look.about, report]))
        audits.append("\n\n".join([*place, *one.texts(plain, WIDEST)]))
        records.append(to_json(look.frame, one.owners))
    audited = [(one.look.frame, one.found) for one in every]
    said = audit_record(audited, placed=len(every) > 1, episodes=[one.episodes for one in every])
    return {
        "report.txt": "\n\n".join(reports).encode() + b"\n",
        "report.json": "\n".join(records).encode() + b"\n",
        "audit.txt": "\n\n".join(audits).encode() + b"\n",
        "audit.json": json.dumps(said, ensure_ascii=False).encode() + b"\n",
    }
