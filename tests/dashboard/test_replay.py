"""The dashboard over a recording: keys go through time, and the screens show what was there."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.dashboard.scene import settled
from tests.patience import Patience
from tests.tables import NOW, reading, rules, table, waiting
from tui.dashboard.replay_app import ReplayApp
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.widgets.footer import KeysFooter
from tui.dashboard.widgets.timeline import FIGURE, FULL, LABEL, Timeline
from tui.findings.config import Config
from tui.recording.chapter import Recorded
from tui.recording.files import open_recording
from tui.recording.log import LogReader
from tui.recording.recorder import Recorder
from tui.recording.replay import Replay
from tui.recording.story import first_critical
from tui.watching.watch import Watch
from tui.writing.words import local

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


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, and let the moment be read that they lead to."""
    await pilot.press(*keys)
    await settled(pilot)


def second(app: ReplayApp) -> int:
    assert app.view is not None
    assert app.view.frame.time == app.replay.at
    return round(app.view.frame.time - NOW)


async def test_nothing_is_changed_in_the_past(app: ReplayApp) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.pause(0.4)
        for way in ("f5", "enter", "escape", "l"):
            await pilot.press(way)
            front = app.screen
            ids = {one.binding.id or "" for one in front.active_bindings.values() if one.enabled}
            assert not any(one.startswith("act.") for one in ids)
            app.clear_notifications()
            await pilot.press("F", "K", "a", "u", "R", "w", "plus")
            await settled(pilot)
            assert app.screen is front
            said = [one.message for one in app._notifications]
            keys = ["a"] if way == "l" else ["F", "K"]
            assert [text.split()[0] for text in said] == [*keys, "u", "R", "w", "+"]
            assert all("recording" in text for text in said)


async def test_what_is_damaged_is_told_and_the_rest_is_shown(path: Path, tmp_path: Path) -> None:
    """A seek into what is damaged says so, and leaves the moment that is shown."""
    harmed, log = tmp_path / "r.twtop", LogReader(path)
    middle = [one for one in log.more() if one is not None][100]
    log.close()
    data = bytearray(path.read_bytes())
    data[middle.offset] ^= 0xFF
    harmed.write_bytes(data)
    replay = Replay(open_recording(harmed), Config())
    app = ReplayApp(replay, place="web-1", notes=[replay.damage])
    async with app.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        assert second(app) == 99
        assert local(NOW + 100) in next(iter(app._notifications)).message
        app.clear_notifications()
        await press(pilot, "end")
        assert "damaged" in next(iter(app._notifications)).message
        assert second(app) == 99
        await press(pilot, "left")
        assert second(app) == 98


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
            await press(pilot, *keys)
            assert second(app) == at, keys


@pytest.mark.parametrize("size", [(120, 40), (210, 60)])
async def test_no_chart_of_the_past_ends_now(app: ReplayApp, size: tuple[int, int]) -> None:
    """Nor does what is due: a screenshot of 03:12 is read at nine."""
    async with app.run_test(size=size) as pilot:
        await press(pilot, "home", "shift+right")
        for key in ("f5", "enter"):
            strips = app.screen._compositor.render_strips()
            told = "\n".join(segment.text for strip in strips for segment in strip)
            assert "then" in told
            assert not re.search(r"\bnow\b", told)
            await press(pilot, key)


async def test_findings_are_jumped_to(app: ReplayApp, path: Path) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        await pilot.press("home")
        seen = []
        for _ in range(3):
            await press(pilot, "right_curly_bracket")
            seen.append(second(app))
        assert seen == sorted(seen)
        assert app.view is not None
        assert app.view.cases.present
        await press(pilot, "left_curly_bracket")
        assert second(app) <= seen[-1]
    assert first_critical(open_recording(path).timeline) > NOW


