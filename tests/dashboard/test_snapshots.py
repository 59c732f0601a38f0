"""What the screens look like: few pictures, a frozen clock.

After a change that is meant to show: pytest tests/dashboard/test_snapshots.py --snapshot-update,
and look at what has changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from tests.dashboard.load import CALM, FakeStage, open_poller
from tests.dashboard.places_scene import HOME, app_of
from tests.dashboard.scene import CACHE, DATABASE, StillPoller, busy, frame_of, waits
from tests.dashboard.test_fleet import BAD, StillAsker, moment
from tests.dashboard.test_places import machine
from tui.analysis.frame import Frame
from tui.dashboard.app import TwtopApp
from tui.dashboard.fleet.app import FleetApp, Refreshed
from tui.dashboard.places_app import PlacesApp
from tui.dashboard.polling import Sampled
from tui.dashboard.stage_app import StageApp
from tui.findings.config import Config
from tui.kernel.processes import Owners, Process
from tui.watching.watch import Watch

Compare = Callable[..., bool]
API = "10.0.0.11:443"


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    os.environ.pop("TZ", None)
    time.tzset()


def _app() -> TwtopApp:
    watch = Watch()
    owners = Owners({33700 + n: Process(4711, "pgbouncer") for n in range(12)})
    watch.look_for_owners(lambda: owners)
    return TwtopApp(StillPoller(), watch, place="web-1  netns 4026531840")


def _showing(*keys: str, frames: Sequence[Frame] = ()) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def run(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, TwtopApp)
        for frame in frames or [busy(540 + 60 * (n // 2), at=n) for n in range(4)]:
            view = app.watched.take(frame.reading)
            app.keep(view, app.memory)
            app.post_message(Sampled(app.poller, view))
        await pilot.pause()
        await pilot.press(*keys)
        await _settled(pilot)

    return run


async def _settled(pilot: Pilot[None]) -> None:
    """Wait until the screen no longer changes: layout may take several rounds under load."""
    seen: list[object] = []
    while (
        getattr(pilot.app, "_turning", False)
        or len(seen) < 6
        or any(one != seen[-1] for one in seen[-6:])
    ):
        await pilot.pause(0.05)
        seen.append([list(strip) for strip in pilot.app.screen._compositor.render_strips()])


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_dashboard(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(_app(), terminal_size=size, run_before=_showing())


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_past(snap_compare: Compare, size: tuple[int, int]) -> None:
    """A destination fills up and drains; the frozen screen has gone back to when it was full."""
    steps = [*range(60, 960, 60), *range(900, 60, -60)]
    frames = [busy(held, at=10.0 * number) for number, held in enumerate(steps)]
    run = _showing("space", "shift+left", "shift+left", "left", frames=frames)
    assert snap_compare(_app(), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_pattern(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(_app(), terminal_size=size, run_before=_showing("enter"))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_findings(snap_compare: Compare, size: tuple[int, int]) -> None:
    """One there from the start, one newer, one that has gone."""
    full = waits(1000, DATABASE)
    frames = [
        frame_of([*full, *waits(820, API)], at=0),
        frame_of([*full, *waits(700, API)], at=9),
        frame_of([*full, *waits(700, API), *waits(900, CACHE)], at=14),
        frame_of([*full, *waits(700, API), *waits(900, CACHE)], at=17),
    ]
    show = _showing(frames=frames)

    async def run(pilot: Pilot[None]) -> None:
        await show(pilot)
        pilot.app.clear_notifications()
        await _settled(pilot)

    assert snap_compare(_app(), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_finding(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(_app(), terminal_size=size, run_before=_showing("f", "enter"))


def test_places(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    """One full, one at its half, one not read, one that cannot be, and the host."""
    name = os.uname_result(("Linux", "node-3", "6.18", "", "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: name)
    found = machine()

    async def run(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, PlacesApp)
        reading = replace(busy(60).reading, place=HOME)
        app.post_message(Sampled(app.poller, app.watched.take(reading)))
        await pilot.pause()
        app._look_around()
        await pilot.press("n")
        await _settled(pilot)

    assert snap_compare(app_of(found), terminal_size=(120, 40), run_before=run)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_plan(snap_compare: Compare, size: tuple[int, int]) -> None:
    run = _showing("l", "j", "j", "right", "right")
    assert snap_compare(_app(), terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_demo(snap_compare: Compare, size: tuple[int, int]) -> None:
    load = FakeStage()
    load.say(CALM)

    async def run(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, TwtopApp)
        await pilot.pause(0.1)
        for second in range(4):
            load.say(
                replace(
                    CALM,
                    elapsed=8 + second,
                    connected=412 + 50 * second,
                    attempted=412 + 50 * second,
                )
            )
            await pilot.pause(0.1)
            waiting = [
                wait
                for age in range(4 + second)
                for wait in waits(
                    50,
                    "127.0.0.1:5432",
                    local="127.0.0.1",
                    first=32768 + 50 * age,
                    left=59.5 - age,
                )
            ]
            reading = frame_of(waiting, at=second).reading
            app.post_message(Sampled(app.poller, app.watched.take(reading)))
        await _settled(pilot)

    app = StageApp(load, open_poller, most_rate=2000)
    assert snap_compare(app, terminal_size=size, run_before=run)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_fleet(snap_compare: Compare, size: tuple[int, int]) -> None:
    async def run(pilot: Pilot[None]) -> None:
        pilot.app.post_message(Refreshed(moment(BAD)))
        await _settled(pilot)

    app = FleetApp(StillAsker(), Config(), "prometheus:9090")
    assert snap_compare(app, terminal_size=size, run_before=run)
