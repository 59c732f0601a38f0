"""The plan, played with by real keys."""

from __future__ import annotations

import pytest
from textual import events

from tests.dashboard.scene import CACHE, DATABASE, Stage, busy, frame_of, opened, stage, waits
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.dashboard.screens.view_screen import FindingAsked
from tui.dashboard.widgets.prompt import Prompt

STEADY = "10/s"
"""What busy() closes."""


def of_plan(on: Stage) -> PlanScreen:
    screen: object = on.app.screen
    assert isinstance(screen, PlanScreen)
    return screen


def needed(on: Stage) -> int:
    screen = of_plan(on)
    shown = screen.figures.shown
    assert shown is not None
    assert shown.plan is not None
    return shown.plan.today.outcome.needed


class TestFigures:
    async def test_they_are_the_live_ones_at_first(self) -> None:
        async with stage(busy()) as on:
            await on.press("l")
            of_plan(on)
            assert STEADY in on.line("Rate")
            assert "measured, closed in the last 5 s" in on.line("Rate")
            assert "1.2 s" in on.line("Lifetime")  # 12 open ÷ 10/s
            assert "measured, from those open now" in on.line("Lifetime")
            assert needed(on) == 633  # 10 × (1.2 + 62.05)
            assert "needs 633 ports, has 1,000" in on.text()

    async def test_they_move_with_the_pattern(self) -> None:
        async with stage(busy()) as on:
            await on.press("l")
            await on.show(busy(1200, at=1))
            assert "20/s" in on.line("Rate")

    async def test_arrows_step_the_rate(self) -> None:
        async with stage(busy()) as on:
            await on.press("l", "right")
            assert "12/s" in on.line("Rate")
            assert "set by you; 0 returns to the live one" in on.line("Rate")
            assert needed(on) == 759
            await on.press("right", "right")
            assert "20/s" in on.line("Rate")
            await on.press("left", "left")
            assert "12/s" in on.line("Rate")
            await on.show(busy(1200, at=1))
            assert "12/s" in on.line("Rate")

    async def test_tab_is_for_the_other_figure(self) -> None:
        async with stage(busy()) as on:
            await on.press("l", "tab", "right")
            assert "1.5 s" in on.line("Lifetime")
            assert needed(on) == 636
            await on.press("tab", "right")
            assert "12/s" in on.line("Rate")

    async def test_back_to_the_live_figure(self) -> None:
        async with stage(busy()) as on:
            await on.press("l", "tab", "right", "tab")
            await on.press("right", "right")
            assert "set by you" in on.line("Rate")
            await on.press("0")
            assert "measured, closed" in on.line("Rate")
            assert "set by you" in on.line("Lifetime")

    async def test_a_number_is_typed(self) -> None:
        async with stage(busy()) as on:
            await on.press("l", "9", "0", "0", "enter")
            assert "900/s" in on.line("Rate")
            await on.press("tab", "equals_sign")
            await on.type("0.25")
            await on.press("enter")
            assert "0.25 s" in on.line("Lifetime")

    async def test_one_that_is_none_is_refused(self) -> None:
        async with stage(busy()) as on:
            await on.press("l")
            for text, why in (("1x", "is not a number"), ("1e99", "between")):
                await on.type(text)
                await on.press("enter")
                assert why in on.text()
                await on.press("escape")
                assert of_plan(on).wanted.rate is None, text

    async def test_the_mouse_steps_too(self) -> None:
        async with stage(busy()) as on:
            await on.press("l")
            row = next(n for n, line in enumerate(on.text().splitlines()) if "Rate" in line)
            await on.pilot.click(offset=(on.line("Rate").index("▸"), row))
            await on.pilot.pause()
            assert "12/s" in on.line("Rate")
            await on.pilot.click(offset=(5, row + 1))
            await on.pilot.pause()
            assert "▸" in on.line("Lifetime")

    async def test_a_pattern_that_closes_nothing_is_planned_by_what_it_holds(self) -> None:
        async with stage(frame_of(opened(5, DATABASE, first=33000))) as on:
            await on.press("l")
            assert "none closes" in on.text()
            await on.press("5", "enter")
            assert "needs 316 ports" in on.text()
            assert "5 connections are open and none is closing" in on.text()

    async def test_when_no_port_is_left_the_rate_is_what_gets_through(self) -> None:
        async with stage(busy(988)) as on:
            await on.show(frame_of(waits(1000, DATABASE, left=58), at=1))
            await on.press("l")
            assert "gets through" in on.text()

    async def test_one_that_has_gone_keeps_its_figures(self) -> None:
        async with stage(busy()) as on:
            await on.press("l")
            await on.show(frame_of([], at=1))
            assert STEADY in on.line("Rate")
            assert "no sockets now: these are its last live figures" in on.text()
            await on.press("space")
            assert "no sockets then" in on.text()


