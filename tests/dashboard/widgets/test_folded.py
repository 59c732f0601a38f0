"""The selected pattern has its lines where there is no room for its pane; nothing breathes."""

import pytest

from tests.dashboard.scene import CACHE, DATABASE, busy, frame_of, stage, waits


@pytest.mark.parametrize(("size", "lines"), [((120, 40), 2), ((80, 24), 1)])
async def test_it_follows_the_selection_in_as_many_lines_as_there_are(
    size: tuple[int, int], lines: int
) -> None:
    async with stage(busy(60), size=size) as on:
        dashboard = on.app.dashboard
        assert dashboard.folded.size.height == lines
        rows = dashboard.patterns.size.height
        assert dashboard.folded.key == dashboard.patterns.selected
        assert "with tcp_tw_reuse=1" in dashboard.folded.render().plain
        first = dashboard.folded.render().plain
        await on.press("j")
        await on.until(lambda: dashboard.folded.render().plain != first, "the next pattern")
        assert dashboard.folded.key == dashboard.patterns.selected
        await on.show(frame_of(waits(4000, DATABASE) + waits(30, CACHE), at=1))
        assert dashboard.patterns.size.height == rows


@pytest.mark.parametrize("size", [(80, 12), (200, 60)])
async def test_it_has_no_line_where_there_is_none_or_the_pane(size: tuple[int, int]) -> None:
    async with stage(busy(), size=size) as on:
        assert not on.app.dashboard.folded.display


async def test_it_is_gone_with_the_panels_around_it() -> None:
    async with stage(busy()) as on:
        await on.press("1")
        assert not on.app.dashboard.folded.display
