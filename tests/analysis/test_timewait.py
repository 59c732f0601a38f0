import numpy as np
import pytest
from hypothesis import given

from tests.tables import (
    FIXTURES,
    KERNELS,
    Sock,
    any_rules,
    crossing,
    frame,
    rules,
    socks,
    steady,
    table,
    waiting,
)
from tui.analysis import timewait
from tui.analysis.timewait import RECENT, SECONDS, TimeWait, time_waits
from tui.kernel.port_rules import PortRules
from tui.kernel.procfs import read_sockets
from tui.kernel.sockets import State, Timer

MINUTE = np.array([60.0])
ALL = np.ones(1 << 16, bool)
"""The hold of one pattern whose ports nothing takes over."""


def of(*found: Sock) -> TimeWait:
    return frame(*found).time_wait


class TestSeconds:
    @pytest.mark.parametrize(
        ("remaining_ms", "age", "freed"),
        [
            (60_000, 0, 59),
            (59_990, 0, 59),
            (59_001, 0, 59),
            (59_000, 1, 59),
            (58_999, 1, 58),
            (30_000, 30, 30),
            (1_000, 59, 1),
            (999, 59, 0),
            (10, 59, 0),
            (0, 59, 0),
        ],
    )
    def test_which_second_of_the_past_and_of_the_future(
        self, remaining_ms: int, age: int, freed: int
    ) -> None:
        made = of(waiting(remaining_ms=remaining_ms))
        assert np.flatnonzero(made.closed_per_second).tolist() == [age]
        assert np.flatnonzero(made.freed_per_second).tolist() == [freed]
        assert made.count == 1

    def test_more_than_a_minute_left_is_a_minute(self) -> None:
        """Rounding up to the kernel's tick gives 60.01 s now and then."""
        made = of(waiting(remaining_ms=60_010), waiting(2, remaining_ms=99_000))
        assert (made.closed_per_second[0], made.freed_per_second[-1]) == (2, 2)

    def test_an_expiring_one_is_no_closing_of_this_minute(self) -> None:
        """Its timer ran out, so it closed more than 60 s ago: which second, nobody knows."""
        made = of(waiting(1, 0), waiting(2, 0), waiting(3, 10))
        assert made.expiring == 2
        assert made.closed_per_second[-1] == 3
        assert made.closings[-1] == made.closings.sum() == 1
        assert made.closings_of(0).tolist() == made.closings.tolist()

    def test_only_time_wait_counts(self) -> None:
        mini = Sock(state=State.FIN_WAIT2, timer=Timer.TIME_WAIT, remaining_ms=30_000)
        alive = Sock(local_port=2, timer=Timer.KEEPALIVE, remaining_ms=30_000)
        assert of(mini, alive).count == 0

    def test_nothing(self) -> None:
        made = of()
        assert (made.count, made.expiring, made.by_pattern.shape) == (0, 0, (0, SECONDS))
        assert made.closings.tolist() == made.freed_per_second.tolist() == [0] * SECONDS


class TestPatterns:
    def test_each_has_its_own(self) -> None:
        made = of(
            waiting(40001, 59_990, remote="10.0.0.7"),
            waiting(40002, 0, remote="10.0.0.7"),
            waiting(40001, 30_000, remote="10.0.0.8"),
        )
        assert made.by_pattern.shape == (2, SECONDS)
        assert np.flatnonzero(made.by_pattern[0]).tolist() == [0, 59]
        assert np.flatnonzero(made.by_pattern[1]).tolist() == [30]
        assert made.older_by_pattern.tolist() == [1, 0]
        assert np.flatnonzero(made.closings_of(0)).tolist() == [0]

    def test_only_the_fullest_are_tracked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(timewait, "TRACKED", 2)
        found = [
            waiting(port, remote=f"10.0.0.{host}")
            for host in (1, 2, 3)
            for port in range(40000, 40000 + host)
        ]
        made = of(*found)
        assert made.by_pattern.sum(axis=1).tolist() == [3, 2]
        assert made.closed_per_second.sum() == made.count == 6

    def test_more_may_be_asked_for_than_there_are(self) -> None:
        found = table(waiting())
        made = time_waits(found, np.array([0], np.int32), ALL[:1], MINUTE, 60_000)
        assert made.by_pattern.shape == (1, SECONDS)


def aged(*counts: int, remote: str = "10.0.0.9") -> list[Sock]:
    """So many TIME-WAITs of each whole second of age, the newest first."""
    ages = [age for age, count in enumerate(counts) for _ in range(count)]
    return [
        waiting(40000 + n, 60_000 - 1000 * age, remote=remote, remote_port=443)
        for n, age in enumerate(ages)
    ]


