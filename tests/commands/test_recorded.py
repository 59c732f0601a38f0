"""Commands on a recording: the place, the moment, and every line of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import PROXY
from tests.commands.test_audit import configure
from tests.commands.test_bundle import members
from tests.commands.test_schemas import valid
from tests.recording.test_places import CART, HOST, record_three, seen
from tests.tables import NOW, reading, rules, table, waiting
from tui.dashboard.replay_app import ReplayApp
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import State
from tui.recording.files import open_recording
from tui.recording.log import FIRST, Kind, LogReader
from tui.recording.recorder import Recorder
from tui.watching.watch import Watch
from tui.writing.words import local, utc


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A recording of web-1, shop/cart-7f9, which fills up, and batch, which comes and goes."""
    record_three(tmp_path / "r.twtop")
    return tmp_path / "r.twtop"


def test_which_places_there_are_is_said(run: Run, three: Path) -> None:
    for command in ("report", "audit", "plan", "watch", "timewait"):
        ran = run(command, "--from", three)
        assert ran.out == ""
        assert ran.code in (2, 64)
        assert "shop/cart-7f9" in ran.err


def test_one_place_or_all(run: Run, three: Path) -> None:
    states = run("report", "--from", three, "-N", "cart", "--json").json["states"]
    assert states["TIME_WAIT"] == 950
    ran = run("report", "--json", "--from", three, "-N", "all", "--at", "-0s")
    reports = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["place"]["name"] for one in reports] == ["web-1", "batch", "shop/cart-7f9"]
    assert [one["states"]["TIME_WAIT"] for one in reports] == [10, 100, 950]
    ran = run("report", "--json", "--from", three, "-N", "all", "--at", "-18s")
    names = [json.loads(line)["place"]["name"] for line in ran.out.splitlines()]
    assert names == ["web-1", "shop/cart-7f9"]  # batch was not there yet
    assert run("plan", "--from", three, "-N", "all").code == 2


def test_places_of_a_recorded_moment_are_as_they_were(run: Run, three: Path) -> None:
    """Each as it was dumped, the worst first; what was not there then is left out."""
    for at, names, held in (
        ("-0s", ["shop/cart-7f9", "batch", "web-1"], [950, 100, 10]),
        ("-18s", ["shop/cart-7f9", "web-1"], [50, 10]),
    ):
        told = run("places", "--json", "--from", three, "--at", at).json
        valid(told)
        assert [row["name"] for row in told["places"]] == names
        assert [row["worst"]["in_use"] for row in told["places"]] == held
        assert [row["utilization_at_most"] for row in told["places"]] == [n / 1000 for n in held]
        assert told["missing"] == []
        report = run("report", "--json", "--from", three, "--at", at, "-N", names[0]).json
        assert (told["time"], told["places"][0]["worst"]) == (report["time"], report["patterns"][0])
    findings = run("places", "--json", "--from", three).json["places"][0]["findings"]
    audit = run("audit", "--json", "--from", three, "-N", "cart").json["findings"]
    severities = [one["severity"] for one in audit]
    assert findings == {one: severities.count(one) for one in ("critical", "warning", "info")}
    assert "95.0%" in run("places", "--from", three).out
    lines = run("places", "--csv", "--from", three, "--at", "-18s").out.splitlines()
    assert len(lines) == 1 + 2
    for wrong in (("--from", three, "--source", "proc"), ("--from", three, "-N", "cart")):
        assert run("places", *wrong).code == 2
    assert run("places", "--from", three.parent / "none").code == 3


def test_a_moment_of_no_recording_is_none_of_now(run: Run, reads: list[Path]) -> None:
    for command in (("places",), ("report", "-N", "all"), ("audit", "-N", "all"), ("report",)):
        ran = run(*command, "--at", "-90s")
        assert (ran.code in (2, 64), ran.out) == (True, "")
        assert "--from" in ran.err
    assert not reads


