"""Refusals counted where the kernel makes them, held against those that were provoked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from subprocess import PIPE
from typing import Any, NamedTuple

import pytest

from tests.live.counting import TIMES
from tests.live.refused import PORT, fail_otherwise, full, refused, refused_binds
from tests.live.test_simulate import serving, simulate
from tests.patience import limit, until
from tests.private import Lab
from tui.kernel import tracefs
from tui.kernel.perf import Events
from tui.kernel.refusals import Counted, CountingError, Refusals
from tui.kernel.tracefs import CONNECT, Instance
from tui.lab.namespace import peer
from tui.lab.process import Child

V4, V6, MAPPED = "127.0.0.1", "::1", "::ffff:127.0.0.1"
NEW_MOUNTS = ("unshare", "--mount", "--propagation", "private")
UNMOUNTED = "umount -l /sys/kernel/tracing 2>/dev/null; "
MOUNTED = UNMOUNTED + "mount -t tracefs tracefs /sys/kernel/tracing && "
MASKED = "mount -t tmpfs none /sys && "
"""What a shell does first in a mount namespace of its own."""


@pytest.fixture(scope="module", autouse=True)
def _permitted() -> None:
    try:
        Refusals().close()
    except CountingError as error:
        pytest.skip(str(error))


pytestmark = pytest.mark.live


def by_call(counted: Counted, namespace: int | None = None) -> Counter[tuple[object, ...]]:
    """The counts by call, pid and destination; of one namespace, or of this process."""
    found: Counter[tuple[object, ...]] = Counter()
    for each, count in counted.refused.items():
        if each.namespace == namespace or (namespace is None and each.pid == os.getpid()):
            found[each.call, each.local_ip, each.remote_ip, each.remote_port] += count
    return found


def one_of_each() -> tuple[Counted, Counter[tuple[object, ...]]]:
    with full(V4, V6), Refusals(bind=True) as counting:
        refused(V4, 500)
        refused(V6, 300)
        refused(MAPPED, 200)
        refused_binds(7)
        fail_otherwise()
    counted = counting.take()
    ours = {one: count for one, count in counted.refused.items() if one.pid == os.getpid()}
    return replace(counted, refused=ours), by_call(counted)  # a test beside this one has others


def without_perf() -> tuple[Counted, Counter[tuple[object, ...]]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tui.kernel.refusals.Events", _refuse)
        return one_of_each()


def _refuse(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted", "perf_event_open")


@pytest.mark.parametrize("provoke", [one_of_each, without_perf])
def test_each_refusal_is_counted_and_nothing_else(
    lab: Lab, provoke: Callable[[], tuple[Counted, Counter[tuple[object, ...]]]]
) -> None:
    """A refused connection, a foreign source and a source port that is taken are none."""
    counted, found = lab.call(provoke)
    assert found == {
        ("connect", V4, V4, PORT): 700,  # a mapped address is the same
        ("connect", V6, V6, PORT): 300,
        ("bind", None, None, None): 7,
    }
    mine = [each for each in counted.refused if each.remote_ip == V6 and each.process]
    assert [each.process.pid == each.pid for each in mine if each.process] == [True]


def be_refused(connection: Connection, ip: str, times: int) -> None:
    """Be a process that is refused so often when it is told to, and then lives on."""
    with full(ip):
        connection.send(Path("/proc/self/ns/net").stat().st_ino)
        connection.recv()
        refused(ip, times)
        connection.send(os.getpid())
        connection.recv()


def two_namespaces() -> tuple[Counted, list[tuple[int, int, int]]]:
    with ExitStack() as scene, peer() as other:
        first = scene.enter_context(Child(be_refused, V4, 70))
        with other.inside():
            second = scene.enter_context(Child(be_refused, V4, 30))
        places = [child.receive() for child in (first, second)]
        with Refusals() as counting:
            for child in (first, second):
                child.connection.send("go")
            pids = [child.receive() for child in (first, second)]
        return counting.take(), list(zip(places, pids, (70, 30), strict=True))


def test_two_namespaces_that_fail_at_once_are_told_apart(lab: Lab) -> None:
    counted, expected = lab.call(two_namespaces)
    assert expected[0][0] != expected[1][0]
    for namespace, pid, times in expected:
        inside = counted.inside(namespace).refused
        assert {(each.pid, count) for each, count in inside.items()} == {(pid, times)}


class Burst(NamedTuple):
    """What came of more refusals than a ring has room for."""

    taken: int
    lost: int


def burst(perf: bool) -> Burst:
    """Other tests are refused meanwhile, but not toward this port."""
    mine = replace(CONNECT, filter=f"{CONNECT.filter} && dport == {PORT + 7}")
    root = tracefs.open_tracefs()
    layout = tracefs.read_layout(root, mine)
    with full(V4, port=PORT + 7):
        counting = Events(mine, layout, 4096) if perf else Instance(root, (mine,), 4096)
        refused(V4, 20_000, port=PORT + 7)
        counting.stop()
        taken = counting.drain().total()
        counting.close()
    tracefs.close_tracefs(root)
    return Burst(taken, counting.lost)


@pytest.mark.parametrize("perf", [True, False], ids=["perf", "tracefs"])
def test_what_a_ring_had_no_room_for_is_counted_too(lab: Lab, perf: bool) -> None:
    found = lab.call(burst, perf)
    # The kernel counts what it drops by pages: a handful may be counted twice.
    assert 20_000 <= found.taken + found.lost <= 20_020
    assert 0 < found.taken < found.lost


def counts(*command: str) -> tuple[int, str, str]:
    """Run `tests.live.counting` where no port is left."""
    with full(V4):
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=limit(), cwd=ROOT
        )
    return ended.returncode, ended.stdout.strip(), ended.stderr.strip()


ROOT = Path(__file__).parents[2]
PROBE = f"exec {sys.executable} -m tests.live.counting"


def as_nobody(*capabilities: str) -> str:
    """How a shell runs the probe with exactly these capabilities."""
    sets = ",".join(("-all", *(f"+{name}" for name in capabilities)))
    return (
        "exec setpriv --reuid=65534 --regid=65534 --clear-groups "
        f"--inh-caps={sets} --ambient-caps={sets} {PROBE.removeprefix('exec ')}"
    )


@pytest.mark.parametrize(
    ("shell", "way"),
    [
        (f"{UNMOUNTED}{PROBE}", "perf"),
        (f"{MOUNTED}{PROBE}", "perf"),
        (f"{MASKED}{PROBE}", "perf"),
        (f"{MASKED}{PROBE}", "tracefs"),
        (f"{MOUNTED}{as_nobody('perfmon', 'dac_read_search')}", "perf"),
        (f"{UNMOUNTED}{as_nobody('sys_admin', 'dac_read_search')}", "perf"),
    ],
    ids=["root", "root, mounted", "masked", "masked, tracefs", "perfmon", "sys_admin"],
)
def test_who_may_count(lab: Lab, shell: str, way: str) -> None:
    assert lab.call(counts, *NEW_MOUNTS, "sh", "-c", f"{shell} {way} end") == (0, str(TIMES), "")


@pytest.mark.parametrize(
    ("shell", "lacking"),
    [
        (f"{UNMOUNTED}{as_nobody()}", {"CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"}),
        (f"{MOUNTED}{as_nobody()}", {"CAP_PERFMON", "CAP_DAC_READ_SEARCH"}),
        (f"{MOUNTED}{as_nobody('perfmon')}", {"CAP_DAC_READ_SEARCH"}),
        (f"{MOUNTED}{as_nobody('dac_read_search')}", {"CAP_PERFMON"}),
    ],
    ids=["unmounted", "mounted", "perfmon", "dac_read_search"],
)
def test_who_may_not_is_told_what_is_missing(lab: Lab, shell: str, lacking: set[str]) -> None:
    if (
        "CAP_PERFMON" in lacking
        and int(Path("/proc/sys/kernel/perf_event_paranoid").read_text()) > 2
    ):
        lacking = lacking - {"CAP_PERFMON"} | {"CAP_SYS_ADMIN"}
    code, out, said = lab.call(counts, *NEW_MOUNTS, "sh", "-c", f"{shell} perf end")
    assert (code, out, said.count("\n")) == (1, "", 0)
    assert {word.strip(";,") for word in said.split() if word.startswith("CAP_")} == lacking


@contextmanager
def held(way: str) -> Iterator[subprocess.Popen[str]]:
    """A process that counts until it is killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.live.counting", way, "hold"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "counting\n"
            yield process
        finally:
            process.kill()


