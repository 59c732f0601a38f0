"""twtop simulate: run out of ports against a server of the user's, and say which wall it was."""

from __future__ import annotations

import json
import math
import os
import sys
from contextlib import closing, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tui.analysis.frame import Frame
from tui.commands.configuration import configured
from tui.commands.options import Settings, real
from tui.commands.output import emit, emit_data, fail, paint, text_width
from tui.commands.terminal import require_terminal
from tui.kernel.refusals import CountingError, Refusals, count_if_permitted
from tui.kernel.sockets import TableError
from tui.lab.outcome import Outcome
from tui.lab.process import ChildError
from tui.lab.workload import Closing, Workload
from tui.report.records import head
from tui.simulate.expectation import Expectation, expect, sustained_rate
from tui.simulate.limits import allow_files, most_pending, read_limits
from tui.simulate.progress import Abandoned, Progress, count_down, write
from tui.simulate.reading import Reader, server_counters
from tui.simulate.run import StartError, conclude, run
from tui.simulate.summary import (
    SCHEMA,
    exit_code,
    expected_text,
    no_ports_text,
    preamble,
    to_dict,
    to_text,
)
from tui.simulate.surroundings import Evidence, Surroundings, planned_connections
from tui.simulate.target import Target, TargetError, check_source, find_target
from tui.stage.stage import Stage

BLIND = 3
"""Exit code when it could not start, or could not say what came of it."""
ABANDONED = 130
"""Exit code when it was stopped during the countdown, as after Ctrl-C anywhere."""
MOST_RATE = 100_000
EPILOG = (
    "Exit codes: 0 no wall was hit, 1 a wall was hit, 2 wrong usage, 3 it could not start or "
    "its summary not be written, 130 it was stopped before the first connection. Ctrl-C and "
    "SIGTERM stop it at any time and print the summary."
)


