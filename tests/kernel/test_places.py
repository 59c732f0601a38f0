import os
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tests.patience import until
from tests.private import Lab
from tests.tables import FIXTURES
from tui.acting.sentences import change_lines
from tui.analysis.doubts import doubts, surely_fine
from tui.analysis.frame import judge
from tui.dashboard.widgets.titlebar import describe_place
from tui.kernel import places
from tui.kernel.namespaces import system
from tui.kernel.places import HERE, Place, place_at
from tui.kernel.source import Source
from tui.kernel.survey import survey
from tui.lab import namespace

PROC = Path("/proc")
COPY = FIXTURES / "6.18-idle-host/proc"


def test_the_live_procfs_shows_the_threads_namespace() -> None:
    made = place_at(PROC)
    assert (made.name, made.id) == (os.uname().nodename, HERE.stat().st_ino)
    assert (made.network, made.answers) == (HERE, True)
    assert made.tables == Path("/proc/thread-self")


def test_only_where_the_first_process_is_it_is_the_host(lab: Lab) -> None:
    assert lab.call(place_at, PROC).kind == "process"
    shared = [(PROC / name / "net/dev").stat().st_ino for name in ("1", "self")]
    assert (place_at(PROC).kind == "host") is (shared[0] == shared[1])


def own_and_surveyed(name: Path | None) -> tuple[list[Place], Place, list[str]]:
    """This namespace as it is found at start and by a survey, its number, and an Apply box."""
    if name is not None:
        system("unshare", CLONE_NEWNS)
        subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
        name.touch()
        subprocess.run(["mount", "--bind", str(HERE), str(name)], check=True, capture_output=True)
    surveyed = [place for place in survey().places if place.network == HERE]
    return surveyed, place_at(PROC), change_lines(place_at(PROC), (), persist=False)


@pytest.mark.live
def test_a_named_namespace_that_twtop_is_in_goes_by_its_name(lab: Lab, tmp_path: Path) -> None:
    """As `ip netns exec` enters it: whoever changes it must not take it for the host."""
    [surveyed], own, box = lab.call(own_and_surveyed, tmp_path / "tr9-a")
    assert (own.kind, own.name) == (surveyed.kind, surveyed.name) == ("named", "tr9-a")
    assert "netns tr9-a" in box[0]
    assert f"netns tr9-a · {own.id}" in describe_place(own)


def test_one_without_a_name_does_not_go_by_the_machines(lab: Lab) -> None:
    _, own, box = lab.call(own_and_surveyed, None)
    assert (own.kind, own.name) == ("process", os.uname().nodename)
    assert str(own.id) in own.called
    assert os.uname().nodename not in own.called
    assert "not the host" in box[0]
    assert "not the host" not in change_lines(replace(own, kind="host"), (), persist=False)[0]


@pytest.mark.parametrize("root", [COPY, Path("/nowhere"), Path("/dev/null")])
def test_plain_files_are_a_copy_that_nobody_answers_for(root: Path) -> None:
    made = place_at(root)
    assert made == Place(root, str(root), "copy", None, settings=root)
    assert (made.answers, made.tables) == (False, root)


def test_a_processs_directory_shows_its_namespace() -> None:
    root = PROC / str(os.getpid())
    made = place_at(root)
    name = (root / "comm").read_text().strip()
    assert (made.name, made.kind) == (f"{name}[{os.getpid()}]", "process")
    assert made.id == (root / "ns/net").stat().st_ino
    assert (made.answers, made.tables) == (False, root)


def moved() -> tuple[Place, Place, Place, int]:
    before = place_at(PROC)
    namespace.unshare_network()
    return before, before.seen_now(), place_at(COPY).seen_now(), HERE.stat().st_ino


def test_a_thread_that_moves_takes_the_place_along(lab: Lab) -> None:
    before, after, copy, inode = lab.call(moved)
    assert before.id != after.id == inode
    assert after.root == before.root
    assert copy.id is None


