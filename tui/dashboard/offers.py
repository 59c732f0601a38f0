"""What the command palette offers: what the keys do, with their keys, and a little more."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.app import SystemCommand
from textual.screen import Screen

from tui.dashboard.polling import INTERVALS

if TYPE_CHECKING:
    from tui.dashboard.shell import ShellApp


def offers(app: ShellApp, screen: Screen[object]) -> Iterator[SystemCommand]:
    """Yield the commands there are on this screen, in the order they are listed in."""
    yield SystemCommand("Theme, dark or light", "Choose the colours", app.action_change_theme)
    seen = set()
    for active in screen.active_bindings.values():
        one = active.binding
        ours = active.node in (app, screen) and one.action not in seen
        if one.id and one.description and ours and active.enabled:
            seen.add(one.action)
            yield SystemCommand(
                f"{app.name_of(one)} · {app.get_key_display(one)}",
                one.tooltip,
                partial(_run, app, one.action),
            )
    if app.check_action("step_interval", ()):  # nothing is read at intervals in a recording
        for seconds in INTERVALS:
            yield SystemCommand(
                f"Interval {seconds:g} s",
                "Read this often",
                partial(app.set_interval_seconds, seconds),
            )
    if not app.serves:  # nothing is written for somebody elsewhere
        yield SystemCommand(
            "Screenshot",
            "Save the screen as a picture (SVG)",
            lambda: app.set_timer(0.1, app.deliver_screenshot),
        )


async def _run(app: ShellApp, action: str) -> None:
    await app.screen.run_action(action)
