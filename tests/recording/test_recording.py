"""What was recorded comes back as it was, whatever happened to the file."""

from __future__ import annotations

import fcntl
import gc
import os
import signal
import time as clock
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import NOW, PLACE, Sock, any_rules, crossing, reading, steady, table, waiting
from tui.kernel.port_rules import PortRules
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import SocketTable
from tui.kernel.source import Reading
from tui.recording import recorder as module
from tui.recording.files import chapters_of, open_recording
from tui.recording.log import FRAME, MAGIC, MARK, LogReader, RecordingError
from tui.recording.recorder import Recorder
from tui.recording.recording import Recording
from tui.recording.state import sections
from tui.watching.view import View
from tui.watching.watch import Watch
from tui.writing.words import local


def tables_of(socks: list[Sock], times: Sequence[int]) -> list[SocketTable]:
    """The same sockets as they age, some of them coming late and some leaving early."""
    made = []
    for number, passed in enumerate(times):
        there = [
            replace(sock, remaining_ms=max(sock.remaining_ms - passed, 0))
            for place, sock in enumerate(socks)
            if (place + number) % 5 or not place
        ]
        made.append(table(*there, bound_ports=range(40000, 40000 + number)))
    return made


def recorded(path: Path, readings: Sequence[Reading], owners: Owners | None = None) -> list[View]:
    watch = Watch()
    if owners is not None:
        watch.look_for_owners(lambda: owners)
    recorder = Recorder(path)
    views = []
    for one in readings:
        views.append(watch.take(one))
        recorder.take(views[-1])
    recorder.close()
    return views


def assert_same(view: View, recording: Recording, index: int) -> None:
    moment, live = recording.moment(index), view.frame.reading
    for column in fields(SocketTable):
        old, new = getattr(live.table, column.name), getattr(moment.reading.table, column.name)
        if column.name != "duplicates":
            assert np.array_equal(old, new), column.name
    for column in fields(Reading):
        if column.name not in ("table", "place"):
            old, new = getattr(live, column.name), getattr(moment.reading, column.name)
            assert old == new, column.name
    assert sections(moment.reading, moment.owners) == sections(live, view.owners)


@steady
@given(
    socks=crossing,
    times=st.lists(st.integers(0, 70_000), min_size=1, max_size=6),
    given_rules=any_rules(),
)
def test_every_field_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    socks: list[Sock],
    times: list[int],
    given_rules: PortRules,
) -> None:
    path = tmp_path_factory.mktemp("recorded") / "r.twtop"
    readings = [
        replace(
            reading(
                found, given_rules, time=NOW + number, counters={"tw": number, f"c{number}": 1}
            ),
            hz=250,
            second_ms=number,
            addresses=frozenset({"10.0.0.5"}),
            host_range=(32768, 60999) if number else None,
        )
        for number, found in enumerate(tables_of(socks, times))
    ]
    views = recorded(path, readings, Owners({7: Process(1, "nginx")}, denied=2))
    recording = open_recording(path)
    for index in (*range(len(views)), 0, len(views) - 1):  # there and back
        assert_same(views[index], recording, index)


def test_devices_come_back(tmp_path: Path) -> None:
    """Of open sockets and TIME-WAITs, as those come and go."""
    moments = [
        [
            replace(waiting(40_000 + number, 60_000 - 1000 * second), device=number % 3)
            for number in range(5 * second, 5 * second + 20)
        ]
        + [Sock(local_port=40_000, device=5 + second), Sock(local_port=40_000, device=4)]
        for second in range(4)
    ]
    tables = [table(*found) for found in moments]
    tables.append(replace(tables[-1], device_known=False, complete_known=False))
    path = tmp_path / "r.twtop"
    views = recorded(path, [reading(one, time=NOW + n) for n, one in enumerate(tables)])
    recording = open_recording(path)
    for index in (*range(len(views)), 1):
        assert_same(views[index], recording, index)


def test_what_is_read_between_dumps_costs_no_second_table(tmp_path: Path) -> None:
    first = reading(table(*[waiting(40000 + n) for n in range(500)]))
    path = tmp_path / "r.twtop"
    views = recorded(path, [replace(first, time=NOW + n) for n in range(5)])
    recording = open_recording(path)
    assert_same(views[4], recording, 4)
    moments = [recording.moment(n).reading for n in range(5)]
    assert all(moment.table is moments[0].table for moment in moments)
    one = path.with_name("one.twtop")
    recorded(one, [first])
    assert path.stat().st_size < 2 * one.stat().st_size


