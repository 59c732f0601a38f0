"""What the dashboard takes, in a pseudo-terminal of 120 × 40."""

import os
import random
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.load import sockets
from tests.e2e.terminal import TWTOP, Pty
from tests.patience import limit

WARM_UP_SECONDS = 5.0
AWAY_FROM_THE_EDGE = 8
"""Rows down from the first one, where a key would move nothing."""
TICK = os.sysconf("SC_CLK_TCK")
PAINT, DATA = b"TIME-WAIT", b"closing"
"""A panel's title, and a word that comes with the first figures."""
NO_TIME_WAIT = b"no TIME-WAIT here"
"""What comes with the first figures where there is none."""


class Start(NamedTuple):
    """Seconds from the start of the process, and from q to its end."""

    paint: float
    data: float
    quit: float


class Share(NamedTuple):
    """CPU seconds per second, and memory in MB."""

    user: float
    system: float
    rss: float
    peak: float
    source: str
    """Where it read from, as its title bar says."""
    sockets: list[int]


def start() -> Start:
    """Start, wait for data, look at it for a moment, quit."""
    began = time.perf_counter()
    with Pty(TWTOP) as pty:
        paint = _await(pty, PAINT) - began
        data = _await(pty, DATA) - began
        _drain(pty, random.uniform(0.3, 1.3))
        asked = time.perf_counter()
        pty.press("q")
        while pty.process.poll() is None:
            pty.read(0.001)
        return Start(paint, data, time.perf_counter() - asked)


EMPTY = (
    sys.executable,
    "-c",
    "from textual.app import App\n"
    "class Empty(App):\n"
    "    def compose(self):\n"
    "        from textual.widgets import Static\n"
    "        yield Static('TIME-WAIT')\n"
    "Empty().run()",
)


def empty() -> float:
    """The seconds until an app of Textual's that only says a word has painted it."""
    began = time.perf_counter()
    with Pty(EMPTY) as pty:
        return _await(pty, PAINT) - began


def loop(seconds: float) -> float:
    """The part of a core that the loop takes which people watch TIME-WAITs with."""
    line = f"timeout {seconds:.0f} sh -c 'while sleep 1; do ss -tan | wc -l; done'"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(line, shell=True, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return used / seconds


def keys(seconds: float) -> list[float]:
    """How long each of many keys waits for the first output that follows it."""
    with _settled() as pty:
        return _waits(pty, "jk", seconds)


def many_patterns(seconds: float, directory: Path) -> dict[str, list[float]]:
    """The same for several kinds of keys, where `directory` is a copy to read."""
    waits = {}
    with _settled("--proc", str(directory), until=NO_TIME_WAIT) as pty:
        waits["cursor move"] = _waits(pty, "jk", seconds)
        waits["sort"] = _waits(pty, "s", seconds)
        waits["typing a filter"], waits["entering it"] = [], []
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            _each(pty, "/")
            waits["typing a filter"] += _each(pty, "37")
            waits["entering it"] += _each(pty, "\r")
            _drain(pty, 0.5)  # the rows that pass
            _each(pty, "\x1b")
    return waits


@contextmanager
def _settled(*options: str, until: bytes = DATA) -> Iterator[Pty]:
    """A dashboard past its start, its selection away from the edge."""
    with Pty((*TWTOP, *options)) as pty:
        _await(pty, until)
        pty.press("j" * AWAY_FROM_THE_EDGE)
        _drain(pty, WARM_UP_SECONDS)
        yield pty


def _waits(pty: Pty, presses: str, seconds: float) -> list[float]:
    """Press these keys in turns for so long."""
    waits: list[float] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        waits += _each(pty, presses)
    return waits


def _each(pty: Pty, presses: Iterable[str]) -> list[float]:
    waits = []
    for key in presses:
        _drain(pty, random.uniform(0.05, 0.25))
        began = time.perf_counter()
        pty.press(key)
        assert pty.read(limit()), "a key without an answer"
        waits.append(time.perf_counter() - began)
    return waits


def idle(seconds: float) -> float:
    """How many bytes a second it writes when left alone."""
    with _settled() as pty:
        return len(_drain(pty, seconds)) / seconds


def percentile(values: list[float], percent: int) -> float:
    """Of a hundred values, that which so many do not exceed."""
    return statistics.quantiles(values, n=100)[percent - 1]


def share(seconds: float, source: str) -> Share:
    """What it takes at its usual pace, left alone."""
    counts = []
    shown = b""
    with Pty((*TWTOP, "--source", source)) as pty:
        _await(pty, DATA)
        _drain(pty, WARM_UP_SECONDS)
        began, before = time.perf_counter(), _cpu(pty.process.pid)
        while time.perf_counter() - began < seconds:
            counts.append(sockets())
            shown += _drain(pty, 0.5)
        took, after = time.perf_counter() - began, _cpu(pty.process.pid)
        user, system = ((a - b) / took for a, b in zip(after, before, strict=True))
        status = Path(f"/proc/{pty.process.pid}/status").read_text()
    memory = _megabytes(status, "VmRSS"), _megabytes(status, "VmHWM")
    sources = [source.decode() for source in re.findall(rb"(/proc|sock_diag) \d+ ms", shown)]
    return Share(user, system, *memory, ", ".join(sorted(set(sources))), counts)


def _cpu(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / TICK, int(fields[12]) / TICK


def _megabytes(status: str, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / 1e6 if found else float("nan")


def _await(pty: Pty, wanted: bytes) -> float:
    seen = b""
    deadline = time.monotonic() + limit()
    while wanted not in seen:
        seen += pty.read(limit())
        assert time.monotonic() < deadline, f"no {wanted!r} in {limit():.0f} s"
    return time.perf_counter()


def _drain(pty: Pty, seconds: float) -> bytes:
    seen = b""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        seen += pty.read(left)
    return seen
