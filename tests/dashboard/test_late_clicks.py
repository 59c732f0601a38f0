"""What is clicked while it goes does not end the dashboard."""

from textual import events
from textual.widgets._toast import Toast

from tests.dashboard.scene import busy, stage

PATIENCE = 100
"""Looks for the toast, until it is laid out."""


async def test_a_click_on_a_toast_that_goes() -> None:
    """For some turns of the event loop it has no parent any more, and is still laid out."""
    async with stage(busy()) as on:
        on.app.clear_notifications()
        on.app.notify("news", timeout=60)
        screen = on.app.screen
        for _ in range(PATIENCE):
            await on.pilot.pause(0.05)
            toast = screen.query_one(Toast)
            x, y = toast.region.offset
            if screen.get_widget_at(x, y)[0] is toast:
                break
        toast._detach()
        assert screen.get_widget_at(x, y)[0] is toast
        screen._forward_event(events.MouseDown(None, x, y, 0, 0, 1, False, False, False, x, y))
        await on.pilot.pause()
