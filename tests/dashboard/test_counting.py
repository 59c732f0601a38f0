"""Refusals on the screen: the key that counts them, the rows, the pattern's own screen."""

from __future__ import annotations

import pytest

from tests.dashboard.scene import DATABASE, NOON, Stage, busy, frame_of, opened, stage, waits
from tests.tables import PLACE
from tests.watching.refusing import WEB, Scripted, key, refused
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.kernel.refusals import CountingError, Refused
from tui.watching.refused import Counting

TO_DATABASE = refused(remote="10.0.0.9", port=5432)
UNSEEN = refused(remote="10.0.0.50", port=8080)


async def second(on: Stage, counting: Scripted, number: int, *who: Refused) -> None:
    """Let a second pass in which these were refused twice each."""
    counting.now, counting.next = NOON + number, dict.fromkeys(who, 2)
    await on.show(busy(at=number))


async def turn(on: Stage) -> None:
    """Press the key, and let what it causes happen."""
    await on.press("R")
    await on.until(lambda: any(title == "Refusals" for _, title, _ in on.toasts), "the toast")
    on.app.clear_notifications()


class TestTheKey:
    async def test_counts_and_shows_a_second_and_in_all(self) -> None:
        counting = Scripted()
        async with stage(busy(), size=(160, 40), start_counting=lambda: counting) as on:
            assert "Refused" not in on.text()
            await turn(on)
            await second(on, counting, 1, TO_DATABASE)
            await second(on, counting, 2, TO_DATABASE)
            assert "2/s 4" in on.line(f"▌10.0.0.5 → {DATABASE}")
            assert "refused 2/s, 4 in all" in on.text().splitlines()[0]

    async def test_pressed_again_nothing_is_counted(self) -> None:
        counting = Scripted()
        async with stage(busy(), start_counting=lambda: counting) as on:
            await turn(on)
            await second(on, counting, 1, TO_DATABASE)
            await turn(on)
            await second(on, counting, 2)
            assert counting.closed
            assert "efused" not in on.text()

    async def test_none_is_told_as_none_counted(self) -> None:
        counting = Scripted()
        async with stage(busy(), start_counting=lambda: counting) as on:
            await turn(on)
            await second(on, counting, 1)
            assert "none refused" in on.text().splitlines()[0]

    async def test_without_the_right_a_line_says_what_is_needed(self) -> None:
        def denied() -> Counting:
            raise CountingError("that needs CAP_PERFMON; run twtop as root")

        async with stage(busy(), start_counting=denied) as on:
            await on.press("R")
            await on.until(lambda: on.toasts, "the toast")
            assert [text for _, _, text in on.toasts] == [
                "that needs CAP_PERFMON; run twtop as root"
            ]
            await on.show(busy(at=1))
            assert len(on.toasts) == 1
            assert "efused" not in on.text().splitlines()[0]

    async def test_a_column_of_dashes_takes_nobodys_room(self) -> None:
        counting = Scripted()
        async with stage(busy(), size=(80, 24), start_counting=lambda: counting) as on:
            before = on.line("Pattern ")
            await turn(on)
            await second(on, counting, 1)
            assert on.line("Pattern ") == before
            await second(on, counting, 2, TO_DATABASE)
            assert "Refused" in on.line("Pattern ")
            await second(on, counting, 3)
            assert "Refused" in on.line("Pattern ")

    async def test_what_is_refused_elsewhere_gives_way_first(self) -> None:
        counting = Scripted()
        full = frame_of(waits(1000, DATABASE), at=1)
        for size, told in (((160, 40), True), ((80, 24), False)):
            async with stage(busy(), size=size, start_counting=lambda: counting) as on:
                await turn(on)
                counting.now, counting.next = NOON + 1, {refused(namespace=7): 3, TO_DATABASE: 2}
                await on.show(full)
                title = on.text().splitlines()[0]
                assert "1 EXHAUSTED" in title
                assert "2 in all" in title
                assert ("3 refused elsewhere" in title) is told

    async def test_what_is_refused_elsewhere_leaves_the_place_its_room(self) -> None:
        """Of two places one must know which is on the screen."""
        counting = Scripted()
        async with stage(busy(), size=(80, 24), start_counting=lambda: counting) as on:
            await turn(on)
            counting.now, counting.next = NOON + 1, {refused(namespace=7): 44_669, TO_DATABASE: 2}
            await on.show(busy(at=1))
            assert f"netns {PLACE.id}" in on.text().splitlines()[0]

    async def test_the_palette_has_it(self) -> None:
        async with stage(busy()) as on:
            names = [each.title for each in on.app.get_system_commands(on.app.screen)]
            assert any("Count refusals" in name for name in names)

    async def test_the_end_ends_the_counting(self) -> None:
        counting = Scripted()
        async with stage(busy(), start_counting=lambda: counting) as on:
            await turn(on)
        assert counting.closed

    async def test_counting_that_breaks_off_is_told(self) -> None:
        counting = Scripted()
        async with stage(busy(), start_counting=lambda: counting) as on:
            await turn(on)
            await second(on, counting, 1, TO_DATABASE)
            counting.broken = "the instance has gone"
            await second(on, counting, 2)
            assert "refusals are no longer counted" in on.text().splitlines()[0]


