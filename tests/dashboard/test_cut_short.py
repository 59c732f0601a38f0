"""Reads that were cut short, and views that come faster than they are drawn."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tests.dashboard.scene import CACHE, DATABASE, Stage, busy, frame_of, stage, waits
from tests.tables import table
from tui.analysis.frame import Frame
from tui.dashboard.polling import Sampled
from tui.dashboard.screens.overview import Dashboard
from tui.watching.view import View


def cut(at: float, chance: Random) -> Frame:
    """What a read has seen before it was cut: some of the sockets, or none."""
    socks = waits(chance.choice((0, 1, 30)), chance.choice((DATABASE, CACHE)))
    return frame_of(socks, at=at, complete=False)


def shape(on: Stage) -> list[str]:
    """The screen without the clock, the ages and what moves with the time."""
    panels = on.text().splitlines()[1:]
    return [line for line in panels if "→" in line or "←" in line or "■" in line or "▲" in line]


@pytest.mark.parametrize("seed", range(3))
async def test_panels_findings_and_the_selection_stay(seed: int) -> None:
    chance = Random(seed)
    async with stage(busy(900), busy(900, at=1), busy(900, at=2)) as on:
        await on.press("j")
        dashboard = on.app.screen
        assert isinstance(dashboard, Dashboard)
        before, selected = shape(on), dashboard.patterns.selected
        assert on.app.view is not None
        states, found = on.app.view.frame.states.tolist(), on.app.view.cases.present
        assert found
        for number in range(12):
            at = 3 + number / 4
            whole = chance.random() < 0.3
            await on.show(busy(900, at=at) if whole else cut(at, chance))
            assert on.app.view.frame.states.tolist() == states
            assert [case.identity for case in on.app.view.cases.present] == [
                case.identity for case in found
            ]
            assert on.app.view.trends.gone == ()
            assert dashboard.patterns.selected == selected
            assert [line.split("  ")[0] for line in shape(on)] == [
                line.split("  ")[0] for line in before
            ]


async def test_the_age_of_the_table_is_told() -> None:
    async with stage(busy(600), cut(4, Random(1))) as on:
        assert "table 4 s old" in on.line("LIVE")


async def test_it_is_told_once_it_lasts() -> None:
    async with stage(busy(10), cut(1, Random(1)), cut(4, Random(1))) as on:
        assert "No complete read of the socket table" not in on.text()
        await on.show(cut(7, Random(1)))
        assert "No complete read of the socket table for 6 s" in on.text()


async def test_of_many_views_that_wait_only_the_newest_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[View] = []
    show = Dashboard.show

    def counted(self: Dashboard, view: View) -> None:
        drawn.append(view)
        show(self, view)

    monkeypatch.setattr(Dashboard, "show", counted)
    async with stage(busy(600)) as on:
        drawn.clear()
        for number in range(1, 21):
            view = on.app.watched.take(busy(600 + 10 * number, at=number).reading)
            on.app.post_message(Sampled(on.app.poller, view))
        await on.pilot.pause()
        assert on.app.view is not None
        assert on.app.view.frame.time == busy(at=20).time
        assert [view.frame.time for view in drawn] == [busy(at=20).time]
        assert len(on.app.view.trends.course.held) == 21, "each counts for the history"


async def test_a_failure_stands_for_no_view() -> None:
    async with stage() as on:
        view = on.app.watched.take(busy(600).reading)
        on.app.post_message(Sampled(on.app.poller, view))
        on.app.post_message(Sampled(on.app.poller, None, "gone for a moment"))
        await on.pilot.pause()
        assert on.app.view is not None
        assert on.app.view.failure == "gone for a moment"
        assert DATABASE in on.text()


async def test_what_is_shown_of_a_first_read_that_was_cut_is_said_to_be_a_part() -> None:
    part = frame_of(waits(30, DATABASE), complete=False)
    async with stage(part) as on:
        assert "incomplete" in on.line("LIVE")
        await on.show(replace(part, reading=replace(part.reading, table=table())))
        assert "incomplete" not in on.line("LIVE")


async def test_a_view_that_waits_does_not_undo_a_new_threshold() -> None:
    async with stage(busy(600)) as on:
        old = on.app.watched.take(busy(600, at=1).reading)
        on.app.watched.judge_by(on.app.watched.config.with_threshold(25))
        on.app.post_message(Sampled(on.app.poller, old))
        await on.pilot.pause()
        assert on.app.view is not None
        assert on.app.view.threshold == 25


async def test_a_frozen_screen_says_when_reading_works_again() -> None:
    async with stage(busy(600)) as on:
        await on.press("space")
        await on.fail("gone for a moment")
        assert "gone for a moment" in on.text()
        await on.show(busy(600, at=2))
        assert "gone for a moment" not in on.text()
        assert "FROZEN" in on.text()
