"""Copies come from strangers: nothing in one may block, never end, or show another's file."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kernel.wire import write_proc
from tests.private import Lab
from tests.tables import Sock
from tui.kernel.below import MOST, USUAL, open_below, read_below
from tui.kernel.glance import glance
from tui.kernel.places import place_at
from tui.kernel.sockets import TableError
from tui.kernel.source import Source
from tui.kernel.sysctls import read_value, write_value

SECRET = "somebody-elses"


def fifo(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def terminal(path: Path) -> None:
    path.symlink_to("/dev/tty")


def link_out(path: Path) -> None:
    secret = next(folder for folder in path.parents if folder.name == "ticket") / "secret"
    secret.write_text(SECRET)
    path.symlink_to(secret)


def of_a_process(path: Path) -> None:
    path.symlink_to("/proc/self/environ")


def loop(path: Path) -> None:
    path.symlink_to(path)


Trap = Callable[[Path], None]
TRAPS = [fifo, endless, terminal, link_out, of_a_process, loop]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = write_proc(tmp_path / "ticket/proc", [Sock()])
    (root / "net/sockstat6").unlink()
    for name in ("net/sockstat", "sys/net/ipv4/ip_local_port_range"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("40000 40999\n")
    return root


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("name", ["net/tcp", "net/tcp6"])
def test_a_table_that_is_none_is_refused_at_once(tree: Path, name: str, trap: Trap) -> None:
    (tree / name).unlink()
    trap(tree / name)
    with pytest.raises(TableError, match=name):
        Source(place_at(tree), "auto", 1.0).read()


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("name", ["net/sockstat", "sys/net/ipv4/ip_local_port_range"])
def test_other_files_are_missing_then(tree: Path, name: str, trap: Trap) -> None:
    (tree / name).unlink()
    trap(tree / name)
    reading = Source(place_at(tree), "auto", 1.0).read()
    values = [parameter.value for parameter in reading.parameters]
    assert values[0] == (None if name.startswith("sys/") else "40000 40999")
    assert (SECRET not in values, reading.counters) == (True, {})
    (seen,) = glance([place_at(tree)])  # as an overview looks at it
    assert ("net.ipv4.ip_local_port_range" in seen.rules.assumed) == name.startswith("sys/")
    with pytest.raises(OSError):
        read_below(tree, name)


def test_a_link_inside_the_tree_is_followed(tree: Path) -> None:
    """As /proc/net is one to self/net."""
    (tree / "self").mkdir()
    (tree / "net").rename(tree / "self/net")
    (tree / "net").symlink_to("self/net")
    assert len(Source(place_at(tree), "auto", 1.0).read().table) == 1


def test_a_root_that_is_a_link_is_the_folder_it_leads_to(tree: Path) -> None:
    link = tree.parent / "link"
    link.symlink_to(tree)
    assert read_below(link, "net/sockstat") == b"40000 40999\n"


def test_what_is_longer_than_such_a_file_can_be_is_refused(tree: Path) -> None:
    with (tree / "net/sockstat").open("wb") as file:
        file.truncate(8 << 30)  # sparse: it takes no room
    with pytest.raises(OSError, match="File too large"):
        read_below(tree, "net/sockstat")
    (tree / "net/sockstat").write_bytes(b"x" * MOST)
    assert len(read_below(tree, "net/sockstat")) == MOST


def test_a_sparse_table_ends_where_no_line_does(tree: Path) -> None:
    with (tree / "net/tcp").open("r+b") as file:
        file.truncate(8 << 30)
    table = Source(place_at(tree), "auto", 1.0).read().table
    assert (len(table), table.complete) == (1, False)


def test_a_refused_file_leaves_no_descriptor_open(tree: Path) -> None:
    (tree / "net/tcp").unlink()
    fifo(tree / "net/tcp")
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with pytest.raises(OSError):
        open_below(tree, "net/tcp")
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize("size", [0, 1, USUAL - 1, USUAL, USUAL + 1, 3 * USUAL])
def test_files_of_every_length_are_read_whole(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    (tmp_path / "file").write_bytes(content)
    assert read_below(tmp_path, "file", size) == content


def read_a_long_list() -> tuple[bytes, str | None]:
    """Reserve every other port of most: a list of some 100 kB."""
    name = "net.ipv4.ip_local_reserved_ports"
    write_value(Path("/proc"), name, ",".join(map(str, range(20_001, 60_000, 2))))
    path = f"sys/{name.replace('.', '/')}"
    return read_below("/proc", path), read_value(Path("/proc"), name)


def test_a_long_sysctl_is_not_cut(lab: Lab) -> None:
    """The kernel answers one read only, and cuts what is longer than that (proc_sysctl.c)."""
    read, whole = lab.call(read_a_long_list)
    assert len(read) > USUAL
    assert read.decode().strip() == whole
