"""The charts of a pattern: their cells, their scales, and that nothing hides what is in use."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tables import steady
from tui.analysis.trends import Series
from tui.dashboard.widgets.glyphs import UNICODE
from tui.dashboard.widgets.pattern_charts import history, schedule
from tui.dashboard.widgets.styles import Run

LIMITS = ((50.0, "warn"), (80.0, "alarm"))
SIZES = [(20, 4), (60, 8), (200, 40)]
NOW = 1_750_000_000.0


def series(*in_use: float, live: int = 0, capacity: int = 1000, step: float = 5.0) -> Series:
    """A series of these values, the last of them now."""
    time = -step * np.arange(len(in_use))[::-1]
    used = np.array(in_use, np.int32)
    lives = np.full(len(used), live, np.int32)
    return Series(time, used, lives, used, np.full(len(used), capacity, np.int32))


def draw(past: Series, width: int = 60, height: int = 11) -> list[list[Run]]:
    lines = history(past, NOW, LIMITS, width, height)
    check(lines, width, height)
    return lines


def check(lines: list[list[Run]], width: int, height: int) -> None:
    assert [sum(len(text) for text, _ in line) for line in lines] == [width] * height


def plain(lines: list[list[Run]]) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines]


def columns(lines: list[list[Run]], row: int) -> list[Run]:
    """The cells of a row from below, with their roles."""
    return [(char, role) for text, role in lines[-2 - row] for char in text]


def area(char: str) -> bool:
    return char in UNICODE.area[1:]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([5.0], id="one point"),
        pytest.param([5.0] * 3, id="flat"),
        pytest.param([0.0] * 3, id="zero"),
        pytest.param([0.0, 28_232.0, 1.0] * 20, id="more than the capacity"),
    ],
)
def test_a_history_has_the_size_asked_for(values: list[float], width: int, height: int) -> None:
    lines = history(series(*values), NOW, LIMITS, width, height)
    check(lines, width, height)
    assert any(map(area, "".join(plain(lines)))) == any(values)
    assert "now" in plain(lines)[-1]


@pytest.mark.parametrize("share", [500, 850, 1000])
def test_what_is_in_use_reaches_now_without_a_hole(share: int) -> None:
    """It is drawn over capacity and marks, also where it meets them."""
    lines = draw(series(*[share] * 60))
    for row in range(share * 10 // 1000):
        cells = columns(lines, row)
        assert all(area(char) for char, _ in cells[6:]), f"row {row}: {plain(lines)}"
        assert area(cells[-1][0])


def test_it_is_shaded_by_level_and_marks_are_named_on_their_rows() -> None:
    lines = draw(series(*[1000] * 60))
    roles = [columns(lines, row)[-1][1] for row in range(10)]
    assert roles == ["locked"] * 5 + ["warn"] * 3 + ["alarm"] * 2
    rows = plain(draw(series(*[200] * 60)))
    assert rows[0].startswith("1,000" + UNICODE.capacity), "the capacity's line at its label"
    assert rows[9 - 8].startswith("  80%" + UNICODE.guide)
    assert rows[9 - 5].startswith("  50%" + UNICODE.guide)


def test_a_capacity_far_above_does_not_press_the_curve_flat() -> None:
    lines = draw(series(*[30] * 60, capacity=28_232))
    assert UNICODE.capacity not in "".join(plain(lines))
    assert area(columns(lines, 5)[-1][0]), "30 of a scale to 50"


def test_before_the_first_moment_no_capacity_is_drawn() -> None:
    """A line at 0 there would be a host that had no ports."""
    assert all(glyph != UNICODE.capacity for glyph, _ in columns(draw(series(900, 900)), 0))


def test_the_live_ones_are_a_line_that_hides_nothing() -> None:
    row = columns(draw(series(*[600] * 60, live=300)), 3)
    assert row[-1] == (UNICODE.line, "live")
    low = draw(series(*[40] * 60 + [300], live=20))
    assert area(columns(low, 0)[30][0]), "where it would be all that is seen of both"


def test_a_leak_shows_as_live() -> None:
    assert columns(draw(series(*[600] * 60, live=600)), 6)[-1] == (UNICODE.line, "live")


@pytest.mark.parametrize(
    ("count", "labels"), [(7, ("−60 s", "−30 s")), (121, ("−10 min", "−5 min"))]
)
def test_the_time_axis_ends_now(count: int, labels: tuple[str, str]) -> None:
    axis = plain(draw(series(*[5.0] * count)))[-1]
    for label in (*labels, "now"):
        assert label in axis


def test_a_peak_between_two_columns_is_seen() -> None:
    values = [100.0] * 300
    values[150] = 900.0
    lines = draw(series(*values, step=1.0), width=30)
    assert any(area(char) for char, _ in columns(lines, 8))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0] * 60, id="zero"),
        pytest.param([7] * 60, id="flat"),
        pytest.param([0] * 59 + [3], id="one"),
        pytest.param(list(range(60)), id="ramp"),
    ],
)
def test_a_schedule_has_the_size_asked_for(values: list[int], width: int, height: int) -> None:
    lines = schedule(values, width, height)
    check(lines, width, height)
    assert any(map(area, "".join(plain(lines)))) == any(values)


def test_what_is_overdue_does_not_set_the_scale() -> None:
    calm, overdue = schedule([18] * 60, 60, 11), schedule([300] + [18] * 59, 60, 11)
    assert plain(calm)[0].startswith("20"), "a scale of 1, 2 or 5 times a power of ten"
    assert [row[5:] for row in plain(overdue)][1:] == [row[5:] for row in plain(calm)][1:]
    assert area(plain(overdue)[0][2]), "and is cut off at its top"


@given(
    st.lists(st.integers(0, 65_536), min_size=1, max_size=30),
    st.integers(12, 100),
    st.integers(3, 16),
    st.sampled_from((1, 500, 28_232)),
    st.integers(0, 700),
)
@settings(steady, max_examples=40)
def test_no_series_is_fatal(
    values: list[int], width: int, height: int, capacity: int, live: int
) -> None:
    past = series(*values, live=live, capacity=capacity)
    check(history(past, NOW, LIMITS, width, height), width, height)
    check(schedule([*values, 0], width, height), width, height)
