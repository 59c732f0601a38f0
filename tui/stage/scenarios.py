"""The demo's scenarios: what is set, who serves, who connects, and what to watch for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tui.lab.namespace import FAR, OWN
from tui.lab.server import Manner, Service
from tui.lab.workload import Closing, Workload

HERE = "127.0.0.1"
DATABASE, WEB, CACHE = 5432, 8080, 6379
LOW, PORTS = 32_768, 1_000
SMALL_RANGE = f"{LOW} {LOW + PORTS - 1}"


@dataclass(frozen=True, slots=True)
class Step:
    """A change that is made while the load runs."""

    after: float
    """Seconds since the step before, pauses included."""
    note: str
    """What it is, and what it brings."""
    sysctls: Mapping[str, object] = field(default_factory=dict)
    sources: tuple[str | None, ...] | None = None
    targets: tuple[tuple[str, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way in which TCP ports go, or do not go, to waste."""

    name: str
    summary: str
    """What it is, in a few words."""
    watch: str
    """What to watch for."""
    service: Service
    plan: Workload
    sysctls: Mapping[str, object] = field(default_factory=dict)
    """Names below net, and values."""
    far: bool = False
    """Has the server on a second host, behind a veth pair."""
    steps: tuple[Step, ...] = ()
    kept: tuple[str, int] | None = None
    """A destination whose ports are held below KEPT_BELOW."""


KEPT_BELOW, KEPT_AGE_MS = 80.0, 10_000
"""Percent of the ports, and the age below which no TIME-WAIT is ended, in milliseconds."""
QUERY_SECONDS = 0.15
"""How long a client is connected, as for a query: long enough to see whose connection it is."""


CLIENTS = Workload(
    targets=((HERE, DATABASE),), hold_seconds=QUERY_SECONDS, keep_going=True, timeout=2.0
)
BASE = {"ipv4.ip_local_port_range": SMALL_RANGE, "ipv4.tcp_tw_reuse": 0}

SIDE_BY_SIDE = (*OWN.v4, HERE)
"""Nothing done, kept, and reused: an own address is no loopback one to tcp_tw_reuse."""
FIVE = tuple((f"127.0.0.{last}", DATABASE) for last in range(1, 6))

