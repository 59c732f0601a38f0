"""A moment that is gone to is judged as it was when it was recorded."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tables import NOW, Sock, reading, rules, table, waiting
from tui.analysis.forecast import NEVER
from tui.findings.config import Config
from tui.kernel.sockets import TableError
from tui.recording.chapter import Recorded
from tui.recording.files import open_recording
from tui.recording.log import RecordingError
from tui.recording.moments import Moments
from tui.recording.recorder import Recorder
from tui.recording.recording import Recording
from tui.recording.replay import Replay
from tui.watching.view import View
from tui.watching.watch import Watch

SECONDS, RUSH = 240, 120


def test_from_afar_a_moment_has_the_findings_that_were_told_then(tmp_path: Path) -> None:
    """5 ports a second, and from the third minute on 25: soon there is none left."""
    path, watch, recorder = tmp_path / "r.twtop", Watch(), Recorder(tmp_path / "r.twtop")
    closed: list[float] = []
    stories: list[dict[tuple[str, str], tuple[float, bool]]] = []
    for second in range(0, SECONDS, 2):
        rate = 5 + min(max(second - RUSH, 0) * 4 // 3, 20)
        closed += [second - n / rate for n in range(2 * rate)]
        closed = [one for one in closed if second - one < 60]
        ages = [round(1000 * (second - one)) for one in closed][:1000]
        held = [waiting(40_000 + n, 60_000 - age) for n, age in enumerate(ages)]
        view = watch.take(reading(table(*held), rules(40_000, 40_999), time=NOW + second))
        recorder.take(view)
        stories.append(_stories(view))
    recorder.close()
    recording = open_recording(path)
    replay = Replay(recording, Config())
    told = [{(one.identity, one.severity) for one in at.findings} for at in recording.timeline]
    assert any(severity == 2 for one in told for _, severity in one)
    for index, there in enumerate(told):
        replay.go_to(recording.timeline[0].time)
        replay.go_to(recording.timeline[index].time)
        assert replay.newest is not None
        cases = replay.newest.cases.present
        assert {(one.identity, int(one.finding.severity)) for one in cases} == there, index
        assert _stories(replay.newest) == stories[index], index


def test_what_ended_is_told_of_where_a_part_of_the_recording_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole tables are far apart: what came just before one is told by the summaries."""
    monkeypatch.setattr("tui.recording.recorder.CHAPTER_SECONDS", 60.0)
    path, watch, recorder = tmp_path / "r.twtop", Watch(), Recorder(tmp_path / "r.twtop")
    lived: list[tuple[object, list[bool]]] = []
    for second in range(0, 200, 2):
        full = 50 <= second < 54  # it is exhausted just before the second part begins
        held = [waiting(40_000 + n, 30_000) for n in range(100 if full else 20)]
        view = watch.take(reading(table(*held), rules(40_000, 40_099), time=NOW + second))
        recorder.take(view)
        lived.append(_told(view))
    recorder.close()
    assert any(True in was_full for _, was_full in lived[30:50])
    recording = open_recording(path)
    for index, live in enumerate(lived[:-1]):
        replay = Replay(recording, Config(), shown=recording.timeline[-1].time)
        replay.go_to(recording.timeline[index].time)
        assert replay.newest is not None
        assert _told(replay.newest) == live, index


def _told(view: View) -> tuple[object, list[bool]]:
    """Which findings are told of and when they began and ended, and what was full."""
    cases = {
        one.identity: (one.since, one.gone is None and one.as_grave, one.from_start, one.gone)
        for one in view.cases.known
    }
    return cases, view.trends.was_full.tolist()


def _stories(view: View) -> dict[tuple[str, str], tuple[float, bool]]:
    """When each finding began, and whether that is only since when somebody has looked."""
    return {one.identity: (one.since, one.from_start) for one in view.cases.present}


@pytest.fixture
def ten(tmp_path: Path) -> Iterator[Recording]:
    """A recording of ten seconds."""
    watch, recorder = Watch(), Recorder(tmp_path / "r.twtop")
    for second in range(10):
        recorder.take(watch.take(reading(table(waiting(40_000)), time=NOW + second)))
    recorder.close()
    recording = open_recording(tmp_path / "r.twtop")
    yield recording
    recording.close()


