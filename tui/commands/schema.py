"""twtop schema: the JSON Schema of what another command prints."""

from __future__ import annotations

import json

import click

from tui.commands.output import UNWRITABLE, emit, emit_data, epilog
from tui.findings.codes import CODES
from tui.findings.config_schema import config_schema
from tui.report import schema as schemas

SETTINGS = "config"


@click.command("schema", epilog=epilog("it").rpartition(",")[0] + ".")
@click.argument("kind", required=False)
def schema(kind: str | None) -> None:
    """Print the JSON Schema of a KIND of output, or without one which kinds there are.

    An object's "schema" names its kind: report is that of "twtop.report/1". `config` is that of the
    settings file, for editors of TOML.

    \b
    twtop schema
    twtop schema report > report.schema.json
    """
    every = (*schemas.kinds(), SETTINGS)
    if kind is None:
        emit("\n".join(every), UNWRITABLE)
        return
    if kind not in every:
        raise click.UsageError(f"{kind} is none of {', '.join(every)}")
    found = config_schema(CODES) if kind == SETTINGS else schemas.schema(kind)
    emit_data(json.dumps(found, indent=2, ensure_ascii=False), UNWRITABLE)
