"""Situations and evidence as tests make them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from tests.tables import Sock, frame, rules, waiting
from tui.kernel.parameters import Parameter
from tui.kernel.sockets import State, Timer
from tui.lab.outcome import Failure, Outcome
from tui.lab.workload import Closing, Workload
from tui.simulate.limits import Limits
from tui.simulate.surroundings import Evidence, Surroundings
from tui.simulate.target import Target, Whereabouts

HERE, PORT = "127.0.0.1", 5001
LOW, PORTS = 40_000, 1_000
LIMITS = Limits(files=1024, files_hard=4096, files_open=10, buckets=100_000)
PLAN = Workload(targets=((HERE, PORT),), most=5 * PORTS, seconds=300.0)


def situation(
    *found: Sock,
    reuse: int = 0,
    delay_ms: int = 1000,
    timestamps: bool = True,
    plan: Workload = PLAN,
    sources: tuple[str | None, ...] = (HERE,),
    ip: str = HERE,
    limits: Limits = LIMITS,
    server_seen: bool = True,
) -> Surroundings:
    """A range of 1,000 ports, and no reuse unless asked for."""
    given = rules(
        LOW, LOW + PORTS - 1, reuse_mode=reuse, reuse_delay_ms=delay_ms, timestamps=timestamps
    )
    place = Whereabouts.LOOPBACK if ip_address(ip).is_loopback else Whereabouts.ELSEWHERE
    root = Path("/proc") if server_seen and place is not Whereabouts.ELSEWHERE else None
    target = Target(ip, ip, PORT, place, root, source=sources[0] or HERE)
    return Surroundings(target, plan, sources, 5, frame(*found, given=given), limits)


def time_waits(count: int, source: str = HERE, ip: str = HERE) -> list[Sock]:
    return [
        waiting(LOW + index, 59_990, local=source, remote=ip, remote_port=PORT)
        for index in range(count)
    ]


def half_closed(count: int, source: str = HERE, ip: str = HERE) -> list[Sock]:
    """Mini-sockets, as they are left after a server that does not close."""
    return [
        Sock(source, LOW + index, ip, PORT, State.FIN_WAIT2, Timer.TIME_WAIT, 4_000)
        for index in range(count)
    ]


def ripe_ones(count: int) -> list[Sock]:
    """TIME-WAITs that are old enough for tcp_tw_reuse."""
    return [
        waiting(LOW + index, 30_000, local=HERE, remote=HERE, remote_port=PORT)
        for index in range(count)
    ]


def with_parameter(of: Surroundings, name: str, value: str) -> Surroundings:
    """The same where one more parameter can be read."""
    reading = of.frame.reading
    parameters = (*reading.parameters, Parameter(name, value, None, ""))
    frame = replace(of.frame, reading=replace(reading, parameters=parameters))
    return replace(of, frame=frame)


def with_hold(of: Surroundings, seconds: int) -> Surroundings:
    """The same on a kernel with tcp_tw_timeout."""
    given = replace(of.frame.rules, time_wait_ms=1000 * seconds, time_wait_set=True)
    return replace(of, frame=frame(given=given))


def open_ones(count: int) -> list[Sock]:
    return [Sock(HERE, LOW + index, HERE, PORT, State.ESTABLISHED) for index in range(count)]


def held(of: Surroundings, seconds: float | None = 300.0) -> Surroundings:
    return replace(of, plan=replace(of.plan, closing=Closing.NOBODY, seconds=seconds))


def evidence(
    before: Surroundings,
    *found: Sock,
    connected: int = PORTS,
    error: str | None = None,
    call: str = "connect",
    seconds: float = 0.1,
    resets: int = 0,
    closed_by_server: int = 0,
    looked_at: int = 0,
    events: Mapping[str, int] | None = None,
    counters: Mapping[str, int] | None = None,
    server_events: Mapping[str, int] | None = None,
    accept_queue: int | None = None,
    stopped_by: str | None = None,
    sourceless: bool = False,
) -> Evidence:
    """What came of it; these sockets are there afterwards."""
    failure = (
        Failure(connected + 1, seconds, call, error, before.plan.sources[0], PLAN.targets[0])
        if error
        else None
    )
    return Evidence(
        situation=before,
        outcome=Outcome(
            time=0,
            elapsed=seconds,
            connected=connected,
            errors={error: 1} if error else {},
            first_failure=failure,
            resets=resets,
            closed_by_server=closed_by_server,
            looked_at=looked_at,
        ),
        frame=frame(*found, given=before.frame.rules, counters=counters),
        seconds=seconds,
        events=events or {},
        server_events=server_events,
        accept_queue=accept_queue,
        stopped_by=stopped_by,
        sourceless=sourceless,
    )
