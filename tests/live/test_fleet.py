"""A real Prometheus with an hour of a simulated fleet: what fleet asks for is what it has."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.fleet.simulated import Host, command, configure, open_metrics
from tests.metrics.prometheus import program
from tests.patience import limit, until
from tests.private import Lab
from tui.commands.fleet_check import judge_fleet
from tui.fleet.client import Address, FleetError, Prometheus
from tui.fleet.fleet import Fleet, Silence
from tui.fleet.reader import Reader
from tui.report.answer import UNKNOWN

pytestmark = pytest.mark.live

PORT = 9090
HOSTS = [Host(number) for number in range(40)]
GONE, DOWN = HOSTS[3], HOSTS[5]
STEP = 120


@contextmanager
def running(folder: Path, now: float) -> Iterator[Reader]:
    """Prometheus over a history that ends now; one host has gone, one cannot be scraped."""
    times = [now - STEP * ago for ago in range(30, -1, -1)]
    history = folder / "history"
    with history.open("w") as file:
        for line in open_metrics(HOSTS, times):
            file.write(_as_it_went(line, now))
    made = [
        program("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        history,
        folder / "data",
    ]
    subprocess.run(list(map(str, made)), check=True, capture_output=True, timeout=limit())
    configure(folder, [], 9, "15s", rules=False)
    with subprocess.Popen(command(folder, PORT)) as process:
        try:
            reader = Reader(Prometheus(Address(f"http://127.0.0.1:{PORT}", timeout=limit())))
            until(lambda: _is_up(reader), "Prometheus to answer")
            yield reader
        finally:
            process.kill()


def _as_it_went(line: str, now: float) -> str:
    """The line without what a host did not tell: GONE nothing of late, DOWN no more than `up 0`."""
    if line.startswith("#") or float(line.rsplit(" ", 1)[1]) < now - 1800:
        return line
    if f'"{GONE.name}:' in line:
        return ""
    if f'"{DOWN.name}:' in line:
        return line.replace("} 1.0 ", "} 0.0 ") if line.startswith("up{") else ""
    return line


def _is_up(reader: Reader) -> bool:
    try:
        reader.prometheus.ask("vector(1)")
    except FleetError:
        return False
    return True


def story() -> tuple[float, Fleet, tuple[int, ...], int, list[float]]:
    """What fleet tells of it: with how many points of history, how many hosts had some, and what
    the tuples of the worst place have locked at the end.
    """
    now = time.time()
    with TemporaryDirectory() as folder, running(Path(folder), now) as reader:
        fleet = reader.read()
        lines = reader.history([one.labels for one in fleet.places], fleet.time)
        whole, patterns, ratios = reader.history_of(fleet.places[0], fleet.time)
        groups = reader.history_of_groups(fleet.time, is_recorded=False)
        points = len(whole[0].points), len(patterns), len(groups)
        return now, fleet, points, len(lines), [one.value for one in ratios]


def test_every_host_by_what_it_tells(lab: Lab) -> None:
    program("prometheus")
    now, fleet, (points, patterns, groups), lines, ratios = lab.call(story)
    telling = [host for host in HOSTS if host not in (GONE, DOWN)]
    assert fleet.hosts == len(fleet.places) == len(telling)
    shares = {f"{host.name}:9815": host.share(now) for host in telling}
    bases = {f"{host.name}:9815": host.base for host in telling}
    for place in fleet.places:
        assert place.locked == pytest.approx(shares[place.labels["instance"]], abs=1e-4)
        assert (place.worst is not None) == (bases[place.labels["instance"]] >= 0.1)
        if place.worst is not None:
            assert place.worst.use.locked / place.worst.use.capacity == pytest.approx(
                place.locked, abs=1e-4
            )
            assert place.worst.process
    locked = [place.locked or 0.0 for place in fleet.places]
    assert locked == sorted(locked, reverse=True)
    assert {(one.labels["instance"], one.why) for one in fleet.silent} == {
        (f"{GONE.name}:9815", Silence.GONE),
        (f"{DOWN.name}:9815", Silence.DOWN),
    }
    assert [group.silent for group in fleet.groups if group.silent] == [1, 1]
    assert judge_fleet(fleet, 99, 99).code == UNKNOWN
    assert lines >= len(telling)
    assert points > 50
    assert patterns >= 1
    assert groups == len(fleet.groups)
    assert max(ratios) == pytest.approx(fleet.places[0].locked, abs=1e-6), "of one moment"
    assert fleet.cost.samples > 0
