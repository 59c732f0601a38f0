"""A simulated fleet: what so many hosts would tell Prometheus, in its text format.

python -m tests.fleet.simulated 2000 serves it, and runs a Prometheus that scrapes each host.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

from tests.metrics.prometheus import program
from tui.kernel.sockets import State
from tui.metrics.alerts import rules_text
from tui.metrics.names import BANDS, METRICS

CAPACITY = 28_232
JOBS = ("gateway", "worker", "database", "batch")
SYSCTLS = 20
"""As many series as a host's kernel parameters have."""
KINDS = {one.name: one.kind for one in METRICS}


class Host:
    """One host, the same for a number whenever it is asked."""

    def __init__(self, number: int) -> None:
        self.name = f"gw-{number:05}"
        self.job = JOBS[number % len(JOBS)]
        dice = random.Random(number)
        self.base = dice.betavariate(1, 6)
        self.swing = dice.random() * 0.1
        self.phase = dice.random() * 6
        self.patterns = dice.randrange(1, 7)
        self.process = dice.choice(("envoy", "nginx", "php-fpm", "haproxy"))
        self.seconds_left = dice.choice((12.0, 90.0, 400.0)) if dice.random() < 0.01 else math.inf
        self.leaks = dice.random() < 0.03

    def share(self, time: float) -> float:
        """The part of its ports that its worst tuple has locked."""
        share = self.base + self.swing * math.sin(time / 600 + self.phase)
        return min(max(share, 0.0), 1.0)

    def samples(self, time: float) -> Iterator[tuple[str, dict[str, str], float]]:
        """Name, labels and value of each series, at a Unix time."""
        place = {"place": self.name}
        share = self.share(time)
        locked = round(share * CAPACITY)
        for state in State:
            yield "twtop_sockets", place | {"state": state.name}, locked if state == 6 else 3
        yield "twtop_time_wait_sockets", place, locked
        yield "twtop_time_wait_hold_seconds", place, 60
        yield "twtop_closings_per_second", place, locked / 60
        yield "twtop_ports_capacity", place, CAPACITY
        yield "twtop_ports_reserved", place, 0
        yield "twtop_ports_excluded", place, 0
        for least, band in BANDS:
            yield "twtop_patterns", place | {"band": band}, int(share >= least)
        yield "twtop_patterns_utilization_max_ratio", place, locked / CAPACITY
        yield "twtop_patterns_locked_max_ratio", place, round(locked / CAPACITY, 6)
        yield "twtop_patterns_exhaustion_min_seconds", place, self.seconds_left
        yield "twtop_patterns_left_out", place, 0
        for number in range(self.patterns):
            if self.base < 0.1:
                break
            ends = place | {
                "direction": "outgoing",
                "local_ip": "10.0.0.5",
                "remote_ip": f"10.9.0.{number + 4}",
                "remote_port": "443",
            }
            mine = locked // (number + 1)
            yield "twtop_pattern_ports_in_use", ends, min(mine + 100, CAPACITY)
            yield "twtop_pattern_ports_capacity", ends, CAPACITY
            yield "twtop_pattern_ports_locked", ends, mine
            left = self.seconds_left if number == 0 else math.inf
            yield "twtop_pattern_exhaustion_seconds", ends, left
            yield "twtop_pattern_info", ends | {"process": self.process}, 1
        if self.leaks:
            yield "twtop_findings", place | {"code": "close-wait-held", "severity": "warning"}, 1
        if share >= 0.8:
            code = {"code": "ports-above-threshold", "severity": "critical"}
            yield "twtop_findings", place | code, 1
        for number in range(SYSCTLS):
            yield "twtop_sysctl", place | {"name": f"net.ipv4.p{number}", "index": "0"}, 1
        yield "twtop_place_info", place | {"kind": "host"}, 1
        yield "twtop_reading_success", place, 1
        yield "twtop_reading_complete", place, 1
        yield "twtop_readings_incomplete_total", place, 0
        yield "twtop_sysctls_assumed", place, 0
        yield "twtop_reading_timestamp_seconds", place, time
        yield "twtop_scrape_duration_seconds", {}, 0.02

    def text(self, time: float) -> str:
        """What a scrape gets."""
        return "".join(
            f"{name}{labels_text(labels)} {number(value)}\n"
            for name, labels, value in self.samples(time)
        )


def labels_text(labels: dict[str, str]) -> str:
    """Labels as the text format has them."""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def number(value: float) -> str:
    """A value as the text format has it."""
    return "+Inf" if value == math.inf else repr(value)


def open_metrics(hosts: list[Host], times: list[float]) -> Iterator[str]:
    """The lines of a history, for promtool: each metric with all of its series and times.

    `up` is among them, and job and instance, which else Prometheus adds.
    """
    told: dict[str, list[str]] = {name: [] for name in (*KINDS, "up")}
    for host in hosts:
        target = {"job": host.job, "instance": f"{host.name}:9815"}
        for at in times:
            for name, labels, value in (("up", {}, 1.0), *host.samples(at)):
                series = f"{name}{labels_text(labels | target)}"
                told[name].append(f"{series} {number(value)} {at:.3f}\n")
    for name, lines in told.items():
        # A series' samples must not be apart from each other.
        yield f"# TYPE {name.removesuffix('_total')} {KINDS.get(name, 'gauge')}\n"
        yield from sorted(lines, key=lambda line: line.rsplit(" ", 2)[0])
    yield "# EOF\n"


async def serve(hosts: list[Host], port: int) -> asyncio.Server:
    """Answer the scrapes of all: each is a path."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            while (await reader.readline()).strip():
                pass
            host = hosts[int(line.split()[1][1:])]
            body = host.text(time.time()).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}"
            writer.write(head.encode() + b"\r\n\r\n" + body)
            await writer.drain()

    return await asyncio.start_server(answer, "127.0.0.1", port)


def configure(folder: Path, hosts: list[Host], port: int, interval: str, *, rules: bool) -> None:
    """Write what Prometheus begins with."""
    targets = [
        {
            "targets": [f"127.0.0.1:{port}"],
            "labels": {
                "__metrics_path__": f"/{number}",
                "instance": f"{host.name}:9815",
                "job": host.job,
            },
        }
        for number, host in enumerate(hosts)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "targets.json").write_text(json.dumps(targets))
    (folder / "rules.yml").write_text(rules_text())
    config = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["rules.yml"] if rules else [],
        "scrape_configs": [{"job_name": "twtop", "file_sd_configs": [{"files": ["targets.json"]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))


def command(folder: Path, port: int) -> list[str]:
    """What runs Prometheus on this folder."""
    return [
        str(program("prometheus")),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=error",
    ]


async def run(chosen: argparse.Namespace) -> None:
    """Serve so many hosts, and run a Prometheus that scrapes them, until interrupted."""
    hosts = [Host(number) for number in range(chosen.hosts)]
    configure(chosen.folder, hosts, 9815, chosen.interval, rules=chosen.rules)
    async with await serve(hosts, 9815):
        process = await asyncio.create_subprocess_exec(*command(chosen.folder, 9090))
        try:
            await process.wait()
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("hosts", type=int)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/twtop-fleet"))
    parser.add_argument("--rules", action="store_true")
    parser.add_argument("--interval", default="15s")
    asyncio.run(run(parser.parse_args()))
