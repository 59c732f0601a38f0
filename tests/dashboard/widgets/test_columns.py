from hypothesis import given
from hypothesis import strategies as st

from tests.tables import steady
from tui.dashboard.widgets.table import NARROWEST, SPARED, Column, fit


def needed(fitted: list[tuple[Column, int]]) -> int:
    return sum(width for _, width in fitted) + max(len(fitted) - 1, 0)


def widths(fitted: list[tuple[Column, int]]) -> dict[str, int]:
    return {column.id: width for column, width in fitted}


def test_what_fits_is_kept_as_it_is() -> None:
    columns = [Column("a", "A", 4), Column("b", "B", 6)]
    assert widths(fit(columns, 11)) == {"a": 4, "b": 6}
    assert widths(fit(columns, 50)) == {"a": 4, "b": 6}, "none of them stretches"


def test_the_highest_rank_gives_way_first() -> None:
    columns = [Column("a", "A", 4), Column("b", "B", 4, rank=1), Column("c", "C", 4, rank=2)]
    assert list(widths(fit(columns, 14))) == ["a", "b", "c"]
    assert list(widths(fit(columns, 13))) == ["a", "b"]
    assert list(widths(fit(columns, 8))) == ["a"]
    assert list(widths(fit(columns, 1))) == ["a"]


def test_what_is_spared_is_there_only_where_others_have_what_they_need() -> None:
    columns = [Column("a", "A", 4, most=9), Column("b", "B", 4, rank=SPARED)]
    assert widths(fit(columns, 13)) == {"a": 4, "b": 4}
    assert widths(fit(columns, 13, {"a": 8})) == {"a": 8, "b": 4}
    assert widths(fit(columns, 13, {"a": 9})) == {"a": 9}


def test_rank_zero_never_does() -> None:
    columns = [Column("a", "A", 40), Column("b", "B", 4), Column("c", "C", 4, rank=1)]
    assert list(widths(fit(columns, 10))) == ["a", "b"]


def test_the_leftover_is_shared_out_by_stretch() -> None:
    columns = [Column("a", "A", 2, stretch=1), Column("b", "B", 2), Column("c", "C", 2, stretch=3)]
    assert widths(fit(columns, 16)) == {"a": 4, "b": 2, "c": 8}


def test_and_no_further_than_the_most() -> None:
    columns = [Column("a", "A", 2, stretch=1, most=3), Column("b", "B", 2, stretch=1)]
    assert widths(fit(columns, 20)) == {"a": 3, "b": 16}


def test_no_columns() -> None:
    assert fit([], 80) == []


@st.composite
def some_columns(draw: st.DrawFn) -> list[Column]:
    return [
        Column(
            str(number),
            "",
            draw(st.integers(1, 30)),
            stretch=draw(st.integers(0, 3)),
            most=draw(st.integers(1, 60)),
            rank=draw(st.integers(0, 3)),
        )
        for number in range(draw(st.integers(1, 8)))
    ]


@given(some_columns(), st.integers(1, 200))
@steady
def test_never_wider_than_asked_and_no_cell_wasted(columns: list[Column], width: int) -> None:
    fitted = fit(columns, width)
    kept = [column for column, _ in fitted]
    assert kept == [column for column in columns if column in kept], "in their order"
    assert {column.id for column in columns if column.rank == 0} <= {column.id for column in kept}
    if needed(fitted) > width:
        assert len(kept) == 1 or all(column.rank == 0 for column in kept)
        assert all(cells == min(column.width, NARROWEST) for column, cells in fitted)
    if needed(fitted) < width:
        growing = [c for c, cells in fitted if c.stretch and cells < c.most]
        assert growing == []
    for column, cells in fitted:
        assert min(column.width, NARROWEST) <= cells <= max(column.width, column.most)
        assert cells <= column.width or column.stretch
        assert cells >= column.width or needed(fitted) >= width, "narrowed without need"
    dropped = [column.rank for column in columns if column not in kept]
    if dropped and len(kept) > 1:
        assert min(dropped) >= max(column.rank for column in kept)
