"""Addresses in a width: what is shortened keeps its port, and is told apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.dashboard.scene import between, frame_of
from tests.tables import steady
from tui.dashboard.widgets.addresses import pattern_text, told_apart
from tui.dashboard.widgets.patterns import PatternRows
from tui.kernel.sockets import State
from tui.watching.watch import Watch

HERE = "2001:db8:a1b2:c3d4:1111:2222:3333:10"
groups = st.sampled_from(("1", "22", "a3b4"))
addresses = st.lists(
    st.tuples(*[groups] * 8).map(":".join), min_size=1, max_size=40, unique=True
).map(tuple)


@pytest.mark.parametrize("width", [12, 20, 30])
@pytest.mark.parametrize("at", range(8))
def test_two_that_differ_anywhere_never_read_the_same(at: int, width: int) -> None:
    two = tuple(
        ":".join("d1ff" if i == at and other else "2001" for i in range(8)) for other in (0, 1)
    )
    assert len(set(told_apart(two, width).values())) == 2


@given(addresses, st.integers(1, 45))
@steady
def test_none_is_wider_than_asked(found: tuple[str, ...], width: int) -> None:
    texts = told_apart(found, width)
    assert set(texts) == set(found)
    assert all(len(text) <= width for text in texts.values())
    assert all(texts[one] == one for one in found if len(one) <= width)


@given(addresses)
@steady
def test_many_are_told_apart_where_half_of_each_is_seen(found: tuple[str, ...]) -> None:
    whole = {one: text for one, text in told_apart(found, 39).items() if one == text}
    assert len(set(whole.values())) == len(whole)


@pytest.mark.parametrize("width", [26, 40, 60])
def test_destinations_in_the_table_are_told_apart_and_keep_their_ports(width: int) -> None:
    ends = [f"[2001:db8:a1b2:{net}:5555:6666:7777:20]:9090" for net in ("c3d4", "c3d5", "e001")]
    frame = frame_of([between(f"[{HERE}]:33000", end, State.ESTABLISHED) for end in ends])
    rows = PatternRows(Watch().take(frame.reading), "use", inverted=False)
    texts = [rows.cell(row, "pattern", width)[0][0] for row in range(len(rows))]
    assert len(set(texts)) == 3, texts
    assert all(text.endswith(":9090") and len(text) <= width for text in texts), texts


def test_the_local_side_gives_way_first() -> None:
    frame = frame_of([between(f"[{HERE}]:33000", "10.0.0.9:5432", State.ESTABLISHED)])
    text = pattern_text(frame.patterns.key(0), 30)
    assert text.endswith(" → 10.0.0.9:5432")
    assert len(text) == 30
