"""A real Prometheus beside a tuple that really runs out: warned before, right, and quiet after."""

import errno
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.live.fates import Server
from tests.live.report import run_report
from tests.metrics.prometheus import program
from tests.patience import limit, until
from tests.private import Lab
from tui.kernel.places import HERE as HERE_NS
from tui.lab.namespace import bring_up, gain_privileges, sysctl
from tui.lab.process import Child, raise_file_limit
from tui.metrics.alerts import rules_text

pytestmark = pytest.mark.live

LOW, SIZE, STEP = 40_000, 600, 30
HERE, PORT, TWTOP, PROMETHEUS = "127.0.0.1", 5001, 9815, 9090
TUPLE = f'{{local_ip="{HERE}",remote_ip="{HERE}",remote_port="{PORT}"}}'
SOON, EXHAUSTED = "TwtopPortsExhaustSoon", "TwtopPortsExhausted"
EVERY_MS = 400, 1000, 1000
"""How often Prometheus looks; a busy machine does not answer it as soon."""
FILLED = {"full": 60, "half": 240, "idle": 2}
"""Of three places, the connections that they have at first."""
FIELDS = ("in_use", "capacity", "locked")


class Story(NamedTuple):
    """What happened while the ports ran out."""

    warned_at: int | None
    """Connections that there were when the forecast's alert fired."""
    failed_at: int
    """Those that there were when connect() failed."""
    error: int | None
    metrics: dict[str, float]
    report: dict[str, float]
    """The same figures by Prometheus and by the report, of the full tuple."""
    """Did the alerts resolve once the ports were back?"""


def config(every_ms: int) -> str:
    """Prometheus's, that looks so often and evaluates the rules."""
    each = ("scrape_interval", "scrape_timeout", "evaluation_interval")
    return f"""
global: {{{", ".join(f"{name}: {every_ms}ms" for name in each)}}}
rule_files: [rules.yml]
scrape_configs:
- {{job_name: twtop, static_configs: [{{targets: ["{HERE}:{TWTOP}"]}}]}}
"""


@contextmanager
def running(folder: Path, prometheus: Path, every_ms: int, *options: str) -> Iterator[None]:
    """A twtop that serves, and a Prometheus that scrapes it and evaluates the shipped rules."""
    (folder / "prometheus.yml").write_text(config(every_ms))
    (folder / "rules.yml").write_text(rules_text())
    twtop = [sys.executable, "-m", "tui", "metrics", "--listen", f"{HERE}:{TWTOP}"]
    twtop += ["-i", f"{every_ms / 2000:g}", *options]
    scraper = [
        str(prometheus),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={HERE}:{PROMETHEUS}",
        "--log.level=error",
    ]
    started = [subprocess.Popen(line) for line in (twtop, scraper)]
    try:
        until(lambda: value("max(twtop_reading_success)") == 1, "a first scrape")
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def asked(path: str, **query: str) -> Any:
    """What Prometheus answers, once it does: no answer is not "none"."""
    url = f"http://{HERE}:{PROMETHEUS}/api/v1/{path}?{urlencode(query)}"
    answers: list[Any] = []

    def answered() -> bool:
        try:
            with urlopen(url, timeout=limit()) as answer:
                answers.append(json.load(answer)["data"])
        except OSError:
            return False
        return True

    until(answered, "Prometheus to answer")
    return answers[0]


def value(expression: str) -> float | None:
    """The one sample that an expression has."""
    found = asked("query", query=expression)["result"]
    return float(found[0]["value"][1]) if found else None


def firing() -> set[str]:
    found = asked("alerts")["alerts"]
    ours = {alert["labels"]["alertname"]: alert for alert in found if alert["state"] == "firing"}
    return {name for name, alert in ours.items() if alert["labels"].get("remote_port") == str(PORT)}


class Far(NamedTuple):
    """What happened in several places while the ports of one ran out."""

    story: Story
    alerted: set[str]
    """The places of which an alert fired."""
    quiet_place: dict[str, float]
    """What Prometheus has of the place that has ports left."""
    quiet_report: dict[str, float]
    judged: set[str]
    """The places whose patterns are judged, of those of the test."""
    idle_bound: float | None


def be_a_place(connection: Connection, filled: int) -> None:
    """Hold so many ports of a namespace of one's own, then as many more as one is asked for."""
    gain_privileges()
    bring_up()
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + SIZE - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    raise_file_limit()
    with Server(HERE, PORT) as server:
        for _ in range(filled):
            server.connect(HERE)
        connection.send((HERE_NS.stat().st_ino, 0))
        while (more := connection.recv()) > 0:
            error = 0
            try:
                for _ in range(more):
                    server.connect(HERE)
            except OSError as failure:
                error = failure.errno or -1
            connection.send((len(server.pairs), error))
        for pair in server.pairs:  # a reset leaves no TIME-WAIT: all ports are back at once
            pair.client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            pair.client.close()
        connection.send((0, 0))
        connection.recv()


