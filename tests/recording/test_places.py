"""Several places in one recording: each comes back by itself, and is chosen by its name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.recording.test_recording import assert_same
from tests.tables import NOW, reading, rules, table, waiting
from tui.kernel.find_place import ALL, PlaceError
from tui.kernel.places import Place
from tui.recording import recorder as module
from tui.recording.files import open_recording, recorded_of
from tui.recording.recorder import Recorder
from tui.watching.view import View
from tui.watching.watch import Watch

HOST = Place(Path("/proc"), "web-1", "host", 1)
CART = Place(Path("/proc/7"), "shop/cart-7f9", "pod", 2, words=("cart-7f9", "0a1b2c"))
BATCH = Place(Path("/proc/8"), "batch", "named", 3)


def seen(watch: Watch, place: Place, second: float, held: int) -> View:
    found = table(*[waiting(40000 + n, 60_000 - held) for n in range(held)])
    taken = reading(found, rules(40000, 40999), time=NOW + second)
    return watch.take(replace(taken, place=place))


def record_three(path: Path) -> dict[str, list[View]]:
    """Twenty seconds of three places, of which the pod fills up, and one comes late and goes."""
    recorder = Recorder(path)
    watches = {place: Watch() for place in (HOST, CART, BATCH)}
    views: dict[str, list[View]] = {place.name: [] for place in watches}
    for second in range(20):
        held = {HOST: 10, CART: 50 * second, BATCH: 100}
        if not 4 < second < 12:
            del held[BATCH]
        for number, (place, count) in enumerate(held.items()):
            views[place.name].append(seen(watches[place], place, second + number / 10, count))
            recorder.take(views[place.name][-1])
    recorder.close()
    return views


@pytest.fixture
def several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, dict[str, list[View]]]:
    monkeypatch.setattr(module, "CHAPTER_SECONDS", 6.0)
    return tmp_path / "r.twtop", record_three(tmp_path / "r.twtop")


def test_each_place_comes_back_by_itself(several: tuple[Path, dict[str, list[View]]]) -> None:
    path, views = several
    recording = open_recording(path, "host")
    assert [place.name for place in recording.places] == ["shop/cart-7f9", "batch", "web-1"]
    for place in (*recording.places, HOST):
        recording.show(place)
        assert len(recording.timeline) == len(views[place.name])
        for index in (*range(len(recording.timeline)), 3):
            assert_same(views[place.name][index], recording, index)


@pytest.mark.parametrize("word", ["shop/cart-7f9", "cart", "0a1b", "2", "pod"])
def test_a_place_is_chosen_as_it_is_live(
    several: tuple[Path, dict[str, list[View]]], word: str
) -> None:
    assert open_recording(several[0], word).place.name == "shop/cart-7f9"


def test_which_there_are_is_said_the_fullest_first(
    several: tuple[Path, dict[str, list[View]]],
) -> None:
    names = r"pod shop/cart-7f9, netns batch, host web-1"
    with pytest.raises(PlaceError, match=f"3 places.*{names}"):
        open_recording(several[0])
    with pytest.raises(PlaceError, match=f"dbx.*{names}"):
        open_recording(several[0], "dbx")


def test_two_of_one_name_that_were_there_together_are_two(tmp_path: Path) -> None:
    """Of web 8 and web 9 each has its own moments; web 10 was started once web 9 had ended."""
    path, recorder = tmp_path / "r.twtop", Recorder(tmp_path / "r.twtop")
    web = {number: Place(Path("/proc/9"), "web", "container", number) for number in (8, 9, 10)}
    watches = {number: Watch() for number in web}
    for second in range(20):
        for number in (8, 9 if second < 10 else 10):
            there = seen(watches[number], web[number], second + number / 100, 50 * number)
            recorder.take(there)
    recorder.close()
    recording = open_recording(path, ALL)
    assert {place.id for place in recording.places} == {8, 10}
    for number, held in ((8, {400}), (9, {450, 500}), (10, {450, 500})):
        recording.show(web[number])
        assert len(recording.timeline) == 20
        assert {told.time_wait for told in recording.timeline} == held
    with pytest.raises(PlaceError, match=r"web can be container web \(10\), container web \(8\)"):
        open_recording(path, "web")
    assert open_recording(path, "8").place.id == 8
    for number, found in ((8, 8), (9, 10), (10, 10), (11, None)):
        past, _ = recorded_of(replace(web[8], id=number), tmp_path)
        assert (past and past.place.id) == found, "of a stranger's nothing is shown"


def test_there_is_one_host_whatever_its_number(tmp_path: Path) -> None:
    record_three(tmp_path / "r.twtop")
    past, _ = recorded_of(replace(HOST, id=77), tmp_path)
    assert past is not None
    assert past.place == replace(HOST, words=past.place.words)


def test_the_oldest_of_all_places_goes_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHAPTER_SECONDS", 10.0)
    path, recorder = tmp_path / "r.twtop", Recorder(tmp_path / "r.twtop", keep_seconds=60)
    watches = {place: Watch() for place in (HOST, CART)}
    for second in range(300):
        for number, (place, watch) in enumerate(watches.items()):
            recorder.take(seen(watch, place, second + number / 10, 20))
    recorder.close()
    recording = open_recording(path, "host")
    begun = []
    for place in recording.places:
        recording.show(place)
        begun.append(recording.timeline[0].time)
        recording.moment(0)
    assert abs(begun[0] - begun[1]) < 1
    assert 60 <= NOW + 299 - begun[0] <= 60 * module.SPARE + 20


def test_a_clock_that_is_set_back_leaves_every_moment_to_be_found(tmp_path: Path) -> None:
    path, recorder, watch = tmp_path / "r.twtop", Recorder(tmp_path / "r.twtop"), Watch()
    for second in (100, 101, 102, 50, 51):
        recorder.take(seen(watch, HOST, second, second))
    recorder.close()
    recording = open_recording(path)
    for second in (50, 51, 100, 102):
        found = recording.moment(recording.index_at(NOW + second)).reading
        assert len(found.table) == second
