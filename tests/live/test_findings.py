"""What twtop says of the demo's scenarios: the right finding, and no wrong one."""

import errno
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from pyroute2 import IPRoute

from tests.live.fates import states
from tests.patience import Patience
from tests.private import Lab
from tests.sockets import connect
from tui.api import audit, snapshot
from tui.findings.baseline import take_baseline
from tui.findings.finding import Severity
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.places import place_at
from tui.kernel.processes import find_owners
from tui.kernel.sockets import State
from tui.kernel.source import Source, SourceKind
from tui.lab.namespace import FAR, NEAR, peer, sysctl
from tui.stage.scenarios import SCENARIOS, Scenario
from tui.stage.stage import Stage
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch, views

pytestmark = pytest.mark.live

PROC = Path("/proc")
PAUSE_SECONDS = 0.25
PORTS = 1000
"""That a destination has in the scenarios."""

Found = dict[str, tuple[Severity, str]]
"""The severity and the subject of the gravest finding, by code."""


def hurried(name: str, rate: float) -> Scenario:
    scenario = SCENARIOS[name]
    return replace(scenario, plan=replace(scenario.plan, rate=rate))


def said(scenario: Scenario) -> Iterator[Found]:
    """What is found at each moment of a scenario."""
    stage = Stage()
    try:
        stage.play(scenario)
        stage.receive()
        stage.enter()
        patience = Patience()
        watch = Watch()
        source = Source(place_at(PROC), "sock_diag", PAUSE_SECONDS)
        sampler = Sampler(source, watch.take, cpu_share=1)
        for view in views(sampler, watch):
            found: Found = {}
            for finding in reversed(audit(view, find_owners(PROC))):
                found[finding.code] = (finding.severity, finding.subject)
            yield found
            early = patience.seconds < 2 * PORTS / (scenario.plan.rate or PORTS)
            assert early or not patience.is_over, f"waited {patience}; found {found}"
            time.sleep(PAUSE_SECONDS)
    finally:
        stage.close()


def until(name: str, rate: float, code: str) -> list[Found]:
    """All that was found until one finding was there."""
    seen = []
    for found in said(hurried(name, rate)):
        seen.append(found)
        if code in found:
            return seen
    raise AssertionError


def test_exhaustion_is_foretold_then_said(lab: Lab) -> None:
    # A trend takes five seconds, and a busy machine may look too seldom to see all of a quick load.
    for rate in (120, 60):
        seen = lab.call(until, "exhaustion", rate, "ports-exhausted")
        codes = list(dict.fromkeys(code for found in seen for code in found))
        if {"connect-slow", "ports-above-threshold", "exhausts-soon"} <= {*codes}:
            break
    assert "exhausts-soon" in codes
    on_the_way = [c for c in codes if c in ("connect-slow", "ports-above-threshold")]
    assert on_the_way == ["connect-slow", "ports-above-threshold"]
    assert codes[-1] == "ports-exhausted"
    severity, subject = seen[-1]["ports-exhausted"]
    assert (severity, subject) == (Severity.CRITICAL, "127.0.0.1 → 127.0.0.1:5432")


def harmless(name: str, rate: float, time_waits: int) -> Found:
    """The gravest of all that was found until there were so many TIME-WAITs."""
    worst: Found = {}
    for found in said(hurried(name, rate)):
        worst |= found
        if states()["TIME_WAIT"] >= time_waits:
            return worst
    raise AssertionError


def test_thousands_of_time_waits_at_the_server_are_no_alarm(lab: Lab) -> None:
    found = lab.call(harmless, "server-close", 1500, 2500)
    assert [code for code, (severity, _) in found.items() if severity > Severity.INFO] == []


def test_a_leak_is_said_with_its_owner(lab: Lab) -> None:
    seen = lab.call(until, "leak", 200, "close-wait-held")
    severity, subject = seen[-1]["close-wait-held"]
    assert severity >= Severity.WARNING
    assert "leaky-app" in subject


def test_half_open_connections_are_said(lab: Lab) -> None:
    seen = lab.call(until, "half-open", 60, "syn-recv-spike")
    assert seen[-1]["syn-recv-spike"][0] >= Severity.WARNING


def test_overflowing_buckets_are_said(lab: Lab) -> None:
    seen = lab.call(until, "bucket-overflow", 200, "time-wait-overflow")
    assert seen[-1]["time-wait-overflow"][0] == Severity.WARNING


