"""What is not known is never OK.

Whatever of a host's files is missing, cut or unreadable: check is not OK where the host is not, nor
on an assumption, and wait never says that it is drained.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.commands.conftest import Run
from tests.commands.hosts import LOW, host
from tests.kernel.wire import header
from tests.tables import Sock, listener, steady, waiting
from tui.analysis.frame import Frame, judge
from tui.commands.wait import measure
from tui.kernel.places import place_at
from tui.kernel.sockets import TableError
from tui.kernel.source import Source
from tui.planning.demand import outgoing
from tui.report.answer import OK, judge_fullest

DECISIVE = ("ip_local_port_range", "ip_local_reserved_ports", "tcp_tw_reuse", "tcp_timestamps")
FILES = ("net/tcp", "net/tcp6", "net/sockstat", *(f"sys/net/ipv4/{name}" for name in DECISIVE))
SIZE = 60


def full_host(root: Path, ports: int) -> Path:
    """A host with so many of 60 ports locked, half of them in TIME-WAIT, and its sockstat."""
    socks = [listener("0.0.0.0", 22)]
    socks += [
        waiting(LOW + number) if number % 2 else Sock(local_port=LOW + number)
        for number in range(ports)
    ]
    made = host(root, socks, size=SIZE, ip_local_reserved_ports="7-9")
    tw = ports // 2
    (made / "net/sockstat").write_text(
        f"sockets: used 99\nTCP: inuse {len(socks) - tw} orphan 0 tw {tw} alloc 9 mem 1\n"
    )
    (made / "net/sockstat6").write_text("TCP6: inuse 0\n")
    return made


def seen(root: Path) -> Frame | None:
    try:
        return judge(Source(place_at(root), "auto", 1.0, one_shot=True).read())
    except TableError:
        return None


def says_ok(frame: Frame | None) -> bool:
    if frame is None:
        return False
    return judge_fullest(frame, outgoing(frame, None, None, None), 50, 80).code == OK


def says_drained(frame: Frame | None) -> bool:
    if frame is None or frame.assumed:
        return False
    return measure(frame, outgoing(frame, None, None, None), None).reached


def remove(path: Path, where: float) -> None:
    path.unlink()


def empty(path: Path, where: float) -> None:
    path.write_bytes(b"")


def cut(path: Path, where: float) -> None:
    text = path.read_bytes()
    path.write_bytes(text[: int(len(text) * where)])


def lose_lines(path: Path, where: float) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + int(len(lines) * where)]))


def garble(path: Path, where: float) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    noise = [b"~" * len(line[:-1]) + b"\n" for line in lines[int(len(lines) * where) :]]
    path.write_bytes(b"".join([*lines[: int(len(lines) * where)], *noise]))


def fifo(path: Path, where: float) -> None:
    path.unlink()
    os.mkfifo(path)


def endless(path: Path, where: float) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def folder(path: Path, where: float) -> None:
    path.unlink()
    path.mkdir()


HARM: tuple[Callable[[Path, float], None], ...] = (
    remove,
    empty,
    cut,
    lose_lines,
    garble,
    fifo,
    endless,
    folder,
)
harm = st.tuples(st.sampled_from(("net/tcp", *FILES)), st.sampled_from(HARM), st.floats(0, 0.99))


@given(st.sampled_from((31, 40, 55, 60)), st.lists(harm, min_size=1, max_size=2))
@steady
def test_what_is_not_fine_is_never_ok(
    tmp_path_factory: pytest.TempPathFactory,
    ports: int,
    harms: list[tuple[str, Callable[[Path, float], None], float]],
) -> None:
    root = full_host(tmp_path_factory.mktemp("host") / "proc", ports)
    assert not says_ok(seen(root))
    for name, do, where in harms:
        if (root / name).is_file() and not (root / name).is_symlink():
            do(root / name, where)
    frame = seen(root)
    assert not says_ok(frame)
    assert not says_drained(frame)
    shutil.rmtree(root)


@pytest.mark.parametrize("name", DECISIVE)
@pytest.mark.parametrize("do", [remove, empty, garble, fifo, endless, folder])
def test_nothing_is_ok_on_an_assumption(
    run: Run, tmp_path: Path, name: str, do: Callable[[Path, float], None]
) -> None:
    root = full_host(tmp_path / "proc", 6)
    assert run("check", "--proc", root).code == OK
    do(root / "sys/net/ipv4" / name, 0)
    if name == "ip_local_reserved_ports" and do is empty:
        return  # as the kernel has it where none is reserved
    ran = run("check", "--proc", root)
    assert (ran.code, name in ran.out) == (3, True)
    report = run("report", "--json", "--proc", root).json
    assert report["assumed"] == [f"net.ipv4.{name}"]
    for command in (["report"], ["audit"], ["plan", "--rate", 5]):
        assert "ASSUMED" in " ".join(run(*command, "--proc", root).out.split())
    for goal in ("--drained", "--below=99"):
        assert run("wait", goal, "--timeout", 0, "--proc", root).code == 3


@pytest.mark.parametrize("ports", [0, 6])
def test_a_copy_whose_sockets_nobody_counts_is_not_taken_for_whole(
    run: Run, home: Path, tmp_path: Path, ports: int
) -> None:
    """`cat` is cut between two lines, and behind the header, as often as anywhere."""
    root = full_host(tmp_path / "proc", ports)
    net = root / "net"
    if not ports:
        (net / "tcp").write_bytes(header(1))
        (net / "sockstat").write_text("sockets: used 1\nTCP: inuse 0 orphan 0 tw 0\n")
    commands = (["check"], ["audit"], ["wait", "--drained", "--timeout=0"])
    whole, report = (
        [run(*one, "--proc", root).code for one in commands],
        run("report", "--json", "--proc", root).json,
    )
    assert whole == [OK, 0, 0 if not ports else 1]
    assert (report["source"]["complete"], report["source"]["complete_known"]) == (True, True)
    (net / "sockstat").unlink()
    ran = [run(*one, "--proc", root) for one in commands]
    assert [one.code for one in ran] == [3, 1, 3]
    assert all("sockstat" in " ".join((one.out + one.err).split()) for one in ran)
    report = run("report", "--json", "--proc", root).json
    assert (report["source"]["complete"], report["source"]["complete_known"]) == (True, False)


def test_a_bundle_says_itself_that_it_is_whole(run: Run, home: Path, tmp_path: Path) -> None:
    """Also of a kernel that has no sockstat; a copy of a copy knows no more than that did."""
    root = full_host(tmp_path / "ticket/proc", 6)
    (root / "net/sockstat").unlink()
    assert run("bundle", tmp_path / "again.tar.gz", "--proc", root).code == 0
    assert run("check", "--proc", tmp_path / "again.tar.gz").code == 3
    said = {"schema": "twtop.bundle/1", "time": None, "byteorder": None, "complete": True}
    (root.parent / "about.json").write_text(json.dumps(said | {"bound_ports": []}))
    assert run("check", "--proc", root).code == OK


def test_a_destination_that_matches_nothing_is_said_to(run: Run, tmp_path: Path) -> None:
    root = full_host(tmp_path / "proc", 6)
    ran = run("check", "--dst", "1.2.3.4:5", "--proc", root)
    assert (ran.code, "no outgoing connections to 1.2.3.4:5" in ran.out) == (OK, True)
    assert run("check", "--dst", "1.2.3.4:5", "--must-exist", "--proc", root).code == 3
    assert run("check", "--dst", "10.0.0.9:443", "--must-exist", "--proc", root).code == OK


@pytest.mark.parametrize(("ports", "bound"), [(6, 48), (0, 60), (6, 400)])
def test_what_may_be_bound_is_said_by_all_where_it_could_matter(
    run: Run, home: Path, tmp_path: Path, ports: int, bound: int
) -> None:
    """No copy lists what is only bound; sockstat tells how many they can be, and they block all."""
    root = full_host(tmp_path / "proc", ports)
    for used in (bound, 47):
        tw = ports // 2
        (root / "net/sockstat").write_text(
            f"sockets: used {used}\nTCP: inuse {1 + ports - tw} orphan 0 tw {tw} alloc 999 mem 1\n"
        )
        matters = used == bound
        said = [
            run(*command, "--proc", root)
            for command in (["check"], ["report"], ["patterns"], ["audit"], ["plan", "--rate=1"])
        ]
        told = [f"up to {bound:,} sockets" in " ".join(ran.out.split()) for ran in said]
        assert told == [matters] * len(said)
        waited = run("wait", "--below=50", "--timeout=0", "--proc", root)
        code = 3 if bound >= SIZE else 1  # fewer locked ports would make it sure
        assert (waited.code, str(bound) in waited.err) == ((code, True) if matters else (0, False))
        assert (run("check", "--proc", root).code, said[3].code) == ((3, 1) if matters else (0, 0))


@pytest.mark.parametrize("reserved", [True, False], ids=["reserved", "listened on"])
def test_without_a_port_in_the_range_nothing_is_fine(
    run: Run, home: Path, tmp_path: Path, reserved: bool
) -> None:
    """connect() fails at once; that nobody has tried yet is no comfort."""
    inside = [] if reserved else [listener("0.0.0.0", LOW + number) for number in range(4)]
    spans = f"1-{LOW + 10}" if reserved else ""
    root = host(tmp_path / "proc", inside, size=4, ip_local_reserved_ports=spans)
    assert run("check", "--proc", root).code == 2
    audit = run("audit", "--json", "--proc", root)
    assert (audit.code, audit.json["findings"][0]["code"]) == (2, "ports-exhausted")
    assert run("wait", "--below=99", "--timeout=0", "--proc", root).code == 1
