"""twtop run: what a command costs in ports, as `time` says what it costs in seconds."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from tui.analysis.frame import Frame
from tui.analysis.refused import key_of
from tui.analysis.tolls import Destination, Toll, Tolls
from tui.commands.child import run_child
from tui.commands.configuration import configured
from tui.commands.options import (
    Settings,
    given,
    percent,
    place_option,
    polled_every,
    proc_option,
    source_option,
    threshold_option,
)
from tui.commands.output import UNWRITABLE, fail, paint, remark, tell, text_width
from tui.commands.reading import open_source
from tui.commands.terminal import own_command, require_terminal
from tui.kernel.processes import find_owners
from tui.kernel.refusals import CountingError, Refusals, count_if_permitted
from tui.kernel.sockets import TableError
from tui.kernel.source import Source
from tui.recording.files import SUFFIX
from tui.recording.log import RecordingError
from tui.recording.recorder import Recorder
from tui.report.records import head
from tui.report.run import SCHEMA, Run, run_record, run_text
from tui.report.run_chart import run_svg
from tui.report.run_cures import cures
from tui.watching.sampler import Cycle
from tui.watching.view import View
from tui.watching.watch import Watch
from tui.writing import words
from tui.writing.files import write_whole

INTERVAL = 0.5
"""Seconds: less than the second after which tcp_tw_reuse may take a port again, so that every
TIME-WAIT is seen."""
CHARTS = (".svg", ".png")
NOT_BEGUN = 125
"""An exit code as env(1)'s."""


class Witness:
    """Watches while the command runs, in a thread of its own."""

    def __init__(self, watch: Watch, source: Source, recorders: list[Recorder]) -> None:
        self._watch, self._source, self._recorders = watch, source, [*recorders]
        self._lock = threading.Lock()
        self.failure: str | None = None
        self.unwritten = False
        """Has a recording come to an end before the command did?"""
        self.incomplete = 0
        view = watch.take(source.read())
        self._record(view)
        self.tolls = Tolls(view.frame)
        self._begin = _opened(view.frame)
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
        for recorder in [*self._recorders]:
            try:
                recorder.take(view)
            except RecordingError as error:
                self.failure, self.unwritten = str(error), True
                self._recorders.remove(recorder)

    @property
    def opened(self) -> int | None:
        """Connects that the kernel counted since the first look, without those that failed."""
        now = _opened(self.newest.frame)
        return None if now is None or self._begin is None else now - self._begin


