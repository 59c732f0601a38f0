"""What the screens look like: few pictures, a frozen clock.

After a change that is meant to show: pytest tests/screens/test_snapshots.py --snapshot-update,
and look at what has changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest
from textual.pilot import Pilot

from tests.screens.scene import StillPoller, busy
from tui.app import Sampled, TwtopApp
from tui.kernel.processes import Owners, Process

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    os.environ.pop("TZ", None)
    time.tzset()


def _app() -> TwtopApp:
    app = TwtopApp(StillPoller(), place="web-1  netns 4026531840")
    app.history.owners = Owners({33700 + n: Process(4711, "pgbouncer") for n in range(12)})
    return app


def _showing(*keys: str) -> Callable[[Pilot[None]], object]:
    async def run(pilot: Pilot[None]) -> None:
        for second in range(4):
            pilot.app.post_message(Sampled(busy(540 + 60 * (second // 2), at=second)))
        await pilot.pause()
        await pilot.press(*keys)
        await _settled(pilot)

    return run


async def _settled(pilot: Pilot[None]) -> None:
    """Wait until the screen no longer changes: layout may take several rounds under load."""
    seen: list[object] = []
    while len(seen) < 6 or any(one != seen[-1] for one in seen[-6:]):
        await pilot.pause(0.05)
        seen.append([list(strip) for strip in pilot.app.screen._compositor.render_strips()])


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_dashboard(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(_app(), terminal_size=size, run_before=_showing())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_pattern(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(_app(), terminal_size=size, run_before=_showing("enter"))
