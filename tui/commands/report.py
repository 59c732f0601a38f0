"""twtop report: what the dashboard shows, once."""

from __future__ import annotations

from typing import Any

import click

from tui.commands.options import given, shared_options
from tui.commands.output import emit, paint
from tui.commands.reading import configured, owners_of, read_frame

EPILOG = (
    "Exit codes: 0 done, 1 the report could not be written, 2 usage, "
    "3 the kernel's tables could not be read."
)


@click.command(short_help="All of it, as text or JSON.", epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option(
    "-d", "--details", is_flag=True, help="And every quadruplet, by pattern; in JSON as sockets."
)
@shared_options
@click.pass_context
def report(context: click.Context, /, as_json: bool, details: bool, **options: Any) -> None:
    """Print once what the dashboard shows, as text or JSON."""
    settings = given(context, options)
    # JSON judges nothing, and loading the rules would take a sixth of its time.
    threshold = None if as_json else configured(settings).ports.threshold
    frame = read_frame(settings)
    from tui.report.text import report_text
    from tui.report.whole import to_json

    owners = owners_of(settings)
    if threshold is None:
        emit(to_json(frame, owners, details=details))
    else:
        emit(report_text(frame, owners, threshold, paint, details=details))