_ALL = (
    Scenario(
        "exhaustion",
        "one destination eats all ports",
        "One destination, 1,000 ports, 50 connections/s, each leaving a TIME-WAIT for 60 s. After "
        "10 s half the ports are gone and connect() gets slow; after 16 s the threshold is "
        "passed; after 20 s it fails: EADDRNOTAVAIL.",
        Service(((HERE, DATABASE),), name="postgres-demo"),
        replace(CLIENTS, rate=50),
        BASE,
    ),
    Scenario(
        "server-close",
        "harmless TIME-WAITs by the thousand",
        "The server closes first, so thousands of TIME-WAITs collect on its listening port. Ten "
        "clients connect 20 times a second each, too much for 1,000 ports if the TIME-WAITs were "
        "theirs. Nobody runs out.",
        Service(((HERE, WEB),), Manner.CLOSES_FIRST, name="web-demo"),
        replace(
            CLIENTS,
            targets=((HERE, WEB),),
            rate=200,
            sources=tuple(f"127.0.1.{last}" for last in range(1, 11)),
            closing=Closing.SERVER,
        ),
        BASE,
    ),
    Scenario(
        "reuse",
        "tcp_tw_reuse 0, 2 and 1 across two hosts",
        "A server on another host, 100 connections/s through 1,000 ports: full after 10 s. "
        "tcp_tw_reuse = 2, the default, helps on loopback only; = 1 ends the failures at once.",
        Service(((FAR.v4[0], DATABASE),), name="postgres-demo"),
        replace(CLIENTS, targets=((FAR.v4[0], DATABASE),), rate=100),
        BASE,
        far=True,
        steps=(
            Step(20, "tcp_tw_reuse = 2: loopback only, nothing changes", {"ipv4.tcp_tw_reuse": 2}),
            Step(
                15,
                "tcp_tw_reuse = 1: TIME-WAITs older than 1 s are reused",
                {"ipv4.tcp_tw_reuse": 1},
            ),
        ),
    ),
    Scenario(
        "reaper",
        "ending the oldest TIME-WAITs, compared with tcp_tw_reuse",
        "Three services, 50 connections/s each. The first gets no help: full after 20 s. For the "
        "second, `twtop keep` ends the oldest TIME-WAITs at 80 %. The third is on loopback, where "
        "tcp_tw_reuse = 2 does that at no cost.",
        Service(tuple((ip, DATABASE) for ip in SIDE_BY_SIDE), name="postgres-demo"),
        replace(CLIENTS, targets=tuple((ip, DATABASE) for ip in SIDE_BY_SIDE), rate=150),
        BASE | {"ipv4.tcp_tw_reuse": 2},
        kept=(SIDE_BY_SIDE[1], DATABASE),
    ),
    Scenario(
        "spread",
        "what more source IPs, destinations and ports bring",
        "100 connections/s; clients move to the next tuple when one is full. Each added source "
        "IP, destination IP or destination port doubles the ports: 1,000, 2,000, 4,000, 8,000.",
        Service(
            tuple((ip, port) for ip in ("127.0.0.1", "127.0.0.9") for port in (DATABASE, CACHE)),
            name="postgres-demo",
        ),
        replace(CLIENTS, rate=100, sources=("127.0.0.1",), fall_back=True),
        BASE,
        steps=(
            Step(14, "+1 source IP: 2 × 1,000 ports", sources=("127.0.0.1", "127.0.0.2")),
            Step(
                14,
                "+1 destination IP: 4 × 1,000 ports",
                targets=((HERE, DATABASE), ("127.0.0.9", DATABASE)),
            ),
            Step(
                24,
                "+1 destination port: 8 × 1,000 ports, more than 60 s of load need",
                targets=tuple(
                    (ip, port) for port in (DATABASE, CACHE) for ip in (HERE, "127.0.0.9")
                ),
            ),
        ),
    ),
    Scenario(
        "leak",
        "a server that never closes",
        "The clients close, but the server forgets to: its sockets stay in CLOSE-WAIT forever, "
        "under its name. No sysctl ends that; only the program can.",
        Service(((HERE, WEB),), Manner.NEVER_CLOSES, name="leaky-app"),
        replace(CLIENTS, targets=((HERE, WEB),), rate=20),
        {"ipv4.tcp_tw_reuse": 0},
    ),
    Scenario(
        "half-open",
        "handshakes that are never completed",
        "The last packet of each handshake is lost. SYN-RECV fills the listener's backlog of 32; "
        "the first clients believe they are connected, and later ones time out.",
        Service(((HERE, WEB),), Manner.LOSES_HANDSHAKES, backlog=32, name="web-demo"),
        replace(
            CLIENTS,
            targets=((HERE, WEB),),
            rate=15,
            closing=Closing.NOBODY,
            concurrency=48,
            hold_seconds=5,
        ),
        {"ipv4.tcp_syncookies": 0, "ipv4.tcp_max_syn_backlog": 64, "ipv4.tcp_tw_reuse": 0},
    ),
    Scenario(
        "bucket-overflow",
        "tcp_max_tw_buckets set too low",
        "tcp_max_tw_buckets is 200: beyond that, sockets skip TIME-WAIT and TCPTimeWaitOverflow "
        "rises. No port runs out, but late segments can now hit new connections.",
        Service(((HERE, DATABASE),), name="postgres-demo"),
        replace(CLIENTS, rate=50),
        BASE | {"ipv4.tcp_max_tw_buckets": 200},
    ),
    Scenario(
        "bind-first",
        "clients that bind before they connect",
        "Five destinations, and a bind() before each connect(): the port is taken for all of "
        "them. After 20 s bind() fails with EADDRINUSE, although each pattern is only a fifth "
        "full.",
        Service(FIVE, name="postgres-demo"),
        replace(
            CLIENTS,
            targets=FIVE,
            rate=50,
            sources=("127.0.0.1",),
            bind_first=True,
        ),
        BASE,
    ),
)
SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
