"""However long it runs over sockets that come and go, it keeps no more than it did."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

from tests.dashboard.scene import DATABASE, Stage, frame_of, opened, stage, waits
from tui.dashboard.shell import MOST_WAITING
from tui.findings.cases import FORGET_SECONDS
from tui.recording import memory
from tui.watching.series import KEEP_SECONDS
from tui.watching.view import View

SETTLED = int(max(KEEP_SECONDS, memory.KEEP_SECONDS) / FORGET_SECONDS) + 2
"""Frames after which series and the past are at their longest, and what is over is forgotten."""
OURS = ("tui.", "textual.widget", "textual.notifications")
"""Modules of what could be kept: sums, views, widgets, toasts."""


async def test_what_is_kept_does_not_grow_with_the_frames() -> None:
    """Each frame has other clients, destinations and findings than those before, and a toast."""
    async with stage(size=(80, 24)) as on:
        await _churn(on, range(2))
        await on.press("m")  # so that the findings are not on screen, and are told
        await _churn(on, range(2, SETTLED))
        before = _kept()
        await _churn(on, range(SETTLED, 3 * SETTLED))
        assert on.toasts
        assert _kept() - before < SETTLED, "less than one in two frames"


async def test_a_screen_that_cannot_be_drawn_holds_few_views() -> None:
    """As on a terminal that takes nothing: the loop stands still, and the sampler goes on."""
    async with stage(frame_of(waits(9, DATABASE))) as on:
        view = on.app.view
        assert view is not None
        for _ in range(10 * MOST_WAITING):
            on.app._poll(Same(view), on.app.memory)
        assert on.app.message_queue_size <= MOST_WAITING


class Same:
    """Sees the same each time."""

    interval = 1.0

    def __init__(self, view: View) -> None:
        self.view = view

    def poll(self) -> View:
        return self.view


async def _churn(on: Stage, numbers: range) -> None:
    for number in numbers:
        remote, local = f"10.1.0.{number + 1}", f"10.2.0.{number + 1}"
        socks = [*waits(900 + number, f"{remote}:443"), *opened(5, f"{remote}:80")]
        socks += waits(3, f"{remote}:80", local=local)
        await on.show(frame_of(socks, at=number * FORGET_SECONDS))


def _loop() -> Any:
    return asyncio.get_running_loop()


def _kept() -> int:
    """Count what could be kept, but for what is in caches, which have bounds of their own."""
    for name in [name for name in sys.modules if name.startswith("tui.")]:
        for one in vars(sys.modules[name]).values():
            if hasattr(one, "cache_clear"):
                assert one.cache_parameters()["maxsize"], one
                one.cache_clear()
    # A timer that was cancelled, as a toast's is, stays with the loop until it would have been due.
    timers = [timer for timer in _loop()._scheduled if not timer.cancelled()]
    _loop()._scheduled[:] = sorted(timers)
    gc.collect()
    return sum(str(type(one).__module__).startswith(OURS) for one in gc.get_objects())
