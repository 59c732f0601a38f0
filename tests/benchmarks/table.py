"""The budgets, line by line, and what was measured."""

from collections.abc import Callable, Iterator
from functools import partial
from math import isnan, nan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.benchmarks import crowd, dashboard, reading
from tests.benchmarks import places as manyplaces
from tests.benchmarks import recording as recorded
from tests.benchmarks import simulate as simulation
from tests.benchmarks import start as starting
from tests.benchmarks.load import Load, quiet, sockets
from tui import api
from tui.kernel.source import SourceKind

SMALL, LARGE = 30_000, 300_000
ROW = "{:>15}  {:<44} {:>8} {:>8}  {:<5} {}"
HEADER = ROW.format("sockets", "work", "budget", "measured", "", "")
READING_SECONDS, PROCESS_SECONDS = 10.0, 20.0
WATCH_SECONDS = 20.0
TURNS = 14
"""At least, however long they take."""
STARTS = 7
CLIENTS = 100_000
ROWS = 20_000
PLACES, MANY_PLACES = 100, 500

Budgets = tuple[float, float]
"""For few sockets and for many; nan where there is none."""


class Row(NamedTuple):
    """One budget and what was measured of it."""

    work: str
    budgets: Budgets
    form: str
    measured: float
    sockets: list[int]
    note: str

    def text(self, time_waits: int) -> str:
        """The row, for so many TIME-WAITs."""
        budget = self.budgets[time_waits > (SMALL * LARGE) ** 0.5]
        few, many = min(self.sockets), max(self.sockets)
        counts = f"{many:,}" if many - few < 0.005 * many else f"{few:,}–{many:,}"
        shown = "–" if isnan(budget) else self.form.format(budget), self.form.format(self.measured)
        verdict = "" if isnan(budget) else "ok" if self.measured <= budget else "over"
        return ROW.format(counts, self.work, shown[0], shown[1], verdict, self.note).rstrip()


def proc(load: Load) -> Iterator[Row]:
    """/proc → Frame."""
    yield _with_walk(load, "/proc → Frame / reading both files", (1.2, 1.2), "proc")


def sock_diag(load: Load) -> Iterator[Row]:
    """sock_diag → Frame."""
    yield _with_walk(load, "sock_diag → Frame / receiving it", (1.5, 1.3), "sock_diag")


