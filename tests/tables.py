"""Sockets as tests make them: written out plainly, as tables, as frames, and at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from ipaddress import IPv6Address, ip_address
from operator import attrgetter
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from tui.analysis.frame import Frame, judge
from tui.kernel.parameters import Parameter
from tui.kernel.places import Place
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import (
    ROW_TYPES,
    UNKNOWN_LIMIT,
    V4_MAPPED,
    RawSockets,
    SocketTable,
    State,
    Timer,
    build,
)
from tui.kernel.source import Reading

FIXTURES = Path(__file__).parent / "fixtures"
KERNELS = (
    "6.18-idle-host",
    "6.18-proxy",
    "6.18-ipv6-and-mapped",
    "6.18-every-state",
    "4.19-old-kernel",
    "no-ipv6",
    "garbled",
)
"""The fixtures of little-endian kernels."""
NOW = 1_700_000_000.0
PLACE = Place(Path("/proc"), "web-1", "host", 4026531840)

steady = settings(deadline=None, derandomize=True)
"""For properties: the same examples at each run, and none is too slow."""


@dataclass(frozen=True)
class Sock:
    """One socket; a v4-mapped address is written ``::ffff:1.2.3.4``."""

    local: str = "10.0.0.5"
    local_port: int = 40000
    remote: str = "10.0.0.9"
    remote_port: int = 443
    state: State = State.ESTABLISHED
    timer: int = 0
    remaining_ms: int = 0
    rx_queue: int = 0
    tx_queue: int = 0
    uid: int = 0
    inode: int = 0
    backlog_limit: int = field(default=0, compare=False)
    """Of a listener; only sock_diag tells."""
    device: int = field(default=0, compare=False)
    """Index of the interface; only sock_diag tells."""


def listener(
    local: str = "0.0.0.0",
    port: int = 80,
    inode: int = 1,
    backlog: int = 0,
    backlog_limit: int = UNKNOWN_LIMIT,
) -> Sock:
    nobody = "::" if ":" in local else "0.0.0.0"
    return Sock(
        local,
        port,
        nobody,
        0,
        State.LISTEN,
        rx_queue=backlog,
        inode=inode,
        backlog_limit=backlog_limit,
    )


def waiting(
    local_port: int = 40000,
    remaining_ms: int = 30_000,
    *,
    local: str = "10.0.0.5",
    remote: str = "10.0.0.9",
    remote_port: int = 443,
) -> Sock:
    return Sock(
        local, local_port, remote, remote_port, State.TIME_WAIT, Timer.TIME_WAIT, remaining_ms
    )


@cache
def whole(ip: str) -> int:
    """The address's 128 bits, an IPv4 one as its v4-mapped form."""
    address = ip_address(ip)
    return int(address) | (V4_MAPPED if address.version == 4 else 0)


def folded(ip: str) -> str:
    """The address as people write it: a v4-mapped one is the IPv4 one."""
    address = IPv6Address(whole(ip))
    return str(address.ipv4_mapped or address)


def fold(sock: Sock) -> Sock:
    return replace(sock, local=folded(sock.local), remote=folded(sock.remote))


def rows(socks: Sequence[Sock]) -> RawSockets:
    """The sockets as a reader hands them over."""
    half = (1 << 64) - 1
    columns = {
        "local_hi": [whole(sock.local) >> 64 for sock in socks],
        "local_lo": [whole(sock.local) & half for sock in socks],
        "remote_hi": [whole(sock.remote) >> 64 for sock in socks],
        "remote_lo": [whole(sock.remote) & half for sock in socks],
    }
    plain = [column.name for column in fields(Sock) if column.name not in ("local", "remote")]
    columns |= {name: [*map(attrgetter(name), socks)] for name in plain}
    return RawSockets(**{name: np.array(columns[name], kind) for name, kind in ROW_TYPES.items()})


def table(*socks: Sock, bound_ports: Iterable[int] = (), complete: bool = True) -> SocketTable:
    return build([rows(socks)], bound_ports=np.array([*bound_ports], np.uint16), complete=complete)


def socks(found: SocketTable) -> list[Sock]:
    """The table's rows in plain Python, addresses folded."""
    columns = (
        getattr(found, column.name).tolist()
        for column in fields(Sock)
        if column.name not in ("local", "remote")
    )
    local = map(found.ip, found.local_ip.tolist())
    remote = map(found.ip, found.remote_ip.tolist())
    return [
        Sock(near, port, far, far_port, State(state), *rest)
        for near, far, port, far_port, state, *rest in zip(local, remote, *columns, strict=True)
    ]


def states(found: SocketTable) -> dict[str, int]:
    """How many sockets are in each state, without the empty ones."""
    counts = np.bincount(found.state, minlength=12)
    return {state.name: int(counts[state]) for state in State if counts[state]}


