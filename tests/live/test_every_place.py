"""Every network namespace, seen from outside: found once, named, and right about its ports."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.live.fates import Fate, Server, exhausted
from tests.patience import Patience, limit, until
from tests.private import Lab
from tests.sockets import bind
from tui.analysis.bounds import could_reach, utilization_at_most
from tui.analysis.frame import judge
from tui.dashboard.places_app import PlacesApp
from tui.kernel.find_place import PlaceError, find_place
from tui.kernel.glance import glance
from tui.kernel.namespaces import inside, system
from tui.kernel.places import HERE, LIVE, Place, place_at
from tui.kernel.source import Source
from tui.kernel.survey import Survey, survey
from tui.lab.namespace import bring_up, gain_privileges, sysctl
from tui.lab.process import Child, raise_file_limit
from tui.report.places import place_row
from tui.watching.outlook import seen
from tui.watching.overview import Overview
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch

pytestmark = pytest.mark.live

HOME, PORT = "127.0.0.1", 5001
CLONE_NEWNS = 0x00020000
NOBODY = 65534
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="enters namespaces of others")


class Load(NamedTuple):
    """What a busy place is like."""

    low: int
    high: int
    reuse: int
    closed: int
    """Connections that were closed, which are in TIME-WAIT."""


def be_busy(connection: Connection, load: Load, bound: int = 0) -> None:
    """Have so many TIME-WAITs in a namespace of one's own, then tell what connect() does there.

    The first ports of the range are ``bound`` and nothing else.
    """
    raise_file_limit()
    gain_privileges()
    bring_up()
    others = [bind(HOME, port) for port in range(load.low, load.low + bound)]
    sysctl("ipv4.ip_local_port_range", f"{load.low} {load.high}")
    sysctl("ipv4.tcp_tw_reuse", load.reuse)
    with Server("::", PORT) as server:
        for _ in range(load.closed):
            Fate.CLIENT_CLOSED.come_about(server.connect(HOME))
        ss = subprocess.run(
            ["ss", "-Htan", "state", "time-wait"], check=True, capture_output=True, text=True
        )
        connection.send(ss.stdout.count("\n"))
        connection.recv()
        with exhausted(HOME, PORT) as (connected, error):
            connection.send((connected, error))
            connection.recv()
    for one in others:
        one.close()


@contextmanager
def empty_places(count: int, program: Path = Path("sleep")) -> Iterator[list[int]]:
    """Namespaces with a process each, and nothing else."""
    made = [subprocess.Popen(["unshare", "--net", program, "600"]) for _ in range(count)]
    ours = HERE.stat().st_ino
    try:
        for one in made:
            file = Path(f"/proc/{one.pid}/ns/net")
            until(lambda file=file: file.stat().st_ino != ours, "unshare")  # type: ignore[misc]
        yield [one.pid for one in made]
    finally:
        for one in made:
            one.kill()
            one.wait()


def of(pids: list[int]) -> Callable[[Survey], list[Place]]:
    """These processes' places alone: others make namespaces on this machine too."""
    return lambda found: [one for one in found.places if one.pid in pids]


LOADS = (Load(40_000, 40_999, 0, 900), Load(20_000, 20_499, 1, 300), Load(50_000, 50_999, 0, 40))


@root_only
def test_three_busy_among_a_hundred() -> None:
    """Each is judged by the range and the reuse of its own, and agrees with ss and connect()."""
    with ExitStack() as stack:
        empty = stack.enter_context(empty_places(97))
        busy = [Child(be_busy, load) for load in LOADS]
        for child in busy:
            stack.callback(child.kill)
        waiting = [child.receive() for child in busy]
        pids = [child.process.pid for child in busy]
        found = Overview(one_shot=True, of=of([*empty, *pids])).poll()
        rows = [place_row(seen(one)) for one in found]
        assert len({row["id"] for row in rows}) == len(rows) == 100
        by_pid = {row["pid"]: row for row in rows}
        for load, pid, count in zip(LOADS, pids, waiting, strict=True):
            row = by_pid[pid]
            assert (row["low"], row["high"], row["reuse_mode"]) == load[:3]
            assert row["time_wait"] == count == load.closed
            assert row["assumed"] == []
        assert [row["pid"] for row in rows[:3]] == pids  # the worst first: 90 %, 60 %, 4 %
        # The third could not reach half of its ports: it is told by its bound.
        assert [row["dumped"] for row in rows] == [True, True] + [False] * 98
        assert 0.04 <= (rows[2]["utilization_at_most"] or 0) < 0.5
        assert all(row["utilization_at_most"] == row["sockets"] == 0 for row in rows[3:])
        for row, child in zip(rows[:2], busy, strict=False):
            frame = judge(Source(find_place(str(row["pid"])), "auto", 1.0, one_shot=True).read())
            worst = frame.patterns.connectable.item(0)
            child.connection.send("connect")
            connected, error = child.receive()
            assert (connected, error) == (worst, errno.EADDRNOTAVAIL)
        for child in busy[:2]:
            child.connection.send("end")


