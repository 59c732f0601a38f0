import os
from pathlib import Path

import pytest

from tests.private import Lab
from tests.tables import FIXTURES
from tui.kernel.places import HERE, Place, place_at
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
