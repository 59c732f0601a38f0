"""What an app under test is waited for.

Textual's pilot waits until this process has been idle for 20 ms, at least twice for each key,
and for a second at most: most of what a test costs, and too short on a busy machine, where a
process that does not run looks idle. Here it is waited for what is meant: until no message is
queued anywhere, and nothing is left to be laid out, painted or called.
"""

import asyncio
import math
import threading
from collections.abc import Iterator

import pytest
from textual import app as textual_app
from textual import pilot as textual_pilot
from textual._context import active_app
from textual.app import App
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen

from tests.dashboard.scene import StillPoller
from tui.recording import memory

TURNS = 4
"""Turns of the event loop that a key, or a message to another widget, takes to be queued."""


async def until_still(*_: float) -> None:
    """Let the active app do all that it has to do now; no timer is waited for but a resize's."""
    app: App[object] = active_app.get()
    pilot = Pilot(app)
    await _turn()
    while app.is_running and not app._exception:
        if not await pilot._wait_for_screen():
            return
        app.screen._on_timer_update()  # not at the next sixtieth of a second
        await _turn()
        if not _has_to_do(app):
            return


async def _turn() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


def _has_to_do(app: App[object]) -> bool:
    screen: Screen[object] = app.screen
    pumps: list[MessagePump] = [app, *screen.walk_children(with_self=True)]
    return any(
        (
            *(pump._message_queue.qsize() for pump in pumps),
            *(pump._next_callbacks for pump in pumps),
            not app._exit and getattr(app, "is_acting", False),
            app._resize_timer,  # which waits whether the size changes again
            screen._layout_required,
            screen._scroll_required,
            screen._repaint_required,
            screen._recompose_required,
            screen._dirty_widgets,
            screen._callbacks,
        )
    )


@pytest.fixture(autouse=True)
def _waits_for_what_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textual_app, "wait_for_idle", until_still)
    monkeypatch.setattr(textual_pilot, "wait_for_idle", until_still)


@pytest.fixture(autouse=True)
def _every_moment_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it costs: on a busy machine keeping one may cost so much that the next is not."""
    monkeypatch.setattr(memory, "SHARE", math.inf)


@pytest.fixture(autouse=True)
def _polls_end_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    over = threading.Event()
    monkeypatch.setattr(StillPoller, "over", over)
    yield
    over.set()