async def test_from_when_to_when_a_pattern_was_full(app: ReplayApp) -> None:
    """The last port is taken in the hundredth second; and it stays so to the end."""
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        timeline = app.screen.query_one(Timeline)
        clock = app.span.clock if app.span else None
        assert clock is not None
        for keys, told in (((), True), (("home",), False), (("g",), True)):
            await press(pilot, *keys)
            if keys == ("g",):
                app.dashboard.prompt.query_one(Input).value = "-50s"
                await press(pilot, "enter")
                assert second(app) == 99
            title = str(timeline.border_title)
            assert f"FULL {clock(NOW + 99)}–{clock(NOW + 149)}" in title
            assert ("10.0.0.9:443" in title) is told
        drawn = timeline.render_line(timeline.size.height - 1).text
        marks = [x for x, mark in enumerate(drawn) if mark == FULL]
        # Two thirds of the time are over when it begins; its first cell has the finding's mark.
        left, width = LABEL, timeline.size.width - LABEL - FIGURE
        assert marks[-1] == left + width - 1
        assert abs(marks[0] - (left + width * 99 / 149)) <= 2
        assert marks == [*range(marks[0], marks[-1] + 1)]
        await press(pilot, "end", "left_curly_bracket")
        assert second(app) == 99, "which is told as critical before"
        await press(pilot, "left", "z", "end")
        assert f"FULL {clock(NOW + 99)}–" in str(timeline.border_title), "also of a part of it"


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
        await press(pilot, "enter")
        assert second(app) == 49


@pytest.mark.parametrize(("patience", "seen"), [(math.inf, [149, 100]), (-1.0, [149, 148, 100])])
async def test_keys_work_while_a_moment_is_read(
    app: ReplayApp, monkeypatch: pytest.MonkeyPatch, patience: float, seen: list[int]
) -> None:
    """What is waited for is said, and a newer wish takes its place: but now and then one is shown,
    so that a key that is held does not keep the screen still.
    """
    monkeypatch.setattr("tui.dashboard.scrubbing.PATIENCE_SECONDS", patience)
    monkeypatch.setattr("tui.dashboard.time_app.LONG_SECONDS", 0.01)
    moments, read, shown = app.replay.recording, threading.Event(), []

    def slowly(index: int, moment: Callable[[int], Recorded] = moments.moment) -> Recorded:
        read.wait()
        return moment(index)

    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        app.watch(app, "view", lambda view: shown.append(second(app)))
        monkeypatch.setattr(moments, "moment", slowly)
        await pilot.press("left")
        timeline, patient = app.screen.query_one(Timeline), Patience()
        while "reading" not in str(timeline.border_title):
            assert not patient.is_over
            await pilot.pause(0.01)
        await pilot.press("end", "g")
        app.dashboard.prompt.query_one(Input).value = "-49s"
        await pilot.press("enter")
        assert app.span is not None
        assert round(app.span.moments[app.span.index].time - NOW) == 100
        assert second(app) == SECONDS - 1, "until it was read"
        read.set()
        await settled(pilot)
        assert "reading" not in str(timeline.border_title)
    assert list(dict.fromkeys(shown)) == seen


async def test_the_threshold_holds_for_what_is_being_read(
    app: ReplayApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments, read = app.replay.recording, threading.Event()

    def slowly(index: int, moment: Callable[[int], Recorded] = moments.moment) -> Recorded:
        read.wait()
        return moment(index)

    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        monkeypatch.setattr(moments, "moment", slowly)
        await pilot.press("home", "t")
        app.dashboard.prompt.query_one(Input).value = "7"
        await pilot.press("enter")
        read.set()
        await settled(pilot)
        assert second(app) == 0
        assert app.view is not None
        assert app.view.threshold == 7


async def test_it_plays_to_its_end_and_halts(app: ReplayApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        app.replay.speed = 60
        named = set()
        await pilot.press("space")
        for _ in range(100):
            await pilot.pause(0.05)
            named.add(freeze_key(app))
            if not app.replay.playing and second(app) == SECONDS - 1:
                break
        assert second(app) == SECONDS - 1
        assert not app.replay.playing
        await settled(pilot)
        assert "Pause" in named
        assert freeze_key(app) == "Play"


def freeze_key(app: ReplayApp) -> str:
    """What the footer calls the space bar."""
    shown = app.dashboard.query_one(KeysFooter).shown
    assert shown is not None
    return next(key.name for key in shown.wanted if key.key == "space")


async def test_a_pattern_is_drilled_into_as_live(app: ReplayApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.4)
        await press(pilot, "enter")
        assert isinstance(app.screen, PatternScreen)
        await press(pilot, "home")
        assert second(app) == 0
        assert app.screen.view is not None
        assert len(app.screen.view.frame.table) == 10
