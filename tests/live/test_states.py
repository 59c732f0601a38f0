"""Thousands of sockets in every state: the report counts them as ss does, from either source."""

import math
import re
import shutil
import socket
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import IPv6Address
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.live.fates import STATES, Fate, Server, settle
from tests.live.report import KINDS, Kind, Report, read_report
from tests.patience import limit, start_seconds
from tests.private import Lab
from tests.sockets import bind, connect, listen, tcp
from tui.lab.namespace import OWN, sysctl

pytestmark = pytest.mark.live

LOW, HIGH = 32_768, 60_999
TRIES = 5
OUTSIDE, INSIDE, DEFERRED, FULL = 5001, 40_001, 5002, 5003
LOCALLY = 40_002
DESTINATIONS = (
    "127.0.0.1",
    "127.0.0.2",
    "::ffff:127.0.0.1",
    "::ffff:127.0.0.3",
    "::1",
    OWN.v4[0],
    OWN.v6[0],
)
NUMBERS = {
    Fate.ESTABLISHED: 100,
    Fate.CLIENT_CLOSED: 250,
    Fate.SERVER_CLOSED: 60,
    Fate.FIN_WAIT2_OPEN: 20,
    Fate.FIN_WAIT2_ORPHAN: 21,
    Fate.FIN_WAIT2_MINI: 22,
    Fate.CLOSE_WAIT: 23,
    Fate.FIN_WAIT1: 5,
    Fate.LAST_ACK: 6,
    Fate.CLOSING: 7,
}
SYNS = 30
SECONDS_A_START = 2.0
"""On a machine that starts slower there are fewer: a TIME-WAIT lasts a minute there too."""
SS_NAMES = {"ESTAB": "ESTABLISHED", "UNCONN": "CLOSE"}