@contextmanager
def private_run() -> Iterator[None]:
    """Named namespaces of one's own: nobody else sees this /run."""
    system("unshare", CLONE_NEWNS)
    for command in ("mount --make-rprivate /", "mount -t tmpfs twtop /run"):
        subprocess.run(command.split(), check=True, capture_output=True)
    yield


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


def blue(found: Survey) -> list[Place]:
    return [one for one in found.places if one.name == "blue"]


def fill() -> None:
    """Close 600 connections of a thousand, and keep nothing open."""
    bring_up()
    sysctl("ipv4.ip_local_port_range", "40000 40999")
    sysctl("ipv4.tcp_tw_reuse", 0)
    with Server("::", PORT) as server:
        for _ in range(600):
            Fate.CLIENT_CLOSED.come_about(server.connect(HOME))


class Seen(NamedTuple):
    before: int
    made: list[Any]
    filled: list[Any]
    named: int
    emptied: list[Any]
    deleted: int
    links: str


def while_it_is_watched() -> Seen:
    with private_run():
        overview = Overview(of=blue, cpu_share=1e9)  # no dump has to wait
        overview.looked_at = lambda place: True

        def rows() -> list[Any]:
            return [place_row(seen(one)) for one in overview.poll()]

        before = len(rows())
        ip("netns", "add", "blue")
        made = rows()
        ip("link", "add", "ours", "type", "veth", "peer", "name", "theirs", "netns", "blue")
        inside(Path("/run/netns/blue"), fill)
        filled = rows()
        frame = judge(Source(find_place("blue"), "auto", 1.0, one_shot=True).read())
        subprocess.run(
            ["ip", "netns", "exec", "blue", "ss", "-K", "state", "time-wait"], capture_output=True
        )
        emptied = rows()
        ip("netns", "del", "blue")
        deleted = len(rows())
        patience = Patience()
        while "ours" in ip("link") and not patience.is_over:  # cleanup_net() takes its time
            overview.poll()
        return Seen(before, made, filled, len(frame.table), emptied, deleted, ip("-br", "link"))


@root_only
def test_one_that_is_made_filled_emptied_and_deleted(lab: Lab) -> None:
    """Each is seen at once, and the kernel lets go of it though it is watched: its veth goes."""
    told = lab.call(while_it_is_watched)
    assert told.before == 0
    (made,), (filled,), (emptied,) = told.made, told.filled, told.emptied
    assert (made["kind"], made["name"], made["pid"], made["sockets"]) == ("named", "blue", None, 0)
    assert (filled["id"], filled["time_wait"], filled["dumped"]) == (made["id"], 600, True)
    assert (filled["low"], filled["high"], filled["reuse_mode"]) == (40_000, 40_999, 0)
    assert (filled["worst"]["in_use"], filled["worst"]["capacity"]) == (600, 1000)
    assert told.named == 600
    assert (emptied["sockets"], emptied["worst"]) == (0, None)
    assert told.deleted == 0
    assert "ours" not in told.links


async def _on_screen() -> list[str]:
    """What the overview and a place's own dashboard say while it is filled and deleted."""
    home, watch = place_at(LIVE), Watch()
    app = PlacesApp(
        Sampler(Source(home, "auto", 0.2), watch.take),
        watch,
        home=home,
        around=Overview(of=lambda found: [*blue(found)], cpu_share=1e9),
        open_poller=lambda place, watch: Sampler(Source(place, "auto", 0.2), watch.take),
        places_first=True,
    )
    said: list[str] = []

    async with app.run_test(size=(120, 40)) as pilot:

        async def shows(text: str, *, gone: bool = False) -> None:
            patience = Patience()
            while True:
                strips = app.screen._compositor.render_strips()
                lines = [strip.text for strip in strips]
                there = next((line for line in lines if text in line), None)
                if (there is None) == gone:
                    said.append(there or "")
                    return
                assert not patience.is_over, "\n".join(lines)
                await pilot.pause(0.05)

        ip("netns", "add", "blue")
        await shows("no sockets")
        inside(Path("/run/netns/blue"), fill)
        await shows("60.0%")
        await pilot.press("enter")
        await shows("netns blue")
        await shows("TIME-WAIT       600")
        ip("netns", "del", "blue")
        await shows("STALE")
        await pilot.press("escape")
        await shows("60.0%", gone=True)
    return said


def on_screen() -> list[str]:
    with private_run():
        return asyncio.run(_on_screen())


