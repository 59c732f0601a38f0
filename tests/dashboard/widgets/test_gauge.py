import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tables import steady
from tui.dashboard.widgets.gauge import GLYPHS, SLOW_MARK, THRESHOLD_MARK, Parts, gauge

counts = st.integers(0, 65_536) | st.sampled_from((0, 1, 28_231))


def text(parts: Parts, width: int = 20, threshold: float = 80.0) -> str:
    return "".join(run for run, _ in gauge(parts, width, threshold))


def cells(parts: Parts, width: int = 20) -> dict[str, int]:
    """How many cells each part has; the marks stand in the free room."""
    found = dict.fromkeys(Parts._fields, 0)
    for run, name in gauge(parts, width, 80.0):
        found["free" if name == "mark" else name] += len(run)
    return found


def test_parts_stand_in_their_order_with_glyphs_of_their_own() -> None:
    assert text(Parts(5, 5, 5, 5)) == "█████▓▓▓▓▓▒▒▒▒▒·│···"
    assert len(set(GLYPHS.values()) | {SLOW_MARK, THRESHOLD_MARK}) == 6


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (Parts(0, 0, 0, 100), (0, 0, 0, 20)),
        (Parts(100, 0, 0, 0), (20, 0, 0, 0)),
        (Parts(50, 0, 0, 50), (10, 0, 0, 10)),
        (Parts(0, 25, 25, 50), (0, 5, 5, 10)),
        (Parts(1, 0, 0, 28_231), (1, 0, 0, 19)),
        (Parts(0, 1, 1, 28_230), (0, 1, 1, 18)),
    ],
)
def test_cells_are_in_proportion(parts: Parts, expected: tuple[int, ...]) -> None:
    assert tuple(cells(parts).values()) == expected


def test_the_marks_stand_where_they_mean() -> None:
    assert text(Parts(0, 0, 0, 100)) == "··········┊·····│···"
    assert text(Parts(0, 0, 0, 100), threshold=25) == "·····│····┊·········"
    assert text(Parts(0, 0, 0, 100), threshold=100) == "··········┊········│"


def test_a_passed_mark_is_gone() -> None:
    assert text(Parts(60, 0, 0, 40)) == "████████████····│···"


def test_a_threshold_at_the_slow_line_is_the_threshold() -> None:
    assert text(Parts(0, 0, 0, 100), threshold=50) == "··········│·········"


@pytest.mark.parametrize("width", [0, -3])
def test_no_room_is_no_text(width: int) -> None:
    assert text(Parts(1, 2, 3, 4), width) == ""


def test_no_capacity_is_an_empty_gauge() -> None:
    assert text(Parts(0, 0, 0, 0), 5) == "·····"


@given(st.builds(Parts, counts, counts, counts, counts), st.integers(1, 60), st.integers(1, 100))
@steady
def test_it_is_as_wide_as_asked(parts: Parts, width: int, threshold: int) -> None:
    assert len(text(parts, width, threshold)) == width


@given(st.builds(Parts, counts, counts, counts, counts), st.integers(4, 60))
@example(Parts(28_000, 1, 1, 0), 10)
@example(Parts(28_231, 0, 0, 1), 20)
@steady
def test_every_part_that_is_not_empty_is_seen(parts: Parts, width: int) -> None:
    if sum(parts):
        found = cells(parts, width)
        seen = {name for name, count in found.items() if count}
        assert seen == {name for name, share in parts._asdict().items() if share}


@given(st.builds(Parts, counts, counts, counts, counts), st.integers(8, 60))
@steady
def test_no_part_is_far_from_its_share(parts: Parts, width: int) -> None:
    """Each end is rounded, and making room for tiny parts moves it by at most three cells."""
    capacity = sum(parts)
    for name, share in parts._asdict().items():
        if capacity:
            assert abs(cells(parts, width)[name] - share / capacity * width) <= 4
