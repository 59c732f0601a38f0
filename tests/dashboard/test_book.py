"""The topics of `twtop help`, read on the dashboard."""

from tests.dashboard.scene import busy, stage
from tui.dashboard.screens.book import BookScreen
from tui.dashboard.screens.overview import Dashboard
from tui.help.topics import titles


async def test_every_topic_is_listed_and_can_be_read() -> None:
    async with stage(busy(), size=(80, 30)) as on:
        await on.press("question_mark", "t")
        screen: object = on.app.screen
        assert isinstance(screen, BookScreen)
        shown = on.text()
        assert all(name in shown and title[:50] in shown for name, title in titles().items())
        for down in range(len(titles())):
            await on.press(*["j"] * down, "enter")
            assert screen.topic == [*titles()][down]
            assert [*titles().values()][down][:50] in on.text()
            await on.press("escape", "g")
        await on.press("escape")
        assert isinstance(on.app.screen, Dashboard)


async def test_a_topic_scrolls_and_the_list_keeps_its_place() -> None:
    async with stage(busy(), size=(80, 24)) as on:
        await on.press("question_mark", "t", "j", "j", "enter")
        first = on.text()
        for there, back in (("G", "g"), ("ctrl+d", "ctrl+u"), ("j", "k")):
            await on.press(there)
            assert on.text() != first, there
            await on.press(back)
            assert on.text() == first, back
        await on.press("escape", "enter")
        assert on.text() == first
