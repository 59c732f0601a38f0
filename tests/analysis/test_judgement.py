from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.tables import Sock, any_rules, crossing, frame, listener, rules, steady, waiting
from tui.analysis.judgement import (
    SLOW_PERCENT,
    Level,
    PortUse,
    levels,
    pattern_level,
    pattern_levels,
    port_use,
)
from tui.analysis.patterns import Direction
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import State

FINE, SLOW, HOT, EXHAUSTED = Level
counts = st.integers(0, 65_536)
hundredths = st.integers(1, 10_000)
"""Thresholds as users write them, in hundredths of a percent."""


class TestLevel:
    @pytest.mark.parametrize(
        ("locked", "level"),
        [
            (0, FINE),
            (499, FINE),
            (500, SLOW),
            (799, SLOW),
            (800, HOT),
            (999, HOT),
            (1000, EXHAUSTED),
            (1001, EXHAUSTED),
        ],
    )
    def test_at_its_edges(self, locked: int, level: Level) -> None:
        assert PortUse(1000, live=locked).level(80) is level
        assert PortUse(1000, waiting=locked).level(80) is level

    def test_what_can_be_taken_over_is_no_alarm(self) -> None:
        assert PortUse(1000, reusable=1000).level(1) is FINE
        assert PortUse(1000, live=500, reusable=500).level(80) is SLOW

    def test_below_half_a_threshold_is_hot_before_slow(self) -> None:
        assert PortUse(1000, live=299).level(30) is FINE
        assert PortUse(1000, live=300).level(30) is HOT

    @pytest.mark.parametrize("threshold", [80, 100])
    def test_the_last_port_is_not_exhaustion(self, threshold: float) -> None:
        assert PortUse(1000, live=999).level(threshold) is (SLOW if threshold == 100 else HOT)

    def test_both_lines_can_be_given(self) -> None:
        """As `twtop check -w 20 -c 40` does."""
        found = [PortUse(1000, live=locked).level(40, 20) for locked in (199, 200, 399, 400)]
        assert found == [FINE, SLOW, SLOW, HOT]

    @pytest.mark.parametrize(("threshold", "slow"), [(80, 50), (0.5, 0.1), (100, 100)])
    def test_without_any_port_it_is_exhausted(self, threshold: float, slow: float) -> None:
        assert PortUse(0).level(threshold, slow) is EXHAUSTED

    @pytest.mark.parametrize(
        ("threshold", "locked"), [(43.39, 4339), (43.34, 4334), (0.07, 7), (75.29, 7529)]
    )
    def test_what_is_equal_on_paper_is_equal(self, threshold: float, locked: int) -> None:
        """In floats 43.34 × 10,000 is 433,400.00000000006."""
        assert PortUse(10_000, live=locked).level(threshold) is HOT
        assert PortUse(10_000, live=locked - 1).level(threshold) < HOT

    def test_a_port_is_a_whole_one(self) -> None:
        """43.39 % of 1,000 are 433.9."""
        assert PortUse(1000, live=433).level(43.39) is FINE
        assert PortUse(1000, live=434).level(43.39) is HOT

    @given(st.integers(1, 65_536), st.data(), hundredths)
    @steady
    def test_as_in_exact_numbers(self, capacity: int, data: st.DataObject, threshold: int) -> None:
        edge = -(-threshold * capacity // 10_000)
        near = st.integers(max(edge - 2, 0), min(edge + 2, capacity))
        locked = data.draw(near | st.integers(0, capacity))
        expected = FINE
        if Fraction(locked, capacity) >= Fraction(1, 2):
            expected = SLOW
        if Fraction(locked, capacity) >= Fraction(threshold, 10_000):
            expected = HOT
        if locked == capacity:
            expected = EXHAUSTED
        assert PortUse(capacity, live=locked).level(threshold / 100) is expected

    @given(counts, counts, counts, hundredths)
    @steady
    def test_more_locked_is_never_better(
        self, capacity: int, one: int, other: int, threshold: int
    ) -> None:
        fewer, more = sorted((one, other))
        percent = threshold / 100
        assert levels(fewer, capacity, percent) <= levels(more, capacity, percent)

    @given(st.lists(st.tuples(counts, counts), max_size=20), hundredths)
    @steady
    def test_arrays_are_judged_as_numbers_are(
        self, ports: list[tuple[int, int]], threshold: int
    ) -> None:
        pairs = np.array(ports, np.int64).reshape(-1, 2)
        together = levels(pairs[:, 0], pairs[:, 1], threshold / 100).tolist()
        assert together == [levels(*each, threshold / 100) for each in ports]


class TestUse:
    def test_what_it_adds_up_to(self) -> None:
        use = PortUse(1000, live=100, waiting=200, reusable=50)
        assert (use.in_use, use.time_wait, use.locked) == (350, 250, 300)
        assert (use.free, use.connectable) == (650, 700)
        assert use.utilization == 0.35

    def test_no_capacity_is_full(self) -> None:
        assert PortUse(0).utilization == 1.0

    def test_together(self) -> None:
        both = PortUse(1000, 10, 20, 30) + PortUse(500, 1, 2, 3)
        assert both == PortUse(1500, 11, 22, 33)


class TestOfPatterns:
    def test_a_port_is_counted_once_and_only_where_it_is_capacity(self) -> None:
        """Two sockets with one port, and TIME-WAITs on ports that have been reserved since."""
        found = [Sock(), Sock(state=State.CLOSE_WAIT), *(waiting(port) for port in (40001, 40009))]
        given = rules(reserved=((40009, 40009),))
        made = frame(*found, given=given).patterns
        assert made.states[0, State.TIME_WAIT] == 2
        use = port_use(made, 0)
        assert (use.capacity, use.in_use, use.locked) == (9, 2, 2)

    @pytest.mark.parametrize(("mode", "reusable"), [(0, 0), (1, 3)])
    def test_what_may_be_taken_over(self, mode: int, reusable: int) -> None:
        socks = [Sock(), waiting(40001, 59_500), *(waiting(40002 + n) for n in range(3))]
        use = port_use(frame(*socks, given=rules(reuse_mode=mode)).patterns, 0)
        assert use == PortUse(10, live=1, waiting=4 - reusable, reusable=reusable)

    def test_incoming_ones_are_never_judged(self) -> None:
        clients = [Sock(local_port=80, remote_port=port) for port in range(40000, 40010)]
        made = frame(listener(), *clients).patterns
        assert (made.direction[0], made.in_use[0]) == (Direction.INCOMING, 10)
        assert pattern_levels(made, 1).tolist() == [FINE]
        assert pattern_level(made, 0, 1) is FINE

    @given(crossing, any_rules(), hundredths)
    @steady
    def test_its_parts_are_those_of_the_table(
        self, found: list[Sock], given: PortRules, threshold: int
    ) -> None:
        made = frame(*found, given=given).patterns
        assume(len(made))
        judged = pattern_levels(made, threshold / 100).tolist()
        for index in range(len(made)):
            use = port_use(made, index)
            assert min(use.live, use.waiting, use.reusable, use.free) >= 0
            assert (use.capacity, use.in_use) == (made.capacity[index], made.in_use[index])
            assert (use.locked, use.reusable) == (made.locked[index], made.reusable[index])
            assert (use.free, use.connectable) == (made.free[index], made.connectable[index])
            assert use.utilization == made.utilization[index]
            assert pattern_level(made, index, threshold / 100) == judged[index]
            if made.direction[index] == Direction.OUTGOING:
                assert use.level(threshold / 100) == judged[index]
            else:
                assert judged[index] == FINE


def test_slow_is_half() -> None:
    assert SLOW_PERCENT == 50
