"""The past of what is live: frozen it is gone back to, and what comes meanwhile is not lost."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.dashboard.scene import DATABASE, NOON, Stage, busy, settled, stage
from tests.tables import PLACE
from tui.analysis.frame import Frame
from tui.dashboard.screens.finding import FindingScreen
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.findings.config import Config
from tui.kernel.places import Place
from tui.recording.files import open_recording, recorded_of
from tui.recording.log import VERSION, LogWriter
from tui.recording.recorder import Recorder
from tui.recording.recording import Recording
from tui.watching.watch import Watch
from tui.writing.words import local

BUSY = [busy(60 * (number // 2 + 1), at=3.0 * number) for number in range(20)]
"""A minute, read every three seconds, in which a destination gets more and more TIME-WAITs."""


@asynccontextmanager
async def after(
    frames: Sequence[Frame], config: Config | None = None, recordings: Path | None = None
) -> AsyncIterator[Stage]:
    """A dashboard that has seen these."""
    async with stage(config=config, recordings=recordings) as on:
        await on.see(*frames)
        yield on


def second(on: Stage) -> int:
    """Which second is on the screen."""
    assert on.app.view is not None
    return round(on.app.view.frame.time - NOON)


class TestGoingBack:
    async def test_freeze_back_drill_and_return(self) -> None:
        async with after(BUSY[:14]) as on:
            assert "worst use" not in on.text()
            await on.press("space")
            assert "FROZEN" in on.text()
            assert "worst use" in on.text()
            await on.press(*["left"] * 10)
            assert second(on) == 9
            assert "PAST" in on.text()
            await on.press("enter")
            assert isinstance(on.app.screen, PatternScreen)
            assert on.app.screen.view is not None
            assert on.app.screen.view.frame.time == NOON + 9
            assert "Sockets · 132 " in on.text(), "of two steps, not of seven"
            await on.see(*BUSY[14:])
            assert second(on) == 9
            await on.press("escape", "escape")
            assert isinstance(on.app.screen, Dashboard)
            assert second(on) == 57
            assert "LIVE" in on.text()
            assert "worst use" not in on.text()
            await on.press("space", "home")
            assert second(on) == 0
            await on.press("end")
            assert second(on) == 57, "what came while it was frozen is there, too"
            await on.press("space")
            assert "LIVE" in on.text()

    async def test_all_screens_are_of_the_past_moment(self) -> None:
        async with after(BUSY) as on:
            await on.press("space", "g")
            await on.type("-36s")
            await on.press("enter")
            assert second(on) == 21
            for key, screen, on_key, back_key in (
                ("l", PlanScreen, "end", "home"),  # whose arrows change the rate
                ("enter", PatternScreen, "right", "left"),
            ):
                await on.press(key)
                assert isinstance(on.app.screen, screen)
                assert on.app.screen.view is not None
                assert on.app.screen.view.frame.time == NOON + 21
                await on.press(on_key)
                assert second(on) > 21
                await on.press(back_key, "g")
                await on.type("-36s")
                await on.press("enter", "escape")

    async def test_trends_and_findings_are_those_of_then(self) -> None:
        async with after(BUSY) as on:
            live = on.app.view
            await on.press("space", "left", "right")
            past = on.app.view
            assert live is not None
            assert past is not None
            assert past.past
            assert past.frame.time == live.frame.time
            assert [case.identity for case in past.cases.present] == [
                case.identity for case in live.cases.present
            ]
            assert past.frame.states.tolist() == live.frame.states.tolist()
            await on.press("left_curly_bracket")
            assert second(on) < 57
            began = on.app.view
            assert began is not None
            assert any(case.since == began.frame.time for case in began.cases.present)
            await on.press("f", "enter")
            assert isinstance(on.app.screen, FindingScreen)

    async def test_before_a_finding_began_its_figures_are_said_to_be_of_later(self) -> None:
        """The gauge beside them is that of then."""
        frames = [busy(900 if number >= 10 else 60, at=3.0 * number) for number in range(20)]
        async with after(frames) as on:
            await on.press("space", "f", "enter")
            assert isinstance(on.app.screen, FindingScreen)
            assert "since" in on.text()
            await on.press("home")
            assert second(on) == 0
            assert f"NOT THERE YET; this is what it said at {local(NOON + 57)[11:19]}" in on.text()
            assert "GONE" not in on.text()
            await on.press("end")
            assert "NOT THERE" not in on.text()
            assert "GONE" not in on.text()

    async def test_a_click_on_the_timeline_goes_there(self) -> None:
        async with after(BUSY) as on:
            await on.press("space")
            await on.pilot.click("#timeline", offset=(13, 1))
            await settled(on.pilot)
            assert second(on) == 0

    async def test_the_timeline_shows_less_and_more(self) -> None:
        frames = [busy(60, at=60.0 * n) for n in range(16)]
        async with after(frames) as on:
            await on.press("space")
            span = on.app.span
            assert span is not None
            whole = len(span.moments)
            assert whole == 16
            await on.press("z")
            assert on.app.span is not None
            assert 0 < len(on.app.span.moments) < whole
            await on.press("Z")
            assert len(on.app.span.moments) == whole

    async def test_nothing_is_changed_in_the_past(self) -> None:
        async with after(BUSY) as on:
            await on.press("space", "left")
            for way, keys in (
                ("f5", "FK"),
                ("enter", "FK"),
                ("escape", "FK"),
                ("l", "a"),
                ("escape", "FK"),
            ):
                await on.press(way)
                front = on.app.screen
                bound = front.active_bindings.values()
                ids = {one.binding.id or "" for one in bound if one.enabled}
                assert not any(one.startswith("act.") for one in ids)
                on.app.clear_notifications()
                await on.press("F", "K", "a", "u")
                assert on.app.screen is front
                said = [text for _, _, text in on.toasts]
                assert [text[0] for text in said] == [*keys, "u"], "each says why"
                assert all("space returns to live" in text for text in said)

    async def test_a_key_that_is_typed_or_live_says_nothing(self) -> None:
        async with after(BUSY) as on:
            await on.press("space", "left", "slash")
            await on.type("FKau")
            await on.press("escape", "escape", "slash")
            await on.type("Fu")
            assert not on.toasts

    async def test_the_footer_names_the_way_back(self) -> None:
        async with after(BUSY) as on:
            for name in ("Freeze", "Live", "Freeze"):
                foot = on.text().splitlines()[-1]
                assert f"space {name}" in foot
                await on.press("space")

    async def test_another_threshold_holds_for_the_past(self) -> None:
        async with after(BUSY) as on:
            await on.press("space", "left", "t")
            await on.type("7")
            await on.press("enter", "left")
            assert on.app.view is not None
            assert on.app.view.threshold == 7
            assert on.app.threshold == 7

    async def test_the_keys_are_the_screens_own_while_it_is_live(self) -> None:
        async with after(BUSY) as on:
            await on.press("end", "left", "shift+left", "g", "home")
            assert second(on) == 57
            assert not on.app.screen.query_one("#prompt").has_class("-open")
            ids = {one.binding.id or "" for one in on.app.screen.active_bindings.values()}
            assert not any(one.startswith("time.") for one in ids)

    async def test_the_users_own_keys(self) -> None:
        config = Config(keys=(("time.back", "b"), ("app.freeze", "x")))
        async with after(BUSY, config=config) as on:
            await on.press("x", "b")
            assert second(on) == 54


class TestRecordingsBefore:
    """What a service has recorded before this dashboard began."""

    def _recorded(self, folder: Path, begin: float) -> None:
        recorder, watch = Recorder(folder / "web-1.twtop"), Watch()
        for number in range(0, 60, 2):
            frame = busy(900 if 30 <= number < 50 else 60, at=begin + number)
            recorder.take(watch.take(frame.reading))
        recorder.close()

    async def test_it_goes_back_into_them(self, tmp_path: Path) -> None:
        self._recorded(tmp_path, begin=-7200.0)
        async with after(BUSY, recordings=tmp_path) as on:
            await on.press("space", "home")
            assert second(on) == -7200
            await on.press("right_curly_bracket")
            while second(on) < -7170:
                await on.press("right_curly_bracket")
            assert second(on) == -7170
            assert on.app.view is not None
            worst = on.app.view.frame.patterns
            assert worst.utilization.max() > 0.8
            await on.press("end")
            assert second(on) == 57
            await on.press("space")
            assert "LIVE" in on.text()

    async def test_their_beginning_is_gone_to_that_was_wanted_before_they_were_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._recorded(tmp_path, begin=-7200.0)
        wanted = threading.Event()

        def read(place: Place, folder: Path) -> tuple[Recording | None, Sequence[str]]:
            wanted.wait()
            return recorded_of(place, folder)

        monkeypatch.setattr("tui.dashboard.past_app.recorded_of", read)
        for keys, there in ((["home"], -7200), (["home", "right"], 3), (["end"], 57)):
            wanted.clear()
            async with after(BUSY, recordings=tmp_path) as on:
                await on.pilot.press("space", *keys)
                wanted.set()
                await settled(on.pilot)
                assert second(on) == there

    async def test_what_was_seen_here_goes_first(self, tmp_path: Path) -> None:
        self._recorded(tmp_path, begin=-60.0)
        async with after(BUSY, recordings=tmp_path) as on:
            await on.press("space")
            assert on.app.scrubber is not None
            times = [told.time - NOON for told in on.app.scrubber.replay.timeline]
            assert times == sorted(times)
            assert times == [*range(-60, 0, 2), *range(0, 60, 3)]

    async def test_those_of_another_place_are_not_this_ones(self, tmp_path: Path) -> None:
        recorder, watch = Recorder(tmp_path / "db.twtop"), Watch()
        elsewhere = replace(busy(at=-9.0).reading, place=replace(PLACE, name="db"))
        recorder.take(watch.take(elsewhere))
        recorder.close()
        async with after(BUSY, recordings=tmp_path) as on:
            await on.press("space", "home")
            assert second(on) == 0

    async def test_what_of_them_cannot_be_shown_is_said_once(self, tmp_path: Path) -> None:
        """As a replay says it: damage, files that are left out, and a newer version."""
        self._recorded(tmp_path, begin=-7200.0)
        path = tmp_path / "web-1.twtop"
        path.write_bytes(path.read_bytes()[:-300])
        (tmp_path / "other.twtop").write_text("something else")
        LogWriter(tmp_path / "new.twtop", {"version": VERSION + 1}).close()
        async with after(BUSY, recordings=tmp_path) as on:
            await on.press("space")
            told = [text for _, _, text in on.toasts]
            for word in ("cut off", "left out", "newer twtop"):
                assert any(word in text for text in told), word
            await on.press("home")
            assert second(on) == -7200
            on.app.clear_notifications()
            await on.press("space", "space", "home")
            assert second(on) == -7200
            assert not on.toasts

    async def test_what_is_no_recording_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "r.twtop").write_text("something else")
        async with after(BUSY, recordings=tmp_path) as on:
            await on.press("space")
            assert any("not a twtop recording" in text for _, _, text in on.toasts)
            await on.press("left")
            assert second(on) == 54


class TestRecording:
    async def test_a_key_begins_and_ends_it(self, tmp_path: Path) -> None:
        path = tmp_path / "seen.twtop"
        async with after(BUSY[:5]) as on:
            await on.press("w")
            await on.press("ctrl+a", "ctrl+k")
            await on.type(str(path))
            await on.press("enter")
            assert "● REC" in on.text()
            await on.show(*BUSY[5:9])
            await on.press("w")
            assert "REC" not in on.text().splitlines()[0]
            await on.show(*BUSY[9:11])
        times = [told.time - NOON for told in open_recording(path).timeline]
        assert times == [15, 18, 21, 24]

    async def test_it_goes_on_while_the_screen_is_frozen(self, tmp_path: Path) -> None:
        path = tmp_path / "seen.twtop"
        async with after(BUSY[:5]) as on:
            on.app._record_to(str(path))
            await on.press("space", "left")
            await on.show(*BUSY[5:9])
            assert "● REC" in on.text()
        assert len(open_recording(path).timeline) == 4, "the end of the app ends it whole"

    async def test_where_it_cannot_be_is_said(self, tmp_path: Path) -> None:
        async with after(BUSY[:5]) as on:
            on.app._record_to(str(tmp_path / "there" / "is" / "none.twtop"))
            await on.press("tab")
            assert on.app.recording.path is None
            assert any("No such file" in text for _, _, text in on.toasts)

    async def test_a_full_disk_ends_it_and_the_dashboard_goes_on(self, tmp_path: Path) -> None:
        path = tmp_path / "seen.twtop"
        async with after(BUSY[:5]) as on:
            on.app._record_to(str(path))
            await on.press("tab")
            await on.show(*BUSY[5:8])
            with _full_at(path.stat().st_size + 20):
                await on.show(*BUSY[8:10])
            assert second(on) == 27
            assert "REC" not in on.text().splitlines()[0]
            assert any(str(path) in text and "kept" in text for _, _, text in on.toasts)
            await on.show(*BUSY[10:12])
            assert second(on) == 33
            assert f"→ {DATABASE}" in on.text()
            on.app._record_to(str(path))  # there is room again
            await on.press("tab")
            await on.show(*BUSY[12:14])
        times = [told.time - NOON for told in open_recording(path).timeline]
        assert times == [15, 18, 21, 36, 39]


@contextmanager
def _full_at(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
