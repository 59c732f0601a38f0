"""`twtop record` over several network namespaces, and with the rights that its unit has."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

import pytest

from tests.commands.hosts import PROXY
from tests.live.test_every_place import Load, be_busy, empty_places, root_only
from tests.patience import limit, until
from tui.lab.process import Child
from tui.recording.chapter import Recorded
from tui.recording.files import open_recording
from tui.recording.log import RecordingError
from tui.recording.recording import Recording

pytestmark = pytest.mark.live

TWTOP = (sys.executable, "-m", "tui")
T = TypeVar("T")
INTERVAL = 0.2
"""Seconds between two moments that are recorded."""
UNIT = files("tui.recording").joinpath("twtop-record.service").read_text()


def by_process(path: Path, of_each: Callable[[Recording], T]) -> dict[int, T]:
    """Something of each place's recording, by its process."""
    try:
        recording = open_recording(path, "all")
    except RecordingError:  # nothing yet
        return {}
    found = {}
    for place in recording.places:
        recording.show(place)
        found[int(re.findall(r"\[(\d+)\]", place.name)[0])] = of_each(recording)
    recording.close()
    return found


def moments(recording: Recording) -> list[Recorded]:
    return [recording.moment(number) for number in range(len(recording.timeline))]


def how_many(path: Path) -> dict[int, int]:
    return by_process(path, lambda recording: len(recording.timeline))


def until_recorded(path: Path, done: Callable[[dict[int, int]], bool], what: str) -> None:
    """Wait for so many moments, opening the file no oftener than one is added to it.

    To open it takes the processor that the recorder wants on a busy machine.
    """
    until(lambda: done(how_many(path)), what, step=INTERVAL)


@root_only
def test_places_come_and_go_while_they_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "r.twtop"
    loads = Load(40_000, 40_999, 0, 600), Load(20_000, 20_499, 1, 100)
    with ExitStack() as stack:
        (idle,) = stack.enter_context(empty_places(1))
        children = [Child(be_busy, load) for load in loads]
        for child in children:
            stack.callback(child.kill)
        counts = [child.receive() for child in children]
        pids = [child.process.pid for child in children]
        named = [word for pid in (*pids, idle) for word in ("-N", str(pid))]
        line = [*TWTOP, "record", str(path), "-i", str(INTERVAL), *named]
        told = tmp_path / "stderr"
        with (
            told.open("w") as stderr,
            subprocess.Popen(line, stderr=stderr) as recorder,
            ExitStack() as end,
        ):
            end.callback(recorder.kill)
            until_recorded(path, lambda count: len(count) == 3, "all three to be recorded")
            children[1].kill()
            before = how_many(path)[pids[0]]
            until_recorded(path, lambda count: count[pids[0]] > before + 5, "it to go on")
            until(told.read_text, "what is told of the one that has gone")
            recorder.terminate()
            assert recorder.wait(limit()) == 0
    err = told.read_text()  # other places may come and go meanwhile
    ours = [line for line in err.splitlines() if any(f"[{pid}]" in line for pid in pids)]
    assert len(ours) == 1, err
    assert re.fullmatch(rf"twtop: [^\n]*\[{pids[1]}\] is gone", ours[0])
    by_pid = by_process(path, moments)
    for pid, load, count in zip(pids, loads, counts, strict=True):
        first = by_pid[pid][0].reading
        ports = next(p.value for p in first.parameters if p.name.endswith("local_port_range"))
        assert ports == f"{load.low} {load.high}"
        assert int((first.table.state == 6).sum()) == count
        assert first.kind == "sock_diag"  # its timers are exact: a third of the room
    assert len(by_pid[pids[1]]) < len(by_pid[pids[0]])
    listed = [*TWTOP, "places", "--json", "--from", str(path), "--at", "-0s"]
    listing = json.loads(subprocess.run(listed, capture_output=True, check=True).stdout)
    rows = {int(re.findall(r"\[(\d+)\]", row["name"])[0]): row for row in listing["places"]}
    full = rows[pids[0]]
    assert (full["low"], full["high"], full["time_wait"]) == (40_000, 40_999, counts[0])
    assert full["sockets"] >= counts[0]
    assert full["worst"]["time_wait"] == counts[0]
    assert rows[idle]["sockets"] == 0


@root_only
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv")
def test_the_units_capabilities_are_enough() -> None:
    """They enter another's namespace, and tell whose its sockets are."""
    (line,) = re.findall(r"^CapabilityBoundingSet=(.*)$", UNIT, re.MULTILINE)
    names = [f"+{name.removeprefix('CAP_').lower()}" for name in line.split()]
    bounds = f"--bounding-set={','.join(['-all', *names])}"
    confined = ["setpriv", bounds, "--inh-caps=-all", "--no-new-privs"]
    child = Child(be_busy, Load(40_000, 40_999, 0, 50))
    try:
        child.receive()
        child.connection.send(None)  # it now holds the other ports
        child.receive()
        pid = child.process.pid
        report = [*TWTOP, "report", "--json", "-N", str(pid)]
        free, bound = (
            json.loads(subprocess.run([*by, *report], capture_output=True, check=True).stdout)
            for by in ([], confined)
        )
    finally:
        child.kill()
    assert bound["ephemeral"] == free["ephemeral"]
    assert bound["assumed"] == free["assumed"] == []
    assert bound["patterns"][0]["process"] == free["patterns"][0]["process"] is not None


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze")
def test_the_unit_is_one(tmp_path: Path) -> None:
    unit = tmp_path / "twtop-record.service"
    unit.write_text(UNIT.replace("/usr/bin/twtop", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_starts_what_printed_it() -> None:
    program = shutil.which("twtop", path=str(Path(sys.executable).parent))
    assert program is not None
    printed = subprocess.run([program, "record", "--unit"], capture_output=True, text=True)
    (start,) = re.findall(r"^ExecStart=(.*)$", printed.stdout, re.MULTILINE)
    assert start.split()[:2] == [program, "record"]
    options = start.replace("%L/twtop/%H.twtop", "no.such/dir.twtop").split()[1:]
    tried = subprocess.run([program, *options], capture_output=True, text=True)
    assert tried.returncode == 1  # its options are right: it is the file that cannot be
    assert "dir.twtop" in tried.stderr


@root_only
def test_a_full_disk_ends_it_in_a_line_and_keeps_what_is_there(tmp_path: Path) -> None:
    """On a real disk, with room for a few moments more, in a mount namespace of its own."""
    record = [*TWTOP, "record", "--proc", str(PROXY), "-i", "0.1"]
    one = tmp_path / "one.twtop"
    subprocess.run([*record, str(one), "--duration", "0.1s"], check=True, timeout=limit())
    room = one.stat().st_size + 2048  # and what a page has beyond that
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size={room} tmpfs {disk} && "
        f"{shlex.join(record)} {disk}/r.twtop; code=$?; "
        f"{shlex.join(TWTOP)} report --json --from {disk}/r.twtop; exit $code"
    )
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=limit(),
    )
    assert done.returncode == 1
    full, unclosed = done.stderr.splitlines()
    assert "r.twtop: No space left" in full
    assert "r.twtop: ends without having been closed" in unclosed
    assert json.loads(done.stdout)["states"]["TIME_WAIT"] > 20_000
