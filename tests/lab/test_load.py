"""Loads of real connections, each in a private namespace."""

import time
from dataclasses import replace
from typing import NamedTuple

import pytest

from tests.live.fates import states
from tests.patience import limit, start_seconds, until
from tests.private import Lab
from tui.lab.load import Load
from tui.lab.namespace import sysctl
from tui.lab.outcome import Outcome
from tui.lab.process import Child
from tui.lab.server import Manner, Service, serve
from tui.lab.workload import Closing, Workload

pytestmark = pytest.mark.live

HERE = ("127.0.0.1", 7000)
PORTS = 200
EVERYWHERE = tuple((f"127.0.0.{last}", 7000) for last in range(1, 4))


class Seen(NamedTuple):
    outcome: Outcome
    states: dict[str, int]


def load(
    plan: Workload,
    manner: Manner = Manner.ANSWERS,
    backlog: int = 65535,
    sysctls: tuple[tuple[str, object], ...] = (),
) -> Seen:
    sysctl("ipv4.ip_local_port_range", f"20000 {20000 + PORTS - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    for name, value in sysctls:
        sysctl(name, value)
    with Child(serve, Service(plan.targets, manner, backlog)) as server:
        assert server.receive() == "ready"
        run = Load(replace(plan, seconds=limit()))
        run.start()
        assert run.ended.wait(2 * limit()), "the load never ended"
        outcome = run.outcome()
        time.sleep(0.05)
        return Seen(outcome, dict(states()))


class TestPorts:
    def test_the_wall_is_one_behind_the_last_port(self, lab: Lab) -> None:
        outcome, left = lab.call(load, Workload((HERE,)))
        assert (outcome.connected, outcome.errors) == (PORTS, {"EADDRNOTAVAIL": 1})
        failure = outcome.first_failure
        assert failure is not None
        assert (failure.number, failure.call, failure.error) == (
            PORTS + 1,
            "connect",
            "EADDRNOTAVAIL",
        )
        assert left == {"TIME_WAIT": PORTS, "LISTEN": 1}

    def test_each_source_has_the_ports_anew(self, lab: Lab) -> None:
        sources = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
        outcome, left = lab.call(load, Workload((HERE,), sources=sources))
        assert outcome.connected == 3 * PORTS
        assert left == {"TIME_WAIT": 3 * PORTS, "LISTEN": 1}

    def test_each_destination_has_the_ports_anew(self, lab: Lab) -> None:
        outcome, _ = lab.call(load, Workload(EVERYWHERE))
        assert outcome.connected == 3 * PORTS

    def test_bind_first_has_them_once_for_all(self, lab: Lab) -> None:
        outcome, _ = lab.call(load, Workload(EVERYWHERE, bind_first=True))
        assert outcome.connected == PORTS
        assert outcome.first_failure is not None
        assert (outcome.first_failure.call, outcome.first_failure.error) == ("bind", "EADDRINUSE")

    def test_falling_back_fails_only_when_all_are_full(self, lab: Lab) -> None:
        outcome, _ = lab.call(load, Workload(EVERYWHERE, fall_back=True))
        assert outcome.connected == 3 * PORTS
        assert outcome.errors == {"EADDRNOTAVAIL": 1}

    def test_going_on_counts_every_failure(self, lab: Lab) -> None:
        outcome, _ = lab.call(load, Workload((HERE,), most=PORTS + 7, keep_going=True))
        assert outcome.errors == {"EADDRNOTAVAIL": 7}
        assert outcome.attempted == PORTS + 7

    def test_many_clients_find_the_same_wall(self, lab: Lab) -> None:
        outcome, _ = lab.call(load, Workload((HERE,), concurrency=8))
        assert outcome.connected == PORTS
        assert set(outcome.errors) == {"EADDRNOTAVAIL"}


class TestWhoClosesFirst:
    def test_the_client(self, lab: Lab) -> None:
        outcome, left = lab.call(load, Workload((HERE,), most=100))
        assert left["TIME_WAIT"] == 100
        assert outcome.closed_by_server == 0 < outcome.looked_at

    def test_the_server(self, lab: Lab) -> None:
        plan = Workload((HERE,), most=3 * PORTS, closing=Closing.SERVER)
        outcome, left = lab.call(load, plan, Manner.CLOSES_FIRST)
        assert outcome.connected == outcome.closed_by_server == 3 * PORTS
        assert 0 < left["TIME_WAIT"] <= PORTS

    def test_nobody(self, lab: Lab) -> None:
        outcome, _ = lab.call(load, Workload((HERE,), closing=Closing.NOBODY))
        assert (outcome.connected, outcome.errors) == (PORTS, {"EADDRNOTAVAIL": 1})

    def test_a_server_that_resets_leaves_no_time_wait(self, lab: Lab) -> None:
        # As fast as it goes, a server that gets no processor for a while is late with its resets.
        plan = Workload((HERE,), most=PORTS + 50, rate=400)
        outcome, left = lab.call(load, plan, Manner.RESETS)
        assert outcome.connected == PORTS + 50
        assert outcome.resets > 0
        assert left.get("TIME_WAIT", 0) < PORTS


class TestHalfClosed:
    @pytest.mark.parametrize(("pending", "most"), [(1, 0), (5, 4), (1000, 150)])
    def test_no_more_than_allowed(self, lab: Lab, pending: int, most: int) -> None:
        assert lab.call(half_closed, pending) == (150, most)

    def test_with_one_the_ports_go_into_time_wait_all_the_same(self, lab: Lab) -> None:
        outcome, left = lab.call(load, Workload((HERE,), pending=1))
        assert (outcome.connected, outcome.errors) == (PORTS, {"EADDRNOTAVAIL": 1})
        assert outcome.resets == 0
        # One may still wait for a delayed ACK.
        assert PORTS - 1 <= left["TIME_WAIT"] <= PORTS


def half_closed(pending: int) -> tuple[int, int]:
    """Connections made to a server that never closes, and those still held after the last."""
    with Child(serve, Service((HERE,), Manner.NEVER_CLOSES)) as server:
        server.receive()
        run = Load(Workload((HERE,), most=150, pending=pending))
        run.start()
        until(lambda: run.outcome().connected == 150, "150 connections")
        time.sleep(0.1)
        return run.outcome().connected, run.outcome().held


class TestErrors:
    def test_nobody_listens(self, lab: Lab) -> None:
        assert lab.call(refuse).errors == {"ECONNREFUSED": 1}

    def test_a_handshake_that_hangs_times_out(self, lab: Lab) -> None:
        plan = Workload((HERE,), closing=Closing.NOBODY, timeout=0.3)
        outcome, _ = lab.call(load, plan, Manner.LOSES_HANDSHAKES, 8, (("ipv4.tcp_syncookies", 0),))
        assert outcome.connected == 9
        assert outcome.errors == {"ETIMEDOUT": 1}


def refuse() -> Outcome:
    run = Load(Workload((HERE,), seconds=limit()))
    run.start()
    run.ended.wait(limit())
    return run.outcome()


class TestPace:
    def test_the_rate_is_kept(self, lab: Lab) -> None:
        outcome, _ = lab.call(load, Workload((HERE,), rate=200, most=100))
        assert outcome.connected == 100
        assert outcome.elapsed > 0.4  # a hundred at 200/s take half a second

    def test_pausing_and_a_new_rate(self, lab: Lab) -> None:
        before, paused, rate = lab.call(pause)
        assert before > 0
        assert paused - before <= 1  # one may have been on its way
        assert rate > 50

    def test_stopping_stops_at_once(self, lab: Lab) -> None:
        assert lab.call(stop) < 5 * start_seconds()


def pause() -> tuple[int, int, float]:
    """Connections when it was halted and a while later, and the rate it then went on at."""
    with Child(serve, Service((HERE,))) as server:
        server.receive()
        run = Load(Workload((HERE,), rate=50, seconds=limit()))
        run.start()
        until(lambda: run.outcome().connected > 3, "the first connections")
        run.paused = True
        before = run.outcome().connected
        time.sleep(0.3)
        paused = run.outcome().connected
        run.paused, run.rate = False, 400
        began = time.monotonic()
        until(lambda: run.outcome().connected > paused + 50, "fifty more")
        rate = (run.outcome().connected - paused) / (time.monotonic() - began)
        run.stop()
        run.ended.wait(limit())
        return before, paused, rate


def stop() -> float:
    with Child(serve, Service((HERE,))) as server:
        server.receive()
        run = Load(Workload((HERE,), rate=100, concurrency=4))
        run.start()
        time.sleep(0.2)
        began = time.monotonic()
        run.stop()
        assert run.ended.wait(limit())
        return time.monotonic() - began


def test_the_server_is_called_what_it_is_told(lab: Lab) -> None:
    assert lab.call(name_of_server) == "postgres-demo"


def name_of_server() -> str:
    with Child(serve, Service((HERE,), name="postgres-demo")) as server:
        server.receive()
        with open(f"/proc/{server.process.pid}/comm") as comm:  # noqa: PTH123
            return comm.read().strip()
