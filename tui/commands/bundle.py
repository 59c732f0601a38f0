"""twtop bundle: everything a support ticket needs, in one archive."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tui.analysis.frame import Frame
from tui.commands.configuration import configured
from tui.commands.options import given, shared_options
from tui.commands.output import UNWRITABLE, emit, epilog, fail, plain
from tui.commands.reading import chosen_place, every_place, owners_of
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.find_place import ALL, same_place
from tui.kernel.places import Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import TableError
from tui.report.bundle import Parts, write_bundle
from tui.report.copied import BundleError, Copy, copy_place, redacted
from tui.report.findings import audit_record, findings_text
from tui.report.redaction import renamed
from tui.report.text import report_text
from tui.report.whole import to_json
from tui.writing.words import plural

ENDINGS = (".tar.gz", ".tgz")


@click.command(epilog=epilog("the archive"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--redact",
    is_flag=True,
    help="Replace every address, user and program by a made-up one, the same throughout; leave "
    "out the host's name.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@shared_options
@click.pass_context
def bundle(
    context: click.Context, /, file: Path, redact: bool, force: bool, **options: Any
) -> None:
    """Write FILE, a .tar.gz with everything a support ticket needs.

    It holds the report and the findings as text and JSON, versions, and the kernel's own files they
    were made from, which `twtop --proc` can read. No packet contents, no environment, no command
    lines. Only you can read the file.

    \b
    twtop bundle ticket-4711.tar.gz --redact
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
    several = settings.place == ALL

    def copied(place: Place) -> Copy | None:
        try:
            return copy_place(place, byte_order=settings.byte_order)
        except TableError:
            if several and place.pid is not None and same_place(place) is None:
                return None  # it has ended meanwhile
            raise

    def parts(copy: Copy, frame: Frame, owners: Owners) -> Parts:
        findings = diagnose(Situation(frame, owners, config=config))
        whole = frame.table.complete and not frame.table.bad_lines
        return copy, {
            "report.txt": report_text(frame, owners, config.ports.threshold, plain),
            "report.json": to_json(frame, owners),
            "audit.txt": findings_text(findings, plain, whole=whole),
            "audit.json": json.dumps(audit_record([(frame, findings)])),
        }

    try:
        places = every_place(settings).places if several else (chosen_place(settings),)
        copies = [one for place in places if (one := copied(place)) is not None]
        owners = owners_of(settings)
        if redact:
            copies, owners = redacted(copies), renamed(owners)
        frames = [copy.frame() for copy in copies]
        made = [parts(copy, frame, owners) for copy, frame in zip(copies, frames, strict=True)]
        size = write_bundle(file, *made, redacted=redact)
    except TableError as error:
        fail(str(error))
    except BundleError as error:
        fail(str(error), UNWRITABLE)
    sockets = sum(len(frame.table) for frame in frames)
    emit(f"{plural(sockets, 'socket')}, {size / 1024:,.0f} kB in {file}")
