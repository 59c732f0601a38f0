"""twtop free: ports given back now, by ending TIME-WAITs."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from tui.acting.freeing import NEVER, Choice, Listing, find, foretell
from tui.acting.freeing import free as end
from tui.acting.sentences import freed_text, listing_lines, nothing_text
from tui.analysis.expressions import FilterError
from tui.analysis.filter import STATE_NAMES, parse_filter
from tui.commands.consent import ask, ask_for, require_yes, yes_option
from tui.commands.destination import Address, destination, destination_options
from tui.commands.options import seconds
from tui.commands.output import UNREADABLE, emit, emit_data, fail, remark, tell, text_width
from tui.commands.where import live_place, place_option
from tui.kernel.destroy import DestroyError, require_capability
from tui.kernel.sockets import State, TableError
from tui.report.records import head
from tui.writing.layout import wrapped
from tui.writing.words import plural

SCHEMA = "twtop.free/1"
NOTHING = 1
EPILOG = (
    "Exit codes: 0 done, 1 nothing matched, 2 wrong usage, or no --yes and nobody to ask, 3 not "
    "permitted, or the kernel's tables could not be read or the result not written, 130 the "
    "answer was no."
)


def states(context: click.Context, parameter: click.Parameter, value: str) -> frozenset[State]:
    """Return the states that are named, each by itself: no group is taken by mistake."""
    found: set[State] = set()
    for name in value.lower().replace("_", "-").split(","):
        if name not in STATE_NAMES:
            raise click.BadParameter(f"{name} is not a state such as time-wait")
        found |= STATE_NAMES[name]
    if found & NEVER:
        raise click.BadParameter("listeners are left alone: ending one would end its service")
    return frozenset(found)


@click.command(epilog=EPILOG)
@destination_options
@click.argument("filter", nargs=-1)
@click.option(
    "--state",
    "chosen",
    default="time-wait",
    callback=states,
    metavar="STATE,…",
    help="Which states to end; any other than time-wait kills live connections, and asks twice.  "
    "[default: time-wait]",
)
@click.option(
    "--older-than",
    default="0s",
    callback=seconds(0, 3600),
    metavar="SECONDS",
    help="Leave younger TIME-WAITs alone; after 10s late segments are rare.  [default: any age]",
)
@click.option(
    "--max",
    "most",
    type=click.IntRange(min=1),
    metavar="N",
    help="End at most this many, oldest first.",
)
@place_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, but do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@yes_option
@click.pass_context
def free(
    context: click.Context,
    /,
    dst: Address | None,
    dport: int | None,
    src: Address | None,
    filter: tuple[str, ...],  # noqa: A002 (its name in the help)
    chosen: frozenset[State],
    older_than: float,
    most: int | None,
    netns: str | None,
    dry_run: bool,
    as_json: bool,
    yes: int,
) -> None:
    """Free the ports that TIME-WAITs to a destination hold, now, the oldest first.

    It says how many there are, what could go wrong and what connect() gains, asks, and then ends
    them; nothing is ended that was not listed. FILTER narrows the choice, as / does in the
    dashboard.

    \b
    twtop free --dst 10.0.0.9:5432
    twtop free --dst 10.0.0.9:5432 --max 5000 --older-than 30s --yes
    twtop free --dst 10.0.0.9:5432 --dry-run
    """
    if dst is None:
        raise click.UsageError("name the destination whose ports to free: --dst IP:PORT")
    if not dry_run:
        require_yes(yes)
    try:
        only = parse_filter(" ".join(filter))
    except FilterError as error:
        raise click.UsageError(f"FILTER: {error}") from None
    place = live_place(context, netns)
    ends = destination(dst, dport, src)
    choice = Choice(*ends, chosen, round(1000 * older_than), most, only)
    try:
        listing = find(place, choice)
        if not listing.matched:
            _answer(listing, as_json, dry_run)
            remark(nothing_text(listing, choice))
            sys.exit(NOTHING)
        forecast = foretell(listing)
        if not (as_json and (dry_run or yes)):
            for line in listing_lines(listing, forecast):
                tell("\n".join(wrapped(line, text_width(), "", "  ")))
        if dry_run:
            _answer(listing, as_json, dry_run)
            return
        require_capability()
        _ask(listing, yes)
        freed = end(place, listing)
    except (TableError, DestroyError) as error:
        fail(str(error))
    if as_json:
        _answer(listing, as_json, dry_run, freed.freed, freed.use.connectable)
    else:
        emit(freed_text(listing, freed), UNREADABLE)


def _ask(listing: Listing, yes: int) -> None:
    if listing.live:
        require_yes(yes, 2)
    if yes < 1:
        ask(f"End {plural(len(listing.sockets), 'socket')}?")
    if listing.live and yes < 2:
        ask_for(
            listing.live,
            f"This kills {plural(listing.live, 'live connection')}. Type {listing.live} to go on",
        )


def _answer(
    listing: Listing, as_json: bool, dry_run: bool, freed: int = 0, after: int | None = None
) -> None:
    if not as_json:
        return
    before = listing.use.connectable
    record: dict[str, Any] = {
        **head(listing.frame, SCHEMA),
        "matched": listing.matched,
        "freed": freed,
        "connectable_before": before,
        "connectable_after": before if after is None else after,
        "dry_run": dry_run,
    }
    emit_data(json.dumps(record, ensure_ascii=False), UNREADABLE)
