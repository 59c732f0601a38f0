"""The dashboard over a recording: keys go through time, and the screens show what was there."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from tests.tables import NOW, reading, rules, table, waiting
from tui.dashboard.replay_app import ReplayApp
from tui.dashboard.screens.pattern import PatternScreen
from tui.findings.config import Config
from tui.recording.recorder import Recorder
from tui.recording.recording import open_recording
from tui.recording.replay import Replay, first_critical
from tui.watching.watch import Watch

SECONDS = 150
THOUSAND = rules(40000, 40999)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half minutes, in which a tuple fills up by 10 ports a second, and stays full."""
    path = tmp_path_factory.mktemp("replay") / "r.twtop"
    recorder, watch = Recorder(path), Watch()
    for second in range(SECONDS):
        held = [
            waiting(40000 + port, max(60_000 - 1000 * (second - port // 10), 0))
            for port in range(min(10 * (second + 1), 1000))
        ]
        recorder.take(watch.take(reading(table(*held), THOUSAND, time=NOW + second)))
    recorder.close()
    return path


@pytest.fixture
def app(path: Path) -> ReplayApp:
    return ReplayApp(Replay(open_recording(path), Config()), place="web-1")


def second(app: ReplayApp) -> int:
    assert app.view is not None
    assert app.view.frame.time == app.replay.at
    return round(app.view.frame.time - NOW)


async def test_nothing_is_changed_in_the_past(app: ReplayApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        for way in ("f5", "enter", "escape", "l"):
            await pilot.press(way)
            front = app.screen
            ids = {one.binding.id or "" for one in front.active_bindings.values() if one.enabled}
            assert not any(one.startswith("act.") for one in ids)
            await pilot.press("F", "K", "a", "u")
            assert app.screen is front


async def test_keys_go_through_time(app: ReplayApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        assert second(app) == SECONDS - 1
        for keys, at in (
            (["left"], 148),
            (["left", "left"], 146),
            (["right"], 147),
            (["shift+left"], 87),
            (["home"], 0),
            (["left"], 0),
            (["shift+right"], 60),
            (["end"], 149),
            (["right"], 149),
        ):
            await pilot.press(*keys)
            await pilot.pause()
            assert second(app) == at, keys


async def test_findings_are_jumped_to(app: ReplayApp, path: Path) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        await pilot.press("home")
        seen = []
        for _ in range(3):
            await pilot.press("right_curly_bracket")
            await pilot.pause()
            seen.append(second(app))
        assert seen == sorted(seen)
        assert app.view is not None
        assert app.view.cases.present
        await pilot.press("left_curly_bracket")
        await pilot.pause()
        assert second(app) <= seen[-1]
    assert first_critical(open_recording(path).timeline) > NOW


async def test_a_time_is_gone_to_and_what_is_none_is_said(app: ReplayApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        await pilot.press("g")
        prompt = app.dashboard.prompt
        prompt.query_one(Input).value = "noon"
        await pilot.press("enter")
        assert prompt.is_open
        prompt.query_one(Input).value = "-100s"
        await pilot.press("home", "end")  # of the text, while it is edited
        await pilot.press("enter")
        await pilot.pause()
        assert second(app) == 49


async def test_it_plays_to_its_end_and_halts(app: ReplayApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        app.replay.speed = 300
        await pilot.press("space")
        for _ in range(100):
            await pilot.pause(0.05)
            if not app.replay.playing and second(app) == SECONDS - 1:
                break
        assert second(app) == SECONDS - 1
        assert not app.replay.playing


async def test_a_pattern_is_drilled_into_as_live(app: ReplayApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, PatternScreen)
        await pilot.press("home")
        await pilot.pause()
        assert second(app) == 0
        assert app.screen.view is not None
        assert len(app.screen.view.frame.table) == 10