def far_run_out(prometheus: Path, every_ms: int) -> Far:
    """Let the ports of one place run out, beside one that has some left and one that is idle."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        places = {name: Child(be_a_place, count) for name, count in FILLED.items()}
        for place in places.values():
            stack.callback(place.stop)
        numbers = {name: place.connection.recv()[0] for name, place in places.items()}
        stack.enter_context(running(Path(folder), prometheus, every_ms, "-N", "all"))

        def of(name: str, metric: str) -> float | None:
            return value(f'{metric}{{place=~".*:{numbers[name]}"}}')

        def seen_anew(name: str) -> None:
            before = of(name, "twtop_reading_timestamp_seconds")
            until(lambda: of(name, "twtop_reading_timestamp_seconds") != before, "the next scrape")

        warned_at, alerted, made, error = None, set[str](), 0, 0
        line = places["full"].connection
        while not error:
            line.send(2 * STEP)
            made, error = line.recv()
            seen_anew("full")
            if warned_at is None and not error and SOON in firing():
                warned_at = made
        until(lambda: EXHAUSTED in firing(), "the alert of the full tuple")
        for alert in asked("alerts")["alerts"]:
            if alert["labels"]["alertname"] in (SOON, EXHAUSTED):
                alerted |= {
                    n for n in numbers if alert["labels"]["place"].endswith(f":{numbers[n]}")
                }

        def told(name: str) -> dict[str, float]:
            return {field: of(name, f"twtop_pattern_ports_{field}") or -1 for field in FIELDS}

        def reported(name: str) -> dict[str, float]:
            report = run_report("proc", "-N", str(places[name].process.pid))
            pattern = report.pattern(HERE, HERE, PORT)
            assert pattern is not None
            return {field: float(pattern[field]) for field in FIELDS}

        full, left = (told("full"), reported("full")), (told("half"), reported("half"))
        judged = {name for name in places if of(name, "twtop_ports_capacity") is not None}
        bound = of("idle", "twtop_place_utilization_bound_ratio")
        line.send(0)
        line.recv()
        until(lambda: not firing(), "the alerts to resolve")
        return Far(Story(warned_at, made, error, *full), alerted, *left, judged, bound)


def run_out(prometheus: Path, every_ms: int) -> Story:
    """Let the ports run out, some more at each scrape; so no speed of the machine matters."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + SIZE - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    warned_at, error = None, None
    with (
        TemporaryDirectory() as folder,
        Server(HERE, PORT) as server,
        running(Path(folder), prometheus, every_ms),
    ):
        while error is None:
            scrape = value("twtop_reading_timestamp_seconds")
            try:
                for _ in range(STEP):
                    server.connect(HERE)
            except OSError as failure:
                error = failure.errno
            until(
                lambda: value("twtop_reading_timestamp_seconds") != scrape,  # noqa: B023
                "the next scrape",
            )
            if warned_at is None and SOON in firing():
                warned_at = len(server.pairs)
        failed_at = len(server.pairs)
        until(lambda: EXHAUSTED in firing(), "the alert of the full tuple")
        metrics = {field: value(f"twtop_pattern_ports_{field}{TUPLE}") or -1 for field in FIELDS}
        report = run_report("proc").pattern(HERE, HERE, PORT)
        assert report is not None
        for pair in server.pairs:  # a reset leaves no TIME-WAIT: all ports are back at once
            pair.client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            pair.client.close()
        # Not looked at again: a scrape that comes late, as on a busy machine, has no value.
        until(lambda: value(f"twtop_pattern_ports_in_use{TUPLE}") == 0, "all ports to be back")
        until(lambda: not firing(), "the alerts to resolve")
    same = {field: float(report[field]) for field in FIELDS}
    return Story(warned_at, failed_at, error, metrics, same)


Made = TypeVar("Made")


def _in_time(lab: Lab, make: Callable[[Path, int], Made], story: Callable[[Made], Story]) -> Made:
    """Once more where a busy machine kept Prometheus from looking until the ports were gone."""
    prometheus = program("prometheus")
    for every_ms in EVERY_MS:
        made = lab.call(make, prometheus, every_ms)
        warned_at = story(made).warned_at
        if warned_at is not None and warned_at < SIZE:
            return made
    pytest.skip("too busy a machine: Prometheus did not look before the ports were gone")


def test_it_is_warned_of_before_connect_fails(lab: Lab) -> None:
    story = _in_time(lab, run_out, lambda one: one)
    assert story.error == errno.EADDRNOTAVAIL
    assert story.failed_at == SIZE
    assert story.warned_at is not None
    assert story.warned_at < SIZE
    assert story.metrics == story.report
    assert story.metrics["locked"] == SIZE


@pytest.mark.skipif(os.geteuid() != 0, reason="enters namespaces of others")
def test_of_several_places_the_one_that_runs_out_is_warned_of(lab: Lab) -> None:
    far = _in_time(lab, far_run_out, lambda one: one.story)
    assert (far.story.failed_at, far.story.error) == (SIZE, errno.EADDRNOTAVAIL)
    assert far.story.warned_at is not None
    assert far.story.warned_at < SIZE
    assert far.alerted == {"full"}
    assert far.story.metrics == far.story.report
    assert far.quiet_place == far.quiet_report
    assert far.quiet_place["locked"] == FILLED["half"]
    assert far.judged == {"full", "half"}
    assert far.idle_bound is not None
    assert far.idle_bound < 0.05
