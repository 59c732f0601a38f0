import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import steady
from tui.analysis.forecast import HORIZON, NEVER, seconds_to_exhaustion
from tui.analysis.timewait import RECENT, SECONDS


def forecast(
    *,
    capacity: float,
    live: float = 0,
    growth: float = 0,
    closings: Sequence[float] = (),
    hold: float = 60,
) -> float:
    ages = np.zeros((1, SECONDS))
    ages[0, : len(closings)] = closings
    left = seconds_to_exhaustion(
        np.array([live]),
        np.array([growth]),
        ages,
        np.array([recently(closings, hold)]),
        np.array([capacity]),
        np.array([hold]),
    )
    return float(left[0])


def recently(closings: Sequence[float], hold: float) -> float:
    """Closings per second of late: older ones may have been taken over."""
    young = max(1, min(int(hold), RECENT))
    return sum(closings[:young]) / young


def simulated(
    capacity: float, live: float, growth: float, closings: Sequence[float], hold: int
) -> float:
    """Let the seconds pass one by one: the first whole second at which no port is left."""
    rate = recently(closings, hold)
    waits = [(age, count) for age, count in enumerate(closings) if age < hold]
    for second in range(1, int(HORIZON) + 1):
        waits = [(age + 1, count) for age, count in waits if age + 1 < hold]
        waits.append((0, rate))
        # What closes in this second has its whole hold before it, at the second's end.
        opened = max(live + growth * second, 0.0)
        if opened + sum(count for _, count in waits) >= capacity - 1e-6:
            return float(second)
    return NEVER


def steadily(rate: float, seconds: int = SECONDS) -> list[float]:
    return [rate] * seconds


class TestTimeWait:
    def test_a_load_that_just_began_fills_the_ports_at_its_rate(self) -> None:
        """1000 ports, 100/s for the last 5 s: 500 are held, and none comes back in time."""
        assert forecast(capacity=1000, closings=steadily(100, 5)) == pytest.approx(5)

    def test_a_steady_load_below_the_capacity_never_runs_out(self) -> None:
        assert forecast(capacity=28_232, closings=steadily(470)) == NEVER

    def test_a_steep_load_that_levels_off_below_it_never_does(self) -> None:
        """It holds 5 s of closings now, twelve times that in a minute, and then no more."""
        assert forecast(capacity=28_232, closings=steadily(400, 5)) == NEVER
        assert forecast(capacity=24_000, closings=steadily(400, 5)) == pytest.approx(55)
        assert forecast(capacity=24_001, closings=steadily(400, 5)) == NEVER

    def test_old_closings_come_back_before_new_ones_do_harm(self) -> None:
        """A burst of 850, and 15/s since 5 s: 75 ports are left, which is 5 s."""
        before, after = [0.0] * 60, [0.0] * 60
        before[:RECENT] = after[:RECENT] = steadily(15, RECENT)
        before[59], after[40] = 850.0, 850.0
        assert forecast(capacity=1000, closings=before) == NEVER
        assert forecast(capacity=1000, closings=after) == pytest.approx(5)

    def test_no_load_never_does(self) -> None:
        assert forecast(capacity=1000, live=999) == NEVER

    def test_a_load_that_ended_never_does(self) -> None:
        assert forecast(capacity=1000, closings=[*[0.0] * RECENT, *[18.0] * 55]) == NEVER


class TestReuse:
    def test_ports_come_back_after_the_delay(self) -> None:
        assert forecast(capacity=1000, closings=steadily(999), hold=1) == NEVER

    def test_unless_the_rate_is_more_than_it_gives_back(self) -> None:
        """600/s hold 1200 ports, those of the last 2 s; of older ones nothing can be told."""
        rising = [900.0, 300.0, 1000.0, 1000.0, 1000.0]
        assert forecast(capacity=1600, closings=rising, hold=2) == NEVER
        assert forecast(capacity=1500, closings=rising, hold=2) == pytest.approx(1)
        assert forecast(capacity=1350, closings=rising, hold=2) == pytest.approx(0.5)

    def test_closings_older_than_the_delay_hold_nothing(self) -> None:
        closings = [*[0.0] * RECENT, *[999.0] * 55]
        assert forecast(capacity=1000, closings=closings, hold=1) == NEVER

    def test_a_delay_below_a_second(self) -> None:
        assert forecast(capacity=1000, closings=steadily(5000), hold=0.1) == NEVER