def instances() -> dict[int, str]:
    """The instances of twtop that there are, by pid."""
    root = tracefs.open_tracefs()
    names = [path.name for path in (root / "instances").glob("twtop-*")]
    tracefs.close_tracefs(root)
    return {int(name.split("-")[1]): name for name in names}


def killed() -> list[bool]:
    """Whether there is an instance while two count, after one is killed, and after a next start."""
    with full(V4), held("tracefs") as first:
        mounts = [Path(f"/proc/{pid}/mountinfo").read_text() for pid in (1, "self", first.pid)]
        with held("tracefs") as second:
            both = {first.pid, second.pid} <= instances().keys()
            second.kill()
            second.wait()
            left = second.pid in instances()
            Refusals().close()
            gone = second.pid not in instances() and first.pid in instances()
        first.kill()
        first.wait()
        Refusals().close()
        after = [Path(f"/proc/{pid}/mountinfo").read_text() for pid in (1, "self")]
        clean = first.pid not in instances()
        return [both, left, gone, clean, after == mounts[:2], mounts[1] == mounts[2]]


def test_nothing_is_left_of_one_that_was_killed(lab: Lab) -> None:
    """Nor does anybody see a mount, nor is the instance of one that lives removed."""
    assert lab.call(killed) == [True] * 6


