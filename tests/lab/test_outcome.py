from hypothesis import given
from hypothesis import strategies as st

from tests.tables import steady
from tui.lab.outcome import SLOTS, latency, slot


def histogram(nanoseconds: list[int]) -> list[int]:
    counts = [0] * SLOTS
    for each in nanoseconds:
        counts[slot(each)] += 1
    return counts


class TestLatency:
    def test_nothing_connected_has_none(self) -> None:
        assert latency([0] * SLOTS) is None

    @steady
    @given(st.lists(st.integers(8, 10**11), min_size=1))
    def test_quantiles_are_right_to_an_eighth(self, nanoseconds: list[int]) -> None:
        found = latency(histogram(nanoseconds))
        assert found is not None
        ordered = sorted(nanoseconds)
        for part, seconds in ((0.5, found.p50), (0.99, found.p99), (1.0, found.longest)):
            real = next(
                value for index, value in enumerate(ordered, 1) if index >= len(ordered) * part
            )
            assert real <= seconds * 1e9 * 1.000001
            assert seconds * 1e9 <= real * 1.126

    @steady
    @given(st.integers(0, 10**12), st.integers(0, 10**12))
    def test_slots_are_in_the_order_of_the_latencies(self, one: int, other: int) -> None:
        assert (slot(one) <= slot(other)) == (one <= other) or slot(one) == slot(other)
