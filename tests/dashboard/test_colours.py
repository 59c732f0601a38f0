"""Everything on screen can be read in every theme."""

from __future__ import annotations

import pytest
from rich.color import ColorType
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from tests.dashboard.scene import CACHE, DATABASE, Stage, frame_of, opened, stage, waits
from tui.dashboard.colours import LINE, TEXT, contrast

SLACK = 0.1
"""Colours are rounded to whole numbers on their way to the terminal."""


def hard_to_read(on: Stage) -> list[tuple[str, float]]:
    """What stands on the screen with less contrast than it needs, and with how much."""
    found = []
    for strip in on.app.screen._compositor.render_strips():
        for text, style, _ in strip:
            if not text.strip() or style is None or style.color is None or style.bgcolor is None:
                continue
            if ColorType.DEFAULT in (style.color.type, style.bgcolor.type):
                continue
            front, back = (Color.from_rich_color(colour) for colour in (style.color, style.bgcolor))
            ratio = contrast(front, back)
            letters = any(character.isalnum() for character in text)
            if ratio < (TEXT if letters else LINE) - SLACK:
                found.append((text, round(ratio, 2)))
    return found


THEMES = sorted(set(BUILTIN_THEMES) - {"ansi-dark", "ansi-light"})


@pytest.mark.parametrize(
    "keys",
    [[], ["j"], ["f"], ["f", "enter"], ["l"], ["slash"]],
    ids=["dashboard", "row", "findings", "finding", "plan", "prompt"],
)
async def test_every_theme_can_be_read(keys: list[str]) -> None:
    socks = [*waits(999, DATABASE), *waits(600, CACHE), *opened(9, "10.0.0.11:443")]
    socks += opened(30, "10.0.0.12:443", first=32768)
    async with stage(frame_of(socks), frame_of(socks, at=1)) as on:
        await on.press(*keys)
        for theme in THEMES:
            on.app.theme = theme
            await on.pilot.pause()
            assert hard_to_read(on) == [], theme


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_the_terminals_own_colours_stay_its_own(theme: str) -> None:
    async with stage(frame_of(waits(999, DATABASE))) as on:
        on.app.theme = theme
        await on.pilot.pause()
        assert "99.9%!" in on.text()
        colours = on.app.theme_variables
        assert not colours["error"].startswith("#")
        assert colours["row-cursor"] == colours["background"], "all can be read on the selected row"
        assert colours["footer-key-foreground"] == colours["border"] == colours["accent"]
        meanings = [colours[name] for name in ("primary", "warning", "error", "success", "accent")]
        unreadable = "ansi_blue" if theme == "ansi-dark" else "ansi_yellow"
        assert unreadable not in meanings, "it cannot be read on this ground"
        assert colours["warning"] not in ("ansi_bright_red", colours["error"])
        assert colours["accent"] not in (colours["warning"], colours["success"])
        assert colours["panel-lighten-2"] != colours["foreground"], "borders are quiet"