@root_only
def test_one_on_screen_that_is_made_filled_opened_and_deleted(lab: Lab) -> None:
    made, filled, title, _, stale, _ = lab.call(on_screen)
    assert "blue  " in made
    assert "127.0.0.1:5001" in filled
    assert "600" in filled
    assert "LIVE" in title
    assert "STALE" in stale


def another_takes_its_name() -> tuple[str, int, int]:
    with private_run():
        ip("netns", "add", "blue")
        source = Source(find_place("blue"), "auto", 1.0)
        first = source.read().place.id
        ip("netns", "del", "blue")
        ip("netns", "add", "blue")
        try:
            return f"read {source.read().place.id}", first or 0, 0
        except Exception as error:
            return str(error), first or 0, find_place("blue").id or 0


@root_only
def test_another_one_by_the_same_name_is_another_place(lab: Lab) -> None:
    said, first, second = lab.call(another_takes_its_name)
    assert "blue is gone" in said
    assert "gone" in said
    assert first != second != 0


def two_processes(connection: Connection) -> None:
    gain_privileges()
    bring_up()
    second = subprocess.Popen(["sleep", "600"])
    connection.send(second.pid)
    connection.recv()


@root_only
def test_a_place_outlives_the_process_it_was_found_by() -> None:
    child = Child(two_processes)
    second = child.receive()
    try:
        source = Source(find_place(str(child.process.pid)), "auto", 1.0)
        before = source.read().place
        child.process.kill()
        child.process.wait()
        after = source.read().place
        assert (before.pid, after.pid, after.id) == (child.process.pid, second, before.id)
    finally:
        os.kill(second, 9)
        child.kill()


@root_only
def test_it_is_found_by_all_its_words(tmp_path: Path) -> None:
    with empty_places(1) as (pid,):
        place = find_place(str(pid))
        assert place.pid == pid
        words = (f"/proc/{pid}", f"/proc/{pid}/ns/net", str(place.id), place.name)
        assert {find_place(word).id for word in words} == {place.id}
        with pytest.raises(PlaceError, match="neither a process directory"):
            find_place("/etc/passwd")
    slumber = tmp_path / "slumber"
    slumber.symlink_to("/usr/bin/sleep")
    with empty_places(2, slumber) as pids:
        for pid in pids:
            comm = Path(f"/proc/{pid}/comm")
            until(lambda comm=comm: "slumber" in comm.read_text(), "exec")  # type: ignore[misc]
        with pytest.raises(PlaceError) as refused:
            find_place("slumber")
    assert set(re.findall(r"slumber\[(\d+)\]", str(refused.value))) == {*map(str, pids)}


