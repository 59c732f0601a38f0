import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import frame, rules, steady, waiting
from tui.analysis.hold import TIME_WAIT, Hold, hold, wheel_slack


class TestSlack:
    @pytest.mark.parametrize(("hz", "seconds"), [(100, 5.12), (250, 2.048), (1000, 4.096)])
    def test_of_a_time_wait(self, hz: int, seconds: float) -> None:
        assert wheel_slack(60, hz) == pytest.approx(seconds)

    @pytest.mark.parametrize(
        ("jiffies", "granule"),
        [(1, 1), (62, 1), (63, 8), (503, 8), (504, 64), (4031, 64), (4032, 512), (32_255, 512)],
    )
    def test_levels_begin_where_the_kernels_do(self, jiffies: int, granule: int) -> None:
        """Level n starts at 63 << 3 (n - 1) jiffies and is 8 ** n jiffies coarse."""
        assert wheel_slack(jiffies, 1) == granule

    @given(st.floats(0, 3600), st.floats(0, 3600), st.sampled_from((100, 250, 300, 1000)))
    @steady
    def test_longer_timers_are_never_finer(self, one: float, other: float, hz: int) -> None:
        assert wheel_slack(min(one, other), hz) <= wheel_slack(max(one, other), hz)

    @given(st.floats(10, 3600), st.sampled_from((100, 250, 300, 1000)))
    @steady
    def test_it_is_at_most_an_eighth(self, seconds: float, hz: int) -> None:
        assert wheel_slack(seconds, hz) <= seconds / 63 * 8


class TestHold:
    def test_a_time_wait_is_a_minute_and_may_end_late(self) -> None:
        assert hold(rules(), reuse=False) == TIME_WAIT == Hold(60, 2.048)
        assert hold(rules(), reuse=False).longest == pytest.approx(62.048)
        assert hold(rules(), reuse=False, hz=1000).longest == pytest.approx(64.096)

    def test_reuse_waits_for_its_delay_and_for_no_timer(self) -> None:
        given = rules(reuse_mode=1, reuse_delay_ms=250)
        assert hold(given, reuse=True) == Hold(0.25)
        assert hold(given, reuse=True).longest == 0.25

    @pytest.mark.parametrize(
        ("found", "capacity", "lifetime", "rate"),
        [
            (TIME_WAIT, 28_232, 0, 28_232 / 62.048),
            (TIME_WAIT, 28_232, 2, 28_232 / 64.048),
            (Hold(1), 28_232, 0, 28_232),
            (Hold(1), 28_232, 1, 14_116),
            (Hold(0), 1000, 0.5, 2000),
            (TIME_WAIT, 0, 0, 0),
            (Hold(0), 1000, 0, math.inf),
        ],
    )
    def test_what_so_many_ports_sustain(
        self, found: Hold, capacity: int, lifetime: float, rate: float
    ) -> None:
        assert found.sustains(capacity, lifetime) == pytest.approx(rate)


def test_both_ends_are_told_where_they_differ_by_a_second() -> None:
    holds = (TIME_WAIT, hold(rules(), reuse=False, hz=1000), Hold(1), Hold(0.5), Hold(1, 0.03))
    assert [str(one) for one in holds] == ["60–62 s", "60–64 s", "1 s", "0.5 s", "1 s"]


class TestOfAFrame:
    def test_each_pattern_has_its_own(self) -> None:
        made = frame(
            *(waiting(40000 + n, local="::1", remote="::1") for n in range(3)),
            waiting(),
            given=rules(reuse_mode=2, reuse_delay_ms=500),
        )
        assert [made.hold(0), made.hold(1)] == [Hold(0.5), TIME_WAIT]
        assert made.patterns.hold.tolist() == [0.5, 60]