def test_bind_first_is_suspected(lab: Lab) -> None:
    seen = lab.call(until, "bind-first", 200, "bind-before-connect")
    assert seen[-1]["bind-before-connect"][0] >= Severity.WARNING


def test_spreading_is_not_taken_for_bind_first(lab: Lab) -> None:
    assert "bind-before-connect" not in lab.call(harmless, "spread", 500, 1000)


LIMIT = 10


def queue_that_nobody_takes_from(
    clients: int, kind: SourceKind
) -> tuple[int, dict[str, object] | None]:
    """How many connections wait, and what is said of them."""
    with socket.create_server(("127.0.0.1", 5001), backlog=LIMIT) as server:
        ends = [socket.create_connection(server.getsockname()) for _ in range(clients)]
        frame = snapshot(kind)
        said = [one for one in audit(frame) if one.code == "listen-queue-full"]
        for end in ends:
            end.close()
        (waiting,) = frame.table.rx_queue[frame.table.state == State.LISTEN].tolist()
        return waiting, dict(said[0].evidence) if said else None


@pytest.mark.parametrize("kind", ["proc", "sock_diag"])
def test_a_full_accept_queue_is_told_by_its_own_limit(lab: Lab, kind: SourceKind) -> None:
    """The kernel takes one connection more than the backlog that listen() was given."""
    assert lab.call(queue_that_nobody_takes_from, LIMIT, kind) == (LIMIT, None)
    full = {"queue": LIMIT + 1, "backlog_limit": LIMIT}
    assert lab.call(queue_that_nobody_takes_from, LIMIT + 1, kind) == (LIMIT + 1, full)


def handshakes_that_never_end(
    syn_backlog: int, backlog: int, cookies: int
) -> tuple[int, dict[str, object], int]:
    """How many are open of 200, what is said of them, and how gravely."""
    sysctl("ipv4.tcp_max_syn_backlog", syn_backlog)
    sysctl("ipv4.tcp_syncookies", cookies)
    with ExitStack() as stack:
        other = stack.enter_context(peer())
        stack.enter_context(socket.create_server((NEAR.v4[0], 5001), backlog=backlog))
        with IPRoute() as links:  # our answers go to nobody
            near = links.link_lookup(ifname="near")[0]
            nobody = {"lladdr": "02:00:00:00:00:99", "ifindex": near, "state": "permanent"}
            links.neigh("replace", dst=FAR.v4[0], **nobody)
        with other.inside():
            for _ in range(200):
                stack.enter_context(connect(NEAR.v4[0], 5001, silent=True))
        frame = snapshot("proc")
        [said] = [one for one in audit(frame) if one.code == "syn-recv-spike"]
        return int(frame.states[State.SYN_RECV]), dict(said.evidence), int(said.severity)


@pytest.mark.parametrize(
    ("syn_backlog", "backlog", "cookies", "held", "severity"),
    [(128, 1024, 0, 97, 2), (4096, 64, 0, 65, 2), (4096, 64, 1, 65, 1)],
    ids=["tcp_max_syn_backlog", "its own backlog", "cookies"],
)
def test_a_full_request_queue_is_known_to_be_full(
    lab: Lab, syn_backlog: int, backlog: int, cookies: int, held: int, severity: int
) -> None:
    """Some kernels hold just the backlog, some one more."""
    count, evidence, told = lab.call(handshakes_that_never_end, syn_backlog, backlog, cookies)
    assert held - 1 <= count <= held
    assert (evidence["limit"], told) in {(count, severity), (count - 1, severity)}


def service_whose_port_a_client_took() -> tuple[int, str, list[str]]:
    """How listening again ends for a service that was down, its name, and of whom it is said."""
    with socket.create_server(("127.0.0.1", 0)) as service:
        host, port = service.getsockname()
        saved = take_baseline(snapshot("sock_diag"))
    with socket.create_server((host, 5001)) as far, socket.socket() as client:
        client.bind((host, port))
        client.connect(far.getsockname())
        found = diagnose(Situation(snapshot("sock_diag"), baseline=saved))
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            error = 0
            try:
                again.bind((host, port))
            except OSError as refused:
                error = refused.errno or 0
    return error, f"{host}:{port}", [one.subject for one in found if one.code == "listener-gone"]


def test_a_service_cannot_have_the_port_that_a_client_took(lab: Lab) -> None:
    error, service, said = lab.call(service_whose_port_a_client_took)
    assert (error, said) == (errno.EADDRINUSE, [service])