CLONE_NEWNS = 0x00020000
SMALL = "40000\t40999"


class Elsewhere(threading.Thread):
    """A thread that has a namespace of its own, with a small range."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.there = threading.Event()
        self.leave = threading.Event()

    def run(self) -> None:
        namespace.unshare_network()
        Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(SMALL)
        self.root = PROC / str(os.getpid()) / "task" / str(threading.get_native_id())
        self.there.set()
        self.leave.wait()


def capacity_and_assumed(root: Path) -> tuple[int, tuple[str, ...]]:
    frame = judge(Source(place_at(root), "auto", 1.0, one_shot=True).read())
    return frame.ports.capacity, frame.assumed


def seen_from_outside(monkey: str) -> tuple[tuple[int, tuple[str, ...]], int]:
    """What is read of another namespace's process, and which one this thread is in afterwards."""
    elsewhere = Elsewhere()
    elsewhere.start()
    assert elsewhere.there.wait(20)
    before = HERE.stat().st_ino
    try:
        with pytest.MonkeyPatch.context() as patch:
            if monkey:
                patch.setattr(places, "inside", refused)
            found = capacity_and_assumed(elsewhere.root)
    finally:
        elsewhere.leave.set()
    return found, HERE.stat().st_ino - before


def refused(*_: object) -> None:
    raise PermissionError


@pytest.mark.live
def test_another_namespaces_sysctls_are_read_in_it(lab: Lab) -> None:
    assert lab.call(seen_from_outside, "") == ((1000, ()), 0)


@pytest.mark.live
def test_where_it_may_not_be_entered_they_are_assumed_and_not_ours(lab: Lab) -> None:
    (capacity, assumed), _ = lab.call(seen_from_outside, "refused")
    assert capacity == 28_232
    assert "net.ipv4.ip_local_port_range" in assumed


def behind_subset_pid(root: Path) -> tuple[int, tuple[str, ...]]:
    system("unshare", CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text(SMALL)
    mount = ["mount", "-t", "proc", "-o", "subset=pid", "proc", str(root)]
    subprocess.run(mount, check=True, capture_output=True)
    assert not (root / "sys").exists()
    return capacity_and_assumed(root)


@pytest.mark.live
def test_a_procfs_without_sysctls_gives_way_to_one_that_has_them(lab: Lab, tmp_path: Path) -> None:
    assert lab.call(behind_subset_pid, tmp_path) == (1000, ())


def hosts_procfs(root: Path) -> tuple[list[bool], tuple[str, ...], bool]:
    """A host's procfs, as a container mounts it: whose sockets it and others seem to show."""
    system("unshare", CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True, capture_output=True)
    subprocess.run(["mount", "--bind", "/proc", str(root)], check=True, capture_output=True)
    here = [place for place in survey(root).places if place.network == HERE]
    seen = [place_at(root), place_at(Path("/proc")), place_at(root / str(os.getpid())), *here]
    frame = judge(Source(seen[0], "auto", 1.0, one_shot=True).read())
    fine = surely_fine(frame, 0, frame.ports.capacity, 50)
    return [place.seen_from_within for place in seen], doubts(frame), fine


@pytest.mark.live
def test_a_hosts_procfs_in_a_container_shows_the_containers_sockets(
    lab: Lab, tmp_path: Path
) -> None:
    """Nothing of the host is known then, and least of all that it is fine."""
    within, [doubt], fine = lab.call(hosts_procfs, tmp_path)
    assert within == [True, False, False, False]
    assert f"--proc {tmp_path}/1" in doubt
    assert not fine


def test_what_may_be_seen_of_ones_own_namespace_needs_no_right() -> None:
    """Also as nobody: the tables of one namespace have one inode, whoever looks.

    Whoever else is on this host may take or give back a port between the two reads.
    """
    until(
        lambda: capacity_and_assumed(PROC / "self") == capacity_and_assumed(PROC),
        "two reads that agree",
    )
