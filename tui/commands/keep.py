"""twtop keep: a destination's ports held below a level."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from contextlib import ExitStack

import click

from tui.acting.keeping import LEAST_AGE_MS, Goal, Keeper, KeepRefusedError, Kept, alone
from tui.acting.keeping import keep as go
from tui.acting.sentences import keep_lines, kept_text
from tui.commands.consent import ask, require_yes, yes_option
from tui.commands.destination import Address, destination, destination_options
from tui.commands.options import percent, seconds
from tui.commands.output import USAGE, emit, emit_data, fail, tell, text_width
from tui.commands.where import live_place, place_option
from tui.kernel.destroy import DestroyError, require_capability
from tui.kernel.places import Place
from tui.kernel.sockets import TableError
from tui.report.records import bare_head, place_record
from tui.writing.layout import wrapped

SCHEMA = "twtop.keep/1"
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EPILOG = (
    "Exit codes: 0 ended by a signal or --duration, 2 wrong usage, refused, or no --yes and "
    "nobody to ask, 3 not permitted or the kernel's tables could not be read, 130 the answer was "
    "no."
)


@click.command("keep", epilog=EPILOG)
@destination_options
@click.option(
    "--below",
    required=True,
    callback=percent,
    metavar="PERCENT",
    help="Keep the ports in use below this share of the capacity.",
)
@click.option(
    "--older-than",
    default="10s",
    callback=seconds(LEAST_AGE_MS / 1000, 3600),
    metavar="SECONDS",
    help="Never end a TIME-WAIT younger than this; at least 1s.  [default: 10s]",
)
@click.option(
    "-i",
    "--interval",
    default="1s",
    callback=seconds(0.05, 3600),
    metavar="SECONDS",
    help="Time between checks.  [default: 1s]",
)
@click.option("--duration", callback=seconds(0), metavar="SECONDS", help="Stop after this time.")
@place_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, but do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON per interval.")
@yes_option
@click.pass_context
def keep(
    context: click.Context,
    /,
    dst: Address | None,
    dport: int | None,
    src: Address | None,
    below: float,
    older_than: float,
    interval: float,
    duration: float | None,
    netns: str | None,
    dry_run: bool,
    as_json: bool,
    yes: int,
) -> None:
    """Keep a destination's port use below a level by ending its oldest TIME-WAITs when needed.

    It does so for as long as it runs; Ctrl-C and SIGTERM end it. tcp_tw_reuse=1 does the same in
    the kernel and costs nothing: where that is on, there is nothing to do.

    \b
    twtop keep --dst 10.0.0.9:5432 --below 80%
    twtop keep --dst 10.0.0.9:5432 --below 80% --duration 10m --yes
    """
    local_ip, remote_ip, remote_port = destination(dst, dport, src)
    if remote_ip is None or remote_port is None:
        raise click.UsageError("name the destination whose ports to keep free: --dst IP:PORT")
    if not dry_run:
        require_yes(yes)
    place = live_place(context, netns)
    goal = Goal(local_ip, remote_ip, remote_port, below, round(1000 * older_than))
    stop = threading.Event()
    began = time.monotonic()

    def stopped(pause: float) -> bool:
        end = math.inf if duration is None else began + duration
        if stop.wait(max(min(pause, end - time.monotonic()), 0)):
            return True
        return time.monotonic() >= end

    try:
        keeper = Keeper(place, goal)
        with ExitStack() as held:
            if not dry_run:
                require_capability()
                held.enter_context(alone(place, goal))
            if not (as_json and yes):
                for line in keep_lines(goal, keeper.rules):
                    tell("\n".join(wrapped(line, text_width(), "", "  ")))
            if dry_run:
                return
            if not yes:
                ask(f"Keep {goal.destination} below {below:g} %?")
            for number in STOPPING:
                signal.signal(number, lambda *_: stop.set())
            say = emit_data if as_json else emit
            began = time.monotonic()
            for kept in go(keeper, interval, stopped):
                if not say(_record(kept, place) if as_json else kept_text(goal, kept)):
                    return
    except KeepRefusedError as error:
        fail(str(error), USAGE)
    except (TableError, DestroyError) as error:
        fail(str(error))


def _record(kept: Kept, place: Place) -> str:
    return json.dumps(
        {
            **bare_head(SCHEMA, kept.time, place_record(place)),
            "in_use": kept.in_use,
            "capacity": kept.capacity,
            "freed": kept.freed,
            "short": kept.short,
        },
        ensure_ascii=False,
    )