class TestAnUnknownOwner:
    async def test_is_guessed_from_who_is_refused_and_marked_as_that(self) -> None:
        """Its connections were never seen open; the screen names the key that tells more."""
        counting = Scripted()
        full = frame_of(waits(1000, DATABASE))
        async with stage(full, start_counting=lambda: counting) as on:
            await on.press("enter")
            assert "owner unknown" in on.text()
            assert "R shows who is refused" in on.text()
            await turn(on)
            counting.now, counting.next = NOON + 1, {refused(None, port=5432): 9, TO_DATABASE: 3}
            await on.show(frame_of(waits(1000, DATABASE), at=1))
            assert "owner unknown; probably web[10]" in on.text()
            assert "R shows" not in on.text()


class TestAFrozenScreen:
    async def test_does_not_change(self) -> None:
        counting = Scripted()
        async with stage(busy(), size=(160, 40), start_counting=lambda: counting) as on:
            await turn(on)
            await second(on, counting, 1, TO_DATABASE)
            await on.press("space")
            before = on.text()
            await second(on, counting, 2, TO_DATABASE, UNSEEN)
            assert on.text() == before


class TestATupleWithoutASocket:
    @pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
    async def test_has_a_row_at_the_top(self, size: tuple[int, int]) -> None:
        counting = Scripted()
        async with stage(busy(), size=size, start_counting=lambda: counting) as on:
            await turn(on)
            await second(on, counting, 1, UNSEEN)
            lines = on.text().splitlines()
            first = next(line for line in lines if "▌10.0.0.5 → 10.0.0." in line)
            assert "10.0.0.50:8080" in first
            assert "2/s 2" in first

    async def test_opens_with_who_was_refused_and_has_a_plan(self) -> None:
        counting = Scripted()
        async with stage(busy(), start_counting=lambda: counting) as on:
            await turn(on)
            await second(on, counting, 1, UNSEEN)
            await on.press("home", "enter")
            assert isinstance(on.app.screen, PatternScreen)
            assert on.app.screen.key == key(remote="10.0.0.50", port=8080)
            assert f"{WEB} 2" in on.line("connects refused")
            await on.press("l")
            assert isinstance(on.app.screen, PlanScreen)

    async def test_the_selection_follows_its_pattern_as_rows_come_and_go(self) -> None:
        counting = Scripted()
        async with stage(busy(), start_counting=lambda: counting) as on:
            await turn(on)
            await second(on, counting, 1)
            await on.press("down", "up")
            chosen = on.app.dashboard.patterns.selected
            await second(on, counting, 2, UNSEEN)
            assert on.app.dashboard.patterns.selected == chosen
            for number in range(3, 64):
                await second(on, counting, number)
            assert on.app.dashboard.patterns.selected == chosen
            assert "10.0.0.50" not in on.text()


class TestAPattern:
    async def test_tells_by_process_and_for_how_long_both_agreed(self) -> None:
        counting = Scripted()
        full = waits(1000, DATABASE)
        async with stage(frame_of(full), start_counting=lambda: counting) as on:
            await turn(on)
            await on.press("enter")
            for number in range(1, 8):
                counting.now, counting.next = NOON + number, {TO_DATABASE: 3}
                await on.show(frame_of(full, at=number))
            assert f"{WEB} 21" in on.line("connects refused")
            assert "agreed in 5 of 5 s" in on.text()

    async def test_says_where_they_do_not_agree(self) -> None:
        counting = Scripted()
        some = opened(5, DATABASE, first=33000)
        async with stage(frame_of(some), start_counting=lambda: counting) as on:
            await turn(on)
            await on.press("enter")
            for number in range(1, 8):
                counting.now, counting.next = NOON + number, {TO_DATABASE: 3}
                await on.show(frame_of(some, at=number))
            assert "agreed in 0 of 5 s" in on.text()
            assert "the kernel refuses connects" in on.text()

    async def test_has_no_such_lines_where_nothing_is_counted(self) -> None:
        async with stage(busy()) as on:
            await on.press("enter")
            assert "connects refused" not in on.text()
