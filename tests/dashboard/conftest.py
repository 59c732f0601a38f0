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
from textual._queue import Queue
from textual.app import App
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.message import Message
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen

from tests.dashboard.scene import StillPoller
from tests.patience import Patience
from tui.recording import memory

TURNS = 4
"""Turns of the event loop that a key, or a message to another widget, takes to be queued."""


async def until_still(*_: float) -> None:
    """Let the active app do all that it has to do now; no timer is waited for but a resize's."""
    app: App[object] = active_app.get()
    turns = 0
    while app.is_running and not app._exception:
        await _turn(turns := turns + 1)
        if not app._screen_stack:
            return
        if any(map(_is_at_work, _pumps(app))):
            continue  # what is painted now would be painted again
        app.screen._on_timer_update()  # not at the next sixtieth of a second
        await _turn()
        if not _has_to_do(app):
            return


async def until_idle(pilot: Pilot[object], *_: float) -> bool:
    """Wait until each widget waits for a message; False where it cannot be waited for.

    Textual has a message for each of them, which wakes them all: a fifth of what a test takes.
    """
    app, patience, turns = pilot.app, Patience(), 0
    while app.is_running and app._screen_stack and not app._exception:
        at_work = [*filter(_is_at_work, _pumps(app))]
        if not at_work:
            return True
        if patience.is_over:
            raise AssertionError(f"waited {patience} for {at_work}")
        await _turn(turns := turns + 1)
    return not app._exception


async def _turn(number: int = 0) -> None:
    """Let the event loop turn; what takes long is waited for without using the processor up."""
    for _ in range(TURNS):
        await asyncio.sleep(0 if number < 50 else 0.001)


def _pumps(app: App[object]) -> list[MessagePump]:
    return [app, *app.screen.walk_children(with_self=True)]


def _is_at_work(pump: MessagePump) -> bool:
    """Whether it has a message, or does what one asks for: else its loop waits for the next."""
    queue: Queue[Message | None] = pump._message_queue
    rests = queue.empty() and queue.ready_event._waiters
    return not (rests or pump._closing or pump._closed)


def _has_to_do(app: App[object]) -> bool:
    screen: Screen[object] = app.screen
    return any(
        (
            *map(_is_at_work, _pumps(app)),
            *(pump._next_callbacks for pump in _pumps(app)),
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
    monkeypatch.setattr(Pilot, "_wait_for_screen", until_idle)


@pytest.fixture(autouse=True, scope="session")
def _a_stylesheet_is_parsed_once() -> Iterator[None]:
    """For each theme, and not again by each app: a fifth of what the start of one takes."""
    parsed: dict[object, list[RuleSet]] = {}
    parse = Stylesheet._parse_rules

    def parse_once(sheet: Stylesheet, *what: object, **more: object) -> list[RuleSet]:
        key = what, frozenset(more.items()), frozenset(sheet._variables.items())
        if key not in parsed:
            parsed[key] = parse(sheet, *what, **more)  # type: ignore[arg-type]
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


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