class TestClosing:
    """One figure for how fast sockets close: of the seconds in which none can be missing."""

    WIDE = rules(40000, 40999)
    REUSING = rules(40000, 40999, reuse_mode=1)

    def test_without_reuse_it_is_that_of_the_last_five_seconds(self) -> None:
        made = frame(*aged(10, 20, 30, 40, 50, 999 - 150), given=self.WIDE)
        assert made.time_wait.closing.tolist() == [30]
        assert made.time_wait.closing_per_second == 30

    def test_with_reuse_that_of_the_seconds_before_its_delay(self) -> None:
        """700 younger than 1 s and 150 of 10 s: older ones are what was not taken over."""
        socks = aged(700, 0, 0, 0, 0, 0, 0, 0, 0, 0, 150)
        assert frame(*socks, given=self.REUSING).time_wait.closing_per_second == 700
        assert frame(*socks, given=self.WIDE).time_wait.closing_per_second == 140

    @pytest.mark.parametrize(
        ("delay_ms", "rate"), [(1, 100), (1000, 100), (1999, 100), (2000, 75), (60_000, 20 + 12)]
    )
    def test_the_window_is_whole_seconds_from_one_to_five(self, delay_ms: int, rate: int) -> None:
        given = rules(40000, 40999, reuse_mode=1, reuse_delay_ms=delay_ms)
        made = frame(*aged(100, 50, 0, 0, 10, 30), given=given)
        assert made.time_wait.closing.tolist() == [rate]

    def test_each_pattern_has_its_own_window(self) -> None:
        loopback = [
            waiting(40000 + n, 60_000 - 2000 * (n % 2), local="127.0.0.1", remote="127.0.0.9")
            for n in range(20)
        ]
        made = frame(*aged(0, 0, 5), *loopback, given=rules(40000, 40999, reuse_mode=2))
        assert made.patterns.reuse.tolist() == [True, False]
        assert made.patterns.hold.tolist() == [1, 60]
        assert made.time_wait.closing.tolist() == [10, 1]
        assert made.time_wait.closing_per_second == 11

    def test_those_that_are_not_tracked_count_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(timewait, "TRACKED", 1)
        made = of(*aged(5), *aged(0, 5, remote="10.0.0.10"))
        assert made.closing.tolist() == [1, 1]

    @given(crossing, any_rules())
    @steady
    def test_as_in_plain_python(self, found: list[Sock], given: PortRules) -> None:
        made = frame(*found, given=given)
        expected = [0.0] * len(made.patterns)
        for sock, member in zip(socks(made.table), made.patterns.member.tolist(), strict=True):
            if sock.state == State.TIME_WAIT:
                hold = given.reuse_delay_ms / 1000 if made.patterns.reuse[member] else 60
                window = max(1, min(int(hold), RECENT))
                # A second's age has not ended before the next one begins.
                age = min((60_000 - sock.remaining_ms) // 1000, 59)
                expected[member] += (age < window) / window
        assert made.time_wait.closing.tolist() == pytest.approx(expected)


@given(crossing)
@steady
def test_as_in_plain_python(found: list[Sock]) -> None:
    made = frame(*found)
    waits = [sock for sock in socks(made.table) if sock.state == State.TIME_WAIT]
    closed, freed = [0] * 60, [0] * 60
    for sock in waits:
        closed[min((60_000 - sock.remaining_ms) // 1000, 59)] += 1
        freed[min(sock.remaining_ms // 1000, 59)] += 1
    assert made.time_wait.closed_per_second.tolist() == closed
    assert made.time_wait.freed_per_second.tolist() == freed
    assert made.time_wait.expiring == sum(sock.remaining_ms == 0 for sock in waits)
    assert made.time_wait.count == len(waits) == sum(closed) == sum(freed)
    assert made.time_wait.by_pattern.sum(axis=0).tolist() == closed
    assert made.time_wait.by_pattern.sum(axis=1).tolist() == made.patterns.time_wait.tolist()
    assert made.time_wait.older_by_pattern.sum() == made.time_wait.expiring


@pytest.mark.parametrize("name", KERNELS)
def test_sums_close_in_every_fixture(name: str) -> None:
    found = read_sockets(FIXTURES / name / "proc")
    made = time_waits(found, np.zeros(len(found), np.int32), ALL[: len(found)], MINUTE, 60_000)
    count = int((found.state == State.TIME_WAIT).sum())
    sums = [made.closed_per_second.sum(), made.freed_per_second.sum(), made.by_pattern.sum()]
    assert [made.count, *sums] == [count] * 4
    assert made.closings.sum() == count - made.expiring


def test_the_steps_of_a_captured_burst() -> None:
    """4.19-old-kernel: 300 closings to one destination, in five steps 2 s apart."""
    found = read_sockets(FIXTURES / "4.19-old-kernel/proc")
    rows = (found.state == State.TIME_WAIT) & (found.remote_port == 5432)
    made = time_waits(
        found,
        np.where(rows, 0, 1).astype(np.int32),
        ALL[: len(found)],
        np.repeat(MINUTE, 2),
        60_000,
    )
    steps = np.flatnonzero(made.by_pattern[0])
    assert (len(steps), np.diff(steps).tolist()) == (5, [2, 2, 2, 2])
    assert made.by_pattern[0].sum() == 300
