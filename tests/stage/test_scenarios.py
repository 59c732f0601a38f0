"""Each scenario of the demo does what its line says, played faster, and twtop sees it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple, TypeVar

import pytest

from tests.live.fates import states
from tests.live.report import Report, read_report
from tests.patience import Patience
from tests.private import Lab, newest, source_of
from tui.lab.outcome import Outcome
from tui.stage.scenarios import PORTS, SCENARIOS, SIDE_BY_SIDE, Scenario
from tui.stage.stage import Ready, Stage

pytestmark = pytest.mark.live

T = TypeVar("T")


class Act(NamedTuple):
    """A moment of a scenario."""

    outcome: Outcome
    states: dict[str, int]
    report: Report


def hurried(name: str, rate: float, pace: float = 1.0) -> Scenario:
    """The scenario with another rate, and its steps coming `pace` times as soon."""
    scenario = SCENARIOS[name]
    return replace(
        scenario,
        plan=replace(scenario.plan, rate=rate),
        steps=tuple(replace(step, after=step.after / pace) for step in scenario.steps),
    )


def acts(scenario: Scenario) -> Iterator[Act]:
    stage = Stage()
    try:
        stage.play(scenario)
        assert isinstance(stage.receive(), Ready)
        stage.enter()
        patience = Patience()
        while True:
            outcome = newest(stage)
            assert not patience.is_over, f"waited {patience}, and this is all: {outcome}"
            yield Act(outcome, dict(states()), read_report("sock_diag"))
    finally:
        stage.close()


def assert_at_some_pace(lab: Lab, play: Callable[[float], T], told: T, quickest: float) -> None:
    """It comes out so at one of these paces: a busy machine does not keep up with the quickest.

    The steps of a scenario come by the clock, whatever the load has got done until then.
    """
    for pace in (quickest, 3, 1):
        seen = lab.call(play, pace)
        if seen == told:
            return
    assert seen == told


def exhaustion() -> tuple[list[Act], Act]:
    before: list[Act] = []
    for act in acts(hurried("exhaustion", 500)):
        if act.outcome.errors:
            return before, act
        before.append(act)
    raise AssertionError


def test_exhaustion_ends_in_eaddrnotavail_when_twtop_says_so(lab: Lab) -> None:
    before, full = lab.call(exhaustion)
    assert full.outcome.connected == PORTS
    assert set(full.outcome.errors) == {"EADDRNOTAVAIL"}
    pattern = full.report.pattern("127.0.0.1", "127.0.0.1", 5432)
    assert pattern is not None
    assert (pattern["in_use"], pattern["connectable"]) == (PORTS, 0)
    # Seen after the outcome was made: less room than was left when it was.
    for act in before:
        assert act.report.connectable("127.0.0.1", "127.0.0.1", 5432) <= (
            PORTS - act.outcome.connected
        )


def test_exhaustion_takes_20_seconds_as_it_is_played() -> None:
    rate = SCENARIOS["exhaustion"].plan.rate
    assert rate is not None
    assert PORTS / rate == 20
    assert rate * 60 > PORTS  # so the ports do not come back in time


def server_close() -> Act:
    return next(act for act in acts(hurried("server-close", 2000)) if act.outcome.connected > 4000)


def test_server_close_piles_up_time_waits_and_nobody_runs_out(lab: Lab) -> None:
    act = lab.call(server_close)
    assert act.outcome.errors == {}
    assert act.states["TIME_WAIT"] > 2000
    said = act.report.said
    incoming = [p for p in said["patterns"] if p["direction"] == "incoming"]
    assert sum(pattern["time_wait"] for pattern in incoming) > 2000
    outgoing = [p for p in said["patterns"] if p["direction"] == "outgoing"]
    assert sum(pattern["time_wait"] for pattern in outgoing) == 0


class Minute(NamedTuple):
    """What became of a load under one mode of tcp_tw_reuse."""

    failing: bool
    connecting: bool


def reuse(pace: float) -> dict[int, Minute]:
    """The last that was seen under each mode."""
    last: dict[int, Minute] = {}
    for act in acts(hurried("reuse", 75 * pace, pace)):
        outcome = act.outcome
        mode = act.report.said["time_wait"]["reuse"]["mode"]
        last[mode] = Minute(bool(outcome.errors_per_second), outcome.connected_per_second > 0)
        if last.get(1) == Minute(failing=False, connecting=True):
            return last
    raise AssertionError(last)


def test_reuse_helps_across_hosts_only_when_it_is_1(lab: Lab) -> None:
    told = {
        0: Minute(failing=True, connecting=False),
        2: Minute(failing=True, connecting=False),
        1: Minute(failing=False, connecting=True),
    }
    assert_at_some_pace(lab, reuse, told, quickest=8)


def spread(pace: float) -> dict[int, int]:
    """How many connections there were when all was full, by the number of tuples.

    All is full for half of each step: to be refused costs the kernel a search through all ports.
    """
    full: dict[int, int] = {}
    for act in acts(hurried("spread", 150 * pace, pace)):
        outcome = act.outcome
        if outcome.errors_per_second and not outcome.connected_per_second:
            full[len(outcome.tuples)] = outcome.connected
        if outcome.connected > 4 * PORTS:
            return full
    raise AssertionError(full)


def test_spread_brings_a_thousand_ports_with_each_tuple(lab: Lab) -> None:
    assert_at_some_pace(lab, spread, {1: PORTS, 2: 2 * PORTS, 4: 4 * PORTS}, quickest=12)


def leak() -> Act:
    return next(act for act in acts(hurried("leak", 400)) if act.outcome.connected > 800)


def test_leak_leaves_close_waits(lab: Lab) -> None:
    act = lab.call(leak)
    assert act.states["CLOSE_WAIT"] > 700
    assert "TIME_WAIT" not in act.states


def half_open() -> Act:
    return next(act for act in acts(hurried("half-open", 60)) if act.outcome.errors)


def test_half_open_fills_the_backlog(lab: Lab) -> None:
    act = lab.call(half_open)
    backlog = SCENARIOS["half-open"].service.backlog
    assert set(act.outcome.errors) == {"ETIMEDOUT"}
    assert backlog <= act.states["SYN_RECV"] <= backlog + 1


def bucket_overflow() -> Act:
    return next(act for act in acts(hurried("bucket-overflow", 500)) if act.outcome.connected > 600)


def test_bucket_overflow_skips_time_wait(lab: Lab) -> None:
    act = lab.call(bucket_overflow)
    assert act.outcome.errors == {}
    assert act.states["TIME_WAIT"] <= 200
    closed = act.outcome.connected - act.outcome.held
    assert act.report.said["counters"]["TCPTimeWaitOverflow"] >= closed - 200


def bind_first() -> Act:
    return next(act for act in acts(hurried("bind-first", 500)) if act.outcome.errors)


def test_bind_first_runs_out_over_all_destinations(lab: Lab) -> None:
    act = lab.call(bind_first)
    assert set(act.outcome.errors) == {"EADDRINUSE"}
    assert act.outcome.connected == PORTS
    used = [p["in_use"] for p in act.report.said["patterns"] if p["direction"] == "outgoing"]
    assert used == [PORTS // 5] * 5


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_says_what_to_watch(name: str) -> None:
    scenario = SCENARIOS[name]
    assert scenario.name == name
    assert 80 < len(scenario.watch) < 260
    assert scenario.summary


class Third(NamedTuple):
    """How the ports of one of three services stand."""

    in_use: int
    connectable: int


def reaper() -> tuple[Act, list[Third]]:
    """The first moment at which the service of which nothing is done has no port left, and how
    all three stand a while later.

    At 90/s what is too young to be ended is 900 ports.
    """
    first = None
    for act in acts(hurried("reaper", 270)):
        if first is None and act.outcome.errors:
            first = act
        if first is not None and act.outcome.connected > first.outcome.connected + 3 * 60:
            patterns = [act.report.pattern(source_of(ip), ip, 5432) for ip in SIDE_BY_SIDE]
            assert None not in patterns
            return act, [Third(p["in_use"], p["connectable"]) for p in patterns if p]
    raise AssertionError


def test_reaper_keeps_one_service_connectable_beside_a_full_one(lab: Lab) -> None:
    act, (nothing, kept, reused) = lab.call(reaper)
    assert set(act.outcome.errors) == {"EADDRNOTAVAIL"}
    assert nothing == Third(PORTS, 0)
    assert kept.in_use < PORTS
    assert kept.connectable > 0
    assert reused.connectable > 0
