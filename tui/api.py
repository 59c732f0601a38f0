"""The public API: a frame of the kernel's tables, and plain functions on it.

    from twtop import audit, patterns, snapshot

    frame = snapshot()
    for pattern in patterns(frame)[:5]:
        print(pattern["remote_ip"], pattern["in_use"], "of", pattern["capacity"])
    for finding in audit(frame):
        print(finding.severity.label, finding.subject, finding.message)

Nothing here needs Textual, root or a terminal. A frame is one reading, so whatever is asked of
it agrees with the rest. Plain data has the keys of `twtop report --json`; their types are in
``twtop.records``, so that a type checker finds a misspelt one.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import get_args

from tui.analysis.columns import SocketColumns, chosen_rows
from tui.analysis.expressions import FilterError
from tui.analysis.frame import Frame, judge
from tui.analysis.trends import Trends
from tui.findings.baseline import Baseline, BaselineError, baseline_path, load_baseline
from tui.findings.codes import CODES
from tui.findings.config import Config, ConfigError, config_path, load_config
from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.find_place import ALL, PlaceError, find_place, named
from tui.kernel.places import Place, place_at
from tui.kernel.processes import Owners, Process
from tui.kernel.processes import find_owners as walk
from tui.kernel.refusals import CountingError, Refusals
from tui.kernel.sockets import State, TableError
from tui.kernel.source import Source, SourceChoice
from tui.planning.demand import estimate, hottest, observe
from tui.planning.remedies import Plan
from tui.planning.remedies import plan as make_plan
from tui.planning.setting import gather
from tui.records import (
    ListenerRecord,
    PatternRecord,
    PlaceRowRecord,
    PortRecord,
    RefusalsJson,
    RemoteRecord,
    ReportJson,
    SocketRecord,
    StatesRecord,
    TimeWaitRecord,
)
from tui.report.places import place_row
from tui.report.records import (
    listener_records,
    pattern_records,
    port_records,
    remote_records,
    socket_records,
    states_record,
    time_wait_record,
)
from tui.report.refusals import refusal_records
from tui.report.whole import to_dict
from tui.watching.outlook import seen
from tui.watching.overview import Overview
from tui.watching.sampler import Sampler
from tui.watching.view import View as Moment
from tui.watching.watch import Watch, views

__all__ = [
    "Baseline",
    "BaselineError",
    "Config",
    "ConfigError",
    "CountingError",
    "FilterError",
    "Finding",
    "Frame",
    "Moment",
    "Owners",
    "Place",
    "PlaceError",
    "Plan",
    "Process",
    "Remedy",
    "Severity",
    "SocketColumns",
    "SourceChoice",
    "State",
    "TableError",
    "Trends",
    "audit",
    "awatch",
    "connections",
    "counters",
    "established",
    "find_owners",
    "full_report",
    "listening",
    "patterns",
    "per_ip",
    "per_port",
    "places",
    "refusals",
    "remedies",
    "saved_listeners",
    "settings",
    "snapshot",
    "state_counts",
    "time_wait",
    "watch",
]

SOURCES: tuple[str, ...] = get_args(SourceChoice)


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)


def places(proc: str | Path = "/proc") -> list[PlaceRowRecord]:
    """Return the places of this machine, the worst first, as `twtop places --json` has them.

    Where few sockets prove that no tuple can be short of ports they are not read: ``dumped`` is
    False, and ``utilization_at_most`` an upper bound; None where nothing is known. Raises
    TableError where ``proc`` cannot be listed.
    """
    return [place_row(seen(one)) for one in Overview(Path(proc), one_shot=True).poll()]


def snapshot(
    source: SourceChoice = "auto", proc: str | Path = "/proc", place: str | None = None
) -> Frame:
    """Read the kernel's tables once.

    ``source`` is "auto", "proc" or "sock_diag"; ``proc`` a procfs, which may be a copy or a
    host's; ``place`` is what follows `-N`: a named network namespace, a PID, a path, a container's
    or pod's name or id. Raises TableError when the tables cannot be read, in a line with the cure,
    PlaceError where no place, or more than one, is called so, and ValueError for another source.
    """
    _check(source in SOURCES, f"source is {source!r}, not one of {SOURCES}")
    return judge(Source(_place(proc, place), source, 1.0, one_shot=True).read())


def _place(proc: str | Path, place: str | None) -> Place:
    return place_at(Path(proc)) if place is None else find_place(place, Path(proc))


def watch(
    interval: float = 1.0,
    source: SourceChoice = "auto",
    proc: str | Path = "/proc",
    *,
    places: str | Collection[str] | None = None,
) -> Iterator[Moment]:
    """Yield a moment each ``interval`` seconds: a frame, its trends, and what the rules find.

    With ``places``, which is "all" or what these are called, there is a moment of each place that
    was dumped (``moment.frame.reading.place``), and between two intervals there may be none: idle
    places have their turn once a minute. One that begins later is found, one that ends is gone.

    Late ones are not made up for. Who holds the sockets is looked up now and then, and
    remembered for their TIME-WAITs. Raises at once ValueError for another source, or an interval
    that is none, PlaceError where a place is not there, and TableError where no tables are;
    later TableError when they cannot be read.
    """
    return _paced(_poller(interval, source, Path(proc), places), interval)


def awatch(
    interval: float = 1.0,
    source: SourceChoice = "auto",
    proc: str | Path = "/proc",
    *,
    places: str | Collection[str] | None = None,
) -> AsyncGenerator[Moment, None]:
    """Yield what ``watch`` does, to `async for`; it raises the same, and as early.

    The kernel is read in a thread, so the loop never waits for it. When the task is cancelled, or
    the generator closed, it ends at once, and what a read that is under way finds is dropped.
    """
    return _paced_in_loop(_poller(interval, source, Path(proc), places), interval)


def _poller(
    interval: float, source: SourceChoice, proc: Path, places: str | Collection[str] | None
) -> Callable[[], Sequence[Moment]]:
    """Return what looks once more; all that is wrong with how it was called for is raised here."""
    _check(source in SOURCES, f"source is {source!r}, not one of {SOURCES}")
    _check(0 < interval < math.inf, f"interval is {interval}, not a number of seconds above 0")
    reader = Source(place_at(proc), source, interval)
    if places is None or reader.place.kind == "copy":
        reader.check()
    if places is None:
        watched = Watch()
        moments = views(Sampler(reader, watched.take), watched, lambda: find_owners(proc))
        return lambda: [next(moments)]
    words = (places,) if isinstance(places, str) else tuple(places)
    every = ALL in words
    there = [find_place(word, proc) for word in words if word != ALL]
    overview = Overview(
        proc,
        source=source,
        interval=interval,
        of=lambda found: found.places if every else named(words, there, found, proc),
    )
    overview.looked_at = lambda place: not every  # what is asked for by name, however idle

    def poll() -> Sequence[Moment]:
        outlooks = overview.poll()
        overview.note_owners(lambda: find_owners(proc))
        return [one.view for one in outlooks if one.fresh and one.view is not None]

    return poll


def _paced(poll: Callable[[], Sequence[Moment]], interval: float) -> Iterator[Moment]:
    due = time.monotonic()
    while True:
        yield from poll()
        due = max(due + interval, time.monotonic())
        time.sleep(max(due - time.monotonic(), 0))


async def _paced_in_loop(
    poll: Callable[[], Sequence[Moment]], interval: float
) -> AsyncGenerator[Moment, None]:
    import asyncio  # who has a loop has loaded it; it would double the time that others wait

    due = time.monotonic()
    while True:
        for moment in await asyncio.to_thread(poll):
            yield moment
        due = max(due + interval, time.monotonic())
        await asyncio.sleep(max(due - time.monotonic(), 0))


def find_owners(proc: str | Path = "/proc", seconds: float = 0.5) -> Owners:
    """Look for the processes that hold sockets, for so many seconds at most.

    Others' processes are seen by root alone; ``Owners.denied`` counts those that were not.
    """
    return walk(Path(proc), deadline=time.monotonic() + seconds)


def refusals(interval: float = 1.0, *, bind: bool = False) -> Iterator[list[RefusalsJson]]:
    """Yield each ``interval`` seconds what the kernel has refused since, as plain data.

    That is each connect() which found no free port, in all network namespaces, counted by the
    kernel from this call on until the iterator is closed; with ``bind`` also each bind() that
    failed with EADDRINUSE, which costs every system call of the machine some 10 ns. The keys are
    those of `twtop refusals --json`. Raises CountingError where rights or the kernel do not allow
    it, in a line with what is missing, and ValueError for an interval that is none.
    """
    _check(0 < interval < math.inf, f"interval is {interval}, not a number of seconds above 0")
    counted = _refusals(interval, bind)
    next(counted)  # it counts from now on
    return counted


def _refusals(interval: float, bind: bool) -> Iterator[list[RefusalsJson]]:
    here = place_at(Path("/proc"))
    with Refusals(bind=bind) as counting:
        yield []
        while True:
            time.sleep(interval)
            yield list(refusal_records(counting.take(), here))


def full_report(frame: Frame, owners: Owners | None = None) -> ReportJson:
    """Return what `twtop report --json` prints."""
    return to_dict(frame, owners or Owners({}))


def state_counts(frame: Frame) -> StatesRecord:
    """Return the number of sockets in every state, also of states that none is in."""
    return states_record(frame)


def connections(
    frame: Frame, matching: str | None = None, owners: Owners | None = None
) -> list[SocketRecord]:
    """Return the quadruplets, also those in TIME-WAIT but no listeners, as plain data.

    ``matching`` is a filter as the dashboard has it, such as ``"state time-wait and dport
    5432"``. Raises FilterError for one that cannot be read.
    """
    by_inode = {} if owners is None else owners.by_inode
    return list(socket_records(frame, chosen_rows(frame, matching), by_inode))


def established(frame: Frame, owners: Owners | None = None) -> list[SocketRecord]:
    """Return the established connections."""
    return connections(frame, "state established", owners)


def listening(frame: Frame, owners: Owners | None = None) -> list[ListenerRecord]:
    """Return the listening sockets by port; ``backlog`` is how many wait to be accepted."""
    return list(listener_records(frame, owners or Owners({})))


def patterns(frame: Frame, owners: Owners | None = None) -> list[PatternRecord]:
    """Return who talks to whom, by ports in use, greatest first."""
    return list(pattern_records(frame, owners or Owners({})))


def per_ip(frame: Frame) -> list[RemoteRecord]:
    """Return the remote IPs, most sockets first; an IPv4 one and its mapped form are one."""
    return list(remote_records(frame))


def per_port(frame: Frame) -> list[PortRecord]:
    """Return the services' ports, most sockets first: the remote one of what goes out."""
    return list(port_records(frame))


