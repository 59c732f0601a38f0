"""twtop plan: which changes give a load the ports it needs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

import click

from tui.analysis.doubts import doubts
from tui.commands.destination import Address, destination, destination_options, ends_text
from tui.commands.options import given, place_option, reading_options, real, recording_options
from tui.commands.output import emit, emit_data, epilog, paint
from tui.commands.reading import read_look
from tui.planning.demand import Observed, estimate, hottest, observe
from tui.planning.remedies import plan as make_plan
from tui.planning.setting import gather
from tui.report.plan import to_json, to_text


@click.command(epilog=epilog("it", done="done, whatever the plan says"))
@destination_options
@click.option(
    "--rate",
    type=click.FloatRange(0, 1e7, min_open=True),
    callback=real,
    metavar="NUMBER",
    help="New connections per second to plan for.  [default: as many as close per second now]",
)
@click.option(
    "--lifetime",
    type=click.FloatRange(0, 1e8),
    callback=real,
    metavar="SECONDS",
    help="How long a connection stays open.  [default: connections open now ÷ rate]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@recording_options
@reading_options
@place_option
@click.pass_context
def plan(
    context: click.Context,
    /,
    dst: Address | None,
    dport: int | None,
    src: Address | None,
    rate: float | None,
    lifetime: float | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Say which changes would give a load enough ports, with the commands to copy.

    The load is that of the outgoing pattern with the most ports in use; --src, --dst and --dport
    narrow the choice, --rate and --lifetime replace its figures. If there is no such pattern,
    --rate alone is enough: the plan is then for one destination with today's sysctls.

    \b
    twtop plan
    twtop plan --rate 900
    twtop plan --dst 10.0.0.9 --dport 5432 --rate 900 --lifetime 0.2
    twtop plan --dst '[2001:db8::10]:443' --json
    """
    local_ip, remote_ip, remote_port = destination(dst, dport, src)
    look = read_look(given(context, options))
    frame = look.frame
    index = hottest(frame, local_ip, remote_ip, remote_port)
    observed: Observed | None = None
    where = "no outgoing connections"
    if index is not None:
        observed = observe(frame, index)
        key = frame.patterns.key(index)
        local_ip, remote_ip, remote_port = key.local_ip, key.remote_ip, key.remote_port
        where = f"{key} closed nothing in the last minute"
    elif ends := ends_text(local_ip, remote_ip, remote_port):
        where += f" {ends}"
    expected = estimate(observed, rate, lifetime)
    if expected is None:
        raise click.UsageError(
            f"{where}; say how many new connections per second to plan for: --rate"
        )
    expected = replace(expected, notes=(*expected.notes, *doubts(frame)))
    made = make_plan(expected.load, gather(frame, local_ip, remote_ip, remote_port))
    if as_json:
        emit_data(to_json(made, expected, frame))
    else:
        text = to_text(made, expected, paint, shutil.get_terminal_size().columns)
        emit("\n\n".join([*look.about, text]))
