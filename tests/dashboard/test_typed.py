"""Keys that come in one burst do what they do when they are typed one by one."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from tests.dashboard.scene import CACHE, DATABASE, KEYS, Stage, busy, settled, stage
from tui.dashboard.screens.help import HelpScreen
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.dashboard.screens.view_screen import ViewScreen


async def burst(on: Stage, *keys: str) -> None:
    """Type keys before the app has acted on the first of them."""
    for key in keys:
        on.app._driver.send_message(pressed(key))  # type: ignore[union-attr]
    await on.press()


def pressed(key: str) -> events.Key:
    """Return a key as the terminal sends it."""
    return events.Key(KEYS.get(key, key), key if len(key) == 1 else None)


def prompt_of(on: Stage) -> str:
    screen: object = on.app.screen
    assert isinstance(screen, ViewScreen)
    return screen.prompt.query_one(Input).value if screen.prompt.is_open else "closed"


async def test_a_key_of_the_field_comes_before_the_letters_behind_it() -> None:
    async with stage(busy()) as on:
        await burst(on, *"/dport 1", "ctrl+u", *"6379")
        assert prompt_of(on) == "6379"
        await burst(on, "home", *"dport ", "end", "backspace", "8", "left", "delete", "9")
        assert prompt_of(on) == "dport 6379"


async def test_what_is_behind_enter_is_for_the_screen() -> None:
    async with stage(busy()) as on:
        await burst(on, *"/6379", "enter", "enter")
        screen: object = on.app.screen
        assert isinstance(screen, PatternScreen)
        assert CACHE in str(screen.key)


async def test_a_refused_answer_keeps_its_reason() -> None:
    async with stage(busy()) as on:
        await burst(on, *"t900", "enter")
        assert prompt_of(on) == "900"
        assert "must be between 0 and 100" in on.text()


async def test_through_a_pattern_into_its_plan() -> None:
    """Each key is for a screen that is not there yet when it is typed."""
    async with stage(busy()) as on:
        await burst(on, "enter", *"l900", "enter", "tab", *"2.5", "enter")
        screen: object = on.app.screen
        assert isinstance(screen, PlanScreen)
        assert (screen.wanted.rate, screen.wanted.lifetime) == (900, 2.5)
        await burst(on, "escape", "escape", "j", *"l7", "enter")
        assert CACHE in on.text().splitlines()[0]
        assert "7/s" in on.line("Rate")


async def test_into_the_palette_and_out() -> None:
    async with stage(busy()) as on:
        await burst(on, "ctrl+p", *"light")
        assert on.app.screen.query_one(Input).value == "light"
        await burst(on, "escape", "slash", "x")
        assert prompt_of(on) == "x"


async def test_help_takes_its_own() -> None:
    async with stage(busy(), size=(80, 24)) as on:
        await on.press("question_mark", "j", "j")
        scrolled = on.text()
        await on.press("escape")
        await burst(on, "question_mark", "j", "j")
        assert isinstance(on.app.screen, HelpScreen)
        assert on.text() == scrolled
        await burst(on, "escape", "j", "enter")
        assert isinstance(on.app.screen, PatternScreen)


@pytest.mark.parametrize("words", [f"▌10.0.0.5 → {DATABASE}", "⏎ Open"])
async def test_what_is_typed_after_a_click_is_for_what_it_opens(words: str) -> None:
    """Be it a row or a key in the footer."""
    async with stage(busy()) as on:
        lines = on.text().splitlines()
        row = max(n for n, line in enumerate(lines) if words in line)
        at = lines[row].index(words)
        for kind in (events.MouseDown, events.MouseUp):
            on.app.post_message(kind(None, at, row, 0, 0, 1, False, False, False, at, row))
        await burst(on, *"l900", "enter")
        screen: object = on.app.screen
        assert isinstance(screen, PlanScreen)
        assert screen.wanted.rate == 900
        assert isinstance(on.app.screen_stack[-2], PatternScreen)


async def test_what_is_pasted_waits_too() -> None:
    async with stage(busy()) as on:
        on.app.post_message(pressed("/"))
        on.app.post_message(events.Paste("6379"))
        on.app.post_message(pressed("0"))
        await on.press()
        assert prompt_of(on) == "63790"


@pytest.mark.parametrize("before", [(), ("question_mark",), ("ctrl+p",)])
@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
async def test_the_key_that_ends_it_never_waits(key: str, before: tuple[str, ...]) -> None:
    """Not even where something that was typed is still acting, or another screen is in front."""
    async with stage(busy()) as on:
        await on.press(*before)
        on.app.screen.is_laid_out = False  # type: ignore[attr-defined]
        on.app.post_message(pressed("j"))
        on.app.post_message(pressed(key))
        await on.until(lambda: on.app._exit, "the end")


@pytest.mark.parametrize(
    ("opens", "action"),
    [(["question_mark"], "scroll(1)"), (["question_mark"], "edge(1)"), (["f", "enter"], "copy")],
)
async def test_what_has_been_taken_down_does_nothing(opens: list[str], action: str) -> None:
    """A key may have reached a screen whose panels are gone by the time it acts."""
    async with stage(busy()) as on:
        await on.press(*opens)
        screen = on.app.screen
        assert await on.app.run_action(action, screen)
        on.app.pop_screen()
        await settled(on.pilot)
        assert not screen.children
        assert not await on.app.run_action(action, screen)
