"""twtop report: what the dashboard shows, once."""

from __future__ import annotations

from typing import Any

import click

from tui.commands.options import given, look_options, recording_options
from tui.commands.output import EPILOG, emit, emit_data, paint
from tui.commands.reading import Looks
from tui.report.text import report_text
from tui.report.whole import to_json


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@click.option("-d", "--details", is_flag=True, help="Also list every socket, by pattern.")
@recording_options
@look_options
@click.pass_context
def report(context: click.Context, /, as_json: bool, details: bool, **options: Any) -> None:
    """Print what the dashboard shows, once, as text or JSON; with `-N all`, one line per place.

    \b
    twtop report
    twtop report --json | jq '.patterns[0]'
    twtop report --from web-1.twtop --at 03:12
    """
    settings = given(context, options)
    looks = Looks(settings)
    if as_json:
        for look in looks:
            emit_data(to_json(look.frame, look.owners(), details=details))
        looks.finish()
        return
    from tui.commands.configuration import configured  # the contract's JSON judges nothing

    threshold = configured(settings).ports.threshold
    for look in looks:
        text = report_text(look.frame, look.owners(), threshold, paint, details=details)
        emit("\n\n".join([*look.about, text]))
    looks.finish()
