"""twtop refusals: what the kernel refused for want of a port, counted by the kernel itself."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from pathlib import Path

import click

from tui.commands.options import Settings, real
from tui.commands.output import UNREADABLE, emit, emit_data, fail, paint
from tui.commands.watch import reader_left
from tui.kernel.places import Place, place_at
from tui.kernel.refusals import Counted, CountingError, Refusals
from tui.report.refusals import HEADS, lines_text, refusal_records, sum_text
from tui.simulate.signals import answered

EVERY_SECONDS = 1.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WHAT = "connect() that found no free port (EADDRNOTAVAIL), in all network namespaces"
BIND_TOO = ";\nand bind() that found its port taken (EADDRINUSE)"
EPILOG = (
    "Exit codes: 0 nothing was refused, 1 something was, 2 wrong usage, 3 refusals cannot be "
    "counted here or the lines not written. Ctrl-C and SIGTERM end it and print the totals."
)


@click.command(epilog=EPILOG)
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    callback=real,
    metavar="SECONDS",
    help="Stop after this time.  [default: at Ctrl-C]",
)
@click.option(
    "--bind",
    is_flag=True,
    help="Also count every bind() that fails with EADDRINUSE, TCP or UDP, for any reason. The "
    "kernel does not say for which address.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object per line, and no totals."
)
@click.pass_context
def refusals(context: click.Context, /, duration: float | None, bind: bool, as_json: bool) -> int:
    """Count what the kernel refuses: every connect() that finds no free port (EADDRNOTAVAIL).

    The count does not guess from the sockets: it is taken where the refusal happens, in all network
    namespaces of this machine, with a line per second, destination and process. If refusals come
    too fast to look at each, the rest are counted without details, and the line says so.

    \b
    twtop refusals --duration 60
    twtop refusals --json | jq 'select(.remote_port == 5432)'

    It needs root, or CAP_PERFMON and CAP_DAC_READ_SEARCH with tracefs mounted. It costs each
    connection about 1 µs, where one on loopback takes 15–20 µs, and other system calls nothing.
    --bind costs every system call of every process 10 ns, a tenth of the shortest.
    """
    settings = context.obj if isinstance(context.obj, Settings) else Settings()
    if settings.proc != Path("/proc"):
        raise click.UsageError(
            "refusals are counted by this machine's own kernel; leave out --proc"
        )
    here = place_at(settings.proc)
    stop = threading.Event()
    try:
        with answered(SIGNALS, lambda *_: stop.set()), Refusals(bind=bind) as counting:
            end = time.monotonic() + (math.inf if duration is None else duration)
            whole, some, over = Counted(time.time(), time.time(), {}), False, False
            what = f"{WHAT}{BIND_TOO if bind else ''}"
            read_on = as_json or emit(f"{what}\n\n{paint(HEADS, 'bold')}", UNREADABLE)
            while read_on and not over:
                stop.wait(max(min(end - time.monotonic(), EVERY_SECONDS), 0))
                if over := stop.is_set() or time.monotonic() >= end:
                    counting.close()
                newest = counting.take()
                some = some or newest.total > 0
                read_on = _tell(newest, here, as_json)
                if not as_json:
                    whole += newest
    except CountingError as error:
        fail(str(error))
    if read_on and not as_json:
        emit(f"\n{sum_text(whole, here, paint)}", UNREADABLE)
    return int(some)


def _tell(newest: Counted, here: Place, as_json: bool) -> bool:
    """Print what is new, and say whether somebody may read on."""
    if as_json:
        lines = [json.dumps(each, ensure_ascii=False) for each in refusal_records(newest, here)]
    else:
        lines = lines_text(newest, here)
    say = emit_data if as_json else emit
    return say("\n".join(lines), UNREADABLE) if lines else not reader_left(0)
