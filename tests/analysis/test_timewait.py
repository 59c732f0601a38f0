import numpy as np
import pytest
from hypothesis import given

from tests.tables import (
    FIXTURES,
    KERNELS,
    Sock,
    crossing,
    frame,
    socks,
    steady,
    table,
    waiting,
)
from tui.analysis import timewait
from tui.analysis.timewait import SECONDS, TimeWait, time_waits
from tui.kernel.procfs import read_sockets
from tui.kernel.sockets import State, Timer


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
        assert made.expiring_by_pattern.tolist() == [1, 0]
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
        assert time_waits(found, np.array([0], np.int32), 1).by_pattern.shape == (1, SECONDS)


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
    assert made.time_wait.expiring_by_pattern.sum() == made.time_wait.expiring


@pytest.mark.parametrize("name", KERNELS)
def test_sums_close_in_every_fixture(name: str) -> None:
    found = read_sockets(FIXTURES / name / "proc")
    made = time_waits(found, np.zeros(len(found), np.int32), 1)
    count = int((found.state == State.TIME_WAIT).sum())
    sums = [made.closed_per_second.sum(), made.freed_per_second.sum(), made.by_pattern.sum()]
    assert [made.count, *sums] == [count] * 4
    assert made.closings.sum() == count - made.expiring


def test_the_steps_of_a_captured_burst() -> None:
    """4.19-old-kernel: 300 closings to one destination, in five steps 2 s apart."""
    found = read_sockets(FIXTURES / "4.19-old-kernel/proc")
    rows = (found.state == State.TIME_WAIT) & (found.remote_port == 5432)
    made = time_waits(found, np.where(rows, 0, 1).astype(np.int32), 2)
    steps = np.flatnonzero(made.by_pattern[0])
    assert (len(steps), np.diff(steps).tolist()) == (5, [2, 2, 2, 2])
    assert made.by_pattern[0].sum() == 300