@contextmanager
def zoo() -> Iterator[None]:
    """Sockets in every state and every kind of pattern, at rest."""
    expected: Counter[str] = Counter()
    sysctl("ipv4.ip_local_port_range", f"{LOW} {HIGH}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    share = min(1, SECONDS_A_START / start_seconds())
    with ExitStack() as stack:
        servers = [stack.enter_context(Server("::", port, tiny=True)) for port in (OUTSIDE, INSIDE)]
        # Those with ports of their own come before connect() takes any.
        # Local ports that are neither ephemeral nor listened on: a client's own list, and one.
        for index, fate in enumerate((Fate.ESTABLISHED, Fate.CLIENT_CLOSED) * 20):
            fate.come_about(servers[0].connect("127.0.0.1", "127.0.0.9", 20_000 + index))
            expected += fate.states
        servers[0].connect("127.0.0.1", "127.0.0.10", 20_000)
        # A port that is listened on, but at another address.
        stack.enter_context(listen(OWN.v4[1], LOCALLY))
        servers[0].connect("127.0.0.1", "127.0.0.1", LOCALLY)
        stack.enter_context(connect(OWN.v4[1], LOCALLY))
        expected += Counter(LISTEN=3, ESTABLISHED=6)

        for ip in ("127.0.0.1", "::1"):
            stack.enter_context(bind(ip, LOCALLY + 1))
            stack.enter_context(listen(ip, LOCALLY + 2, reuse_port=True))
            stack.enter_context(listen(ip, LOCALLY + 2, reuse_port=True))
            deferred = stack.enter_context(listen(ip, DEFERRED))
            # A connection that has sent nothing yet is none for the server.
            deferred.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
            for _ in range(SYNS):
                stack.enter_context(connect(ip, DEFERRED))
            # A full queue drops SYNs; one has gone in before.
            stack.enter_context(listen(ip, FULL, backlog=0))
            stack.enter_context(connect(ip, FULL))
            for _ in range(SYNS):
                client = stack.enter_context(tcp(ip))
                client.setblocking(False)
                with suppress(BlockingIOError):
                    client.connect((ip, FULL))
            expected += Counter(LISTEN=4, ESTABLISHED=2 + SYNS, SYN_RECV=SYNS, SYN_SENT=SYNS)
        for server in servers:
            for ip in DESTINATIONS:
                for fate, number in NUMBERS.items():
                    for _ in range(math.ceil(share * number)):
                        fate.come_about(server.connect(ip))
                        expected += fate.states
        # The later connections of a loop may have come from ports of a server's TIME-WAITs.
        closed = expected.pop("TIME_WAIT")
        settle(expected, optional=Counter(TIME_WAIT=closed))
        yield


class Row(NamedTuple):
    """A line of ss."""

    state: str
    local_ip: str
    local_port: int
    remote_ip: str
    remote_port: int


class Key(NamedTuple):
    """A pattern of the report."""

    direction: str
    local_ip: str
    local_port: int | None
    remote_ip: str
    remote_port: int | None


class Seen(NamedTuple):
    """What ss and the report said of the same sockets."""

    before: str
    reports: dict[Kind, Report]
    after: str
    mini_sockets: int

    @property
    def is_settled(self) -> bool:
        """Whether nothing came or went between the two looks of ss."""
        return sorted(_rows(self.before)) == sorted(_rows(self.after))


def look() -> Seen:
    for kind in KINDS:  # what that imports takes longer than a TIME-WAIT where all is slow
        read_report(kind)
    with zoo():
        for _ in range(TRIES):
            before = _ss()
            reports = {kind: read_report(kind) for kind in KINDS}
            seen = Seen(before, reports, _ss(), _mini_sockets())
            if seen.is_settled:
                break
        return seen


def _mini_sockets() -> int:
    """How many sockets have a TIME-WAIT's timer."""
    return sum(
        line.split()[5].startswith("03:")
        for name in ("tcp", "tcp6")
        for line in Path("/proc/self/net", name).read_text().splitlines()[1:]
    )


def _ss() -> str:
    return subprocess.run(
        ["ss", "-tanH"], capture_output=True, text=True, timeout=limit(), check=True
    ).stdout


def _rows(text: str) -> list[Row]:
    rows = []
    for line in text.splitlines():
        state, _, _, local, remote = line.split()[:5]
        state = SS_NAMES.get(state) or re.sub(r"-(?=\d)", "", state).replace("-", "_")
        if state == "CLOSE":  # newer versions list what is bound and nothing else
            continue
        rows.append(Row(state, *_end(local), *_end(remote)))
    return rows


def _end(text: str) -> tuple[str, int]:
    ip, _, port = text.rpartition(":")
    ip = ip.strip("[]")
    if ":" in ip and (mapped := IPv6Address(ip).ipv4_mapped):
        ip = str(mapped)
    return ip, 0 if port == "*" else int(port)


def _patterns(rows: list[Row]) -> dict[Key, Counter[str]]:
    listened = {(row.local_ip, row.local_port) for row in rows if row.state == "LISTEN"}
    toward = Counter((row.local_ip, row.remote_ip, row.remote_port) for row in rows)
    patterns: dict[Key, Counter[str]] = defaultdict(Counter)
    for state, local_ip, local_port, remote_ip, remote_port in rows:
        if state == "LISTEN":
            continue
        if any((ip, local_port) in listened for ip in (local_ip, "*", "0.0.0.0", "::")):
            key = Key("incoming", local_ip, local_port, remote_ip, None)
        elif LOW <= local_port <= HIGH or toward[local_ip, remote_ip, remote_port] > 1:
            key = Key("outgoing", local_ip, None, remote_ip, remote_port)
        else:
            key = Key("other", local_ip, None, remote_ip, None)
        patterns[key][state] += 1
    return dict(patterns)


@pytest.fixture(scope="module")
def seen(lab: Lab) -> Seen:
    if shutil.which("ss") is None:
        pytest.skip("ss (iproute2) is missing")
    seen = lab.call(look)
    assert seen.is_settled
    return seen


@pytest.mark.parametrize("kind", KINDS)
class TestAgainstSs:
    def test_every_state_is_there(self, seen: Seen, kind: Kind) -> None:
        assert {state for state, count in seen.reports[kind].said["states"].items() if count} == {
            *STATES.values()
        } - {"CLOSE"}

    def test_states(self, seen: Seen, kind: Kind) -> None:
        counted = Counter(row.state for row in _rows(seen.before))
        assert Counter(seen.reports[kind].said["states"]) == counted

    def test_patterns(self, seen: Seen, kind: Kind) -> None:
        said = seen.reports[kind].said["patterns"]
        found = {
            Key(*(pattern[name] for name in Key._fields)): Counter(pattern["states"])
            for pattern in said
        }
        assert len(found) == len(said)
        assert {key.direction for key in found} == {"outgoing", "incoming", "other"}
        assert found == _patterns(_rows(seen.before))

    def test_remote_ips(self, seen: Seen, kind: Kind) -> None:
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for row in _rows(seen.before):
            if row.state != "LISTEN":
                counted[row.remote_ip][row.state] += 1
        said = seen.reports[kind].said["remote_ips"]
        assert {remote["ip"]: Counter(remote["states"]) for remote in said} == counted

    def test_listeners(self, seen: Seen, kind: Kind) -> None:
        # ss writes both families' wildcard as a star.
        counted = [
            (row.local_ip.replace("*", "::"), row.local_port)
            for row in _rows(seen.before)
            if row.state == "LISTEN"
        ]
        said = seen.reports[kind].said["listeners"]
        assert sorted((one["local_ip"], one["port"]) for one in said) == sorted(counted)

    def test_the_table_is_whole(self, seen: Seen, kind: Kind) -> None:
        source = seen.reports[kind].said["source"]
        assert (source["kind"], source["complete"]) == (kind, True)
        assert (source["duplicates"], source["bad_lines"]) == (0, 0)

    def test_time_waits_are_as_many_as_the_kernel_counts(self, seen: Seen, kind: Kind) -> None:
        said = seen.reports[kind].said
        assert said["time_wait"]["count"] == said["states"]["TIME_WAIT"]
        assert said["counters"]["tw"] == seen.mini_sockets > said["states"]["TIME_WAIT"]


def test_both_sources_report_the_same(seen: Seen) -> None:
    proc, sock_diag = (seen.reports[kind].said for kind in KINDS)
    for said in (proc, sock_diag):  # who holds them is no part of a source, and has a deadline
        for record in (*said["patterns"], *said["listeners"]):
            record["process"] = None
    for name in ("states", "ephemeral", "patterns", "remote_ips"):
        assert proc[name] == sock_diag[name]
    assert None not in {one["backlog_limit"] for one in sock_diag["listeners"]}
    assert proc["listeners"] == sock_diag["listeners"]


Socket = tuple[int, ...]


def read_both() -> tuple[dict[Kind, dict[Socket, int]], float]:
    """Every socket with its timer's remaining milliseconds, and how far apart they were read."""
    from tui.kernel import procfs, sock_diag
    from tui.kernel.sockets import SocketTable

    def sockets(table: SocketTable) -> dict[Socket, int]:
        columns = (
            table.address_hi[table.local_ip],
            table.address_lo[table.local_ip],
            table.local_port,
            table.address_hi[table.remote_ip],
            table.address_lo[table.remote_ip],
            table.remote_port,
            table.state,
            table.timer,
            table.rx_queue,
            table.tx_queue,
            table.uid,
            table.inode,
        )
        found = zip(*(column.tolist() for column in columns), strict=True)
        return dict(zip(found, table.remaining_ms.tolist(), strict=True))

    with zoo():
        for _ in range(TRIES):  # on a busy machine a timer or a queue may just be changing
            began = time.monotonic()
            seen: dict[Kind, dict[Socket, int]] = {
                "proc": sockets(procfs.read_sockets(Path("/proc"))),
                "sock_diag": sockets(sock_diag.read_sockets()),
            }
            took = time.monotonic() - began
            if set(seen["proc"]) == set(seen["sock_diag"]):
                break
            time.sleep(0.2)
        return seen, took


def test_both_sources_see_the_same_sockets(lab: Lab) -> None:
    seen, seconds = lab.call(read_both)
    assert set(seen["proc"]) == set(seen["sock_diag"])
    for row, remaining in seen["proc"].items():
        if STATES[row[6]] == "TIME_WAIT":  # /proc counts in ticks of 10 ms
            passed = remaining - seen["sock_diag"][row]
            assert -20 <= passed <= 1000 * seconds + 20