class TestOpenSockets:
    def test_a_leak_runs_out_when_it_gets_there(self) -> None:
        assert forecast(capacity=1000, live=400, growth=20) == pytest.approx(30)
        assert forecast(capacity=1000, live=400, growth=2) == pytest.approx(300)

    def test_a_leak_so_slow_that_it_would_be_a_guess(self) -> None:
        assert forecast(capacity=10_000, live=0, growth=1) == NEVER
        assert forecast(capacity=3_600, live=0, growth=1) == pytest.approx(3_600)

    def test_a_leak_besides_a_load(self) -> None:
        """100/s hold 6000 ports for ever; 4000 are left to a leak of 10/s."""
        left = forecast(capacity=10_000, growth=10, closings=steadily(100))
        assert left == pytest.approx(400)

    def test_fewer_open_sockets_make_room(self) -> None:
        assert forecast(capacity=1000, live=900, growth=-10, closings=steadily(5, 5)) == NEVER

    def test_but_no_more_than_there_are(self) -> None:
        """100 sockets that close within 5 s make room for 100 ports, not for ever more."""
        falling = forecast(capacity=1000, live=100, growth=-20, closings=steadily(30, 5))
        none = forecast(capacity=1000, live=0, growth=0, closings=steadily(30, 5))
        assert falling == none == pytest.approx((1000 - 150) / 30, abs=0.1)


class TestEdges:
    def test_no_patterns(self) -> None:
        empty = np.empty(0)
        nothing = seconds_to_exhaustion(empty, empty, np.empty((0, SECONDS)), empty, empty, empty)
        assert nothing.shape == (0,)

    def test_no_capacity_is_exhausted_now(self) -> None:
        assert forecast(capacity=0) == 0

    def test_full_is_exhausted_now(self) -> None:
        assert forecast(capacity=1000, closings=steadily(20)) == 0
        assert forecast(capacity=1000, live=1000, growth=1) == 0

    def test_patterns_do_not_touch_each_other(self) -> None:
        closings = np.zeros((3, SECONDS))
        closings[1, :5] = 100
        left = seconds_to_exhaustion(
            np.array([0, 0, 400]),
            np.array([0.0, 0.0, 20.0]),
            closings,
            np.array([0.0, 100.0, 0.0]),
            np.array([1000, 1000, 1000]),
            np.array([60.0, 60.0, 60.0]),
        )
        assert left.tolist() == [NEVER, pytest.approx(5), pytest.approx(30)]


counts = st.lists(st.integers(0, 300), min_size=SECONDS, max_size=SECONDS)


@given(
    capacity=st.integers(1, 20_000),
    live=st.integers(0, 5_000),
    growth=st.integers(-40, 40).map(lambda tenths: tenths / 4),
    closings=counts,
    hold=st.sampled_from((1, 2, 10, 60)),
)
@steady
def test_as_the_seconds_pass(
    capacity: int, live: int, growth: float, closings: list[int], hold: int
) -> None:
    left = forecast(capacity=capacity, live=live, growth=growth, closings=closings, hold=hold)
    expected = simulated(capacity, live, growth, closings, hold)
    assert (left if left == NEVER else max(math.ceil(left - 1e-6), 1)) == expected


@given(counts, st.integers(0, 5_000), st.integers(1, 20_000))
@steady
def test_more_ports_never_run_out_sooner(closings: list[int], live: int, capacity: int) -> None:
    left = [
        forecast(capacity=ports, live=live, growth=1.5, closings=closings)
        for ports in (capacity, capacity + 500)
    ]
    assert left[0] <= left[1]