def time_wait(frame: Frame) -> TimeWaitRecord:
    """Return the TIME-WAITs: how many, by age and by remaining time in whole seconds."""
    return time_wait_record(frame)


def counters(frame: Frame) -> dict[str, int]:
    """Return the kernel's own counters by name, as in sockstat, netstat and snmp.

    Their rates are in ``watch``: ``moment.trends.rates["TCPTimeWaitOverflow"]``.
    """
    return dict(frame.counters)


def settings(path: str | Path | None = None) -> Config:
    """Return what the user has configured: thresholds, and findings to be silent about.

    Without a path that is ~/.config/twtop/config.toml; what is missing has its default. Raises
    ConfigError, which names the file and the key.
    """
    return load_config(config_path() if path is None else Path(path), CODES)


def saved_listeners(path: str | Path | None = None) -> Baseline | None:
    """Return what `twtop audit --save-baseline` saved, None if never: for ``audit``.

    Raises BaselineError, which names the file.
    """
    return load_baseline(baseline_path() if path is None else Path(path))


def audit(
    seen: Frame | Moment,
    owners: Owners | None = None,
    config: Config | None = None,
    baseline: Baseline | None = None,
) -> tuple[Finding, ...]:
    """Return all findings, the gravest first.

    A moment of ``watch`` tells more than a frame: what grows, what is about to run out, and the
    kernel's counters as rates; who holds its sockets it knows by itself. Without ``config`` all
    thresholds have their defaults (``settings()`` has the user's), and without ``baseline`` no
    listener is new.
    """
    if isinstance(seen, Moment):
        frame, trends, owners = seen.frame, seen.trends, owners or seen.owners
    else:
        frame, trends, owners = seen, None, owners or Owners({})
    return diagnose(Situation(frame, owners, trends, config or Config(), baseline))


def remedies(
    frame: Frame,
    rate: float | None = None,
    lifetime: float | None = None,
    *,
    local_ip: str | None = None,
    remote_ip: str | None = None,
    remote_port: int | None = None,
) -> Plan | None:
    """Return what `twtop plan` works out: which changes give a load the ports it needs.

    The load is ``rate`` new connections per second, each open for ``lifetime`` seconds; what is
    None is taken from the fullest outgoing pattern with these ends. None if nothing tells a rate.
    Raises ValueError for a rate or a lifetime that is none.
    """
    _check(rate is None or 0 < rate < math.inf, f"rate is {rate}, not a number above 0")
    _check(lifetime is None or 0 <= lifetime < math.inf, f"lifetime is {lifetime}, not 0 s or more")
    index = hottest(frame, local_ip, remote_ip, remote_port)
    expected = estimate(None if index is None else observe(frame, index), rate, lifetime)
    if expected is None:
        return None
    if index is not None:
        key = frame.patterns.key(index)
        local_ip, remote_ip, remote_port = key.local_ip, key.remote_ip, key.remote_port
    return make_plan(expected.load, gather(frame, local_ip, remote_ip, remote_port))
