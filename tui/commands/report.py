"""twtop report: what the dashboard shows, once."""

from __future__ import annotations

from typing import Any

import click

from tui.commands.options import given, shared_options
from tui.commands.output import EPILOG, emit, paint
from tui.commands.reading import Frames, owners_of
from tui.kernel.processes import Owners
from tui.report.text import report_text
from tui.report.whole import to_json


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option(
    "-d", "--details", is_flag=True, help="And every quadruplet, by pattern; in JSON as sockets."
)
@shared_options
@click.pass_context
def report(context: click.Context, /, as_json: bool, details: bool, **options: Any) -> None:
    """Print once what the dashboard shows, as text or JSON: with `-N all` a line for each place."""
    settings = given(context, options)
    frames = Frames(settings)
    owners: Owners | None = None  # one walk does for all places
    if as_json:
        for frame in frames:
            owners = owners or owners_of(settings)
            emit(to_json(frame, owners, details=details))
        frames.finish()
        return
    from tui.commands.configuration import configured  # the contract's JSON judges nothing

    threshold = configured(settings).ports.threshold
    for frame in frames:
        owners = owners or owners_of(settings)
        emit(report_text(frame, owners, threshold, paint, details=details))
    frames.finish()
