"""twtop wait: until the ports have come back, for scripts between load tests."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Any

import click
import numpy as np

from tui.analysis.bind_first import USE, BoundFirst, find_bound_first
from tui.analysis.doubts import (
    UNCOUNTED_COPY,
    assumed,
    bound_matters,
    mistaken,
    unlisted,
    unproven,
    unread,
    unseen_bound,
)
from tui.analysis.frame import Frame, judge
from tui.analysis.judgement import Level, levels, port_use
from tui.analysis.patterns import Direction
from tui.commands.destination import Address, destination, destination_options
from tui.commands.options import (
    given,
    interval_option,
    percent,
    place_option,
    reading_options,
    real,
)
from tui.commands.output import UNREADABLE, emit, fail, redraw
from tui.commands.reading import open_source
from tui.kernel.sockets import Array, State, TableError
from tui.planning.demand import outgoing
from tui.writing.words import digits_beside, floored, plural, written

TIMED_OUT = 1
STILL_SECONDS = 2.0
"""After so long a running timer shows another time, however coarse."""
EPILOG = (
    "Exit codes: 0 the goal was reached, 1 the time ran out first, 2 wrong usage, 3 the kernel's "
    "tables could not be read or the result not written."
)


@dataclass(frozen=True, slots=True)
class Waited:
    """How far away the goal is."""

    reached: bool
    what: str
    """The fullest pattern and its figures."""
    seconds: float | None
    """Until enough TIME-WAITs have ended, if nothing new comes; None where open connections
    stand in the way."""
    open: int
    """How many connections would have to close first."""


@click.command(epilog=EPILOG)
@click.option(
    "--below",
    callback=percent,
    metavar="PERCENT",
    help="Wait until each tuple has less than this share of its capacity locked.",
)
@click.option("--drained", is_flag=True, help="Wait until no TIME-WAIT holds a port.")
@destination_options
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    callback=real,
    metavar="SECONDS",
    help="Give up after this time.  [default: never]",
)
@interval_option
@reading_options
@place_option
@click.pass_context
def wait(
    context: click.Context,
    /,
    below: float | None,
    drained: bool,
    dst: Address | None,
    dport: int | None,
    src: Address | None,
    timeout: float | None,
    **options: Any,
) -> None:
    """Wait until ephemeral ports are free again: for scripts, between load-test runs.

    \b
    twtop wait --below 20
    twtop wait --drained --dst 10.0.0.9:5432 --timeout 90 && ./next-run
    """
    if (below is None) != drained:
        raise click.UsageError("choose one of --below PERCENT and --drained")
    settings = given(context, options)
    ends = destination(dst, dport, src)
    source = open_source(settings, one_shot=True)
    goal = "drained" if below is None else f"below {written(below)} %"
    began = time.monotonic()
    before: Frame | None = None
    last: Frame | None = None
    ever = False
    try:
        while True:
            try:
                last = frame = judge(source.read(), last)
            except TableError as error:
                fail(str(error))
            found = outgoing(frame, *ends)
            ever = ever or len(found) > 0
            if frame.assumed:
                fail(f"cannot tell: {assumed(frame)}")  # the next look will know no more
            if not frame.table.complete_known:
                fail(f"cannot tell: {UNCOUNTED_COPY}")
            if mistaken(frame):
                fail(f"cannot tell: {mistaken(frame)}")
            progress = measure(frame, found, below)
            waited = time.monotonic() - began
            if progress.reached:
                break
            if below is not None and bound_matters(frame, below, found[:0]):
                # Nor would a later look know more, if nothing held a port any more.
                fail(f"cannot tell: {unlisted(frame)}")
            if before is not None and waited > STILL_SECONDS and stands_still(before, frame):
                fail(f"{settings.proc} is a copy and never changes: there is nothing to wait for")
            before = before or frame
            if timeout is not None and waited >= timeout:
                fail(f"not {goal} after {waited:.0f} s: {progress.what}", TIMED_OUT)
            redraw(f"{progress.what} · {goal} {expectation(progress)}")
            left = math.inf if timeout is None else timeout - waited
            time.sleep(max(min(settings.seconds, left), 0.01))
    finally:
        redraw("")  # an interrupt leaves it too
    what = progress.what if ever else "no outgoing connections"  # perhaps a mistyped one
    emit(f"{goal} after {waited:.0f} s: {what}", UNREADABLE)


def stands_still(before: Frame, now: Frame) -> bool:
    """Say whether timers have not moved that must have moved by now, or nothing in a copy has."""
    running = before.time_wait.count > before.time_wait.expiring
    old = now.reading.place.kind == "copy" and before.time == now.time
    return (running or old) and np.array_equal(before.table.remaining_ms, now.table.remaining_ms)


def measure(frame: Frame, candidates: Array, below: float | None) -> Waited:
    """Say how far the candidates, indices of outgoing patterns, are from the goal.

    ``below`` is a percentage of capacity, None for no TIME-WAIT at all; where a client binds first,
    all destinations of its local IP together have the ports of one. A table that was cut short
    shows too little to be sure, so nothing is reached by it; nor is it where sockets that are bound
    and not listed, or a tcp_tw_reuse that has not been seen to work, could make the difference.
    """
    patterns, table = frame.patterns, frame.table
    missing = unread(frame)
    sure, doubt = not missing, f" ({'; '.join(missing)})" if missing else ""
    if below is None:
        waiting = candidates[patterns.time_wait[candidates] > 0]
        rows = np.isin(patterns.member, waiting) & (table.state == State.TIME_WAIT)
        remaining = table.remaining_ms[rows]
        what = f"{len(remaining):,} TIME-WAIT" + _named(frame, waiting)
        seconds = float(remaining.max()) / 1000 if len(remaining) else 0.0
        return Waited(sure and not len(waiting), what + doubt, seconds, 0)
    if not frame.ports.capacity:
        return Waited(False, "no ephemeral ports at all" + doubt, None, 0)
    locked, capacity = patterns.locked[candidates], patterns.capacity[candidates]
    # As if each socket that may be bound were, and had a port of the range.
    unseen, doubtful = unseen_bound(frame) or 0, bound_matters(frame, below, candidates)
    over = candidates[levels(locked, capacity - unseen, below) >= Level.HOT]
    shown = over if len(over) else candidates
    what = "no outgoing connections"
    if len(shown):
        first = int(shown[0])
        use = port_use(patterns, first)
        digits = digits_beside(below)
        what = f"{floored(use.locked, use.capacity, digits)}% of {use.capacity:,} ports"
        what += _named(frame, shown)
    # Each use that is too high, the rows that hold it, and for how long a TIME-WAIT does.
    high = []
    for index in over.tolist():
        use = port_use(patterns, index)
        use = replace(use, capacity=use.capacity - unseen)
        high.append((use, patterns.member == index, frame.hold(index).seconds))
    whole = frame.hold_with(reuse=False).seconds
    for one in _bound_first(frame, candidates, below, unseen):
        doubtful |= one.use.level(below, below) < Level.HOT
        what = f"{floored(one.distinct, one.capacity, digits_beside(below))}% of "
        what += f"{one.capacity:,} ports of {frame.table.ip(one.address)} to all of its "
        what += f"{one.destinations} destinations (the client seems to bind() first)"
        theirs = (patterns.local_ip == one.address) & (patterns.direction == Direction.OUTGOING)
        rows = np.append(theirs, False)[patterns.member] & patterns.holding
        high.append((replace(one.use, capacity=one.capacity - unseen), rows, whole))
    seconds, stuck = 0.0, 0
    for use, rows, hold in high:
        allowed = int(np.ceil(use.capacity * below / 100)) - 1
        too_many = use.locked - allowed
        # A port is no longer locked once it can be taken over, or has come back.
        until = round(1000 * (whole - hold))
        locked_for = table.remaining_ms[rows & (table.state == State.TIME_WAIT)].astype(np.int64)
        remaining = np.sort(locked_for[locked_for >= until]) - until
        stuck += max(too_many - len(remaining), 0)
        if 0 < too_many <= len(remaining):
            seconds = max(seconds, float(remaining[too_many - 1]) / 1000)
    doubt += f"; {unlisted(frame)}" if doubtful else ""
    trusted = unproven(frame, below, candidates)
    doubt += f"; {trusted}" if trusted else ""
    reached = sure and not (high or doubtful or trusted)
    return Waited(reached, what + doubt, None if stuck else seconds, stuck)


def _bound_first(frame: Frame, candidates: Array, below: float, unseen: int) -> list[BoundFirst]:
    """Return the candidates' local IPs whose clients bind first, and hold so many percent.

    They do so of what is left where ``unseen`` ports are bound and not listed.
    """
    left = max(1 - unseen / frame.ports.capacity, 0.0)
    found = find_bound_first(frame, use=min(USE, below) * left)
    return [
        one
        for one in found
        if one.address in frame.patterns.local_ip[candidates]
        and replace(one.use, capacity=one.capacity - unseen).level(below, below) >= Level.HOT
    ]


def _named(frame: Frame, shown: Array) -> str:
    if not len(shown):
        return ""
    more = f" and {len(shown) - 1:,} more" if len(shown) > 1 else ""
    return f" of {frame.patterns.key(int(shown[0]))}{more}"


def expectation(progress: Waited) -> str:
    """Say when the goal will be reached if nothing new comes."""
    if progress.seconds is None and not progress.open:
        return "needs ports that are neither reserved nor bound"
    if progress.seconds is None:
        return f"needs {plural(progress.open, 'open connection')} to close"
    return f"in about {progress.seconds:.0f} s"
