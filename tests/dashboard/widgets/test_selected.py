"""The pane of the selected pattern: what does not fit its width goes on below."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from tests.dashboard.scene import busy, stage
from tui.dashboard.widgets.selected import PART, flowed

PARTS = st.lists(st.text("abc ", min_size=1, max_size=20), min_size=1, max_size=8)


@given(PARTS, st.integers(24, 60))
def test_no_part_is_broken_and_none_is_lost(parts: list[str], width: int) -> None:
    lines = [line.plain for line in flowed(Text(PART.join(parts)), width)]
    assert all(len(line) <= width for line in lines)
    assert PART.join([lines[0], *(line[1:] for line in lines[1:])]) == PART.join(parts)


@pytest.mark.parametrize("width", [160, 200])
async def test_a_figure_stands_with_its_words(width: int) -> None:
    async with stage(busy(), busy(at=1), size=(width, 60)) as on:
        facts = [line[line.rindex("││") :] for line in on.text().splitlines() if "││" in line]
        assert any("connect() is slow" in line for line in facts)
        assert not any(line.startswith(("││ is slow", "││ growth")) for line in facts)