def rules(
    low: int = 40000,
    high: int = 40009,
    reserved: tuple[tuple[int, int], ...] = (),
    reuse_mode: int = 0,
    reuse_delay_ms: int = 1000,
    timestamps: bool = True,
) -> PortRules:
    return PortRules(low, high, reserved, reuse_mode, reuse_delay_ms, timestamps)


def parameters(rules: PortRules) -> tuple[Parameter, ...]:
    """The sysctls that say what ``rules`` says."""
    values = {
        "ip_local_port_range": f"{rules.low} {rules.high}",
        "ip_local_reserved_ports": ",".join(f"{first}-{last}" for first, last in rules.reserved),
        "tcp_tw_reuse": str(rules.reuse_mode),
        "tcp_tw_reuse_delay": str(rules.reuse_delay_ms),
        "tcp_timestamps": str(int(rules.timestamps)),
    }
    if rules.time_wait_set:
        values["tcp_tw_timeout"] = str(rules.time_wait_ms // 1000)
    return tuple(
        Parameter(f"net.ipv4.{name}", text, None, "a test") for name, text in values.items()
    )


def reading(
    found: SocketTable,
    given: PortRules | None = None,
    *,
    time: float = NOW,
    table_time: float | None = None,
    counters: Mapping[str, int] | None = None,
) -> Reading:
    return Reading(
        place=PLACE,
        table=found,
        parameters=parameters(given or rules()),
        counters=counters or {},
        kind="proc",
        read_seconds=0.0,
        table_time=time if table_time is None else table_time,
        time=time,
    )


def frame(
    *found: Sock,
    given: PortRules | None = None,
    time: float = NOW,
    counters: Mapping[str, int] | None = None,
    complete: bool = True,
) -> Frame:
    return judge(reading(table(*found, complete=complete), given, time=time, counters=counters))


def later(dump: Frame, time: float, counters: Mapping[str, int] | None = None) -> Frame:
    """The frame between two dumps: the table of the last one, and counters of now."""
    given = dump.counters if counters is None else counters
    return replace(dump, reading=replace(dump.reading, time=time, counters=given))


class Clock:
    """Stands in for the module ``time`` of what is tested; it moves only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.cpu = 0.0

    def monotonic(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.cpu

    def time(self) -> float:
        return NOW + self.now

    def clock_getres(self, clock: int) -> float:
        return 0.004


ENDS = (
    ("10.0.0.5", "10.0.0.9"),
    ("::ffff:10.0.0.5", "::ffff:10.0.0.9"),
    ("10.0.0.6", "10.0.0.9"),
    ("10.0.0.6", "::ffff:127.0.0.1"),
    ("127.0.0.1", "127.4.5.6"),
    ("2001:db8::5", "2001:db8::9"),
    ("::1", "::1"),
)
"""Local and remote addresses of which some meet."""
ANYWHERE = ("0.0.0.0", "::")
PORTS = (80, 39999, 40000, 40001, 40002, 40003, 40009, 40010)
"""On both sides of the edges of the range that rules() has."""

open_states = st.sampled_from([state for state in State if state != State.LISTEN])
times_left = st.sampled_from((0, 10, 990, 1000, 58_990, 59_000, 59_010, 60_000)) | st.integers(
    0, 60_000
)


@st.composite
def crossing_socks(draw: st.DrawFn) -> Sock:
    """A socket of a few addresses and ports, so that several meet in one pattern."""
    local, remote = draw(st.sampled_from(ENDS))
    port, state = draw(st.sampled_from(PORTS)), draw(open_states)
    if draw(st.integers(0, 5)) == 0:
        ip = draw(st.sampled_from((local, *ANYWHERE)))
        return listener(ip, port, draw(st.integers(1, 3)))
    timer = draw(st.integers(0, 4))
    return Sock(
        local=local,
        local_port=port,
        remote=remote,
        remote_port=draw(st.sampled_from(PORTS)),
        state=state,
        timer=Timer.TIME_WAIT if state == State.TIME_WAIT else timer,
        remaining_ms=draw(times_left),
    )


crossing = st.lists(crossing_socks(), max_size=40)
"""Small tables with duplicates, mapped addresses, and listeners in the range."""


@st.composite
def any_rules(draw: st.DrawFn) -> PortRules:
    """Rules around the range of rules()."""
    ends = sorted(draw(st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS))))
    spans = st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS))
    return rules(
        low=ends[0],
        high=ends[1],
        reserved=tuple((min(span), max(span)) for span in draw(st.lists(spans, max_size=2))),
        reuse_mode=draw(st.integers(0, 2)),
        reuse_delay_ms=draw(st.sampled_from((1, 10, 1000, 60_000))),
        timestamps=draw(st.booleans()),
    )