class TestTable:
    async def test_the_users_row_stays_while_figures_go_and_change(self) -> None:
        """Back to today it would jump, whose commands are none."""
        async with stage(busy(990)) as on:
            await on.press("l")
            screen = of_plan(on)
            chosen = screen.options.selected
            await on.press("down", "up")  # as it was proposed, but by the user
            screen.options.show_nothing("the rate is not known yet")
            assert screen.options.selected is None
            await on.show(busy(990, at=1))
            assert screen.options.selected == chosen != "today"
            await on.press("9", "0", "0", "0", "enter")  # nothing suffices for that
            assert screen.options.selected == chosen

    async def test_today_remedies_and_what_not_to_do(self) -> None:
        async with stage(busy()) as on:
            await on.press("l")
            assert "~ slow" in on.line("today: 32768–33767")
            assert "63%" in on.line("today: 32768–33767")
            assert "✓ works" in on.line("tcp_tw_reuse=1")
            assert "does not help" in on.line("✗ lower tcp_fin_timeout")
            for unsafe in ("✗ lower tcp_max_tw_buckets", "✗ SO_LINGER"):
                assert "works, but unsafe" in on.line(unsafe)

    @pytest.mark.parametrize(("rows", "text"), [(24, 3), (40, 12), (60, 32)])
    async def test_it_has_the_lines_it_needs_and_the_text_what_is_left(
        self, rows: int, text: int
    ) -> None:
        async with stage(busy(), size=(80, rows)) as on:
            await on.press("l")
            screen = of_plan(on)
            options, advice = screen.options, screen.advice
            needed = len(options.rows) + options.head
            assert options.size.height == needed or advice.size.height == 3
            assert options.size.height >= min(needed, 11)
            assert "today: " in on.text()
            assert advice.size.height >= text

    async def test_a_row_says_what_to_do_and_when_it_is_wrong(self) -> None:
        async with stage(busy()) as on:
            await on.press("l", "g", "j", "j")
            text = on.text()
            assert "$ sysctl -w net.ipv4.tcp_tw_reuse=1" in text
            assert "needs     TCP timestamps" in text
            assert "wrong if  NAT" in text
            await on.press("c")
            assert on.app.clipboard == "sysctl -w net.ipv4.tcp_tw_reuse=1"
            await on.press("G")
            assert "why not   It works, but is unsafe. It closes with a reset" in on.text()
            await on.press("c")
            assert on.app.clipboard == "sysctl -w net.ipv4.tcp_tw_reuse=1"

    async def test_the_selection_stays_with_its_row(self) -> None:
        async with stage(busy()) as on:
            await on.press("l", "g", "j", "j", "right", "right", "right")
            assert "tcp_tw_reuse=1" in on.line("▌tcp")

    async def test_a_rate_that_nothing_alone_serves_has_pairs(self) -> None:
        async with stage(busy()) as on:
            await on.press("l", "9", "0", "0", "0", "enter")
            assert "range 1024–65535 + tcp_tw_reuse=1" in on.text()

    @pytest.mark.parametrize("key", ["m", "enter"])
    async def test_the_whole_text_of_a_row(self, key: str) -> None:
        async with stage(busy(), size=(80, 24)) as on:
            await on.press("l", "g", "j", "j")
            assert "server." not in on.text()
            await on.press(key)
            assert "server." in on.text()
            assert "What would be enough" not in on.text()
            await on.press("escape")
            assert "What would be enough" in on.text()
            await on.press("j")
            assert on.app.screen.focused is of_plan(on).options

    async def test_it_fits_80_by_24(self) -> None:
        async with stage(busy(), size=(80, 24)) as on:
            await on.press("l", "g", "j", "j")
            for part in (
                f"plan  10.0.0.5 → {DATABASE}",
                "Rate",
                "Lifetime",
                "needs 633 ports, has 1,000",
                "At most",
                "✓ works",
                "$ sysctl -w net.ipv4.tcp_tw_reuse=1",
                "q Quit",
            ):
                assert part in on.text(), part


