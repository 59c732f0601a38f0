"""The rows of the patterns panel: their order, and that each costs no more than itself."""

from __future__ import annotations

from typing import NoReturn

import pytest
from hypothesis import given

from tests.dashboard.scene import busy
from tests.tables import Sock, crossing, frame, steady
from tui.analysis.frame import Frame
from tui.analysis.judgement import port_use
from tui.analysis.patterns import Patterns
from tui.dashboard.widgets.patterns import COLUMNS, PatternRows
from tui.watching.view import View
from tui.watching.watch import Watch

WHOLE = ("total", "live", "free", "locked", "connectable", "utilization")


def view_of(frame: Frame) -> View:
    return Watch().take(frame.reading)


@given(crossing)
@steady
def test_by_name_is_by_key(found: list[Sock]) -> None:
    rows = PatternRows(view_of(frame(*found)), "pattern", inverted=False)
    keys = [rows.identity(row) for row in range(len(rows))]
    patterns = rows.view.frame.patterns
    assert keys == sorted(patterns.key(index) for index in range(len(patterns)))


@given(crossing)
@steady
def test_a_rows_numbers_are_those_of_the_columns(found: list[Sock]) -> None:
    view = view_of(frame(*found))
    patterns = view.frame.patterns
    for index in range(len(patterns)):
        use = port_use(patterns, index)
        for name in ("in_use", "capacity", "reusable", "free", "locked", "connectable"):
            assert getattr(use, name) == getattr(patterns, name)[index], name
        assert use.utilization == patterns.utilization[index]
        assert patterns.time_wait_of(index) == patterns.time_wait[index]
        assert patterns.live_of(index) == patterns.live[index]


def test_a_cell_is_drawn_from_its_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = PatternRows(view_of(busy()), "use", inverted=False)

    def whole(_: Patterns) -> NoReturn:
        raise AssertionError("a column of all patterns was computed")

    for name in WHOLE:
        monkeypatch.setattr(Patterns, name, property(whole))
    for row in range(len(rows)):
        for column in COLUMNS:
            assert rows.cell(row, column.id, 40) is not None