def drop_root() -> None:
    """Be nobody, who may still be asked about by /proc (prctl(2), PR_SET_DUMPABLE)."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    system("prctl", 4, 1, 0, 0, 0)


def as_nobody(connection: Connection, busy: int) -> None:
    """Look at a place of root's, and at one of one's own that was made without root."""
    drop_root()
    script = "echo 40000 40999 > /proc/sys/net/ipv4/ip_local_port_range && echo && exec sleep 600"
    own = subprocess.Popen(["unshare", "-Urn", "sh", "-c", script], stdout=subprocess.PIPE)
    assert own.stdout is not None
    refused = own.stdout.readline() != b"\n"
    try:
        found = {one.pid: one for one in survey().places}
        theirs, ours = glance([found[busy], found[busy if refused else own.pid]])
        source = Source(found[busy], "auto", 1.0, one_shot=True)
        read = judge(source.read())
        own_read = judge(Source(ours.place, "auto", 1.0, one_shot=True).read())
        counts = (theirs.sockets, theirs.time_wait, len(read.table))
        connection.send((refused, counts, theirs, read.assumed, ours, own_read.ports.capacity))
    finally:
        own.kill()
        own.wait()


@root_only
def test_as_nobody_what_is_seen_is_right_and_what_is_not_is_said() -> None:
    busy = Child(be_busy, LOADS[0])
    waiting = busy.receive()
    child = Child(as_nobody, busy.process.pid)
    try:
        refused, counts, theirs, assumed, ours, capacity = child.receive()
    finally:
        child.kill()
        busy.kill()
    assert counts == (waiting + 1, waiting, waiting + 1)  # and the listener
    assert (theirs.place.id, theirs.place.network) == (None, None)
    assert "net.ipv4.ip_local_port_range" in theirs.rules.assumed
    assert "net.ipv4.ip_local_port_range" in assumed
    if refused:
        pytest.skip("no user namespaces for ordinary users here")
    assert ours.place.rootless
    assert (ours.rules.low, ours.rules.high, ours.rules.assumed) == (40_000, 40_999, ())
    assert capacity == 1000


def twtop_as_nobody(connection: Connection, *arguments: str) -> None:
    from click.testing import CliRunner

    from tui.cli import cli
    from tui.commands import audit, check, places  # noqa: F401 (not to be read by nobody)

    drop_root()
    ran = CliRunner().invoke(cli, arguments, standalone_mode=False)
    code = ran.exit_code if not isinstance(ran.return_value, int) else ran.return_value
    connection.send((code, ran.stdout))


@root_only
def test_check_of_all_is_not_ok_where_a_place_cannot_be_judged() -> None:
    """40 TIME-WAITs are nothing for the default range; but its range is not known to nobody."""
    busy = Child(be_busy, LOADS[2])
    busy.receive()
    child = Child(twtop_as_nobody, "check", "-N", "all", "-c", "100")
    try:
        code, said = child.receive()
    finally:
        child.kill()
        busy.kill()
    assert code != 0
    assert "OK -" not in said
    assert "UNKNOWN" in said


@root_only
@pytest.mark.parametrize(("bound", "closed"), [(600, 300), (1000, 0)])
def test_what_is_only_bound_keeps_a_place_from_being_passed_over(bound: int, closed: int) -> None:
    """Sockstat counts none of them among its sockets, and each takes a port from connect()."""
    child = Child(be_busy, Load(40_000, 40_999, 0, closed), bound)
    try:
        assert child.receive() == closed
        (seen,) = glance([find_place(str(child.process.pid))])
        assert seen.bound >= bound
        assert could_reach(seen, 70)
        child.connection.send("connect")
        connected, _ = child.receive()
        assert connected == 1000 - bound - closed
        at_most = utilization_at_most(seen)
        assert at_most is not None
        assert not closed or at_most >= closed / (1000 - bound)
    finally:
        child.kill()


@root_only
def test_check_of_all_is_the_worst() -> None:
    busy = Child(be_busy, LOADS[0])
    busy.receive()
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "tui", "check", "-N", "all"],
            capture_output=True,
            text=True,
            check=False,
            timeout=limit(),
        )
    finally:
        busy.kill()
    assert ended.returncode == 2
    assert ended.stdout.startswith("TWTOP CRITICAL")


def behind_hidepid(connection: Connection) -> None:
    """As nobody, with a /proc that hides the processes of others."""
    system("unshare", CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
    mount = ["mount", "-t", "proc", "-o", "hidepid=2", "proc", "/proc"]
    subprocess.run(mount, check=True, capture_output=True)
    drop_root()
    found = survey(LIVE)
    connection.send((found.missing, [(one.kind, one.network == HERE) for one in found.places]))


@root_only
def test_hidden_processes_are_told_of() -> None:
    child = Child(behind_hidepid)
    try:
        missing, places = child.receive()
    finally:
        child.kill()
    assert any("hidepid" in why for why in missing)
    assert ("process", True) in places
    assert "host" not in dict(places)


def in_a_container(folder: str, busy: int, entered: bool) -> tuple[list[tuple[Any, ...]], int]:
    """Look at a host's /proc from a network namespace of one's own, as a container would."""
    system("unshare", CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
    subprocess.run(["mount", "-t", "proc", "proc", folder], check=True, capture_output=True)
    sysctl("ipv4.ip_local_port_range", "50000 50099")
    with pytest.MonkeyPatch.context() as patch:
        if not entered:  # without CAP_SYS_ADMIN

            def refused(calls: Any) -> list[PermissionError]:
                return [PermissionError(errno.EPERM, "setns") for _ in calls]

            for module in ("tui.kernel.survey", "tui.kernel.glance"):
                patch.setattr(f"{module}.visit", refused)
        found = survey(Path(folder))
        rows = [
            (one.place.kind, one.place.id, one.time_wait, one.rules.low, bool(one.rules.assumed))
            for one in glance(found.places)
            if one.place.kind == "host" or one.place.pid == busy or one.place.network == HERE
        ]
    return rows, HERE.stat().st_ino


@root_only
@pytest.mark.parametrize("entered", [True, False], ids=["CAP_SYS_ADMIN", "without"])
def test_from_a_container_the_hosts_places_are_not_its_own(
    lab: Lab, tmp_path: Path, entered: bool
) -> None:
    busy = Child(be_busy, LOADS[0])
    waiting = busy.receive()
    try:
        rows, own = lab.call(in_a_container, str(tmp_path), busy.process.pid, entered)
    finally:
        busy.kill()
    (host,) = (row for row in rows if row[0] == "host")
    (mine,) = (row for row in rows if row[1] == own)
    (theirs,) = (row for row in rows if row not in (host, mine))
    assert host[1] != own
    assert mine[3:] == (50_000, False)  # its own sysctls can be read by anybody
    assert theirs[2] == waiting
    assert theirs[3:] == ((40_000, False) if entered else (32_768, True))
