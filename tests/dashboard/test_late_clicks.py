"""What is clicked while it goes does not end the dashboard."""

import asyncio

from textual import events
from textual.widgets._toast import Toast

from tests.dashboard.scene import busy, stage

TURNS = 30
"""Of the event loop; more than a toast needs to go."""


async def test_a_click_on_a_toast_that_goes() -> None:
    """At some turns it has no parent any more, and is still laid out."""
    async with stage(busy()) as on:
        on.app.clear_notifications()
        on.app.notify("news", timeout=60)
        await on.pilot.pause()
        toast, screen = on.app.screen.query_one(Toast), on.app.screen
        x, y = toast.region.offset
        late = 0
        on.app.clear_notifications()
        for _ in range(TURNS):
            late += toast.parent is None and screen.get_widget_at(x, y)[0] is toast
            screen._forward_event(events.MouseDown(None, x, y, 0, 0, 1, False, False, False, x, y))
            await asyncio.sleep(0)
        assert late, "a click came at that moment"
