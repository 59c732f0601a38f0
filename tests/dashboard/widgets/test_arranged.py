"""Rows that are filtered and sorted in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from tests.dashboard.scene import Stage, busy, stage
from tui.analysis.filter import Filter
from tui.analysis.frame import Frame
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.widgets import arranged
from tui.dashboard.widgets.patterns import PatternRows, PatternsPanel
from tui.dashboard.widgets.table import RowTable, TableRows
from tui.kernel.sockets import Array

PATIENCE = 10.0


class SlowFilter:
    """Lets nothing pass, and that only once it is told to."""

    def __init__(self) -> None:
        self.begun, self.release = threading.Event(), threading.Event()
        self.filter = Filter("slow", self.rows)

    def rows(self, frame: Frame) -> Array:
        self.begun.set()
        assert self.release.wait(PATIENCE)
        return np.zeros(len(frame.table), bool)


@pytest.fixture
def slow() -> Iterator[SlowFilter]:
    made = SlowFilter()
    yield made
    made.release.set()


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[PatternRows]:
    """Never at once; all rows of patterns that were shown, in their order."""
    monkeypatch.setattr(arranged, "AT_ONCE", 0)
    found: list[PatternRows] = []
    original = RowTable.show_rows

    def show_rows(
        table: RowTable, rows: TableRows, *, sorted_by: tuple[str, bool] | None = None
    ) -> None:
        if isinstance(rows, PatternRows):
            found.append(rows)
        original(table, rows, sorted_by=sorted_by)

    monkeypatch.setattr(RowTable, "show_rows", show_rows)
    return found


async def begin(on: Stage, slow: SlowFilter) -> Dashboard:
    """Filter by it, and wait until the thread is at it."""
    dashboard = on.app.dashboard
    await settle(on)
    dashboard.filter = slow.filter
    dashboard.again()
    assert await asyncio.to_thread(slow.begun.wait, PATIENCE)
    await on.pilot.pause()
    return dashboard


async def settle(on: Stage) -> None:
    """Wait until the threads have ended and what they made is on screen."""
    while any(worker.group == "arrange" for worker in on.app.workers):
        await on.app.workers.wait_for_complete()
        await on.pilot.pause()


async def test_the_result_of_a_filter_arrives(shown: list[PatternRows]) -> None:
    async with stage(busy()) as on:
        await settle(on)
        await on.press("slash")
        await on.type("dport 6379")
        await on.press("enter")
        await settle(on)
        assert "Patterns · 1 of 4 · by ports in use · filter: dport 6379" in on.text()
        assert "│▌10.0.0.5 → 10.0.0.10:6379" in on.text()
        assert len(on.app.dashboard.patterns.rows or ()) == 1


async def test_the_screen_does_not_wait_for_it(slow: SlowFilter, shown: list[PatternRows]) -> None:
    async with stage(busy()) as on:
        dashboard = await begin(on, slow)
        assert "Patterns · … · by ports in use · filter: slow" in on.text()
        assert "10.0.0.9:5432" in on.text(), "the rows of before, until there are others"
        await on.pilot.press("j")
        await on.pilot.pause()
        assert dashboard.patterns.cursor == 1
        slow.release.set()
        await settle(on)
        assert "nothing matches the filter" in on.text()
        assert "Patterns · 0 of 4" in on.text()


async def test_rows_for_a_filter_that_was_taken_back_are_dropped(
    slow: SlowFilter, shown: list[PatternRows]
) -> None:
    async with stage(busy()) as on:
        await begin(on, slow)
        await on.pilot.press("escape")
        await on.pilot.pause()
        slow.release.set()
        await settle(on)
        assert [rows.view.filter for rows in shown] == [None] * len(shown)
        assert "Patterns · 4 · by ports in use" in on.text()


async def test_rows_of_a_place_that_was_left_are_dropped(
    slow: SlowFilter, shown: list[PatternRows]
) -> None:
    async with stage(busy()) as on:
        dashboard = await begin(on, slow)
        count = len(shown)
        dashboard.begin_anew("elsewhere")
        slow.release.set()
        await settle(on)
        assert len(shown) == count


async def test_they_never_go_back_in_time(
    slow: SlowFilter, shown: list[PatternRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(busy()) as on:
        dashboard = await begin(on, slow)
        for at in (1, 2, 3):
            on.app.take(on.app.watched.take(busy(at=at).reading))
        slow.release.set()
        await settle(on)
        times = [rows.view.frame.time for rows in shown if rows.view.filter is not None]
        assert times == sorted(times)
        assert len(times) == 2, "that of the frame it was asked for, then that of the newest"
        assert times[-1] == busy(at=3).time

        slow.begun.clear()
        slow.release.clear()
        on.app.take(on.app.watched.take(busy(at=4).reading))
        assert await asyncio.to_thread(slow.begun.wait, PATIENCE)
        monkeypatch.setattr(arranged, "AT_ONCE", 1_000_000)
        threading.Timer(0.05, slow.release.set).start()  # both are at the same filter
        on.app.take(on.app.watched.take(busy(at=5).reading))
        await settle(on)
        assert isinstance(dashboard.patterns.rows, PatternRows)
        assert dashboard.patterns.rows.view.frame.time == busy(at=5).time


async def test_the_selection_follows_its_pattern(shown: list[PatternRows]) -> None:
    async with stage(busy()) as on:
        await settle(on)
        await on.press("j")
        table = on.app.dashboard.patterns
        selected, rows = table.selected, set()
        for _ in PatternsPanel.sortable:
            await on.press("s")
            await settle(on)
            assert table.selected == selected
            rows.add(table.cursor)
        await on.press("I")
        await settle(on)
        assert table.selected == selected
        assert len(rows | {table.cursor}) > 1, "it did move"
