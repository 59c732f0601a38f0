import errno
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.tables import Clock
from tui.kernel import processes
from tui.kernel.processes import Owners, Process, find_owners


class Procfs:
    """A tree with processes, as far as find_owners looks at it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, pid: int, name: str, inodes: Sequence[int] = ()) -> Path:
        process = self.root / str(pid)
        (process / "fd").mkdir(parents=True)
        (process / "comm").write_bytes(os.fsencode(name)[:15] + b"\n")
        (process / "cmdline").write_bytes(b"/usr/sbin/" + os.fsencode(name) + b"\0-v\0")
        links = ["/dev/null", "pipe:[5]", *(f"socket:[{inode}]" for inode in inodes)]
        for number, target in enumerate(links):
            (process / "fd" / str(number)).symlink_to(target)
        return process


@pytest.fixture
def procfs(tmp_path: Path) -> Procfs:
    return Procfs(tmp_path)


def refuse(monkeypatch: pytest.MonkeyPatch, function: str, where: Path, code: int) -> None:
    """Let os.listdir or os.readlink fail at one path; chmod would not stop root."""
    original = getattr(os, function)

    def guarded(path: str) -> object:
        if str(path) == str(where):
            raise OSError(code, os.strerror(code), path)
        return original(path)

    monkeypatch.setattr(os, function, guarded)


def test_sockets_have_the_process_that_holds_them(procfs: Procfs) -> None:
    procfs.add(10, "nginx", [71, 72])
    procfs.add(20, "idle")
    procfs.add(30, "a name (odd)", [2**32 - 1])
    nginx, odd = Process(10, "nginx"), Process(30, "a name (odd)")
    assert find_owners(procfs.root) == Owners({71: nginx, 72: nginx, 2**32 - 1: odd})


def test_of_several_the_lowest_pid_is_named(procfs: Procfs) -> None:
    for pid in (300, 9, 20):
        procfs.add(pid, f"worker{pid}", [71])
    assert find_owners(procfs.root).by_inode == {71: Process(9, "worker9")}


def test_processes_of_others_are_counted_as_denied(
    procfs: Procfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "listdir", procfs.add(10, "theirs", [71]) / "fd", errno.EACCES)
    refuse(monkeypatch, "readlink", procfs.add(20, "half", [72]) / "fd/2", errno.EACCES)
    procfs.add(30, "ours", [73])
    named = Process(10, "theirs"), Process(20, "half")
    assert find_owners(procfs.root) == Owners({73: Process(30, "ours")}, denied=2, unreadable=named)


def test_processes_come_and_go(procfs: Procfs, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, "listdir", procfs.add(10, "gone", [71]) / "fd", errno.ENOENT)
    refuse(monkeypatch, "listdir", procfs.add(11, "dying", [71]) / "fd", errno.ESRCH)
    (procfs.add(20, "nameless", [72]) / "comm").unlink()
    refuse(monkeypatch, "readlink", procfs.add(30, "closing", [73, 74]) / "fd/2", errno.ENOENT)
    assert find_owners(procfs.root) == Owners({74: Process(30, "closing")})


def test_the_deadline_ends_the_walk(procfs: Procfs, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(processes, "time", clock)
    original = os.listdir

    def listdir(path: str) -> list[str]:
        clock.now += 1
        return original(path)

    for pid in (10, 20, 30):
        procfs.add(pid, f"p{pid}", [pid])
    monkeypatch.setattr(processes, "_pids", lambda root: [10, 20, 30])
    monkeypatch.setattr(os, "listdir", listdir)
    owners = find_owners(procfs.root, deadline=clock.now + 1.5)
    assert (set(owners.by_inode), owners.complete) == ({10, 20}, False)


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_procfs_without_processes_has_no_owners(tmp_path: Path, name: str) -> None:
    assert find_owners(tmp_path / name) == Owners({})


def test_a_name_cannot_speak_to_the_terminal(procfs: Procfs) -> None:
    """Anyone may name a process as they like, and root looks at the names of all."""
    procfs.add(10, "a\x1b[2J\x07\x9b\udcff é", [71])
    assert find_owners(procfs.root).by_inode == {71: Process(10, "a?[2J??? é")}


def test_a_name_is_never_what_a_program_writes_over_its_arguments(procfs: Procfs) -> None:
    procfs.add(10, "dbproxy-of-shop", [71])
    (procfs.root / "10/cmdline").write_text("dbproxy-of-shop --password=hunter2 " + "x" * 120_000)
    assert find_owners(procfs.root).by_inode == {71: Process(10, "dbproxy-of-shop")}


@pytest.mark.parametrize("link", ["socket:[abc]", "socket:[]", "socket:[" + "9" * 40 + "]"])
def test_what_is_no_inode_is_passed_over(procfs: Procfs, link: str) -> None:
    (procfs.add(10, "odd", [71]) / "fd/9").symlink_to(link)
    procfs.add(20, "ours", [72])
    expected = {71: Process(10, "odd"), 72: Process(20, "ours")}
    assert find_owners(procfs.root) == Owners(expected)


def test_one_bad_process_is_skipped_and_counted(procfs: Procfs) -> None:
    comm = procfs.add(10, "pipe", [71]) / "comm"
    comm.unlink()
    os.mkfifo(comm)
    comm = procfs.add(20, "endless", [72]) / "comm"
    comm.unlink()
    comm.symlink_to("/dev/zero")
    (procfs.add(30, "long", [73]) / "comm").write_bytes(b"x" * 100_000)
    procfs.add(40, "ours", [74])
    assert find_owners(procfs.root) == Owners({74: Process(40, "ours")}, skipped=3)


def test_psutil_is_left_alone(procfs: Procfs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It belongs to the whole program, and other threads use it at the same time."""
    seen = set()
    original = os.listdir

    def listdir(path: str) -> list[str]:
        seen.add(psutil.PROCFS_PATH)
        return original(path)

    monkeypatch.setattr(os, "listdir", listdir)
    procfs.add(10, "theirs", [71])
    find_owners(procfs.root)
    assert seen == {"/proc"}


def test_one_that_psutil_was_pointed_elsewhere_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    with socket.socket() as ours:
        inode = os.fstat(ours.fileno()).st_ino
        assert find_owners(Path("/proc")).by_inode[inode].pid == os.getpid()


def test_a_process_is_written_with_its_pid() -> None:
    assert str(Process(812, "nginx")) == "nginx[812]"


def test_the_live_kernel_knows_this_process() -> None:
    with socket.socket() as ours:
        inode = os.fstat(ours.fileno()).st_ino
        expected = Process(os.getpid(), psutil.Process().name())
        assert find_owners(Path("/proc")).by_inode[inode] == expected
