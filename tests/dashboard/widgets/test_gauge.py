import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tables import steady
from tui.analysis.judgement import PortUse
from tui.dashboard.widgets.gauge import cells, gauge, glyph_of, parts
from tui.dashboard.widgets.glyphs import UNICODE, Glyphs, draw_with

counts = st.integers(0, 65_536) | st.sampled_from((0, 1, 28_231))


def used(live: int, waiting: int, reusable: int, free: int) -> PortUse:
    return PortUse(live + waiting + reusable + free, live, waiting, reusable)


uses = st.builds(used, counts, counts, counts, counts)


def text(use: PortUse, width: int = 20, threshold: float = 80.0) -> str:
    return "".join(run for run, _ in gauge(use, width, threshold))


PARTS = ("live", "locked", "reusable", "free")
SLOW_MARK, THRESHOLD_MARK = UNICODE.slow, UNICODE.threshold


def filled(use: PortUse, width: int = 20) -> dict[str, int]:
    """How many cells each part has."""
    found = cells(use, width)
    return {part: found.count(part) for part in PARTS}


def test_parts_stand_in_their_order_with_glyphs_of_their_own() -> None:
    assert text(used(5, 5, 5, 5)) == "█████▓▓▓▓▓┊▒▒▒▒·│···"
    assert len({glyph_of(part) for part in PARTS} | {SLOW_MARK, THRESHOLD_MARK}) == 6


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (used(0, 0, 0, 100), (0, 0, 0, 20)),
        (used(100, 0, 0, 0), (20, 0, 0, 0)),
        (used(50, 0, 0, 50), (10, 0, 0, 10)),
        (used(0, 25, 25, 50), (0, 5, 5, 10)),
        (used(1, 0, 0, 28_231), (1, 0, 0, 19)),
        (used(0, 1, 1, 28_230), (0, 1, 1, 18)),
    ],
)
def test_cells_are_in_proportion(use: PortUse, expected: tuple[int, ...]) -> None:
    assert tuple(filled(use).values()) == expected


def test_the_marks_stand_where_they_mean() -> None:
    assert text(used(0, 0, 0, 100)) == "··········┊·····│···"
    assert text(used(0, 0, 0, 100), threshold=25) == "·····│····┊·········"
    assert text(used(0, 0, 0, 100), threshold=100) == "··········┊········│"


def test_a_passed_mark_stands_over_what_fills_it() -> None:
    """So that by how much it is passed can be read."""
    assert gauge(used(65, 0, 0, 35), 20, 80) == [
        ("██████████", "live"),
        ("┊", "passed"),
        ("██", "warn"),
        ("···", "free"),
        ("│", "mark"),
        ("···", "free"),
    ]
    assert text(used(5, 80, 10, 5)) == "█▓▓▓▓▓▓▓▓▓┊▓▓▓▓▓│▒▒·"


def test_it_shades_by_level_what_connect_cannot_have() -> None:
    roles = [role for _, role in gauge(used(10, 80, 0, 10), 20, 80)]
    assert roles == ["live", "locked", "passed", "warn", "passed", "alarm", "free"]
    roles = [role for _, role in gauge(used(0, 10, 85, 5), 20, 80)]
    assert set(roles) == {"locked", "reusable", "passed", "free"}, "reuse frees them: no alarm"
    low = gauge(used(0, 45, 0, 55), 20, threshold=25)
    assert [role for _, role in low] == ["locked", "passed", "alarm", "free", "mark", "free"]


def test_a_mark_hides_no_parts_only_cell() -> None:
    assert text(used(50, 1, 0, 49)) == "██████████▓·····│···"


def test_another_terminal_has_other_glyphs() -> None:
    draw_with(Glyphs(live="#", locked="=", reusable="-", free=".", slow=":", threshold="|"))
    try:
        assert text(used(5, 5, 5, 5)) == "#####=====:----.|..."
    finally:
        draw_with(UNICODE)


def test_a_threshold_at_the_slow_line_is_the_threshold() -> None:
    assert text(used(0, 0, 0, 100), threshold=50) == "··········│·········"


@pytest.mark.parametrize("width", [0, -3])
def test_no_room_is_no_text(width: int) -> None:
    assert text(used(1, 2, 3, 4), width) == ""


def test_no_capacity_is_an_empty_gauge() -> None:
    assert text(PortUse(0), 5) == "·····"


def test_held_ports_that_are_no_longer_capacity_leave_no_room() -> None:
    assert text(PortUse(10, live=15, waiting=5)) == "██████████┊████▓│▓▓▓"


@given(uses, st.integers(1, 60), st.integers(1, 100))
@steady
def test_it_is_as_wide_as_asked(use: PortUse, width: int, threshold: int) -> None:
    assert len(text(use, width, threshold)) == width


@given(uses, st.integers(4, 60))
@example(used(28_000, 1, 1, 0), 10)
@example(used(28_231, 0, 0, 1), 20)
@steady
def test_every_part_that_is_not_empty_is_seen(use: PortUse, width: int) -> None:
    if use.capacity:
        shown, held = set(text(use, width)), parts(use)
        for part in ("live", "locked", "reusable"):
            assert (glyph_of(part) in shown) == (held[part] > 0), part
        assert bool(filled(use, width)["free"]) == bool(held["free"])


@given(uses, st.integers(8, 60))
@steady
def test_no_part_is_far_from_its_share(use: PortUse, width: int) -> None:
    """Each end is rounded, and making room for tiny parts moves it by at most three cells."""
    for name, share in parts(use).items():
        if use.capacity:
            assert abs(filled(use, width)[name] - share / use.capacity * width) <= 4