def told(*arguments: str, times: int = 500) -> tuple[int, str, str, int]:
    """Run `twtop refusals` until it is interrupted, while this process is refused."""
    command = [sys.executable, "-m", "tui", "refusals", *arguments]
    with full(V4), subprocess.Popen(command, stdout=PIPE, stderr=PIPE, text=True) as process:
        until(lambda: it_counts(process.pid), "it to count")
        refused(V4, times)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=limit())
        return process.returncode, out, err, Path("/proc/self/ns/net").stat().st_ino


def it_counts(pid: int) -> bool:
    """Whether a process has begun to count: one of its threads polls then."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return any("poll" in (task / "wchan").read_text() for task in tasks)


def test_the_command_tells_each_second_and_tuple(lab: Lab) -> None:
    code, out, err, namespace = lab.call(told, "--json")
    mine = [each for each in map(json.loads, out.splitlines()) if _is_in(each, namespace)]
    assert (code, err, sum(each["count"] for each in mine)) == (1, "", 500)
    keys = "schema time place source call pid process local_ip remote_ip remote_port count"
    for each in mine:
        assert list(each) == keys.split()
        assert (each["schema"], each["call"]) == ("twtop.refusals/1", "connect")
        assert (each["remote_ip"], each["remote_port"]) == (V4, PORT)
        assert each["process"].endswith(f"[{each['pid']}]")


def _is_in(record: dict[str, Any], namespace: int) -> bool:
    return bool(record["place"]) and record["place"]["id"] == namespace


def test_the_command_ends_with_a_sum(lab: Lab) -> None:
    code, out, err, _ = lab.call(told)
    lines, rest = out.split("By destination")
    assert (code, err) == (1, "")
    assert re.search(rf" 500  {V4} → {V4}:{PORT} ", lines)
    sums = re.findall(rf"^ +([\d,]+)  {V4} → {V4}:{PORT}$", rest, re.MULTILINE)
    assert len(sums) == 1
    assert int(sums[0].replace(",", "")) >= 500, "other tests may be refused toward it as well"
    assert re.search(r"^ +500  python3?\S*\[\d+\]$", rest, re.MULTILINE)


def test_a_disk_that_is_full_is_an_error() -> None:
    command = [sys.executable, "-m", "tui", "refusals", "--duration", "0.1"]
    with Path("/dev/full").open("wb") as disk:
        ended = subprocess.run(
            command, stdout=disk, stderr=PIPE, check=False, timeout=limit(), cwd=ROOT
        )
    message = b"twtop: stdout: No space left on device\n"
    assert (ended.returncode, ended.stderr) == (3, message)


def test_a_reader_that_leaves_ends_it() -> None:
    """Also where nothing is refused, and so nothing written."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "tui", "refusals", "--json"]
    ended = subprocess.run(
        command, stdout=writing, stderr=PIPE, check=False, timeout=limit(), cwd=ROOT
    )
    os.close(writing)
    assert ended.returncode in (0, 1)
    assert ended.stderr == b""


def nobody_counts() -> tuple[int, str, str]:
    command = f"{UNMOUNTED}{as_nobody().replace('tests.live.counting', 'tui refusals')}"
    return counts(*NEW_MOUNTS, "sh", "-c", command)


def test_the_command_says_in_a_line_that_it_cannot(lab: Lab) -> None:
    code, out, err = lab.call(nobody_counts)
    assert (code, out, err.count("\n")) == (3, "", 0)
    assert err.startswith("twtop: ")


def simulated(*arguments: str) -> dict[str, Any]:
    with serving():
        return simulate(*arguments).result


@pytest.mark.parametrize(("arguments", "refused"), [((), 1), (("--max", "10"), 0)])
def test_simulate_tells_what_the_kernel_counted(
    lab: Lab, arguments: tuple[str, ...], refused: int
) -> None:
    result = lab.call(simulated, *arguments)
    assert result["kernel_refused"] == result["errors"].get("EADDRNOTAVAIL", 0) == refused


def removed() -> bool:
    """Whether it is told that the instance has been removed by somebody else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tui.kernel.refusals.Events", _refuse)
        counting = Refusals()
        patch.setattr(Instance, "drain", _refuse)
        counting.close()
    try:
        counting.take()
    except CountingError:
        return os.getpid() not in instances()
    return False


def test_what_can_be_counted_no_more_is_no_zero(lab: Lab) -> None:
    assert lab.call(removed)


def twice() -> list[int]:
    with full(V4), Refusals() as one, Refusals() as other:
        refused(V4, 20)
    return [sum(by_call(each.take()).values()) for each in (one, other)]


def test_two_count_the_same(lab: Lab) -> None:
    assert lab.call(twice) == [20, 20]
