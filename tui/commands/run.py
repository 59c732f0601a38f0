"""twtop run: what a command costs in ports, as `time` says what it costs in seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import click

from tui.analysis.tolls import Tolls
from tui.commands.configuration import configured
from tui.commands.options import given, percent, shared_options
from tui.commands.output import fail, paint
from tui.commands.reading import open_source
from tui.kernel.processes import find_owners
from tui.kernel.sockets import TableError
from tui.recording.log import RecordingError
from tui.recording.recorder import Recorder
from tui.recording.recording import SUFFIX
from tui.report.records import head
from tui.report.run import SCHEMA, Run, run_record, run_text
from tui.watching.sampler import Cycle
from tui.watching.view import View
from tui.watching.watch import Watch

INTERVAL = 0.5
"""Seconds: less than the second after which tcp_tw_reuse may take a port again, so that every
TIME-WAIT is seen."""
NOT_FOUND, NOT_EXECUTABLE, SIGNALLED, NOT_BEGUN = 127, 126, 128, 125
"""Exit codes as the shell's and env(1)'s."""


class Witness:
    """Watches while the command runs, in a thread of its own."""

    def __init__(self, watch: Watch, source: Any, recorder: Recorder | None) -> None:
        self._watch, self._source, self._recorder = watch, source, recorder
        self._lock = threading.Lock()
        self.failure: str | None = None
        self.incomplete = 0
        view = watch.take(source.read())
        self._record(view)
        self.tolls = Tolls(view.frame)
        self._opened = view.frame.counters.get("ActiveOpens")
        self.newest = view

    def look(self) -> None:
        """Look once more."""
        with self._lock:
            try:
                reading = self._source.read()
            except TableError as error:
                self.failure = str(error)
                return
            if not reading.table.complete:
                self.incomplete += 1
                return
            self.newest = self._watch.take(reading)
            self.tolls.add(self.newest.frame)
            self._record(self.newest)

    def _record(self, view: View) -> None:
        if self._recorder is not None:
            try:
                self._recorder.take(view)
            except RecordingError as error:
                self.failure, self._recorder = str(error), None

    @property
    def opened(self) -> int | None:
        """Connections that the kernel counted since the first look."""
        now = self.newest.frame.counters.get("ActiveOpens")
        return None if now is None or self._opened is None else now - self._opened


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Exit codes: the command's own; 1 if it exceeded --max-use; 125 if twtop could not "
    "read the sockets; 126 or 127 if the command could not be run.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Also record to FILE, for twtop replay; its name must end in {SUFFIX}.",
)
@click.option(
    "--json",
    "as_json",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the result to FILE as JSON.",
)
@click.option(
    "--max-use",
    callback=percent,
    metavar="PERCENT",
    help="Exit with 1 if any destination used more of its ports than this.",
)
@shared_options
@click.pass_context
def run(
    context: click.Context,
    /,
    command: tuple[str, ...],
    out: Path | None,
    as_json: Path | None,
    max_use: float | None,
    **options: Any,
) -> None:
    """Run COMMAND and say what it cost: ports per destination, and what limits it.

    The report goes to stderr when the command has ended; the command's own output is left alone.
    Every connection made in this network namespace meanwhile counts, whoever makes it.

    \b
    twtop run -- wrk -t4 -c400 -d30s http://10.0.0.9:8080/
    twtop run --json ports.json --max-use 80 -- ./load-test.sh
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    settings = given(context, {"interval": INTERVAL, "source": "sock_diag", **chosen})
    if out is not None and out.suffix != SUFFIX:
        raise click.BadParameter(f"{out} must end in {SUFFIX}", param_hint="--out")
    watch = Watch(configured(settings, NOT_BEGUN))
    with ExitStack() as ending:
        try:
            target = None if as_json is None else ending.enter_context(as_json.open("w"))
            recorder = None if out is None else Recorder(out)
            look = Witness(watch, open_source(settings, one_shot=True), recorder)
        except OSError as error:
            fail(f"{as_json}: {error.strerror}", NOT_BEGUN)
        except (TableError, RecordingError) as error:
            fail(str(error), NOT_BEGUN)
        cycle = Cycle(look.look, settings.seconds, "twtop-look")
        owners = Cycle(
            lambda: watch.look_for_owners(lambda: find_owners(settings.proc)), 1.0, "twtop-owners"
        )
        cycle.start()
        owners.start()
        started, begun = time.time(), time.monotonic()
        code = _run(command)
        seconds = time.monotonic() - begun
        cycle.stop()
        owners.stop()
        look.look()
        if recorder is not None:
            with suppress(RecordingError):
                recorder.close()
        made = Run(
            command=command,
            exit_code=code,
            started=started,
            seconds=seconds,
            tolls=look.tolls.by_destination,
            opened=look.opened,
            incomplete=look.incomplete,
        )
        with suppress(OSError):
            click.echo(run_text(made, paint), err=True)
        if look.failure is not None:
            click.echo(f"twtop: {look.failure}", err=True)
        if target is not None:
            told = {**head(look.newest.frame, SCHEMA), **run_record(made)}
            json.dump(told, target, ensure_ascii=False)
            target.write("\n")
    if code == 0 and max_use is not None and made.highest_use > max_use:
        click.echo(
            f"twtop: {made.highest_use:.1f} % of the ports to one destination were used, more "
            f"than {max_use:g} %",
            err=True,
        )
        code = 1
    sys.exit(code)


def _run(command: tuple[str, ...]) -> int:
    """Run the command to its end, and return its exit code; signals are passed on to it."""
    try:
        child = subprocess.Popen(command)
    except FileNotFoundError:
        fail(f"{command[0]}: not found", NOT_FOUND)
    except OSError as error:
        fail(f"{command[0]}: {error.strerror}", NOT_EXECUTABLE)

    def pass_on(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            child.send_signal(number)

    # Ctrl-C reaches the command by itself, since it is in the terminal's foreground too.
    signal.signal(signal.SIGINT, signal.SIG_IGN if os.isatty(0) else pass_on)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    code = child.wait()
    return code if code >= 0 else SIGNALLED - code
