from dataclasses import replace

import pytest

from tests.simulate.scene import (
    HERE,
    LIMITS,
    PLAN,
    held,
    open_ones,
    ripe_ones,
    situation,
    time_waits,
)
from tui.simulate.expectation import expect
from tui.simulate.surroundings import Surroundings, planned_connections

FAR = "10.9.9.9"
SOURCES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")


def plan(**changes: object) -> Surroundings:
    return situation(plan=replace(PLAN, **changes))  # type: ignore[arg-type]


def test_the_ports_run_out() -> None:
    expected = expect(situation())
    assert (expected.error, expected.connection, expected.slow_from) == ("EADDRNOTAVAIL", 1001, 501)
    assert expected.because.startswith("1,000 ports, no reuse with tcp_tw_reuse = 0")
    assert "up to 16/s" in expected.because


def test_ports_in_use_are_not_there() -> None:
    expected = expect(situation(*time_waits(300)))
    assert (expected.connection, expected.slow_from) == (701, 201)
    assert "300 already in use" in expected.because


def test_ports_that_can_be_reused_are_there() -> None:
    before = situation(*ripe_ones(1000), reuse=2, plan=replace(PLAN, rate=1500))
    expected = expect(before)
    assert (expected.error, expected.connection, expected.slow_from) == ("EADDRNOTAVAIL", 1001, 501)
    assert "already in use" not in expected.because
    assert expect(held(situation(*ripe_ones(1000), reuse=2))).connection == 1001


@pytest.mark.parametrize(
    ("reuse", "rate", "slow_from"), [(2, 500, None), (2, 501, 501), (0, 500, 101)]
)
def test_reuse_keeps_connect_quick(reuse: int, rate: float, slow_from: int | None) -> None:
    few = replace(PLAN, rate=rate, most=600)
    found = ripe_ones(400)
    assert expect(situation(*found, reuse=reuse, plan=few)).slow_from == slow_from
    for_ever = situation(*ripe_ones(1000), reuse=2, plan=replace(PLAN, most=400, rate=800))
    assert expect(for_ever).slow_from is None


def test_sources_take_turns() -> None:
    expected = expect(situation(sources=SOURCES))
    assert (expected.connection, expected.slow_from) == (3001, 1501)
    assert "for each of 3 sources" in expected.because


def test_the_fullest_source_decides() -> None:
    expected = expect(situation(*time_waits(400, "127.0.0.3"), sources=SOURCES))
    assert expected.connection == 600 * 3 + 2


@pytest.mark.parametrize(("reuse", "ip"), [(1, HERE), (2, HERE), (1, FAR)])
def test_reuse_suffices_below_its_rate(reuse: int, ip: str) -> None:
    expected = expect(situation(reuse=reuse, ip=ip, plan=replace(PLAN, rate=999)))
    assert expected.error is None
    assert f"tcp_tw_reuse = {reuse}" in expected.because
    assert "enough for 1,000 connections/s" in expected.because


@pytest.mark.parametrize("rate", [2000.0, None])
def test_reuse_comes_too_late_above_it(rate: float | None) -> None:
    expected = expect(situation(reuse=1, plan=replace(PLAN, rate=rate)))
    assert (expected.error, expected.connection) == ("EADDRNOTAVAIL", 1001)
    assert "too late above 1,000/s" in expected.because


def test_how_fast_another_machine_answers_is_not_known() -> None:
    assert expect(situation(reuse=1, ip=FAR)).error is None


@pytest.mark.parametrize(
    ("reuse", "timestamps", "why"),
    [(2, True, "tcp_tw_reuse = 2, which is for loopback"), (1, False, "without tcp_timestamps")],
)
def test_reuse_that_does_not_apply(reuse: int, timestamps: bool, why: str) -> None:
    expected = expect(situation(reuse=reuse, timestamps=timestamps, ip=FAR, sources=("10.0.0.1",)))
    assert expected.error == "EADDRNOTAVAIL"
    assert why in expected.because


def test_few_connections() -> None:
    expected = expect(plan(most=1000))
    assert (expected.error, expected.because) == (
        None,
        "it makes only 1,000 connections, and there are ports for 1,000",
    )
    assert expected.slow_from == 501
    assert expect(plan(most=500)).slow_from is None
    assert expect(plan(most=1001)).error == "EADDRNOTAVAIL"


def test_a_short_time() -> None:
    assert "50/s for 10 s makes 500 connections" in expect(plan(rate=50, seconds=10)).because


def test_a_slow_rate() -> None:
    expected = expect(plan(rate=16))
    assert expected.error is None
    assert "16/s takes 993 ports in the 62 s" in expected.because
    assert expect(plan(rate=17)).error == "EADDRNOTAVAIL"


def test_few_buckets() -> None:
    expected = expect(situation(limits=replace(LIMITS, buckets=1200, time_waits=300)))
    assert expected.error is None
    assert "tcp_max_tw_buckets is 1,200 and 300 are in use" in expected.because


def test_held_connections_keep_their_ports() -> None:
    expected = expect(held(situation(reuse=1)))
    assert (expected.error, expected.connection) == ("EADDRNOTAVAIL", 1001)
    assert "connections are held" in expected.because


def test_held_connections_need_descriptors() -> None:
    expected = expect(held(situation(limits=replace(LIMITS, files_hard=256))))
    assert (expected.error, expected.connection) == ("EMFILE", 247)
    assert "RLIMIT_NOFILE is 256" in expected.because


def test_bind_takes_ports_for_all_destinations() -> None:
    elsewhere = time_waits(100, HERE, "127.0.0.9")
    bound = situation(*elsewhere, plan=replace(PLAN, bind_first=True), reuse=1)
    expected = expect(bound)
    assert (expected.error, expected.connection, expected.slow_from) == ("EADDRINUSE", 901, None)
    assert expect(replace(bound, plan=PLAN, sources=(HERE,))).error == "EADDRNOTAVAIL"


def test_conntrack_has_little_room() -> None:
    full = replace(LIMITS, conntrack=900, conntrack_max=1000)
    assert expect(situation(limits=full)).error == "ETIMEDOUT"
    assert expect(situation(limits=full)).connection == 101
    unused = replace(LIMITS, conntrack=0, conntrack_max=10)
    assert expect(situation(limits=unused)).error == "EADDRNOTAVAIL"


def test_no_port_at_all() -> None:
    assert expect(situation(*open_ones(1000))).connection == 1


@pytest.mark.parametrize(
    ("loops", "capacity", "sources", "most", "planned"),
    [(5, 1000, 1, None, 5000), (2, 1000, 3, None, 6000), (5, 1000, 1, 7, 7), (1, 0, 1, None, 1)],
)
def test_how_many_are_coming(
    loops: int, capacity: int, sources: int, most: int | None, planned: int
) -> None:
    assert planned_connections(loops, capacity, sources, most) == planned
