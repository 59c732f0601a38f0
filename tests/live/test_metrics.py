"""A real Prometheus beside a tuple that really runs out: warned before, right, and quiet after."""

import errno
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.live.fates import Server
from tests.live.report import run_report
from tests.metrics.prometheus import program
from tests.patience import limit, until
from tests.private import Lab
from tui.lab.namespace import sysctl
from tui.metrics.alerts import rules_text

pytestmark = pytest.mark.live

LOW, SIZE, STEP = 40_000, 600, 30
HERE, PORT, TWTOP, PROMETHEUS = "127.0.0.1", 5001, 9815, 9090
TUPLE = f'{{local_ip="{HERE}",remote_ip="{HERE}",remote_port="{PORT}"}}'
SOON, EXHAUSTED = "TwtopPortsExhaustSoon", "TwtopPortsExhausted"
CONFIG = f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [rules.yml]
scrape_configs:
- {{job_name: twtop, static_configs: [{{targets: ["{HERE}:{TWTOP}"]}}]}}
"""
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
    quiet: bool
    """Did the alerts resolve once the ports were back?"""


@contextmanager
def running(folder: Path, prometheus: Path) -> Iterator[None]:
    """A twtop that serves, and a Prometheus that scrapes it and evaluates the shipped rules."""
    (folder / "prometheus.yml").write_text(CONFIG)
    (folder / "rules.yml").write_text(rules_text())
    twtop = [sys.executable, "-m", "tui", "metrics", "--listen", f"{HERE}:{TWTOP}", "-i", "0.5"]
    scraper = [
        str(prometheus),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={HERE}:{PROMETHEUS}",
        "--log.level=error",
    ]
    started = [subprocess.Popen(line) for line in (twtop, scraper)]
    try:
        until(lambda: value("twtop_reading_success") == 1, "a first scrape")
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def asked(path: str, **query: str) -> Any:
    """What Prometheus answers, None while it is not there."""
    try:
        url = f"http://{HERE}:{PROMETHEUS}/api/v1/{path}?{urlencode(query)}"
        with urlopen(url, timeout=limit()) as answer:
            return json.load(answer)["data"]
    except (URLError, ConnectionError):
        return None


def value(expression: str) -> float | None:
    """The one sample that an expression has."""
    answer = asked("query", query=expression)
    found = [] if answer is None else answer["result"]
    return float(found[0]["value"][1]) if found else None


def firing() -> set[str]:
    alerts = asked("alerts")["alerts"]
    ours = {alert["labels"]["alertname"]: alert for alert in alerts if alert["state"] == "firing"}
    return {name for name, alert in ours.items() if alert["labels"].get("remote_port") == str(PORT)}


def run_out(prometheus: Path) -> Story:
    """Let the ports run out, some more at each scrape; so no speed of the machine matters."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + SIZE - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    warned_at, error = None, None
    with (
        TemporaryDirectory() as folder,
        Server(HERE, PORT) as server,
        running(Path(folder), prometheus),
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
        until(lambda: not firing(), "the alerts to resolve")
        quiet = value(f"twtop_pattern_ports_in_use{TUPLE}") == 0
    same = {field: float(report[field]) for field in FIELDS}
    return Story(warned_at, failed_at, error, metrics, same, quiet)


def test_it_is_warned_of_before_connect_fails(lab: Lab) -> None:
    story = lab.call(run_out, program("prometheus"))
    assert story.error == errno.EADDRNOTAVAIL
    assert story.failed_at == SIZE
    assert story.warned_at is not None
    assert story.warned_at < SIZE
    assert story.metrics == story.report
    assert story.metrics["locked"] == SIZE
    assert story.quiet
