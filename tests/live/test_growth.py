"""While thousands of sockets a second are added, no poll hangs and none miscounts.

Reading /proc to its end may never finish on a table that grows, and shows sockets twice: just
what a load test does to it.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.fates import Fate, Server, settle
from tests.live.report import KINDS, Kind
from tests.private import Lab
from tui.lab.namespace import OWN, die_with, sysctl

pytestmark = pytest.mark.live

PER_SECOND = 3_000
SECONDS = 4.0
EFFORT_SECONDS = 1.0
"""A hundred times what such a table takes; a poll that went on would use it up and be cut."""
QUIET, BUSY = 5001, 5002
AT_REST = {Fate.CLIENT_CLOSED: 3_000, Fate.ESTABLISHED: 200}
V4, V6 = [f"127.0.1.{last}" for last in range(1, 51)], ["::1", *OWN.v6]
"""So many that no destination gets near the half of its ports, where connect() slows down."""

Socket = tuple[int, int, int, int]


class Poll(NamedTuple):
    """What one reading of the table came to."""

    complete: bool
    bad_lines: int
    sockets: int
    times_seen: Counter[int]
    """How many of the sockets at rest were seen how often."""


def polls() -> tuple[int, dict[Kind, list[Poll]]]:
    """How many sockets are at rest, and what the polls of each kind see while others come."""
    sysctl("ipv4.tcp_tw_reuse", 0)
    with Server("::", QUIET) as server:
        expected = Counter(LISTEN=1)
        for ip in ("127.0.0.1", "::1"):
            for fate, number in AT_REST.items():
                for _ in range(number):
                    fate.come_about(server.connect(ip))
                    expected += fate.states
        settle(expected)
        at_rest = _plainly_read()
        assert len(at_rest) == expected.total()
        made: dict[Kind, list[Poll]] = {kind: [] for kind in KINDS}
        with beside(_grow):
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                for kind, polled in made.items():
                    polled.append(_poll(kind, at_rest))
                    time.sleep(0.05)
        return len(at_rest), made


@contextmanager
def beside(work: Callable[[], None]) -> Iterator[None]:
    """Another process does this for as long as it lasts."""
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            die_with(parent)
            work()
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _grow() -> None:
    with Server("::", BUSY) as server:
        began = time.monotonic()
        for index in range(int(PER_SECOND * 4 * SECONDS)):
            ips = V6 if index % 3 == 0 else V4
            Fate.CLIENT_CLOSED.come_about(server.connect(ips[index % len(ips)]))
            server.pairs.clear()
            time.sleep(max(0, began + index / PER_SECOND - time.monotonic()))


def _poll(kind: Kind, at_rest: set[Socket]) -> Poll:
    from tui.kernel import procfs, sock_diag
    from tui.kernel.effort import Effort

    effort = Effort(EFFORT_SECONDS)
    table = (
        procfs.read_sockets(Path("/proc/thread-self"), effort)
        if kind == "proc"
        else sock_diag.read_sockets(effort)
    )
    addresses = [
        hi << 64 | lo
        for hi, lo in zip(table.address_hi.tolist(), table.address_lo.tolist(), strict=True)
    ]
    seen = Counter(
        (addresses[local], local_port, addresses[remote], remote_port)
        for local, local_port, remote, remote_port in zip(
            table.local_ip.tolist(),
            table.local_port.tolist(),
            table.remote_ip.tolist(),
            table.remote_port.tolist(),
            strict=True,
        )
    )
    times_seen = Counter(seen[one] for one in at_rest)
    return Poll(table.complete, table.bad_lines, len(table), times_seen)


def _plainly_read() -> set[Socket]:
    return {
        (*_end(local), *_end(remote))
        for name in ("tcp", "tcp6")
        for line in Path("/proc/self/net", name).read_text().splitlines()[1:]
        for local, remote in [line.split()[1:3]]
    }


def _end(text: str) -> tuple[int, int]:
    address, port = text.split(":")
    words = [bytes.fromhex(address[i : i + 8]) for i in range(0, len(address), 8)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    mapped = 0xFFFF << 32 if len(words) == 1 else 0
    return mapped | int.from_bytes(b"".join(words), "big"), int(port, 16)


def test_polls_end_and_count_what_is_at_rest_once(lab: Lab) -> None:
    at_rest, by_kind = lab.call(polls)
    for kind, made in by_kind.items():
        grown = made[-1].sockets - made[0].sockets
        if grown < PER_SECOND * SECONDS / 2:
            pytest.skip(f"this machine added only {grown} sockets in {SECONDS} s")
        for poll in made:
            assert poll.complete, kind
            assert poll.bad_lines == 0, kind
            assert poll.times_seen == {1: at_rest}, kind
