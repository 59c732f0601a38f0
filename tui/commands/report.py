"""twtop report: what the dashboard shows, once."""

from __future__ import annotations

import time
from typing import Any

import click

from tui.commands.options import given, shared_options
from tui.commands.output import emit, paint
from tui.commands.reading import read_frame

OWNER_SECONDS = 0.5
"""How long a one-shot report may look for the owners of sockets."""
EPILOG = (
    "Exit codes: 0 done, 1 the report could not be written, 2 usage, "
    "3 the kernel's tables could not be read."
)


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@shared_options
@click.pass_context
def report(context: click.Context, /, as_json: bool, **options: Any) -> None:
    """Print once what the dashboard shows, as text or JSON."""
    settings = given(context, options)
    frame = read_frame(settings)
    from tui.kernel.processes import find_owners
    from tui.report import to_json, to_text

    owners = find_owners(settings.proc, deadline=time.monotonic() + OWNER_SECONDS)
    if as_json:
        emit(to_json(frame, owners))
    else:
        emit(to_text(frame, owners, settings.threshold, paint))