def test_with_utc_no_clock_is_in_another_zone(
    run: Run, three: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one on the screen nor a time that is typed: the title line and findings have some."""
    shown: list[ReplayApp] = []
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setattr("tui.commands.replay.require_terminal", lambda: None)
    monkeypatch.setattr("tui.commands.replay.run", shown.append)
    at = datetime.fromtimestamp(NOW + 3, UTC).strftime("%H:%M:%S")
    try:
        assert run("replay", three, "-N", "web-1", "--utc", "--at", at).code == 0
        clock = datetime.fromtimestamp(shown[0].replay.at)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert clock.strftime("%H:%M:%S") == at


OK, WARNING, CRITICAL, UNKNOWN = range(4)


def test_a_recorded_moment_is_checked_and_its_time_told(run: Run, three: Path) -> None:
    for at, code, second in (("-0s", CRITICAL, 19.1), ("-12s", OK, 7.1), ("-7s", WARNING, 12.1)):
        ran = run("check", "--from", three, "-N", "cart", "--at", at)
        assert ran.code == code
        assert f"; recorded {local(NOW + second)}" in ran.out
    ran = run("check", "--from", three, "-N", "all")
    assert ran.code == CRITICAL
    assert "pod shop/cart-7f9: " in ran.out
    assert ran.out.rstrip().endswith("places=3;;;0")
    assert run("check", "--from", three, "-N", "all", "--at", "-12s", "-w", 9, "-c", 90).code == 1
    ran = run("check", "--from", three, "-N", "web-1", "--dst", "10.9.9.9", "--must-exist")
    assert ran.code == UNKNOWN


def test_a_moment_that_nobody_recorded_is_never_ok(run: Run, tmp_path: Path) -> None:
    """Between two recordings nobody looked, and ports may have run out; what was bad stays so."""
    path, watch, recorder = tmp_path / "r.twtop", Watch(), Recorder(tmp_path / "r.twtop")
    for second, held in ((0, 10), (100, 990), (200, 10), (201, 10)):
        recorder.take(seen(watch, HOST, second, held))
    whole = seen(watch, HOST, 205, 10).frame.reading
    recorder.take(Watch().take(replace(whole, table=replace(whole.table, complete=False))))
    recorder.close()
    for back, code in (
        (205, OK),
        (193, OK),
        (145, UNKNOWN),
        (105, CRITICAL),
        (55, CRITICAL),
        (4, OK),
        (0, UNKNOWN),
    ):
        ran = run("check", "--from", path, "--at", f"-{back}s")
        assert ran.code == code, back
        assert run("check", "--from", path, "--at", f"-{back}s", "-N", "all").code == code, back
    assert "not recorded for 1 min" in run("check", "--from", path, "--at", "-145s").out
    for wrong in (("--from", tmp_path / "none"), ("--from", path, "--at", "-1h"), ("--at", "-1s")):
        assert run("check", *wrong).code == UNKNOWN


def test_what_a_newer_twtop_recorded_is_never_ok(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.twtop"
    with monkeypatch.context() as newer:
        newer.setattr("tui.recording.log.VERSION", 99)
        recorder = Recorder(path)
        recorder.take(seen(Watch(), HOST, 0, 10))
        recorder.close()
    assert run("check", "--from", path).code == UNKNOWN


@pytest.mark.parametrize(
    ("interval", "fresh"), [(2, 290), (2, 310), (600, 1700), (600, 1900), (2, -50), (2, -70)]
)
def test_a_recorder_that_ended_is_not_ok_for_ever(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, interval: int, fresh: int
) -> None:
    """Without --at its last moment stands for now; a day passed before it was begun again.

    One that lies in the future tells nothing of now: two clocks are further apart than they may be.
    """
    path, watch, recorder = tmp_path / "r.twtop", Watch(), Recorder(tmp_path / "r.twtop")
    for second in (0, 86_400, 86_400 + interval):
        recorder.take(seen(watch, HOST, second, 10))
    recorder.close()
    now = NOW + 86_400 + interval + fresh
    monkeypatch.setattr("tui.commands.reading.time.time", lambda: now)
    code = OK if fresh in (290, 1700, -50) else UNKNOWN
    for place in ("host", "all"):
        assert run("check", "--from", path, "-N", place).code == code
        assert run("check", "--from", path, "-N", place, "--at", "-0s").code == OK
    assert run("report", "--from", path, "--json").err == ""


def test_what_damage_may_have_taken_is_never_ok(run: Run, tmp_path: Path) -> None:
    """A recorder was killed, one record is damaged, and in what is lost the ports ran out."""
    path, recorder = tmp_path / "r.twtop", Recorder(tmp_path / "r.twtop")
    watches = {HOST: Watch(), CART: Watch()}
    for second in range(0, 40, 2):
        for place, held in ((HOST, 10), (CART, 10 if second < 20 else 1000)):
            recorder.take(seen(watches[place], place, second, held))
    whole = path.read_bytes()
    recorder.close()
    log = LogReader(path)
    records = [one for one in log.more() if one is not None and one.end <= len(whole)]
    log.close()
    at = records[2 * 8 + 1].offset
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    for name, second, code in (
        ("cart", 14, UNKNOWN),
        ("cart", 12, OK),
        ("web-1", 36, OK),
        ("all", 38, UNKNOWN),
        ("all", 12, OK),
    ):
        ran = run("check", "--from", path, "-N", name, "--at", utc(NOW + second))
        assert ran.code == code, (name, second)
        assert ("damaged" in ran.out) == (code == UNKNOWN)
    for command in ("report", "audit", "plan --rate 9", "timewait", "diff"):
        words = command.split()
        files = (path, path) if command == "diff" else ("--from", path)
        assert "damaged" in run(*words, *files, "-N", "cart").err, command
        assert "damaged" not in run(*words, *files, "-N", "web-1").err, command


def test_a_place_of_which_all_is_damaged_is_missed(run: Run, tmp_path: Path) -> None:
    """Its first record is damaged: nobody knows whose the minutes after it are."""
    path, recorder = tmp_path / "r.twtop", Recorder(tmp_path / "r.twtop")
    watches = {HOST: Watch(), CART: Watch()}
    for second in range(0, 1000, 10):
        for place, held in ((HOST, 10), (CART, 1000)):
            recorder.take(seen(watches[place], place, second, held))
    recorder.close()
    log = LogReader(path)
    at = [one for one in log.more() if one is not None][1].offset
    log.close()
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.write_bytes(data)
    for second, name, code in (
        (200, "all", UNKNOWN),
        (200, "web-1", OK),
        (400, "all", CRITICAL),
        (990, "cart", CRITICAL),
    ):
        ran = run("check", "--from", path, "-N", name, "--at", utc(NOW + second))
        assert ran.code == code, (second, name)
        if name == "all":
            told = run("places", "--json", "--from", path, "--at", utc(NOW + second)).json
            assert told["missing"], second


@pytest.fixture
def harmed(tmp_path: Path) -> Path:
    """A minute of web-1 as one part, of which the second half cannot be read; it was fine then."""
    path, watch, recorder = tmp_path / "r.twtop", Watch(), Recorder(tmp_path / "r.twtop")
    for second in range(0, 60, 2):
        recorder.take(seen(watch, HOST, second, 10))
    recorder.close()
    log = LogReader(path)
    middle = [one for one in log.more() if one is not None][15]
    log.close()
    data = bytearray(path.read_bytes())
    data[middle.offset : middle.offset + 20] = bytes(20)
    path.write_bytes(data)
    return path


def test_without_at_the_last_moment_that_can_be_read_is_shown(run: Run, harmed: Path) -> None:
    """And from when to when the rest is damaged; no all-clear comes of it."""
    since, until = local(NOW + 30), local(NOW + 58)
    for place in ((), ("-N", "all")):
        ran = run("report", "--json", "--from", harmed, *place)
        assert (ran.code, json.loads(ran.out)["time"]) == (0, utc(NOW + 28))
        assert "damaged at byte" in ran.err
        assert f"{since} to {until}" in ran.err
        ran = run("check", "--from", harmed, *place)
        assert ran.code == UNKNOWN
        assert f"{since} to {until}" in ran.out
    assert run("check", "--from", harmed, "--at", utc(NOW + 28)).code == OK
    ran = run("report", "--from", harmed, "--at", utc(NOW + 40))
    assert (ran.code, ran.out) == (3, "")


def test_replay_opens_at_the_last_moment_that_can_be_read(
    run: Run, harmed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[ReplayApp] = []
    monkeypatch.setattr("tui.commands.replay.require_terminal", lambda: None)
    monkeypatch.setattr("tui.commands.replay.run", shown.append)
    ran = run("replay", harmed)
    assert ran.code == 0
    assert shown[0].replay.at == NOW + 28
    assert f"{local(NOW + 30)} to {local(NOW + 58)}" in ran.err


@pytest.mark.parametrize(("options", "zone"), [((), "JST"), (("--utc",), "UTC")])
def test_what_is_said_of_damage_is_in_the_zone_of_all_clocks(
    run: Run,
    harmed: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    zone: str,
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    monkeypatch.setattr("tui.commands.replay.require_terminal", lambda: None)
    monkeypatch.setattr("tui.commands.replay.run", lambda app: None)
    try:
        ran = run("replay", harmed, *options)
        then = datetime.fromtimestamp(NOW + 30)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert f"{then:%Y-%m-%d %H:%M:%S} {zone} to " in ran.err


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Five minutes of web-1, in which its ports ran out twice; at last all is well."""
    path, watch, recorder = tmp_path / "night.twtop", Watch(), Recorder(tmp_path / "night.twtop")
    for second in range(0, 300, 2):
        held = 1000 if 50 <= second < 70 or 150 <= second < 160 else 10
        recorder.take(seen(watch, HOST, second, held))
    recorder.close()
    return path


def test_the_last_moment_is_no_all_clear_of_the_night(run: Run, night: Path) -> None:
    """What was found before is told with its times; the exit code is that of the moment."""
    ran = run("audit", "--from", night)
    assert ran.code == 0
    assert "No findings." not in ran.out
    for moment in (NOW + 298, NOW + 50, NOW + 158):  # the moment; since, until
        assert local(moment) in ran.out
    assert "CRITICAL ports-exhausted" in ran.out
    assert f"--at '{local(NOW + 50)[:19]}'" in ran.out
    told = run("audit", "--from", night, "--json").json
    valid(told)
    assert (told["time"], told["findings"]) == (utc(NOW + 298), [])
    (gravest,) = (one for one in told["at_other_times"] if one["code"] == "ports-exhausted")
    assert gravest == told["at_other_times"][0]
    assert (gravest["since"], gravest["until"]) == (utc(NOW + 50), utc(NOW + 158))
    assert (gravest["severity"], gravest["spells"]) == ("critical", 2)
    ran = run("audit", "--from", night, "--csv")
    assert (ran.code, ran.out.count("\n"), "ports-exhausted" in ran.err) == (0, 1, True)
    ran = run("audit", "--from", night, "-N", "all")
    assert (ran.code, "CRITICAL ports-exhausted" in ran.out) == (0, True)
    ran = run("audit", "--from", night, "--at", utc(NOW + 56), "--json")
    assert ran.code == 2
    assert "ports-exhausted" not in {one["code"] for one in ran.json["at_other_times"]}


def test_what_is_silenced_is_not_told_of_other_times(run: Run, night: Path, home: Path) -> None:
    configure(home, '[[silence]]\ncode = "ports-exhausted"\n')
    told = run("audit", "--from", night, "--json").json
    assert "ports-exhausted" not in {one["code"] for one in told["at_other_times"]}


@pytest.mark.parametrize(
    "command", ["report", "audit", "plan --rate 9", "places", "patterns", "states", "timewait"]
)
def test_text_says_of_which_moment_it_is(run: Run, night: Path, command: str) -> None:
    begin, last, asked = local(NOW), local(NOW + 298), local(NOW + 20)
    ran = run(*command.split(), "--from", night)
    (first,) = ran.out.replace("\n", " ").split(".twtop")[:1]
    assert (last in first, begin in ran.out.replace("\n", " ")) == (True, True)
    ran = run(*command.split(), "--from", night, "--at", utc(NOW + 20))
    assert asked in ran.out.partition("\n\n")[0]


def test_damage_is_no_all_clear_of_an_audit(run: Run, harmed: Path) -> None:
    ran = run("audit", "--from", harmed)
    said = " ".join(ran.out.split())
    assert ran.code == 0
    assert f"{local(NOW + 30)} to {local(NOW + 58)}" in said
    assert "No findings in what could be read" in said
    ran = run("audit", "--from", harmed, "-N", "all")
    assert f"{local(NOW + 30)} to {local(NOW + 58)}" in " ".join(ran.out.split())


def test_a_file_that_is_cut_off_says_so(run: Run, three: Path) -> None:
    """The last moment may not be the last that was written: that is no all-clear."""
    three.write_bytes(three.read_bytes()[:-2000])
    for command in (("report",), ("watch",), ("plan", "--rate", "9"), ("diff", three)):
        name, *more = command
        ran = run(name, *more, *((three,) if name == "diff" else ("--from", three)), "-N", "web-1")
        assert ran.code == 0
        assert "cut off" in ran.err
    ran = run("check", "--from", three, "-N", "web-1", "--at", "-0s")
    assert ran.code == UNKNOWN
    assert "cut off" in ran.out
    assert run("check", "--from", three, "-N", "web-1", "--at", "-3s").code == OK


def test_a_file_that_was_not_closed_says_so(run: Run, three: Path) -> None:
    """It is treated as one that is cut off: it may have been, exactly between two records."""
    log = LogReader(three)
    found = [one for one in log.more() if one is not None and one.kind == Kind.NEXT]
    last = [one for one in found if one.stream == FIRST][-1]  # of web-1
    log.close()
    three.write_bytes(three.read_bytes()[: last.end])
    ran = run("report", "--from", three, "-N", "web-1")
    assert (ran.code, ran.err.count("without having been closed")) == (0, 1)
    ran = run("check", "--from", three, "-N", "web-1", "--at", "-0s")
    assert ran.code == UNKNOWN
    assert "without having been closed" in ran.out
    ran = run("check", "--from", three, "-N", "web-1", "--at", "-3s")
    assert (ran.code, "closed" in ran.out) == (OK, False)


def test_what_is_no_recording_does_not_stop_its_folder(run: Run, three: Path) -> None:
    """A place that the other file was of may be missing; one that is asked for is not."""
    (three.parent / "empty.twtop").touch()
    for command in ("report", "watch", "plan"):
        ran = run(command, "--from", three.parent, "-N", "web-1")
        assert (ran.code, "empty.twtop" in ran.err) == (0, True)
    ran = run("check", "--from", three.parent, "-N", "web-1", "--at", "-0s")
    assert (ran.code, "empty.twtop" in ran.out) == (OK, True)
    at = ("--at", "-19s", "-N", "all")
    assert run("check", "--from", three, *at).code == OK
    assert run("check", "--from", three.parent, *at).code == UNKNOWN
    told = run("report", "--json", "--from", three.parent, *at)
    assert (told.err.count("empty.twtop"), told.out.count("\n")) == (1, 2)
    bundle = three.parent / "b.tar.gz"
    assert run("bundle", bundle, "--from", three.parent, "--proc", PROXY).code == 0
    assert "recording/r.twtop" in members(bundle)


def test_which_commands_take_a_moment_is_not_contradicted(run: Run, three: Path) -> None:
    for command, option in (("wait", "--at"), ("wait", "--from"), ("watch", "--at")):
        ran = run(command, option, "-1s")
        assert ran.code == 2
        others = ran.err.partition(" is for ")[2].partition("(")[0]
        assert command not in others
        assert ("watch" in others) == (option == "--from")  # which takes it, but no moment
    assert "whole" in run("watch", "--from", three, "--at", "-1s").err


@pytest.mark.parametrize("command", [("wait", "--drained"), ("free",), ("refusals",), ()])
def test_what_is_about_now_says_that_it_reads_no_recording(
    run: Run, reads: list[Path], three: Path, command: tuple[str, ...]
) -> None:
    ran = run(*command, "--from", three)
    assert ran.code == 2
    assert "reads no recording" in ran.err
    assert not reads


def test_watch_prints_every_moment_as_it_was(run: Run, three: Path) -> None:
    ran = run("watch", "--from", three, "-N", "cart")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [one["time_wait"]["count"] for one in told] == [50 * second for second in range(20)]
    assert told[-1]["patterns"][0]["growth"] == pytest.approx(50, rel=0.2)
    assert len(run("watch", "--from", three, "-N", "cart", "-n", 4).out.splitlines()) == 4
    ran = run("watch", "--from", three, "-N", "all")
    assert len(ran.out.splitlines()) == 20 + 20 + 7


def test_watch_leaves_out_what_is_damaged_and_says_so(run: Run, three: Path) -> None:
    data, log = bytearray(three.read_bytes()), LogReader(three)
    theirs = [one for one in log.more() if one is not None and one.stream == 0]
    log.close()
    data[theirs[len(theirs) // 2].offset] ^= 0xFF
    three.write_bytes(data)
    ran = run("watch", "--from", three, "-N", "all")
    assert 0 < len(ran.out.splitlines()) < 20 + 20 + 7, "one of them has lost some"
    assert "damaged" in ran.err


def test_who_held_the_ports_is_named_after_the_last_connection_closed(
    run: Run, tmp_path: Path
) -> None:
    """At 03:12 there are TIME-WAITs alone, which have no inode; the walk at 03:11 saw who it is."""
    path, watch = tmp_path / "r.twtop", Watch()
    open_one = replace(waiting(40_999), state=State.ESTABLISHED, timer=0, inode=7)
    waits = [waiting(40_000 + n) for n in range(950)]
    recorder = Recorder(path)
    for minute, socks in enumerate(([open_one, *waits], waits, waits)):
        found = Owners({7: Process(21655, "envoy")} if not minute else {})
        view = watch.take(reading(table(*socks), rules(40_000, 40_999), time=NOW + 400 * minute))
        watch.note_owners(found)
        recorder.take(watch.take(view.frame.reading))
    recorder.close()
    for at in ("-0s", "-400s"):
        told = run("report", "--json", "--from", path, "--at", at).json["patterns"][0]
        assert told["process"] == "envoy[21655] (remembered)"
        assert "envoy[21655] (remembered)" in run("audit", "--from", path, "--at", at).out
    first = run("report", "--json", "--from", path, "--at", "-800s").json["patterns"][0]
    assert first["process"] == "envoy[21655]"


def test_diff_of_a_place_and_of_folders(run: Run, three: Path) -> None:
    at = ("--at", "-15s", "--at", "-0s")
    assert run("diff", three, *at, "-N", "web-1").code == 0
    assert run("diff", three, *at, "-N", "cart").code == 1
    assert run("diff", three, *at).code == 2
    assert run("diff", three.parent, three.parent, "-N", "web-1").code == 0
    renamed = three.rename(three.with_name("ticket-4711"))
    assert run("diff", renamed, renamed, "-N", "web-1").code == 0


def each_minute(path: Path, minutes: int) -> Path:
    """Record the host once a minute, with one TIME-WAIT more each time."""
    recorder, watch = Recorder(path), Watch()
    for minute in range(minutes):
        recorder.take(seen(watch, HOST, 60 * minute, minute))
    recorder.close()
    return path


def test_a_bundle_takes_the_last_minutes_along(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a recording that opens, of these minutes alone; never where addresses are to be hidden."""
    monkeypatch.setattr("tui.recording.recorder.CHAPTER_SECONDS", 60.0)
    path = each_minute(tmp_path / "web-1.twtop", 30)
    proc = ("--proc", PROXY)
    assert run("bundle", tmp_path / "a.tar.gz", "--from", path, *proc).code == 0
    found = members(tmp_path / "a.tar.gz")
    (tmp_path / "taken.twtop").write_bytes(found["recording/web-1.twtop"])
    taken = open_recording(tmp_path / "taken.twtop")
    minutes = [round((told.time - NOW) / 60) for told in taken.timeline]
    assert minutes == list(range(19, 30))
    assert len(taken.moment(10).reading.table) == 29
    told = json.loads(found["about.json"])["recording"]
    assert told == {"files": ["web-1.twtop"], "since": utc(NOW + 19 * 60), "left_out": None}
    assert run("bundle", tmp_path / "b.tar.gz", "--from", path, "--redact", *proc).code == 2
    assert run("bundle", tmp_path / "b.tar.gz", "--from", tmp_path / "no", *proc).code == 3


def test_a_bundle_takes_the_minutes_around_a_moment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.recording.recorder.CHAPTER_SECONDS", 60.0)
    path = each_minute(tmp_path / "web-1.twtop", 40)
    bundle = tmp_path / "a.tar.gz"
    assert run("bundle", bundle, "--from", path, "--at", utc(NOW + 1200), "--proc", PROXY).code == 0
    found = members(bundle)
    (tmp_path / "taken.twtop").write_bytes(found["recording/web-1.twtop"])
    taken = open_recording(tmp_path / "taken.twtop")
    minutes = [round((told.time - NOW) / 60) for told in taken.timeline]
    assert (minutes[0], minutes[-1]) == (10, 25)
    assert not taken.notes
    then = json.loads(found["recording/report.json"])
    assert (then["time"], then["states"]["TIME_WAIT"]) == (utc(NOW + 1200), 20)
    valid(json.loads(found["recording/audit.json"]))
    assert run("bundle", tmp_path / "b.tar.gz", "--from", path, "--at", "-9d").code == 2
    assert not (tmp_path / "b.tar.gz").exists()


def test_a_bundle_of_a_recorded_moment_has_its_findings(
    run: Run, tmp_path: Path, night: Path
) -> None:
    """Those of now are beside them, and say so."""
    bundle = tmp_path / "a.tar.gz"
    for place in ((), ("-N", "all")):
        words = ("--from", night, "--at", utc(NOW + 56), "--force")
        proc = () if place else ("--proc", PROXY)
        assert run("bundle", bundle, *words, *place, *proc).code == 0
        found = members(bundle)
        assert b"CRITICAL ports-exhausted" in found["recording/audit.txt"]
        assert local(NOW + 56).encode() in found["recording/audit.txt"]
        told = json.loads(found["recording/audit.json"])
        valid(told)
        assert (told["time"], told["findings"][0]["code"]) == (utc(NOW + 56), "ports-exhausted")
        for name in ("audit.txt", "report.txt"):
            assert b"recording/audit.txt" in found[name].splitlines()[0]


def test_the_services_recording_goes_along_unasked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = tmp_path / "service"
    service.mkdir()
    record_three(service / "web-1.twtop")
    monkeypatch.setattr("tui.commands.bundle.SERVICE_FOLDER", service)
    told = {}
    for name, more in {"live": (), "redacted": ("--redact",), "copy": ("--proc", PROXY)}.items():
        assert run("bundle", tmp_path / f"{name}.tar.gz", *more).code == 0
        found = members(tmp_path / f"{name}.tar.gz")
        told[name] = json.loads(found["about.json"])["recording"]
        files = [file for file in found if file.startswith("recording/")]
        assert files == (["recording/web-1.twtop"] if name == "live" else [])
    assert told["live"]["files"] == ["web-1.twtop"]
    assert "redacted" in told["redacted"]["left_out"]
    assert told["copy"] == {"files": [], "since": None, "left_out": None}


def test_a_recorded_moment_is_judged_with_those_before_it(run: Run, tmp_path: Path) -> None:
    """50 ports a second are closed: they run out in 5 s, which no moment by itself can tell."""
    watch, recorder = Watch(), Recorder(tmp_path / "r.twtop")
    for second in range(16):
        held = [
            waiting(40_000 + 50 * age + n, 60_000 - 1000 * (second - age) + 20 * n)
            for age in range(second)
            for n in range(50)
        ]
        one = reading(table(*held), rules(40_000, 40_999), time=NOW + second)
        recorder.take(watch.take(one))
    recorder.close()
    ran = run("audit", "--from", tmp_path / "r.twtop", "--json")
    assert "exhausts-soon" in {finding["code"] for finding in ran.json["findings"]}
    ran = run("check", "--also", "findings", "--from", tmp_path / "r.twtop", "--at", "-0s")
    assert (ran.code, "exhausts-soon" in ran.out) == (2, True)