def test_a_thousand_waiting_ones_take_a_few_bytes_each(tmp_path: Path) -> None:
    """20,000 TIME-WAITs with 300 new ones a second must stay below 100 MB a day."""
    chance = np.random.default_rng(4711)
    order = chance.permutation(20_000)

    def at(second: int) -> Reading:
        last = 300 * second
        found = [
            waiting(32_768 + n % 28_000, max(60_000 - (last + 18_000 - n) * 10 // 3 // 4 * 4, 0))
            for n in range(last, last + 18_000)
        ]
        found.sort(key=lambda sock: order[sock.local_port % 20_000])
        return reading(table(*found), time=NOW + second)

    path, whole = tmp_path / "r.twtop", tmp_path / "whole.twtop"
    readings = [at(second) for second in range(12)]
    views = recorded(path, readings)
    recorded(whole, readings[:1])
    key = whole.stat().st_size
    a_second = (path.stat().st_size - key) / 11
    assert key < 20_000 * 4
    assert a_second * 86_400 + key * 288 < 110e6
    assert_same(views[11], open_recording(path), 11)


def ten_moments() -> list[Reading]:
    return [
        reading(table(*[waiting(40000 + n, 60_000 - 10 * n) for n in range(20 + second)]))
        for second in range(10)
    ]


def test_a_torn_end_costs_no_more_than_what_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "r.twtop"
    readings = [replace(one, time=NOW + n) for n, one in enumerate(ten_moments())]
    views = recorded(path, readings)
    whole, torn = path.read_bytes(), tmp_path / "torn.twtop"
    known = set()
    for end in range(len(whole) - 1, 0, -1):
        torn.write_bytes(whole[:end])
        try:
            recording = open_recording(torn)
        except RecordingError as error:
            known.add(0 if str(torn) in str(error) else -1)
            continue
        count = len(recording.timeline)
        if count not in known:
            assert_same(views[count - 1], recording, count - 1)
        known.add(count)
        recording.close()
    assert known == set(range(11))


def test_what_was_torn_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "r.twtop"
    recorded(path, [replace(one, time=NOW + n) for n, one in enumerate(ten_moments())])
    path.write_bytes(path.read_bytes()[:-7])
    views = recorded(path, [replace(one, time=NOW + 60 + n) for n, one in enumerate(ten_moments())])
    recording = open_recording(path)
    assert [round(told.time - NOW) for told in recording.timeline] == [*range(10), *range(60, 70)]
    assert_same(views[-1], recording, 19)


def test_a_torn_end_is_told_unless_somebody_is_writing_it(tmp_path: Path) -> None:
    """A copy that is cut off lacks what came later; half a record may just be being written."""
    path = tmp_path / "r.twtop"
    recorded(path, [replace(one, time=NOW + n) for n, one in enumerate(ten_moments())])
    torn = path.read_bytes()[:-500]
    path.write_bytes(torn)
    cut = open_recording(path)
    last = cut.timeline[-1].time
    assert "cut off" in cut.notes[0]
    assert cut.lost_between(last, last)
    assert not cut.lost_between(last - 1, last - 1)
    recorder = Recorder(path)  # asking has left no lock behind
    assert path.read_bytes()[: len(torn)] != torn, "it begins by cutting that off"
    with path.open("ab") as half:
        half.write(FRAME.pack(MARK, 3, 0, 999, 0))
    written = open_recording(path)
    assert not written.notes
    assert not written.lost_between(last, last)
    recorder.close()
    assert written.notes


@pytest.mark.parametrize("places", [1, 3])
def test_an_end_that_may_be_missing_is_told_wherever_it_was_cut(
    tmp_path: Path, places: int
) -> None:
    """Exactly between two records nothing is torn; but who closes it writes what ends it."""
    path, whole_path = tmp_path / "r.twtop", tmp_path / "whole.twtop"
    recorder, watches = Recorder(whole_path), [Watch() for _ in range(places)]
    for n, one in enumerate(ten_moments()):
        for number, watch in enumerate(watches):
            place = replace(PLACE, name=f"p{number}", id=number)
            recorder.take(watch.take(replace(one, time=NOW + n, place=place)))
        assert not open_recording(whole_path, "p0").notes, "it is being written"
    recorder.close()
    assert not open_recording(whole_path, "p0").notes
    whole, log = whole_path.read_bytes(), LogReader(whole_path)
    ends = [one.end for one in log.more() if one is not None]
    assert len(ends) == 10 * places + places
    log.close()
    for end in ends[:-1]:
        path.write_bytes(whole[:end])
        cut = open_recording(path, "p0")
        assert ["without having been closed" in note for note in cut.notes] == [True]
        last = cut.timeline[-1].time
        assert cut.lost_between(last, last)
        assert not cut.lost_between(last - 2, last - 2)
        cut.close()
    recorder = Recorder(path)  # who goes on with it leaves a gap, and a file that is closed
    recorder.take(Watch().take(replace(ten_moments()[0], time=NOW + 60)))
    recorder.close()
    assert not open_recording(path, "p0").notes


def test_where_another_file_goes_on_nothing_more_is_missing(tmp_path: Path) -> None:
    """A recorder was killed and begun anew with another file: what follows is no doubt for ever."""
    first, second = tmp_path / "1.twtop", tmp_path / "2.twtop"
    recorded(first, [replace(one, time=NOW + n) for n, one in enumerate(ten_moments())])
    recorded(second, [replace(one, time=NOW + 60 + n) for n, one in enumerate(ten_moments())])
    first.write_bytes(first.read_bytes()[:-500])
    both = open_recording(tmp_path)
    assert both.lost_between(NOW + 5, NOW + 50)
    assert not both.lost_between(NOW + 60, NOW + 60)


def test_what_is_no_recording_is_left_out_of_a_folder(tmp_path: Path) -> None:
    recorded(tmp_path / "b.twtop", ten_moments()[:1])
    (tmp_path / "a.twtop").touch()
    (tmp_path / "c.twtop").write_text("foreign")
    os.mkfifo(tmp_path / "d.twtop")
    recording = open_recording(tmp_path)
    assert len(recording.timeline) == 1
    for name, note in zip("acd", recording.notes, strict=True):
        assert f"{name}.twtop" in note
    (tmp_path / "b.twtop").unlink()
    with pytest.raises(RecordingError, match=r"a\.twtop.*c\.twtop.*d\.twtop"):
        open_recording(tmp_path)


def test_what_is_no_file_is_neither_read_nor_written(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null"), tmp_path):
        with pytest.raises(RecordingError, match="not a regular file"):
            LogReader(path)
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(RecordingError, match="not a regular file"):
            Recorder(path)


def test_the_last_moment_that_can_be_read_is_found(tmp_path: Path) -> None:
    """Whichever record is damaged, in the chapter that is asked for or in those before it."""
    path, moments = tmp_path / "r.twtop", ten_moments()
    recorded(path, [replace(one, time=NOW + 400 * (n // 5) + n) for n, one in enumerate(moments)])
    whole, log = path.read_bytes(), LogReader(path)
    records = [one for one in log.more() if one is not None and one.kind in (2, 3)]
    log.close()
    for first in range(1, 10):
        path.write_bytes(whole)
        recording = open_recording(path)
        harmed = bytearray(whole)
        for record in {records[first], records[max(first, 5)]}:
            harmed[record.offset + 9] ^= 0xFF
        path.write_bytes(harmed)
        index, why = recording.last_readable(9)
        assert index == first - 1
        assert f"{local(recording.timeline[first].time)} to {local(NOW + 409)}" in why
        assert recording.last_readable(0) == (0, "")
        recording.moment(index)


@pytest.mark.parametrize(("torn", "zeros"), [(0, 3), (0, FRAME.size), (7, 5000), (0, 5000)])
def test_zeros_at_the_end_are_told_as_damage_and_cut_off(
    tmp_path: Path, torn: int, zeros: int
) -> None:
    """So a filesystem fills what a crash has lost; half a record may just be being written."""
    path = tmp_path / "r.twtop"
    readings = [replace(one, time=NOW + n) for n, one in enumerate(ten_moments())]
    views = recorded(path, readings)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - torn])
    recording = open_recording(path)
    assert bool(recording.notes) == bool(torn)
    path.write_bytes(whole[: len(whole) - torn] + bytes(zeros))
    for found in (recording, open_recording(path)):
        found.refresh()
        told = list(found.notes)
        found.refresh()
        assert found.notes == told
        assert "damaged" in told[0]
        assert found.lost_between(NOW + 9, NOW + 9)
        assert not found.lost_between(NOW + 8, NOW + 8)
        assert_same(views[9], found, 9)
    later = recorded(path, [replace(readings[0], time=NOW + 20)])
    assert torn or not open_recording(path).notes
    recording.refresh()
    assert_same(later[0], recording, 10)


def test_a_chapter_of_close_moments_ends_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seek goes through all of a chapter's moments."""
    monkeypatch.setattr(module, "CHAPTER_MOMENTS", 4)
    path = tmp_path / "r.twtop"
    recorded(path, [replace(one, time=NOW + n / 10) for n, one in enumerate(ten_moments())])
    begun = [time - NOW for time, _ in chapters_of(path)]
    assert begun == pytest.approx([0.0, 0.4, 0.8])


def test_damage_in_the_middle_is_told_and_costs_its_chapter_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHAPTER_SECONDS", 3.0)
    path = tmp_path / "r.twtop"
    readings = [replace(one, time=NOW + n) for n, one in enumerate(ten_moments())]
    views = recorded(path, readings)
    whole = path.read_bytes()
    for at in range(len(whole) // 4, len(whole), 41):
        data = bytearray(whole)
        data[at] ^= 0xFF
        path.write_bytes(data)
        recording = open_recording(path)
        right, told_of = 0, bool(recording.notes)
        for index, told in enumerate(recording.timeline):
            try:
                recording.moment(index)
            except RecordingError as error:
                told_of |= "damaged" in str(error)
                continue
            assert_same(views[round(told.time - NOW)], recording, index)
            right += 1
        assert right >= 6
        assert told_of or right == 10
        recording.close()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a twtop recording"),
        (b"SQLite format 3\0", "not a twtop recording"),
        (b"twtop recording\n", "nothing was recorded"),
        (b"twtop recording\n" + bytes(4096), "nothing was recorded"),
        (
            b"twtop recording\n" + FRAME.pack(MARK, 2, 0, 1 << 29, 0) + bytes(99),
            "nothing was recorded",
        ),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "r.twtop"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=said):
        open_recording(path)


@steady
@given(junk=st.binary(max_size=400), at=st.integers(0, 400))
def test_no_bytes_end_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int
) -> None:
    path = tmp_path_factory.mktemp("junk") / "r.twtop"
    recorded(path, [replace(one, time=NOW + n) for n, one in enumerate(ten_moments()[:2])])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * at // 400] + junk + data[len(data) * at // 400 :])
    try:
        recording = open_recording(path)
        for index in range(len(recording.timeline)):
            recording.moment(index)
    except RecordingError:
        pass


def test_a_newer_one_is_read_as_far_as_it_goes_and_not_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.recording import log

    path = tmp_path / "r.twtop"
    with monkeypatch.context() as newer:
        newer.setattr(log, "VERSION", 99)
        views = recorded(path, ten_moments()[:1])
    recording = open_recording(path)
    assert_same(views[0], recording, 0)
    assert any("newer" in note for note in recording.notes)
    with pytest.raises(RecordingError, match="newer"):
        Recorder(path)


def test_a_file_that_nobody_reads_any_more_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "r.twtop"
    path.write_bytes(MAGIC)
    before = psutil.Process().num_fds()
    with pytest.raises(RecordingError, match="nothing was recorded"):
        open_recording(path)
    gc.collect()
    assert psutil.Process().num_fds() == before


def test_two_do_not_write_one_file(tmp_path: Path) -> None:
    first = Recorder(tmp_path / "r.twtop")
    with pytest.raises(RecordingError, match="another twtop"):
        Recorder(tmp_path / "r.twtop")
    first.close()


def test_a_reader_that_asks_who_writes_keeps_no_writer_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has a lock for a moment, to which a recorder may come that is just being started."""
    path = tmp_path / "r.twtop"
    with path.open("wb") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        monkeypatch.setattr(clock, "sleep", lambda _: fcntl.flock(asking, fcntl.LOCK_UN))
        Recorder(path).close()


def test_readers_follow_while_it_is_written(tmp_path: Path) -> None:
    path, watch = tmp_path / "r.twtop", Watch()
    recorder = Recorder(path)
    readings = [replace(one, time=NOW + n) for n, one in enumerate(ten_moments())]
    views = [watch.take(readings[0])]
    recorder.take(views[0])
    one, other = open_recording(path), open_recording(path)
    for number in range(1, 10):
        views.append(watch.take(readings[number]))
        recorder.take(views[-1])
        assert one.refresh()
        assert not one.refresh()
        assert_same(views[number], one, number)
    assert other.refresh()
    assert_same(views[9], other, 9)
    recorder.close()


def test_what_is_too_old_or_too_much_goes_while_it_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHAPTER_SECONDS", 10.0)
    old, big = tmp_path / "old.twtop", tmp_path / "big.twtop"
    watch = Watch()
    recorders = Recorder(old, keep_seconds=60), Recorder(big, max_bytes=30_000)
    sizes = []
    for number in range(400):
        found = [waiting(40000 + n, 50_000) for n in range(number % 10, 50)]
        view = watch.take(reading(table(*found), time=NOW + number))
        for recorder in recorders:
            recorder.take(view)
        sizes.append(big.stat().st_size)
    for recorder in recorders:
        recorder.close()
    times = [told.time - NOW for told in open_recording(old).timeline]
    assert times[-1] == 399
    assert 60 <= times[-1] - times[0] <= 60 * module.SPARE + 20
    assert max(sizes) < 30_000 * 1.3
    recording = open_recording(big)
    assert_same(view, recording, len(recording.timeline) - 1)
    assert old.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_ends_it_and_keeps_what_is_there(tmp_path: Path) -> None:
    path, watch = tmp_path / "r.twtop", Watch()
    recorder = Recorder(path)
    recorder.take(watch.take(ten_moments()[0]))
    limit = path.stat().st_size + 50
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
        with pytest.raises(RecordingError):
            recorder.take(watch.take(replace(ten_moments()[5], time=NOW + 1)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert len(open_recording(path).timeline) == 1


def write_for_ever(path: Path, views: list[View], begin: float, told: int) -> None:
    """Record moment after moment, and tell of each that is written."""
    recorder, number = Recorder(path), 0
    while True:
        view = views[number % len(views)]
        reading = replace(view.frame.reading, time=begin + number)
        recorder.take(replace(view, frame=replace(view.frame, reading=reading)))
        os.write(told, b".")
        number += 1


def test_a_writer_killed_at_200_moments_loses_at_most_two(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHAPTER_SECONDS", 7.0)  # chapters begin and end meanwhile too
    chance, watch, path = np.random.default_rng(1), Watch(), tmp_path / "r.twtop"
    views = [watch.take(replace(one, time=NOW + n)) for n, one in enumerate(ten_moments())]
    most = 0
    for number in range(200):
        ours, theirs = os.pipe()
        writer = os.fork()
        if writer == 0:
            try:
                os.close(ours)
                write_for_ever(path, views, NOW + 1000 * number, theirs)
            finally:
                os._exit(1)
        os.close(theirs)
        said, wanted = 0, int(chance.integers(1, 15))
        while said < wanted:
            said += len(os.read(ours, wanted - said))
        clock.sleep(chance.random() / 200)
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        with os.fdopen(ours, "rb") as rest:
            said += len(rest.read())
        recording = open_recording(path)
        assert len(recording.timeline) >= said - 2
        index = int(chance.integers(len(recording.timeline)))
        for moment in (recording.moment(index), recording.moment(len(recording.timeline) - 1)):
            which = round(moment.reading.time - NOW) % 10
            assert len(moment.reading.table) == len(views[which].frame.table)
        recording.close()
        most = max(most, said)
        if number % 20:  # the others are gone on with, torn as they are
            path.unlink()
    assert most > 7


def test_readers_cost_the_writer_nothing(tmp_path: Path) -> None:
    """They lock nothing: what is written is the same to the byte, and nobody waits."""
    path, alone, watch = tmp_path / "r.twtop", tmp_path / "alone.twtop", Watch()
    views = [watch.take(replace(one, time=NOW + n)) for n, one in enumerate(ten_moments())]
    recorder, other = Recorder(path), Recorder(alone)
    readers: list[Recording] = []
    for view in views:
        recorder.take(view)
        other.take(view)
        readers = readers or [open_recording(path), open_recording(path)]
        for reader in readers:
            reader.refresh()
            reader.moment(len(reader.timeline) - 1)
    recorder.close()
    other.close()
    assert path.read_bytes() == alone.read_bytes()
    assert [len(reader.timeline) for reader in readers] == [10, 10]