def _opened(frame: Frame) -> int | None:
    opens = frame.counters.get("ActiveOpens")
    return None if opens is None else opens - frame.counters.get("AttemptFails", 0)


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Exit codes: the command's own; 1 if it exceeded --max-use, or a "
    "file could not be written; 125 if twtop could not "
    "read the sockets; 126 or 127 if the command could not be run.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option(
    "--out",
    "outs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"Record to FILE{SUFFIX}, for twtop replay, or draw ports over time to FILE.svg "
    "or FILE.png; repeatable.",
)
@click.option(
    "--live",
    is_flag=True,
    help="Open the dashboard meanwhile. What the command writes to this terminal is held back "
    "until you leave the dashboard (q); it cannot read from the terminal.",
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
@polled_every(INTERVAL)
@threshold_option
@source_option
@proc_option
@place_option
@click.pass_context
def run(
    context: click.Context,
    /,
    command: tuple[str, ...],
    outs: tuple[Path, ...],
    live: bool,
    as_json: Path | None,
    max_use: float | None,
    **options: Any,
) -> None:
    """Run COMMAND and say what it cost: ports per destination, and what limits it.

    The report goes to stderr when the command has ended; the command's own output is left alone.
    Every connection made in this network namespace meanwhile counts, whoever makes it, and so
    does every connect the kernel refused for lack of a port, where counting those is permitted.
    To compare two runs, record each (--out a.twtop) and give both files to `twtop diff`.

    \b
    twtop run -- wrk -t4 -c400 -d30s http://10.0.0.9:8080/
    twtop run --json ports.json --max-use 80 -- ./load-test.sh
    twtop run --out ports.svg --out ports.twtop -- ./load-test.sh
    """
    chosen = {name: value for name, value in options.items() if value is not None}
    settings = given(context, {"interval": INTERVAL, "source": "sock_diag", **chosen})
    if wrong := [out for out in outs if out.suffix not in (SUFFIX, *CHARTS)]:
        endings = ", ".join((SUFFIX, *CHARTS))
        raise click.BadParameter(f"{wrong[0]} must end in one of {endings}", param_hint="--out")
    if any(out.suffix == ".png" for out in outs):
        _require_png()
    if live:
        require_terminal()
    watch = Watch(configured(settings, NOT_BEGUN))
    with ExitStack() as ending:
        try:
            target = None if as_json is None else ending.enter_context(as_json.open("w"))
            recordings = [Recorder(out) for out in outs if out.suffix == SUFFIX]
            source = open_source(settings, one_shot=True)
            look = Witness(watch, source, recordings)
        except OSError as error:
            fail(f"{as_json}: {error.strerror}", NOT_BEGUN)
        except (TableError, RecordingError) as error:
            fail(str(error), NOT_BEGUN)
        cycle = Cycle(look.look, settings.seconds, "twtop-look")
        owners = Cycle(
            lambda: watch.look_for_owners(lambda: find_owners(settings.proc)), 1.0, "twtop-owners"
        )
        counting = count_if_permitted() if source.place.answers else None
        cycle.start()
        owners.start()
        started, begun = time.time(), time.monotonic()
        seconds = 0.0

        def ended() -> None:
            nonlocal seconds
            seconds = time.monotonic() - begun
            cycle.stop()
            owners.stop()
            look.look()

        code = run_child(command, ended, dashboard_line(settings) if live else None)
        unwritten = look.unwritten
        for recorder in recordings:
            try:
                recorder.close()
            except RecordingError as error:
                look.failure, unwritten = str(error), True
        refused, lost = _refused(counting, look.newest.frame)
        for destination in refused or ():
            look.tolls.by_destination.setdefault(destination, Toll())
        made = Run(
            command=command,
            exit_code=code,
            started=started,
            seconds=seconds,
            tolls=look.tolls.by_destination,
            opened=look.opened,
            incomplete=look.incomplete,
            refused=refused,
            lost=lost,
        )
        made = replace(made, cures=cures(made, look.newest.frame))
        with suppress(OSError):
            tell(run_text(made, paint, text_width()))
        for out in outs:
            if out.suffix in CHARTS:
                unwritten |= not _draw(made, out)
        if look.failure is not None:
            remark(look.failure)
        if target is not None:
            told = {**head(look.newest.frame, SCHEMA), **run_record(made)}
            try:
                target.write(json.dumps(told, ensure_ascii=False) + "\n")
                target.flush()
            except OSError as error:
                remark(f"{as_json}: {error.strerror or error}")
                unwritten = True
                with suppress(OSError):  # it would write once more
                    target.close()
    if code == 0 and max_use is not None and made.highest_use > max_use:
        use, most = words.percent(made.highest_use, 100, max_use), words.written(max_use)
        remark(f"{use} of the ports to one destination were used, more than {most} %")
        code = 1
    if code == 0 and unwritten:
        code = UNWRITABLE
    sys.exit(code)


def _require_png() -> None:
    if find_spec("resvg_py") is None:
        fail("--out FILE.png needs resvg-py: pip install 'twtop[png]'; FILE.svg needs nothing", 2)


def _draw(made: Run, path: Path) -> bool:
    """Write the chart, and say whether it could be written."""
    data = run_svg(made).encode()
    if path.suffix == ".png":
        import resvg_py

        data = bytes(resvg_py.svg_to_bytes(svg_string=data.decode()))
    try:
        write_whole(path, lambda file: file.write(data), mode=0o644)
    except OSError as error:
        remark(f"{path}: {error.strerror or error}")
        return False
    return True


def _refused(
    counting: Refusals | None, frame: Frame
) -> tuple[Mapping[Destination, int] | None, int]:
    """Return what was refused here by destination, and how many more somewhere; None, 0 if nobody
    counted.

    Where a process was that had ended nobody knows: here, if the address is ours.
    """
    if counting is None:
        return None, 0
    counting.close()
    try:
        counted = counting.take()
    except CountingError:
        return None, 0
    found: Counter[Destination] = Counter()
    for each, count in counted.refused.items():
        here = each.namespace == frame.reading.place.id
        if each.namespace is None and each.local_ip is not None:
            here = frame.owns(each.local_ip)
        if here and (key := key_of(each)) is not None:
            found[key.remote_hi, key.remote_lo, key.remote_port] += count
    return found, counted.lost


def dashboard_line(settings: Settings) -> list[str]:
    """Return the command line of the dashboard over the same place."""
    line = [*own_command(), "--read-only", "--proc", str(settings.proc)]
    if settings.threshold is not None:
        line += ["-t", str(settings.threshold)]
    if settings.place is not None:
        line += ["-N", settings.place]
    return line