def _with_walk(load: Load, work: str, budgets: Budgets, kind: SourceKind) -> Row:
    least = reading.read_files if kind == "proc" else reading.receive_dumps
    kept = reading.compare(load, reading.frames(kind), least, READING_SECONDS, TURNS)
    fresh = reading.compare(load, reading.first_frame(kind), least, READING_SECONDS / 2, TURNS // 2)
    walked = f"; {fresh.ratio:.2f} with a walk of the bound sockets"
    return _ratio(work, budgets, kept, walked)


def ss(load: Load) -> Iterator[Row]:
    """Against what everybody uses."""
    frames = reading.frames("sock_diag")
    found = reading.compare(load, frames, reading.SS, READING_SECONDS, TURNS)
    yield _ratio("sock_diag → Frame / ss -tan", (0.25, 0.25), found)


def scrape(load: Load) -> Iterator[Row]:
    """What Prometheus is told, against the frame that it is made of."""
    kinds: tuple[SourceKind, ...] = "proc", "sock_diag"
    for kind in kinds:
        told, frames = reading.scrape(kind), reading.frames(kind)
        found = reading.compare(load, told, frames, READING_SECONDS, TURNS)
        yield _ratio(f"a scrape / {kind} → Frame", (1.2, 1.2), found)


def report(load: Load) -> Iterator[Row]:
    """Against what people write."""
    found = reading.compare(load, reading.REPORT, reading.NAIVE, PROCESS_SECONDS, TURNS // 2)
    yield _ratio("twtop report --json / split-and-dict script", (0.8, 0.2), found)


def columns(load: Load) -> Iterator[Row]:
    """What a program gets of a frame, against making that; of an address each, the dearest."""
    with TemporaryDirectory() as directory:
        crowd.write(Path(directory), ROWS)
        frame = api.snapshot(proc=directory)
        for work, budget, made in (
            ("frame.sockets(), NumPy columns / snapshot", 2.0, frame.sockets),
            ("connections(frame), dicts / snapshot", nan, lambda: api.connections(frame)),
        ):
            against = partial(api.snapshot, proc=directory)
            found = reading.compare(load, made, against, READING_SECONDS / 2, TURNS)
            yield _ratio(work, (budget, budget), found._replace(sockets=[ROWS]))


def _ratio(work: str, budgets: Budgets, found: reading.Comparison, more: str = "") -> Row:
    times = f"{min(found.work) * 1000:.1f} / {min(found.against) * 1000:.1f} ms"
    note = f"{times}, best of {len(found.work)}; median {found.middle:.2f}{more}"
    return Row(work, budgets, "{:.2f}", found.ratio, found.sockets, note)


def keys(load: Load) -> Iterator[Row]:
    """Key → repaint."""
    count = sockets()
    waits = [wait * 1000 for wait in dashboard.keys(WATCH_SECONDS)]
    half, most = dashboard.percentile(waits, 50), max(waits)
    note = f"{len(waits)} keys; median {half:.1f}, worst {most:.0f} ms"
    measured = dashboard.percentile(waits, 95)
    yield Row("key → repaint, 95th percentile", (20, 20), "{:.1f} ms", measured, [count], note)


def many(load: Load) -> Iterator[Row]:
    """Key → repaint with a pattern for each of very many clients, from a copy of /proc."""
    with TemporaryDirectory() as directory:
        crowd.write(Path(directory), CLIENTS)
        found = dashboard.many_patterns(WATCH_SECONDS, Path(directory))
    for work, waits in found.items():
        ms = [wait * 1000 for wait in waits]
        half, most = dashboard.percentile(ms, 50), max(ms)
        note = f"{len(ms)} keys; median {half:.1f}, worst {most:.0f} ms"
        work = f"{work} → repaint, 95th, {CLIENTS:,} patterns"
        measured = dashboard.percentile(ms, 95)
        yield Row(work, (20, 20), "{:.1f} ms", measured, [CLIENTS], note)


def idle(load: Load) -> Iterator[Row]:
    """What a dashboard writes while nothing is opened or closed, but timers count down."""
    with quiet():
        count = sockets()
        kilobytes = dashboard.idle(WATCH_SECONDS) / 1000
    yield Row("idle dashboard writes", (5, 5), "{:.1f} kB/s", kilobytes, [count], "")


def share(load: Load) -> Iterator[Row]:
    """CPU and memory; `auto` begins with /proc, and is at either source for a minute or more."""
    loop = dashboard.loop(WATCH_SECONDS)
    for source in ("auto", "proc"):
        found = dashboard.share(WATCH_SECONDS, source)
        work = f"dashboard, CPU / a loop of ss -tan, --source {source}"
        cpu = found.user + found.system
        note = f"{cpu:.1%} / {loop:.1%} of a core, user {found.user:.1%}; from {found.source}"
        yield Row(work, (0.6, 0.2), "{:.2f}", cpu / loop, found.sockets, note)
        if source == "auto":
            work, note = "dashboard, memory", f"at most {found.peak:.0f} MB"
            yield Row(work, (75, 140), "{:.0f} MB", found.rss, found.sockets, note)


def start(load: Load) -> Iterator[Row]:
    """How long one waits at the start and at the end."""
    count = sockets()
    dashboard.start()  # its modules are compiled now
    empty, starts = [], []
    for _ in range(STARTS):
        empty.append(dashboard.empty())
        starts.append(dashboard.start())
    for work, budget, times in (
        ("first paint", 1.3, [one.paint for one in starts]),
        ("first data", 1.6, [one.data for one in starts]),
    ):
        note = f"{min(times):.2f} / {min(empty):.2f} s, best of {STARTS}; worst {max(times):.2f} s"
        work = f"{work} / that of an empty Textual app"
        yield Row(work, (budget, budget), "{:.2f}", min(times) / min(empty), [count], note)
    times = [one.quit for one in starts]
    note = f"best of {STARTS}; worst {max(times):.2f} s"
    yield Row("quitting", (0.3, 0.3), "{:.2f} s", min(times), [count], note)


def commands(load: Load) -> Iterator[Row]:
    """What a command takes of the processor, all in all."""
    for work, budgets, argv, against in (
        ("twtop --version, CPU / import click", (2.0, 2.0), starting.VERSION, starting.CLICK),
        ("twtop check, CPU / import numpy, click", (1.5, nan), starting.CHECK, starting.NUMPY),
        ("twtop report --json, CPU / the same", (nan, nan), starting.REPORT, starting.NUMPY),
    ):
        yield _ratio(work, budgets, starting.compare(load, argv, against, TURNS))


def simulate(load: Load) -> Iterator[Row]:
    """How fast one process connects; that is 20,000 connections a second at the least."""
    count = sockets()
    with load.paused():
        rates = simulation.rates()
    note = f"{max(rates):,.0f} connections/s, best of {len(rates)}; worst {min(rates):,.0f}"
    measured = 1e6 / max(rates)
    yield Row("twtop simulate, one connection", (50, 50), "{:.0f} µs", measured, [count], note)


def places(load: Load) -> Iterator[Row]:
    """Many network namespaces, nearly all of them idle; this one is the busy one."""
    count = sockets()
    with manyplaces.places(PLACES):
        first, further = ([1000 * each for each in times] for times in manyplaces.looks(TURNS))
    for work, budget, times in (
        (f"a look at {PLACES} idle places", 20, further),
        ("the same, with names and sysctls", nan, first),
    ):
        note = f"best of {len(times)}; median {sorted(times)[len(times) // 2]:.1f} ms"
        yield Row(work, (budget, budget), "{:.1f} ms", min(times), [count], note)
    with manyplaces.places(MANY_PLACES):
        cpu, seen = manyplaces.share(WATCH_SECONDS)
    work = f"watching {MANY_PLACES} places at 1 Hz, of a core"
    yield Row(work, (0.1, 0.1), "{:.1%}", cpu, [count], f"{seen:,} places were seen")


def recording(load: Load) -> Iterator[Row]:
    """A day's recording, of tables that were really read; budgets are for 20,000 TIME-WAITs."""
    with TemporaryDirectory() as directory:
        written = recorded.chapter(Path(directory, "chapter.twtop"))
        opened = recorded.day(written.path, Path(directory, "day.twtop"))
    note = f"{len(written.sockets)} moments, above reading and judging"
    yield Row("recording, of a core", (0.03, nan), "{:.2%}", written.share, written.sockets, note)
    seeks = sorted(1000 * each for each in opened.seeks)
    note = f"median {seeks[len(seeks) // 2]:.0f}, worst {seeks[-1]:.0f} ms"
    for work, budget, form, measured, more in (
        ("a day's recording", 100, "{:.0f} MB", opened.size / 1e6, ""),
        ("opening it, to its first view", 1, "{:.2f} s", opened.first, ""),
        ("a seek in it, 95th percentile", 100, "{:.0f} ms", dashboard.percentile(seeks, 95), note),
    ):
        yield Row(work, (budget, nan), form, measured, written.sockets, more)


MEASURES: dict[str, Callable[[Load], Iterator[Row]]] = {
    measure.__name__: measure
    for measure in (
        proc,
        sock_diag,
        ss,
        report,
        scrape,
        columns,
        commands,
        keys,
        many,
        idle,
        share,
        start,
        simulate,
        places,
        recording,
    )
}


def measure(time_waits: int, names: list[str]) -> None:
    """Print the rows of these names, with so many TIME-WAITs."""
    with Load(time_waits) as load:
        load.fill()
        for name in names:
            for row in MEASURES[name](load):
                print(row.text(time_waits), flush=True)
