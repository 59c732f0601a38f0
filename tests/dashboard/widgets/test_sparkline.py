import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import steady
from tui.dashboard.widgets.glyphs import UNICODE
from tui.dashboard.widgets.sparkline import resample, sparkline, sparkrows

BLOCKS = UNICODE.levels
values = st.lists(st.floats(0, 1e6) | st.integers(0, 300).map(float), max_size=80)


def test_it_runs_from_zero_to_the_greatest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8], 9) == BLOCKS == " ▁▂▃▄▅▆▇█"


def test_a_flat_line_looks_flat_and_full() -> None:
    assert sparkline([7, 7, 7], 3) == "███"


def test_against_a_top() -> None:
    assert sparkline([4, 4], 2, top=8) == "▄▄"
    assert sparkline([16, 8], 2, top=8) == "█▄", "what is above it sets the scale"


def test_little_is_more_than_nothing() -> None:
    assert sparkline([0, 1, 1_000_000], 3) == " ▁█"


def test_the_newest_are_shown_at_the_right() -> None:
    assert sparkline([9, 9, 1, 8], 2) == "▁█"
    assert sparkline([8], 4) == "   █"


@pytest.mark.parametrize(
    ("found", "width", "expected"),
    [([], 3, "   "), ([], 0, ""), ([1, 2], 0, ""), ([0, 0], 2, "  "), ([0.0], 3, "   ")],
)
def test_nothing_to_show(found: list[float], width: int, expected: str) -> None:
    assert sparkline(found, width) == expected


def test_rows_stand_on_each_other() -> None:
    assert sparkrows([4, 8, 12, 16], 4, 2) == ["  ▄█", "▄███"]
    assert sparkrows([], 2, 3) == ["  "] * 3


@given(values, st.integers(0, 60), st.integers(1, 8), st.floats(0, 1e6))
@steady
def test_rows_have_the_size_asked_for(
    found: list[float], width: int, height: int, top: float
) -> None:
    rows = sparkrows(found, width, height, top)
    assert [len(row) for row in rows] == [width] * height
    assert set("".join(rows)) <= set(BLOCKS)


@given(values, st.integers(1, 60), st.integers(1, 8))
@steady
def test_a_column_is_filled_from_below_by_its_value(
    found: list[float], width: int, height: int
) -> None:
    rows = sparkrows(found, width, height)
    shown = found[-width:]
    heights = [
        sum(BLOCKS.index(row[width - len(shown) + column]) for row in rows)
        for column in range(len(shown))
    ]
    for column in range(width):
        blocks = [BLOCKS.index(row[column]) for row in rows]
        partial = [block for block in blocks if block not in (0, 8)]
        assert blocks == sorted(blocks)
        assert len(partial) <= 1
    for one, other in zip(shown, heights, strict=True):
        assert (other > 0) == (one > 0)
    assert [height for _, height in sorted(zip(shown, heights, strict=True))] == sorted(heights)


class TestResample:
    def test_few_values_are_left_alone(self) -> None:
        assert resample([1, 2, 3], 3) == [1, 2, 3]
        assert resample([1, 2, 3], 0) == [1, 2, 3]

    def test_many_are_averaged(self) -> None:
        assert resample([1, 3, 5, 7], 2, newest=1) == [2, 6]

    def test_the_present_span_is_of_the_seconds_it_has_so_far(self) -> None:
        assert resample([1, 3, 5, 7], 2, newest=2) == [4, 7]

    def test_what_stands_still_moves_once_a_span(self) -> None:
        """A minute of which one second had something, seen at ten moments."""
        pictures = [
            resample([60.0 * (second == 100) for second in range(now - 59, now + 1)], 12, now)
            for now in range(105, 115)
        ]
        assert pictures[0][-2] == 12
        assert all(picture == pictures[0] for picture in pictures[:5])
        assert pictures[5][-3] == 12
        assert all(picture == pictures[5] for picture in pictures[5:])

    @given(
        st.lists(st.integers(0, 1000).map(float), min_size=1),
        st.integers(1, 50),
        st.integers(0, 100),
    )
    @steady
    def test_no_wider_than_asked_and_no_value_invented(
        self, found: list[float], width: int, newest: int
    ) -> None:
        sampled = resample(found, width, newest)
        assert 0 < len(sampled) <= width or sampled == found
        assert min(found) <= min(sampled) <= max(sampled) <= max(found)
