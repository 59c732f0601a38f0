"""What is repainted: each line that changed, and no other."""

from __future__ import annotations

from collections import Counter

import pytest
from textual.strip import Strip
from textual.widget import Widget

from tests.dashboard.scene import DATABASE, busy, frame_of, opened, stage
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.table import RowTable

Painted = Counter[tuple[str, int]]
"""How often which line of which widget was drawn for the screen."""


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> Painted:
    counter = Painted()
    for kind in (RowTable, TextPanel):
        _count(monkeypatch, kind, counter)
    return counter


def _count(monkeypatch: pytest.MonkeyPatch, kind: type[Widget], counter: Painted) -> None:
    original = kind.render_line

    def render_line(widget: Widget, y: int) -> Strip:
        counter[widget.id or "", y] += 1
        return original(widget, y)

    monkeypatch.setattr(kind, "render_line", render_line)


async def test_a_moved_selection_repaints_two_rows(painted: Painted) -> None:
    async with stage(busy()) as on:
        painted.clear()
        await on.press("j")
        await on.until(lambda: ("folded", 0) in painted, "the lines that follow the selection")
        folded = {("folded", 0): 1, ("folded", 1): 1}
        assert painted == {("patterns", 1): 1, ("patterns", 2): 1, **folded}
        assert on.line("10.0.0.10:6379").startswith("│▌")
        assert on.text().count("│▌10.0.0.5") == 1, "no longer the first"


async def test_a_scrolled_table_shows_what_it_scrolled_to(painted: Painted) -> None:
    many = frame_of([sock for n in range(60) for sock in opened(1, f"10.1.0.{n}:80", first=33000)])
    async with stage(many) as on:
        await on.press("G")
        assert on.line("10.1.0.59:80").startswith("│▌")
        await on.press("g")
        assert on.line("10.1.0.0:80").startswith("│▌")
        assert "10.1.0.59:80" not in on.text()


async def test_an_idle_second_repaints_the_clock_alone(painted: Painted) -> None:
    async with stage(
        *(frame_of(opened(5, DATABASE, first=33000), at=at) for at in range(12))
    ) as on:
        painted.clear()
        await on.show(frame_of(opened(5, DATABASE, first=33000), at=12))
        assert painted == {("title", 0): 1}
        assert ":52" in on.line("LIVE"), "NOON is at 40 s"


async def test_one_changed_row_is_repainted_alone(painted: Painted) -> None:
    socks = [*opened(5, DATABASE, first=33000), *opened(3, "10.0.0.10:80", first=33100)]
    more = [*socks, *opened(1, "10.0.0.10:80", first=33200)]
    async with stage(*(frame_of(socks, at=at) for at in range(12))) as on:
        painted.clear()
        await on.show(frame_of(more, at=12))
        assert [line for line in painted if line[0] == "patterns"] == [("patterns", 2)]
        assert on.line("→ 10.0.0.10:80").split()[4:6] == ["0", "4"]


async def test_a_new_title_repaints_no_line_below_it(painted: Painted) -> None:
    async with stage(busy()) as on:
        painted.clear()
        on.app.dashboard.states.entitle("³ Another", "and below")
        await on.pilot.pause()
        assert "³ Another" in on.text()
        assert "and below" in on.text()
        assert painted == {}
        on.app.dashboard.states.entitle("")
        await on.pilot.pause()
        assert "Another" not in on.text()
        assert "and below" not in on.text()


async def test_what_changed_while_a_panel_was_hidden_is_there_when_it_comes_back() -> None:
    async with stage(busy()) as on:
        await on.press("1")
        assert "TCP states" not in on.text()
        await on.show(busy(cache=60, at=1))
        await on.press("1")
        assert "TIME-WAIT       660" in on.text()
        assert "60" in on.line("10.0.0.10 ")


async def test_another_theme_repaints_all(painted: Painted) -> None:
    async with stage(busy()) as on:
        before = on.app.screen._compositor.render_strips()
        on.app.theme = "textual-light"
        await on.pilot.pause()
        after = on.app.screen._compositor.render_strips()
        assert all(old != new for old, new in zip(before, after, strict=True))