def rate_or_max(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    """Return connections per second, infinitely many for ``max``."""
    if value is None or value == "max":
        return None if value is None else math.inf
    try:
        rate = float(value)
    except ValueError:
        raise click.BadParameter(f"{value} is neither a number nor max") from None
    if not 0 < rate <= MOST_RATE:
        raise click.BadParameter(f"{value} is not in the range 0<x<={MOST_RATE}")
    return rate


def address(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return a name or address without the brackets of a URL; refuse one with a port."""
    host, _, last = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if host and last.isdecimal() and (bracketed or ":" not in host):
        raise click.BadParameter(
            f"{value} contains a port, which is an argument of its own: {host.strip('[]')} {last}"
        )
    return value[1:-1] if value.startswith("[") and value.endswith("]") else value


def port_number(context: click.Context, parameter: click.Parameter, value: str) -> int:
    """Return a port's number."""
    if not (value.isascii() and value.isdecimal()) or not 1 <= int(value) <= 65535:
        raise click.BadParameter(f"{value} is not a port: they go from 1 to 65535")
    return int(value)


@click.command(epilog=EPILOG, context_settings={"show_default": True})
@click.argument("dst", callback=address)
@click.argument("dport", callback=port_number)
@click.argument("loops", type=click.IntRange(1, 1000), default=5)
@click.option(
    "--rate",
    callback=rate_or_max,
    metavar="N",
    help=(
        "Connections per second, or max.  [default: max, or what tcp_tw_reuse sustains where it "
        "applies]"
    ),
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=1,
    metavar="N",
    help="Connections to make in parallel.",
)
@click.option(
    "--max",
    "most",
    type=click.IntRange(min=1),
    metavar="N",
    help="Stop after this many connections.  [default: LOOPS × ports × sources]",
)
@click.option(
    "--duration",
    "seconds",
    type=click.FloatRange(0, 3600, min_open=True),
    callback=real,
    default=300,
    metavar="SECONDS",
    help="Stop after this time.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 60),
    callback=real,
    default=3,
    metavar="SECONDS",
    help="Give up on a connect() after this time.",
)
@click.option(
    "--source-ip",
    "sources",
    multiple=True,
    metavar="IP",
    help="Connect from this address, with IP_BIND_ADDRESS_NO_PORT; give it several times to take "
    "turns.",
)
@click.option("--source", "former", multiple=True, hidden=True)
@click.option(
    "--bind-first",
    is_flag=True,
    help="Let bind() choose the port, as clients do without IP_BIND_ADDRESS_NO_PORT.",
)
@click.option("--hold", is_flag=True, help="Keep connections open until the end.")
@click.option("--keep-going", is_flag=True, help="Keep going after an error.")
@click.option("--watch", is_flag=True, help="Watch it in the dashboard; q ends it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.option("--yes", is_flag=True, help="Start without the 10 s countdown.")
@click.option(
    "--i-own-this-target",
    "owned",
    is_flag=True,
    help="Allow a target on another machine.",
)
@click.pass_context
def simulate(
    context: click.Context,
    /,
    dst: str,
    dport: int,
    loops: int,
    rate: float | None,
    most: int | None,
    sources: tuple[str, ...],
    former: tuple[str, ...],
    hold: bool,
    watch: bool,
    as_json: bool,
    yes: bool,
    owned: bool,
    **load: Any,
) -> int:
    """Use up the ephemeral ports to a server of yours, and learn which wall you hit first.

    Connects to DST port DPORT, closes first, and repeats that LOOPS times (1–1000, default 5) over
    all ephemeral ports. The sockets it leaves in TIME-WAIT hold their ports for 60 s: meanwhile
    other programs in this network namespace may find no port to the same destination.

    \b
    twtop simulate 127.0.0.1 5432
    twtop simulate 127.0.0.1 5432 2 --rate 300 --watch
    twtop simulate 127.0.0.1 5432 --yes --json > before.json
    """
    settings = context.obj if isinstance(context.obj, Settings) else Settings()
    if settings.proc != Path("/proc"):
        raise click.UsageError("simulate makes connections of its own; leave out --proc")
    if settings.place is not None:
        raise click.UsageError(
            "simulate connects from where it runs: instead of -N run it there (ip netns exec, "
            "nsenter -t PID -n)"
        )
    if not watch and (settings.interval, settings.threshold) != (None, None):
        raise click.UsageError("--interval and --threshold are for --watch")
    if watch:
        require_terminal()
    try:
        target = find_target(dst, dport, owned)
        chosen = tuple(dict.fromkeys(check_source(one, target) for one in sources + former))
    except TargetError as error:
        raise click.UsageError(str(error)) from None
    plan = Workload(
        targets=((target.ip, target.port),),
        sources=chosen or (None,),
        rate=None if rate is None or math.isinf(rate) else rate,
        closing=Closing.NOBODY if hold else Closing.CLIENT,
        **load,
    )
    # Before the limits are read: it takes a descriptor for each processor.
    counting = context.with_resource(count_if_permitted() or nullcontext())
    try:
        reader = Reader()
        frame = reader.read()
        if not (ports := frame.ports.capacity):
            fail(f"no port to connect from: {no_ports_text(frame.ports)}", BLIND)
        planned = planned_connections(loops, ports, len(plan.sources), most)
        situation = _situation(target, replace(plan, most=planned), loops, frame)
        if rate is None:
            plan = replace(situation.plan, rate=sustained_rate(situation))
            situation = replace(situation, plan=plan)
        expected = expect(situation)
        width = text_width()
        coming = preamble(situation, expected, paint, width) + "\n"
        if not as_json:
            emit(coming, BLIND)
        elif not yes:
            write((coming if sys.stderr.isatty() else click.unstyle(coming)) + "\n")
        if not yes:
            count_down()
            situation = _situation(target, situation.plan, loops, reader.read())
        if watch:
            evidence = _watch(situation, reader, settings, expected, counting)
        else:
            evidence = _counted(_run(situation, reader), counting, os.getpid())
    except Abandoned:
        fail("stopped before the first connection; nothing was done", ABANDONED)
    except (StartError, TableError, ChildError) as error:
        fail(str(error))
    if as_json:
        said = {**head(evidence.frame, SCHEMA), **to_dict(evidence, expected)}
        emit_data(json.dumps(said, ensure_ascii=False), BLIND)
    else:
        emit(to_text(evidence, paint, width), BLIND)
    return exit_code(evidence)


def _situation(target: Target, plan: Workload, loops: int, frame: Frame) -> Surroundings:
    sources = tuple(
        source or (None if plan.bind_first else target.source) for source in plan.sources
    )
    held = plan.most if plan.closing is Closing.NOBODY else 0
    allow_files(held or 0, plan.concurrency)
    limits = read_limits(frame.reading)
    plan = replace(plan, pending=most_pending(limits, plan.concurrency))
    return Surroundings(target, plan, sources, loops, frame, limits)


def _run(situation: Surroundings, reader: Reader) -> Evidence:
    progress = Progress(situation.planned, redraw=sys.stderr.isatty())
    try:
        return run(situation, reader, progress)
    finally:
        progress.clear()


def _counted(evidence: Evidence, counting: Refusals | None, pid: int) -> Evidence:
    """Add how often the kernel says that it refused a process."""
    if counting is None:
        return evidence
    counting.close()
    with suppress(CountingError):
        return replace(evidence, kernel_refused=counting.take().of(pid))
    return evidence


def _watch(
    situation: Surroundings,
    reader: Reader,
    settings: Settings,
    expected: Expectation,
    counting: Refusals | None,
) -> Evidence:
    """Make the connections in a process of their own, with the dashboard on it."""
    config = configured(settings)
    server_before = server_counters(situation.target)
    with closing(Stage()) as stage:
        stage.run(situation.plan)
        pid = stage.pid
        from tui.commands.staged import stage_app  # see there why not earlier

        stage.receive()
        expectation = f"Expected: {expected_text(expected)}."
        app = stage_app(stage, settings, config, most_rate=MOST_RATE, watch=expectation)
        app.run()
    if app.fatal is not None:
        fail(app.fatal)
    outcome = app.newest or Outcome(0.0, 0.0)
    stopped_by = None if outcome.ended else "Quitting"
    evidence = conclude(situation, reader, outcome, server_before, stopped_by)
    return _counted(evidence, counting, pid)