class TestWays:
    async def test_from_the_dashboard_and_back(self) -> None:
        async with stage(busy()) as on:
            await on.press("j", "l")
            assert CACHE in on.text().splitlines()[0]
            await on.press("escape")
            assert isinstance(on.app.screen, Dashboard)

    async def test_from_the_drill_down(self) -> None:
        async with stage(busy()) as on:
            await on.press("enter", "l")
            of_plan(on)

    async def test_an_incoming_pattern_has_none(self) -> None:
        async with stage(busy()) as on:
            await on.press("G", "l")
            assert isinstance(on.app.screen, Dashboard)
            assert "outgoing" in on.toasts[-1][2]
            await on.press("enter", "l")
            assert "outgoing" in on.toasts[-1][2]

    async def test_frozen_it_can_still_be_played_with(self) -> None:
        async with stage(busy()) as on:
            await on.press("l", "space")
            await on.show(busy(1200, at=1))
            assert STEADY in on.line("Rate")
            await on.press("right")
            assert "12/s" in on.line("Rate")


class TestOpening:
    async def test_it_begins_with_what_would_be_enough(self) -> None:
        async with stage(busy()) as on:
            await on.press("l")
            assert "✓ works" in next(line for line in on.text().splitlines() if "│▌" in line)

    async def test_it_goes_on_to_what_is_enough_now(self) -> None:
        """As long as the user has not selected another: the rates are those of each second."""
        async with stage(busy(60, cache=0)) as on:
            await on.press("l")
            assert "▌today" in on.text()
            for at, closed in enumerate((600, 1200, 900), 1):
                await on.show(busy(closed, at=at))
                assert "✓ works" in on.line("│▌")
            await on.press("g")
            await on.show(busy(600, at=4))
            assert "▌today" in on.text()

    async def test_where_enough_is_there_it_begins_with_today(self) -> None:
        async with stage(busy(60, cache=0)) as on:
            await on.press("l")
            assert "✓ works" in on.line("▌today")
            assert "the ports are enough" in on.text()

    async def test_today_says_what_is_enough_and_what_does_not_help(self) -> None:
        async with stage(busy(), size=(120, 50)) as on:
            await on.press("l", "g")
            assert "As things are" in on.text()
            assert "tcp_fin_timeout" in on.line("no help ")
            assert "tcp_tw_reuse=1" in on.line("enough  ")

    async def test_what_is_typed_in_haste_is_not_lost(self) -> None:
        """Keys that were under way to the table when the first of them opened the prompt."""
        async with stage(busy()) as on:
            await on.press("l")
            for key in "9005":
                on.app.post_message(events.Key(key, key))
            await on.pilot.pause()
            await on.press("enter")
            assert "9,005/s" in on.line("Rate")

    @pytest.mark.parametrize("first", [[], ["enter"]], ids=["dashboard", "pattern"])
    async def test_what_is_typed_with_its_key_reaches_the_prompt(self, first: list[str]) -> None:
        """l1900⏎ in one burst: to the dashboard 1 is a panel, and ⏎ opens a row."""
        async with stage(busy()) as on:
            await on.press(*first)
            for key in (*"l1900", "enter"):
                on.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await on.until(
                lambda: isinstance(on.app.screen, PlanScreen) and on.app.screen.wanted.rate,
                "the rate",
            )
            await on.press()
            assert "1,900/s" in on.line("Rate")
            assert not on.app.screen.query_one(Prompt).is_open
            await on.press("escape")
            assert isinstance(on.app.screen, PatternScreen if first else Dashboard)
            await on.press(*["escape"] * len(first))
            dashboard: object = on.app.screen
            assert isinstance(dashboard, Dashboard)
            assert dashboard.maximized_panel is None

    async def test_what_is_typed_after_a_key_in_vain_is_for_the_screen(self) -> None:
        """A finding that is gone by then opens nothing, and the keys go on."""
        async with stage(busy()) as on:
            dashboard: object = on.app.screen
            assert isinstance(dashboard, Dashboard)
            dashboard.post_message(FindingAsked(("no-such", "")))
            on.app.post_message(events.Key("1", "1"))
            await on.press()
            assert dashboard.maximized_panel == "patterns"
