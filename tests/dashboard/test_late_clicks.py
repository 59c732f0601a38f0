"""What is clicked or typed while it goes does not end the dashboard."""

from textual import events
from textual.widgets._toast import Toast

from tests.dashboard.scene import busy, stage
from tui.dashboard.widgets.prompt import Prompt


async def test_a_click_on_a_toast_that_goes() -> None:
    """For some turns of the event loop it has no parent any more, and is still laid out."""
    async with stage(busy()) as on:
        on.app.clear_notifications()
        on.app.notify("news", timeout=60)
        await on.pilot.pause(0.2)
        toast, screen = on.app.screen.query_one(Toast), on.app.screen
        (x, y), holder = toast.region.offset, toast.parent
        assert holder is not None
        toast._detach()
        assert screen.get_widget_at(x, y)[0] is toast
        screen._forward_event(events.MouseDown(None, x, y, 0, 0, 1, False, False, False, x, y))
        await on.pilot.pause()
        toast._attach(holder)  # for Textual to end it by


async def test_a_click_on_the_palette_where_the_terminal_was_before_it_shrank() -> None:
    async with stage(busy()) as on:
        await on.press("ctrl+p")
        palette, (x, y) = on.app.screen, on.app.size
        click = events.Click(palette, x, y, 0, 0, 1, False, False, False, x, y)
        palette.post_message(click)
        await on.pilot.pause()
        assert on.app.screen is palette


async def test_a_key_while_the_app_takes_its_screens_apart() -> None:
    async with stage(busy()) as on:
        await on.press("slash")
        await on.app.screen.query_one(Prompt).remove()
        on.app._running = False
        await on.app.on_event(events.Key("x", "x"))
        on.app._running = True
