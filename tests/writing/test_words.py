import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tables import steady
from tui.analysis.judgement import Level, PortUse
from tui.writing.words import (
    duration,
    floored,
    per_second,
    percent,
    ratio,
    short,
    signed,
    span,
    whole_clauses,
    written,
)

ports = st.integers(1, 65_536)


class TestShares:
    @pytest.mark.parametrize(
        ("part", "whole", "digits", "value"),
        [
            (0, 1000, 1, 0.0),
            (500, 1000, 1, 50.0),
            (28_231, 28_232, 1, 99.9),
            (28_231, 28_232, 2, 99.99),
            (28_232, 28_232, 2, 100.0),
            (12_250, 28_232, 1, 43.3),
            (12_250, 28_232, 2, 43.39),
            (289, 500, 1, 57.8),
            (29, 100, 0, 29.0),
            (1500, 1000, 1, 150.0),
            (0, 0, 1, 100.0),
        ],
    )
    def test_they_are_rounded_down(self, part: int, whole: int, digits: int, value: float) -> None:
        assert floored(part, whole, digits) == value

    @given(st.integers(0, 10_000), st.sampled_from((1, 2)))
    @steady
    def test_one_that_can_be_written_is_written(self, hundreds: int, digits: int) -> None:
        """0.29 × 100 is 28.999999999999996 in floats."""
        per = 10 ** (digits + 2)
        part = hundreds * per // 10_000
        assert floored(part, per, digits) == pytest.approx(100 * part / per, abs=1e-9)

    @given(st.integers(0, 65_536), ports, st.integers(0, 4))
    @steady
    def test_never_up_and_by_less_than_a_digit(self, part: int, whole: int, digits: int) -> None:
        shown = Fraction(str(floored(part, whole, digits)))
        exact = Fraction(100 * part, whole)
        assert shown <= exact < shown + Fraction(1, 10**digits)

    @pytest.mark.parametrize(
        ("part", "whole", "text"),
        [
            (28_231, 28_232, "99.9 %"),
            (28_232, 28_232, "100 %"),
            (800, 1000, "80 %"),
            (12_250, 28_232, "43.3 %"),
            (1, 28_232, "0 %"),
            (0, 0, "100 %"),
        ],
    )
    def test_in_sentences(self, part: int, whole: int, text: str) -> None:
        assert percent(part, whole) == text

    @pytest.mark.parametrize(
        ("beside", "text"),
        [(0, "43.3 %"), (43, "43.3 %"), (43.3, "43.3 %"), (43.39, "43.39 %"), (43.391, "43.39 %")],
    )
    def test_beside_another_one_it_has_as_many_digits(self, beside: float, text: str) -> None:
        assert percent(433_905, 1_000_000, beside=beside) == text

    @given(ports, st.decimals(Decimal("0.1"), 100, places=6) | st.decimals("0.1", 100, places=2))
    @example(10_000, Decimal("43.39"))
    @example(28_232, Decimal("12.34767"))
    @steady
    def test_a_comparison_never_reads_false(self, capacity: int, threshold: Decimal) -> None:
        """Not by how the threshold itself is written either, and as it was judged."""
        limit = float(threshold)
        edge = int(threshold * capacity / 100)
        for locked in range(max(edge - 1, 0), min(edge + 2, capacity) + 1):
            shown = Decimal(percent(locked, capacity, limit).removesuffix(" %"))
            above = 100 * Fraction(locked, capacity) >= Fraction(threshold)
            assert (shown >= Decimal(written(limit))) == above
            assert (PortUse(capacity, live=locked).level(limit, 100) >= Level.HOT) == above

    @given(st.integers(0, 65_536), ports)
    @steady
    def test_a_ratio_is_one_only_of_the_whole(self, part: int, whole: int) -> None:
        assert (ratio(part, whole) >= 1) == (part >= whole)
        assert 0 <= part / whole - ratio(part, whole) < 1e-4 + 1e-9

    def test_a_ratio_of_nothing_is_one(self) -> None:
        assert ratio(0, 0) == 1.0


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (0, "0/s"),
        (0.99, "0.9/s"),
        (2, "2/s"),
        (9.99, "9.9/s"),
        (16.12, "16/s"),
        (28_232 / 62.048, "455/s"),
        (1039.9, "1,039/s"),
        (math.inf, "any number"),
    ],
)
def test_a_rate_that_can_be_borne_is_never_more(rate: float, text: str) -> None:
    assert per_second(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "under 1 s"),
        (0.4, "under 1 s"),
        (45.4, "45 s"),
        (59.6, "1 min"),
        (120, "2 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7530, "2 h 5 min"),
        (259_200, "3 days"),
        (100_000, "1 day 3 h"),
    ],
)
def test_a_time_to_come(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (99, "99 s"),
        (180, "3 min"),
        (7200, "2 h"),
        (math.inf, "–"),
    ],
)
def test_a_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.04, "0"),
        (-0.04, "0"),
        (-4.2, "−4.2"),
        (312, "+312"),
        (-1204, "−1,204"),
    ],
)
def test_a_change(change: float | None, text: str) -> None:
    assert signed(change) == text


@pytest.mark.parametrize(("width", "text"), [(5, "ports"), (4, "por…"), (1, "…"), (0, "")])
def test_a_text_cut_short(width: int, text: str) -> None:
    assert short("ports", width) == text


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (99, "Seconds it lasts (about). NOT the length of TIME-WAIT."),
        (53, "Seconds it lasts (about)"),
        (23, "Seconds it lasts"),
        (15, "Seconds it las…"),
    ],
)
def test_a_text_cut_where_a_clause_ends(width: int, text: str) -> None:
    assert whole_clauses("Seconds it lasts (about). NOT the length of TIME-WAIT.", width) == text
