"""Whatever is read or typed: no traceback, no hang, no memory beyond what a table takes.

A little of it in every run, and `pytest -m fuzz` for much longer.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict, replace
from functools import reduce
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.test_filter import WORDS
from tests.commands.conftest import Run, run  # noqa: F401 - a fixture
from tests.commands.hosts import PROXY
from tests.commands.test_no_false_ok import HARM, full_host
from tests.findings.situations import look, waits
from tests.kernel.test_sock_diag import EVERY_STATE, Kernel
from tests.kernel.wire import done
from tests.live.fates import Server
from tests.live.scenarios import QUICK
from tests.patience import limit
from tests.private import Lab
from tests.sockets import bind
from tests.tables import reading
from tui.analysis.expressions import FilterError
from tui.analysis.filter import parse_filter
from tui.analysis.frame import judge
from tui.findings.codes import CODES
from tui.findings.config import Config, ConfigError, load_config
from tui.findings.config_file import parse_config
from tui.findings.rules import diagnose
from tui.kernel import sock_diag
from tui.kernel.processes import Owners
from tui.kernel.sock_diag import NLMSG_HEADER, TCPDIAG_GETSOCK, read_sockets
from tui.kernel.sockets import State, TableError
from tui.report.whole import to_dict

ROOM = 512 << 20
"""Bytes that an example may take beyond what the process has."""
SOFT, HARD = resource.getrlimit(resource.RLIMIT_AS)


def lengths(few: int, many: int) -> pytest.MarkDecorator:
    """Run a test with few examples, always the same, and by the marker with many others."""
    long = pytest.param(many, marks=pytest.mark.fuzz)
    return pytest.mark.parametrize("examples", [few, long])


def try_out(check: Callable[[Any], None], what: st.SearchStrategy[Any], examples: int) -> None:
    """Check so many examples; one that hangs or takes too much is a failure."""

    def within_bounds(example: Any) -> None:
        signal.setitimer(signal.ITIMER_REAL, limit())
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM, HARD))
        check(example)

    chosen = settings(
        deadline=None, derandomize=examples < 200, max_examples=examples, database=None
    )
    try:
        chosen(given(what)(within_bounds))()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (SOFT, HARD))


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """What takes too long is a TimeoutError here, as too much memory is a MemoryError."""

    def too_long(number: int, frame: object) -> None:
        raise TimeoutError

    usual = signal.signal(signal.SIGALRM, too_long)
    yield
    signal.signal(signal.SIGALRM, usual)


def real_answers() -> bytes:
    """What the kernel answers for sockets in many states."""
    with ExitStack() as stack:
        stack.enter_context(bind("127.0.0.1", 0))
        server = stack.enter_context(Server("::", 5001))
        for fate in QUICK:
            for to in ("127.0.0.1", "::ffff:127.0.0.2", "::1") * 4:
                fate.come_about(server.connect(to))
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:
            body = struct.pack("=52xII", EVERY_STATE, 0)
            netlink.sendto(
                NLMSG_HEADER.pack(16 + len(body), TCPDIAG_GETSOCK, 0x301, 1, 0) + body, (0, 0)
            )
            answers = [netlink.recv(1 << 16)]
            while not sock_diag._ends(memoryview(answers[-1])):
                answers.append(netlink.recv(1 << 16))
            return b"".join(answers)


Harm = tuple[str, float, int]
harms: st.SearchStrategy[list[Harm]] = st.lists(
    st.tuples(
        st.sampled_from(("cut", "drop", "repeat", "byte", "word", "swap")),
        st.floats(0, 0.999),
        st.sampled_from((0, 1, 4, 16, 88, 255, 1 << 16, 2**31 - 1, 2**31, 2**32 - 1))
        | st.integers(0, 2**32 - 1),
    ),
    max_size=6,
)


def harmed(buffer: bytes, harm: Harm) -> bytes:
    kind, where, number = harm
    at = int(where * len(buffer))
    span = number % 300
    match kind:
        case "cut":
            return buffer[:at]
        case "drop":
            return buffer[:at] + buffer[at + span :]
        case "repeat":
            return buffer[: at + span] + buffer[at:]
        case "byte":
            return buffer[:at] + bytes([number & 255]) + buffer[at + 1 :]
        case "word":
            at &= ~3
            return buffer[:at] + number.to_bytes(4, "little") + buffer[at + 4 :]
    return buffer[at:] + buffer[:at]


def read_whole(buffer: bytes) -> None:
    """Read it as a dump, and say all that is to be said of it."""
    with pytest.MonkeyPatch.context() as patch:
        pieces = [buffer[at : at + 30_000] for at in range(0, len(buffer), 30_000)]
        patch.setattr(socket, "socket", Kernel([*pieces, done()]))
        try:
            table = read_sockets()
        except TableError:
            return
    frame = judge(reading(table))
    listening = int((table.state == State.LISTEN).sum())
    assert int(frame.patterns.total.sum()) + listening == len(table)
    to_dict(frame, Owners({}))


@pytest.mark.live
@lengths(150, 5000)
def test_answers_of_the_kernel(lab: Lab, examples: int) -> None:
    """Real ones, then with some of it lost, doubled, overwritten; and noise."""
    real = lab.call(real_answers)
    read_whole(real)
    noise = st.binary(max_size=2000)
    try_out(read_whole, harms.map(lambda some: reduce(harmed, some, real)) | noise, examples)


KEYS = [(name, key) for name, section in asdict(Config()).items() if section for key in section]
VALUES = ("1", "-1", "0.5", "1e400", "nan", "true", '"x"', "[]", "{}", "[[", "9" * 400)
key_lines = st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(
    lambda one: f"[{one[0][0]}]\n{one[0][1]} = {one[1]}"
)
silences = st.tuples(st.sampled_from([*CODES, "x"]), st.text(max_size=9)).map(
    lambda one: f'[[silence]]\ncode = "{one[0]}"\nsubject = {one[1]!r}'
)
config_texts = st.lists(
    key_lines | silences | st.text(max_size=20) | st.sampled_from(["[" * 2000, "a." * 2000]),
    max_size=4,
).map("\n".join)


@lengths(100, 5000)
def test_settings(examples: int) -> None:
    full = look(*waits(1000))

    def check(text: str) -> None:
        try:
            chosen = parse_config(text, CODES)
        except ConfigError:
            return
        diagnose(replace(full, config=chosen))

    try_out(check, config_texts, examples)


words = st.sampled_from([*"()>=!:,[-/%|&", *WORDS]) | st.text(max_size=5)
filter_texts = st.lists(words, max_size=12).map(" ".join) | st.tuples(
    words, st.sampled_from((2, 30, 100_000))
).map(lambda one: f"{one[0]} " * one[1])


@lengths(100, 10_000)
def test_filters(examples: int) -> None:
    frame = look(*waits(100)).frame

    def check(text: str) -> None:
        with suppress(FilterError):
            made = parse_filter(text)
            assert made is None or len(made.rows(frame)) == len(frame.table)

    try_out(check, filter_texts, examples)


def sparse(path: Path, where: float) -> None:
    os.truncate(path, 8 << 30)


def ring(path: Path, where: float) -> None:
    path.unlink()
    path.symlink_to(path.name)


def noise(path: Path, where: float) -> None:
    path.write_bytes(Random(where).randbytes(5000))


def bustle(root: Path) -> Path:
    """A host whose every kind of file is there to be spoilt."""
    full_host(root, 40)
    for name in ("stat", "comm", "status", "cgroup", "net/tcp"):
        path = root / "77" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("77 (a) S 1 77 77 0 -1\n")
    (root / "77/fd").mkdir()
    (root / "77/fd/3").symlink_to("socket:[4711]")
    for name in ("net/netstat", "net/snmp", "net/sockstat6", "net/stat/nf_conntrack"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("TcpExt: TW\nTcpExt: 1\n")
    return root


spoils = st.lists(
    st.tuples(
        st.integers(0, 99), st.sampled_from((*HARM, sparse, ring, noise)), st.floats(0, 0.99)
    ),
    min_size=1,
    max_size=4,
)


@lengths(12, 500)
def test_trees(
    run: Run,  # noqa: F811
    tmp_path: Path,
    examples: int,
) -> None:
    """Files that never end, never answer or lead in a ring, in the tree that --proc reads."""

    def check(some: list[tuple[int, Callable[[Path, float], None], float]]) -> None:
        root = bustle(Path(tempfile.mkdtemp(dir=tmp_path)) / "proc")
        files = sorted(one for one in root.rglob("*") if one.is_file() and not one.is_symlink())
        # Each once: one that has become endless cannot be cut.
        once = {files[number % len(files)]: (spoil, where) for number, spoil, where in some}
        for path, (spoil, where) in once.items():
            spoil(path, where)
        for command in (["report", "--json"], ["audit"], ["check"]):
            ran = run(*command, "--proc", root)
            assert ran.code in range(4)
            assert len(ran.err.splitlines()) <= 1
            assert "Error:" not in ran.out, "what only the supervisor of a check has caught"
        shutil.rmtree(root.parent)

    try_out(check, spoils, examples)


@pytest.mark.parametrize(
    "words",
    [
        ["audit", "--baseline", "/dev/zero", "--proc", PROXY],
        ["check", "--fleet", "http://127.0.0.1:9", "--token-file", "/dev/zero", "-w", "9"],
    ],
    ids=lambda words: words[0],
)
def test_a_users_own_file_that_never_ends(run: Run, words: list[Any]) -> None:  # noqa: F811
    signal.setitimer(signal.ITIMER_REAL, limit())
    try:
        ran = run(*words)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert ran.code == (3 if words[0] == "check" else 64)
    assert "File too large" in ran.out + ran.err


def test_settings_that_never_end(tmp_path: Path) -> None:
    (tmp_path / "config.toml").symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="File too large"):
        load_config(tmp_path / "config.toml", CODES)