def assert_shows(replay: Replay, index: int) -> None:
    assert replay.newest is not None
    assert (replay.index, replay.newest.frame.time) == (index, replay.timeline[index].time)


def test_where_a_way_is_given_up_the_moment_shown_is_the_one_it_stands_at(ten: Recording) -> None:
    replay = Replay(ten, Config())
    replay.go_to(NOW)
    wanted = iter([True, False])
    assert not replay.go_to(NOW + 5, lambda: next(wanted))
    assert 0 < replay.index < 5
    assert_shows(replay, replay.index)
    for index in (4, 3, 5):
        assert replay.go_to(NOW + index)
        assert_shows(replay, index)


def test_damage_on_the_way_leaves_the_moment_shown_the_one_it_stands_at(
    ten: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay, whole = Replay(ten, Config()), ten.moment
    replay.go_to(NOW)

    def moment(index: int) -> Recorded:
        if index >= 4:
            raise RecordingError("damaged")
        return whole(index)

    monkeypatch.setattr(ten, "moment", moment)
    with pytest.raises(TableError):
        replay.go_to(NOW + 5)
    assert 0 < replay.index < 4
    assert_shows(replay, replay.index)


@pytest.mark.parametrize("then", [1, 9])
def test_settings_chosen_while_a_moment_is_read_hold_for_it(
    ten: Recording, monkeypatch: pytest.MonkeyPatch, then: int
) -> None:
    """The way ends while the screen's thread judges what was shown until then."""
    monkeypatch.setattr("tui.recording.replay.WARM_SECONDS", 5.0)
    replay, chosen = Replay(ten, Config()), Config().with_threshold(33)
    replay.go_to(NOW)
    judge, ways = replay.watch.judge_by, [then]

    def judge_by(config: Config, shown: View | None = None) -> View | None:
        judged = judge(config, shown)
        if ways:
            replay.go_to(NOW + ways.pop())
        return judged

    monkeypatch.setattr(replay.watch, "judge_by", judge_by)
    replay.judge_by(chosen)
    assert_shows(replay, then)
    assert replay.newest is not None
    assert replay.newest.config is replay.watch.config is chosen


def test_earlier_moments_may_come_while_a_way_begins(
    ten: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the dashboard finds a recording of what was before it was begun."""
    late, early = Moments(), Moments()
    late.timeline, late._places = ten.timeline[5:], ten._places[5:]
    early.timeline, early._places = ten.timeline[:5], ten._places[:5]
    replay, index_at = Replay(late, Config()), late.index_at
    replay.go_to(NOW + 6)

    def widened(time: float) -> int:
        replay.widen(late.after(early))
        return index_at(time)

    monkeypatch.setattr(late, "index_at", widened)
    assert replay.go_to(NOW + 7)
    assert_shows(replay, 7)


def _rounds(every: int) -> Iterator[View]:
    """Ports run out at 50 a second, come back, and run out again; dumps are ``every`` apart."""
    watch, closed = Watch(), list[tuple[float, int]]()
    dump = None
    for second in range(150):
        closed = [one for one in closed if second - one[0] < 60]
        wanted = 50 if second < 21 or 62 <= second < 90 else 0
        free = sorted({*range(40_000, 41_000)} - {port for _, port in closed})[:wanted]
        closed += [(second - n / 50, port) for n, port in enumerate(free)]
        if dump is None or second % every == 0:
            held = [waiting(port, 60_000 - round(1000 * (second - at))) for at, port in closed]
            dump = reading(table(*held), rules(40_000, 40_999), time=NOW + second)
        counters = {"tw": len(closed)}
        yield watch.take(replace(dump, time=NOW + second, counters=counters))


@pytest.mark.parametrize("every", [1, 3, 4])
def test_from_afar_a_moment_has_the_trends_and_stories_of_then(tmp_path: Path, every: int) -> None:
    recorder, lived = Recorder(tmp_path / "r.twtop"), list[View]()
    for view in _rounds(every):
        recorder.take(view)
        lived.append(view)
    recorder.close()
    recording = open_recording(tmp_path / "r.twtop")
    assert any(0 < view.trends.seconds_left.min(initial=NEVER) < NEVER for view in lived)
    for index in range(0, 150, 2 if every == 1 else 5):
        replay = Replay(recording, Config(), shown=recording.timeline[0 if index else -1].time)
        replay.go_to(recording.timeline[index].time)
        assert replay.newest is not None
        then, live = replay.newest.trends, lived[index].trends
        assert then.seconds_left.tolist() == pytest.approx(live.seconds_left.tolist()), index
        assert then.growth.tolist() == pytest.approx(live.growth.tolist(), nan_ok=True), index
        assert then.course.held == live.course.held, index
        assert _told(replay.newest) == _told(lived[index]), index


def _whims() -> Iterator[View]:
    """A load whose rate changes, beside destinations that come and go."""
    watch, chance, rate = Watch(), random.Random(1), 0
    closed, there = list[tuple[float, int]](), set[int]()
    for second in range(200):
        if chance.random() < 0.06:
            rate = chance.choice([0, 5, 10, 15, 20, 30])
        closed = [one for one in closed if second - one[0] < 60]
        free = sorted({*range(40_000, 41_000)} - {port for _, port in closed})[:rate]
        closed += [(second - n / rate, port) for n, port in enumerate(free)]
        there ^= {number for number in range(8) if chance.random() < 0.15}
        held = [waiting(port, 60_000 - round(1000 * (second - at))) for at, port in closed]
        held += [waiting(40_000, 30_000, remote=f"10.0.1.{number}") for number in sorted(there)]
        yield watch.take(reading(table(*held), rules(40_000, 40_999), time=NOW + second))


def test_from_afar_a_moment_tells_what_is_new_and_gone_and_what_ended(tmp_path: Path) -> None:
    recorder, lived = Recorder(tmp_path / "r.twtop"), list[View]()
    for view in _whims():
        recorder.take(view)
        lived.append(view)
    recorder.close()
    recording = open_recording(tmp_path / "r.twtop")
    ended = {case.finding.code for view in lived for case in view.cases.known if case.gone}
    assert "exhausts-soon" in ended
    for index in range(4, 200, 5):
        replay = Replay(recording, Config(), shown=NOW)
        replay.go_to(NOW + index)
        assert replay.newest is not None
        then, live = replay.newest.trends, lived[index].trends
        assert (set(then.gone), then.new.tolist()) == (set(live.gone), live.new.tolist()), index
        assert _told(replay.newest) == _told(lived[index]), index


def test_from_afar_a_forecast_needs_what_was_before_a_part_of_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4 more open sockets a second: that they fill the ports is seen over a minute alone."""
    monkeypatch.setattr("tui.recording.recorder.CHAPTER_SECONDS", 50.0)
    watch, recorder, lived = Watch(), Recorder(tmp_path / "r.twtop"), list[View]()
    for second in range(0, 94, 2):
        held = [Sock(local_port=40_000 + n, inode=n + 1) for n in range(4 * second)]
        lived.append(watch.take(reading(table(*held), rules(40_000, 40_999), time=NOW + second)))
        recorder.take(lived[-1])
    recorder.close()
    recording = open_recording(tmp_path / "r.twtop")
    codes = {case.finding.code for view in lived[33:] for case in view.cases.present}
    assert "exhausts-soon" in codes
    far = Replay(recording, Config())
    steps = Replay(recording, Config(), shown=NOW)
    steps.go_to(NOW + 64)
    for index in range(33, 47, 2):
        far.go_to(NOW)
        for replay in (far, steps):
            replay.go_to(NOW + 2 * index)
            assert replay.newest is not None
            assert _told(replay.newest) == _told(lived[index]), index


def test_from_afar_other_settings_find_what_the_recorder_did_not(tmp_path: Path) -> None:
    watch, recorder = Watch(), Recorder(tmp_path / "r.twtop")
    for second in range(90):
        held = [waiting(40_000 + n, 30_000) for n in range(40 if second >= 60 else 10)]
        view = watch.take(reading(table(*held), rules(40_000, 40_099), time=NOW + second))
        recorder.take(view)
    recorder.close()
    assert not view.cases.present
    recording = open_recording(tmp_path / "r.twtop")
    replay = Replay(recording, Config().with_threshold(30), shown=recording.timeline[0].time)
    replay.go_to(NOW + 80)
    assert replay.newest is not None
    (case,) = replay.newest.cases.present
    assert NOW + 60 <= case.since < NOW + 80
    assert not case.from_start
