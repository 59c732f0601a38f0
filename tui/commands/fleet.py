"""twtop fleet: all hosts at once, as Prometheus has them from `twtop metrics`."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tui.commands.configuration import configured
from tui.commands.options import given, real
from tui.commands.output import emit_data, fail
from tui.commands.prometheus import URL, address, prometheus_options
from tui.commands.terminal import require_terminal, run
from tui.fleet.client import FleetError, Prometheus
from tui.fleet.queries import LABEL
from tui.fleet.reader import Reader
from tui.fleet.record import fleet_record

EVERY = 15.0
"""Seconds between two refreshes: as often as most Prometheus servers scrape."""


def label(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return the name of a label."""
    if not LABEL.fullmatch(value):
        raise click.BadParameter(f"{value} is not the name of a label, such as job")
    return value


@click.command(
    epilog="Exit codes: 0 done, 1 the answer could not be written, 2 usage, "
    "3 Prometheus did not answer."
)
@click.argument("url", envvar=URL)
@click.option(
    "--by",
    callback=label,
    default="job",
    show_default=True,
    metavar="LABEL",
    help="Group hosts by this label.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, and exit.")
@click.option(
    "--ssh",
    is_flag=True,
    help="Let S open twtop on the selected host, over ssh in this terminal.",
)
@click.option(
    "--ssh-command",
    metavar="COMMAND",
    help="Use this command instead, with {host} in it.  [default: ssh -t {host} twtop]",
)
@prometheus_options
@click.option(
    "-i",
    "--interval",
    type=click.FloatRange(1, 3600),
    callback=real,
    metavar="SECONDS",
    help=f"Time between refreshes.  [default: {EVERY:g}]",
)
@click.option(
    "-t",
    "--threshold",
    type=click.FloatRange(0, 100, min_open=True),
    callback=real,
    metavar="PERCENT",
    help="Port use from which a place counts as hot.  [default: 80]",
)
@click.pass_context
def fleet(
    context: click.Context,
    /,
    url: str,
    by: str,
    as_json: bool,
    ssh: bool,
    ssh_command: str | None,
    headers: tuple[str, ...],
    token_file: Path | None,
    timeout: float | None,
    **options: Any,
) -> None:
    """Open a dashboard over all hosts whose `twtop metrics` the Prometheus at URL scrapes.

    Every host and place is shown by its worst tuple: how full it is, when it will run out, who
    holds it, what twtop finds there. Silent hosts are listed too. Thanos, Mimir and
    VictoriaMetrics work as well. A refresh takes the same few requests however large the fleet is;
    the rules of `twtop metrics --rules` keep them cheap for thousands of hosts.

    \b
    twtop fleet http://prometheus:9090
    twtop fleet https://metrics.example.org/prometheus --by cluster --token-file ~/.token
    twtop fleet http://prometheus:9090 --json | jq '.places[0]'

    URL is the part before /api/v1; it can also be given in $TWTOP_FLEET_URL.
    """
    settings = given(context, options)
    where = address(url, headers, token_file, timeout)
    reader = Reader(Prometheus(where), by)
    if as_json:
        try:
            found = reader.read()
        except FleetError as error:
            fail(str(error))
        emit_data(json.dumps(fleet_record(found, where.host), ensure_ascii=False, allow_nan=False))
        return
    config = configured(settings)
    require_terminal()
    from tui.dashboard.fleet.app import FleetApp
    from tui.fleet.refresh import Refresher

    if ssh and ssh_command is None:
        ssh_command = "ssh -t {host} twtop"
    try:
        words = () if ssh_command is None else tuple(shlex.split(ssh_command))
    except ValueError as error:
        raise click.UsageError(f"--ssh-command: {error}") from None
    if words and not any("{host}" in word for word in words):
        raise click.UsageError("--ssh-command needs {host} in it")
    settings = replace(settings, interval=settings.interval or EVERY)
    run(FleetApp(Refresher(reader, settings.seconds), config, where.host, ssh=words))
