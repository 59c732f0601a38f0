"""Copies in archives, and what is said of them beside them."""

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.wire import header, line, write_proc
from tests.tables import Sock, socks
from tui.kernel.places import place_at
from tui.kernel.sockets import TableError
from tui.kernel.source import Reading, Source
from tui.kernel.ticket import Origin, origin_of

ONE = Sock()
MADE = 1_700_000_000
ABOUT: dict[str, Any] = {
    "schema": "twtop.bundle/1",
    "time": "2023-11-14T22:13:20+00:00",
    "complete": True,
    "byteorder": "little",
    "bound_ports": [9000, 65535],
}


def pack(path: Path, files: Mapping[str, bytes | tarfile.TarInfo], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.mtime = MADE
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                archive.addfile(info)
    return path


def read(path: Path) -> Reading:
    return Source(place_at(path), "auto", 1.0, one_shot=True).read()


TABLE = header(1) + line(0, ONE)


@pytest.mark.parametrize("top", ["", "./", "ticket-7/proc/", "/host/proc/", "a/b/c/"])
@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w"])
def test_wherever_in_an_archive_the_copy_is(tmp_path: Path, top: str, mode: str) -> None:
    files = {
        f"{top}net/tcp": TABLE,
        f"{top}sys/net/ipv4/ip_local_port_range": b"40000 40999",
    }
    found = read(pack(tmp_path / "ticket.tgz", files, mode))
    assert socks(found.table) == [ONE]
    assert found.parameters[0].value == "40000 40999"
    assert (found.time, found.place.name) == (MADE, str(tmp_path / "ticket.tgz"))


def test_it_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    found = read(pack(tmp_path / "ticket.tgz", {"net/tcp": TABLE}))
    assert found.place.root.exists()
    del found
    assert os.listdir(tmp_path / "temporary") == []  # noqa: PTH208


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize(
    "bad",
    [
        {"../../evil": b"x"},
        {"net/../../../evil": b"x"},
        {"net/sockstat": link("net/sockstat", "/etc/passwd")},
        {"net/sockstat": link("net/sockstat", "/etc/passwd", tarfile.LNKTYPE)},
        {"net": link("net", "/")},
        {"net/sockstat": link("net/sockstat", "", tarfile.FIFOTYPE)},
        {"net/sockstat": link("net/sockstat", "", tarfile.CHRTYPE)},
        {"net/sockstat": b"x" * (2 << 20)},
    ],
)
def test_what_leads_out_of_it_is_left_out(
    tmp_path: Path, bad: dict[str, bytes | tarfile.TarInfo]
) -> None:
    found = read(pack(tmp_path / "ticket.tgz", {**bad, "net/tcp": TABLE}))
    assert (socks(found.table), found.counters) == ([ONE], {})
    assert not list(tmp_path.parent.rglob("evil"))


@pytest.mark.parametrize("content", [b"", b"noise", b"\x1f\x8b\x08\0" + bytes(50)])
def test_what_is_no_archive_names_file_and_cure(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ticket.tgz"
    path.write_bytes(content)
    with pytest.raises(TableError, match=f"{path}: .*--proc"):
        place_at(path)


def test_an_archive_without_a_table(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no net/tcp"):
        place_at(pack(tmp_path / "ticket.tgz", {"net/tcp6": TABLE}))


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        *((kind, "spare") for kind in (tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE)),
        *((tarfile.LNKTYPE, to) for to in ("gone", "../spare", "net/tcp6", "/etc/passwd", "net")),
    ],
)
def test_a_table_that_is_no_plain_file_is_not_taken_for_none(
    tmp_path: Path, kind: bytes, to: str
) -> None:
    """Without net/tcp6 it would be the copy of a kernel without IPv6."""
    tcp6 = link("net/tcp6", to, kind)
    files: dict[str, bytes | tarfile.TarInfo] = {"spare": header(4), "net/tcp": TABLE}
    files["net/tcp6"] = tcp6
    with pytest.raises(TableError, match=r"cannot be unpacked.*net/tcp6.*no plain file"):
        place_at(pack(tmp_path / "ticket.tgz", files))


@pytest.mark.parametrize("names", [["net/tcp", "net"], ["net", "net/tcp"], ["net/tcp", "net/tcp"]])
def test_a_file_that_tar_was_given_twice(tmp_path: Path, names: list[str]) -> None:
    """It stores the second as a hard link to the first, which has the same name."""
    write_proc(tmp_path, [ONE])
    subprocess.run(["tar", "czf", "ticket.tgz", *names], cwd=tmp_path, check=True)
    assert socks(read(tmp_path / "ticket.tgz").table) == [ONE]


def test_a_hard_link_is_the_file_that_it_leads_to(tmp_path: Path) -> None:
    files: dict[str, bytes | tarfile.TarInfo] = {"first": TABLE}
    files["net/tcp"] = link("net/tcp", "first", tarfile.LNKTYPE)
    assert socks(read(pack(tmp_path / "ticket.tgz", files)).table) == [ONE]


def test_hard_links_make_no_endless_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.kernel.ticket.MOST_BYTES", 3 * len(TABLE))
    names = [f"{number}/net/tcp" for number in range(4)]
    links = {name: link(name, "net/tcp", tarfile.LNKTYPE) for name in names}
    with pytest.raises(TableError, match="too large"):
        place_at(pack(tmp_path / "ticket.tgz", {"net/tcp": TABLE, **links}))


def test_a_procfs_with_its_own_links(tmp_path: Path) -> None:
    """As sosreport packs it: the tables are a process's, the sysctls beside the link to them."""
    top = "sosreport-web-1/proc/"
    files: dict[str, bytes | tarfile.TarInfo] = {
        f"{top}net": link(f"{top}net", "self/net", tarfile.SYMTYPE),
        f"{top}self": link(f"{top}self", "4242", tarfile.SYMTYPE),
        f"{top}4242/net/tcp": TABLE,
        f"{top}sys/net/ipv4/ip_local_port_range": b"40000 40999",
    }
    found = read(pack(tmp_path / "sosreport.tar.xz", files, "w:xz"))
    assert socks(found.table) == [ONE]
    assert found.setting("net.ipv4.ip_local_port_range") == "40000 40999"


@pytest.mark.parametrize("target", ["/etc/ssl", "../../../../etc", "../../..", "net", "missing"])
def test_such_a_link_leads_nowhere_else(tmp_path: Path, target: str) -> None:
    files: dict[str, bytes | tarfile.TarInfo] = {
        "proc/net": link("proc/net", target, tarfile.SYMTYPE),
        "proc/7/net/tcp": TABLE,
        "proc/sys/net/ipv4/ip_local_port_range": b"40000 40999",
    }
    found = read(pack(tmp_path / "ticket.tgz", files))
    assert socks(found.table) == [ONE]
    assert found.setting("net.ipv4.ip_local_port_range") is None


def test_of_several_copies_none_is_chosen(tmp_path: Path) -> None:
    files = {f"{host}/proc/net/tcp": TABLE for host in ("web-2", "web-1")}
    with pytest.raises(TableError, match="copies of 2 procfs in it, as web-1/proc and web-2/proc"):
        place_at(pack(tmp_path / "ticket.tgz", files))
    # But those of processes are further in than that of the host.
    place = place_at(pack(tmp_path / "host.tgz", {"proc/1/net/tcp": b"", "proc/net/tcp": TABLE}))
    assert socks(Source(place, "auto", 1.0).read().table) == [ONE]


def test_of_two_members_of_a_name_the_later_one_counts(tmp_path: Path) -> None:
    """So does tar, which adds a newer file at the end."""
    path = pack(tmp_path / "ticket.tar", {"net/tcp": header(1)}, "w")
    assert socks(read(pack(path, {"net/tcp": TABLE}, "a")).table) == [ONE]


def test_a_member_that_leads_back_to_itself(tmp_path: Path) -> None:
    """One of a negative size and no known type made tarfile go round for ever."""
    path = pack(tmp_path / "ticket.tar", {"net/tcp": TABLE}, "w")
    info = bytearray(tarfile.TarInfo("again").tobuf())
    info[124:136] = b"\xff" + (-512).to_bytes(11, "big", signed=True)
    info[156:157] = b"Z"
    info[148:156] = b" " * 8
    info[148:156] = b"%06o\0 " % sum(info)
    end = tarfile.BLOCKSIZE * (1 + -(-len(TABLE) // tarfile.BLOCKSIZE))
    path.write_bytes(path.read_bytes()[:end] + info + bytes(2 * tarfile.BLOCKSIZE))
    with suppress(TableError):  # Python 3.14's ends there by itself
        place_at(path)


def test_one_that_is_cut_short(tmp_path: Path) -> None:
    path = pack(tmp_path / "ticket.tgz", {"net/tcp": TABLE + line(1, Sock(local_port=2)) * 900})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(TableError, match=str(path)):
        place_at(path)


def test_what_a_bundle_says_of_its_copy_counts(tmp_path: Path) -> None:
    root = write_proc(tmp_path / "ticket/proc", [ONE])
    (tmp_path / "ticket/about.json").write_text(json.dumps(ABOUT))
    found = read(root)
    assert found.table.bound_ports.tolist() == [9000, 65535]
    assert (found.table.bound_known, found.time) == (True, MADE)
    (tmp_path / "ticket/about.json").write_text(json.dumps({**ABOUT, "complete": False}))
    assert not read(root).table.complete


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "[",
        "[" * 100_000,
        "[]",
        "{}",
        json.dumps({**ABOUT, "schema": "another"}),
        json.dumps({**ABOUT, "bound_ports": [70_000]}),
        json.dumps({**ABOUT, "bound_ports": ["x"]}),
        json.dumps({**ABOUT, "bound_ports": 7}),
    ],
)
def test_what_says_nothing_sensible_says_nothing(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "about.json").write_text(wrong)
    assert origin_of(tmp_path / "proc") is None


@pytest.mark.parametrize(
    "time",
    [
        *("0001-01-01T00:00:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
        *("yesterday", "", None, 7),
    ],
)
def test_what_gives_no_valid_date_is_of_an_unknown_one(tmp_path: Path, time: object) -> None:
    """That of its files would be when somebody copied them; and all else that it says counts."""
    root = write_proc(tmp_path / "ticket/proc", [ONE])
    about = {**ABOUT, "time": time, "complete": False}
    (tmp_path / "ticket/about.json").write_text(json.dumps(about))
    assert (read(root).as_of, read(root).table.complete) == (None, False)


@pytest.mark.parametrize("seconds", [-(10**10), 0])
def test_a_file_of_no_valid_date_is_of_an_unknown_one(tmp_path: Path, seconds: int) -> None:
    root = write_proc(tmp_path / "proc", [ONE])
    os.utime(root / "net/tcp", (seconds, seconds))
    assert read(root).as_of is None
    os.utime(root / "net/tcp", (MADE, MADE))
    assert read(root).as_of == MADE


def test_a_member_of_a_time_that_no_clock_has(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "ticket.tgz", "w:gz") as archive:
        member = tarfile.TarInfo("net/tcp")
        member.size, member.mtime = len(TABLE), 1e30
        archive.addfile(member, io.BytesIO(TABLE))
    with pytest.raises(TableError, match=str(tmp_path)):
        place_at(tmp_path / "ticket.tgz")


def test_ports_that_were_not_known_are_not_none(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text(json.dumps({**ABOUT, "bound_ports": None}))
    assert origin_of(tmp_path / "proc") == Origin(MADE, True, "little", None)
