"""twtop places: every network namespace of this machine, the worst first."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from tui.commands.configuration import configured
from tui.commands.forms import emit_csv, form_options, refuse_two
from tui.commands.options import given, place_option, proc_option, source_option, threshold_option
from tui.commands.output import EPILOG, emit, emit_data, fail, paint, remark
from tui.commands.reading import owners_of
from tui.kernel.find_place import ALL
from tui.kernel.sockets import TableError
from tui.report.places import PLACE_FIELDS, place_row, places_record, places_text
from tui.watching.outlook import seen
from tui.watching.overview import Overview
from tui.writing.export import Sheet


@click.command(epilog=EPILOG)
@form_options
@threshold_option
@source_option
@proc_option
@place_option
@click.pass_context
def places(context: click.Context, /, as_json: bool, as_csv: bool, **options: Any) -> None:
    """List every place: host, pods, containers, named network namespaces, each with its ports.

    Each place has a port range, a tcp_tw_reuse and sockets of its own. Where a place has too few
    sockets for any tuple to run short of ports, they are not read, and the use is given as an upper
    bound.

    \b
    twtop places
    twtop places --json | jq -r '.places[] | select(.utilization_at_most > 0.5) | .name'
    twtop -N shop/cart-7f9
    """
    refuse_two(as_json, as_csv)
    settings = given(context, options)
    if settings.place not in (None, ALL):
        raise click.UsageError("places lists all of them; leave out -N")
    config = configured(settings)
    overview = Overview(settings.proc, config, source=settings.source, one_shot=True)
    try:
        found = overview.poll()
    except TableError as error:
        fail(str(error))
    owners = owners_of(settings)
    rows = [seen(one, owners) for one in found]
    missing, now = overview.found.missing, time.time()
    if as_json:
        emit_data(json.dumps(places_record(rows, now, missing), ensure_ascii=False))
    elif as_csv:
        emit_csv(Sheet(now, PLACE_FIELDS, map(place_row, rows)))
    else:
        said = (*missing, *overview.found.notes)
        emit(places_text(rows, said, config.ports.threshold, paint))
    if as_csv:
        for why in missing:
            remark(why)
