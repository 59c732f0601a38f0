"""What the help lists is what the keys do: live, in the past, and in a recording."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.app import App
from textual.binding import Binding
from textual.pilot import Pilot

from tests.dashboard.scene import busy, settled, stage
from tests.dashboard.test_past import BUSY, after
from tests.tables import NOW, reading, rules, table, waiting
from tui.dashboard.app import TwtopApp
from tui.dashboard.keymap import IN_PLACES, IN_THE_PAST, PANELS
from tui.dashboard.keys import own, pressed
from tui.dashboard.replay_app import ReplayApp
from tui.dashboard.screens.help import HelpScreen
from tui.findings.config import Config
from tui.recording.files import open_recording
from tui.recording.recorder import Recorder
from tui.recording.replay import Replay
from tui.watching.watch import Watch


@pytest.fixture
def replay(tmp_path: Path) -> ReplayApp:
    path, watch = tmp_path / "r.twtop", Watch()
    recorder = Recorder(path)
    for second in range(20):
        held = [waiting(40000 + port, 50_000) for port in range(900)]
        recorder.take(watch.take(reading(table(*held), rules(40000, 40999), time=NOW + second)))
    recorder.close()
    return ReplayApp(Replay(open_recording(path), Config()), place="web-1")


def told(app: TwtopApp) -> Iterator[tuple[str, Binding]]:
    """Of each key that the help lists for the screen in front: what it does there."""
    front = app.screen
    for title, nodes in app.headings().items():
        for node in nodes:
            here = isinstance(front, node) or isinstance(app, node) or node in PANELS
            if title == IN_THE_PAST and app.scrubber is None:
                continue
            for one in own(node):
                for key in pressed(one, app.keys):
                    if here and one.description and app.works(node, key):
                        yield title, key


def untrue(app: TwtopApp) -> list[tuple[str, str]]:
    """The keys that the help lists for the screen in front, and that do something else there."""
    bound = app.screen.active_bindings
    found = []
    for title, key in told(app):
        active = bound.get(key.key)
        # In a pattern escape, of the same name, does a little less than on the dashboard.
        if not (active and active.enabled and active.binding.id == key.id):
            found.append((title, key.key))
    return found


async def check(app: TwtopApp, pilot: Pilot[None]) -> None:
    """Compare them on the dashboard and in a pattern."""
    for way in ("", "enter"):
        if way:
            await pilot.press(way)
            await settled(pilot)
        assert len(list(told(app))) > 40
        assert untrue(app) == []


def keys_of(app: App[None], title: str) -> str:
    assert isinstance(app.screen, HelpScreen)
    return app.screen.parts[title]


async def test_live() -> None:
    async with stage(busy()) as on:
        await check(on.app, on.pilot)
        await on.press("question_mark")
        assert "Count the connects the kernel refuses" in keys_of(on.app, "Everywhere")
        assert " g " in keys_of(on.app, "In a panel")
        assert IN_PLACES not in on.app.screen.parts  # type: ignore[attr-defined]


async def test_in_the_past() -> None:
    async with after(BUSY) as on:
        await on.press("space", "left")
        await check(on.app, on.pilot)
        await on.press("escape", "question_mark")
        parts = on.app.screen.parts  # type: ignore[attr-defined]
        assert next(iter(parts)) == IN_THE_PAST
        assert "now are not listed" in on.text()
        panel, pattern = keys_of(on.app, "In a panel"), keys_of(on.app, "In a pattern")
        assert " g " not in panel
        assert "left" not in pattern, "it goes through time"


async def test_in_a_recording(replay: ReplayApp) -> None:
    async with replay.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        await check(replay, pilot)
        titles = [one.title for one in replay.get_system_commands(replay.screen)]
        assert not any(title.startswith("Interval") for title in titles)
        await pilot.press("question_mark")
        assert "Play the recording" in keys_of(replay, "This recording")
        everywhere = keys_of(replay, "Everywhere")
        for live in ("Freeze the screen", "Read less often", "Count the conn", "to a recording"):
            assert live not in everywhere
