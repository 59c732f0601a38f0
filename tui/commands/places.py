"""twtop places: every network namespace of this machine, the worst first."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from tui.commands.configuration import configured
from tui.commands.forms import emit_csv, form_options, refuse_two
from tui.commands.options import (
    Settings,
    given,
    place_option,
    proc_option,
    recording_options,
    source_option,
    threshold_option,
)
from tui.commands.output import EPILOG, emit, emit_data, fail, paint, remark
from tui.commands.reading import Look, owners_of, recorded_looks, refuse_live
from tui.findings.config import Config
from tui.kernel.find_place import ALL
from tui.kernel.sockets import TableError
from tui.report.places import PLACE_FIELDS, Seen, place_row, places_record, places_text
from tui.watching.outlook import look_back, seen
from tui.watching.overview import Overview
from tui.writing.export import Sheet
from tui.writing.words import joined


@click.command(epilog=EPILOG)
@form_options
@threshold_option
@source_option
@proc_option
@place_option
@recording_options
@click.pass_context
def places(context: click.Context, /, as_json: bool, as_csv: bool, **options: Any) -> None:
    """List every place: host, pods, containers, named network namespaces, each with its ports.

    Each place has a port range, a tcp_tw_reuse and sockets of its own. Where a place has too few
    sockets for any tuple to run short of ports, they are not read, and the use is given as an upper
    bound.

    \b
    twtop places
    twtop places --json | jq -r '.places[] | select(.utilization_at_most > 0.5) | .name'
    twtop places --from web-1.twtop --at 03:12
    twtop -N shop/cart-7f9
    """
    refuse_two(as_json, as_csv)
    settings = given(context, options)
    if settings.place not in (None, ALL):
        raise click.UsageError("places lists all of them; leave out -N")
    config = configured(settings)
    try:
        rows, when, missing, notes, about = (_now if settings.recording is None else _then)(
            settings, config
        )
    except TableError as error:
        fail(str(error))
    if as_json:
        emit_data(json.dumps(places_record(rows, when, missing), ensure_ascii=False))
    elif as_csv:
        emit_csv(Sheet(when, PLACE_FIELDS, map(place_row, rows)))
        for why in missing:
            remark(why)
    else:
        text = places_text(rows, (*missing, *notes), config.ports.threshold, paint)
        emit("\n\n".join([*about, text]))


class _Found(NamedTuple):
    """All places at one time."""

    rows: Sequence[Seen]
    """The worst first."""
    time: float
    """Unix time."""
    missing: Sequence[str]
    """Why there may be others, or they may be worse than these rows say."""
    notes: Sequence[str] = ()
    about: Sequence[str] = ()
    """Of which recorded moment they are."""


def _now(settings: Settings, config: Config) -> _Found:
    """Look at all places. Raises TableError."""
    overview = Overview(settings.proc, config, source=settings.source, one_shot=True)
    outlooks, owners = overview.poll(), owners_of(settings)
    rows = [seen(one, owners) for one in outlooks]
    return _Found(rows, time.time(), overview.found.missing, overview.found.notes)


def _then(settings: Settings, config: Config) -> _Found:
    """Return all places of a recorded moment. Raises TableError."""
    assert settings.recording is not None
    refuse_live(settings)
    outlooks, doubtful, looks = [], dict[str, list[str]](), list[Look]()
    for look in recorded_looks(settings.recording, settings.at):
        looks.append(look)
        outlooks.append(look_back(look.frame.reading, look.owners(), config))
        for doubt in look.doubts:
            doubtful.setdefault(doubt, []).append(outlooks[-1].place.name)
    if not outlooks:
        raise TableError(f"{settings.recording}: no place was recorded then")
    outlooks.sort(key=lambda one: one.gravity, reverse=True)
    missing = [f"{joined(names)}: {doubt}" for doubt, names in doubtful.items()]
    newest = max(looks, key=lambda look: look.frame.time)
    rows = [seen(one) for one in outlooks]
    return _Found(rows, max(one.time for one in outlooks), missing, about=newest.about)
