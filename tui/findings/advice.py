"""What to do about ports, in words that are true of the kernel; shared by the rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from ipaddress import ip_address

import numpy as np

from tui.analysis.forecast import RECENT
from tui.analysis.frame import Frame
from tui.analysis.patterns import PatternKey
from tui.analysis.ports import PORTS, sustainable_rate
from tui.analysis.timewait import SECONDS
from tui.findings.finding import Remedy
from tui.findings.situation import Situation
from tui.kernel.sockets import State, Timer

WIDEST = (1024, 65535)
"""The kernel refuses to go below ip_unprivileged_port_start, 1024 unless someone lowered it
(net/ipv4/sysctl_net_ipv4.c, ipv4_local_port_range). First and last differ in parity, as it
asks for."""
PLAN_SECONDS = SECONDS + 2
"""How long to reckon with a TIME-WAIT: the timer wheel removes it up to 2 s late."""
WORTH_WIDENING = 1.1
"""How many times the present capacity the widest range must give to be worth the trouble."""

POOL = Remedy(
    "Keep connections open and share them (keep-alive, a connection pool): what is not closed "
    "needs no port anew",
    unless="every connection has to be its own, as in a load test of connecting itself",
)
SERVER_CLOSES = Remedy(
    "Let the server close first: TIME-WAIT stays with the side that does, and on the server's "
    "port it blocks nobody, since a SYN is accepted into it",
    unless="the protocol has the client end the talk",
)
_RECYCLE_AND_BUCKETS = (
    "tcp_tw_recycle (gone since Linux 4.12; it broke clients behind NAT) and a low "
    "tcp_max_tw_buckets (it drops TIME-WAIT's protection: old segments can hit new connections)"
)
REFUSED = Remedy(
    "Leave three others alone: tcp_fin_timeout (TIME-WAIT is 60 s, compiled in; it shortens "
    f"FIN-WAIT-2 only), {_RECYCLE_AND_BUCKETS}"
)
REFUSED_WITH_FIN_WAIT2 = Remedy(f"Leave two others alone: {_RECYCLE_AND_BUCKETS}")
"""Where FIN-WAIT-2 holds the ports, tcp_fin_timeout is what gives them back."""
NO_PORT_OPTION = Remedy(
    "In the client set IP_BIND_ADDRESS_NO_PORT (24, at level IPPROTO_IP, since Linux 4.2) before "
    "it binds its address to port 0, or do not bind at all: the port is then chosen by "
    "connect(), and each destination has the whole range to itself",
    unless="the client must know its port before it connects",
)


@dataclass(frozen=True, slots=True)
class Widening:
    """What the widest range would bring in this namespace."""

    low: int
    high: int
    capacity: int
    reserved: str
    """What ip_local_reserved_ports must then hold, so that daemons find their ports free."""

    @property
    def command(self) -> str:
        """Reserves first: between two commands a client could take a daemon's port."""
        reserve = f'net.ipv4.ip_local_reserved_ports="{self.reserved}" ' if self.reserved else ""
        return f'sysctl -w {reserve}net.ipv4.ip_local_port_range="{self.low} {self.high}"'


def widening(frame: Frame) -> Widening | None:
    """Return what the widest range would bring, None if it is hardly wider."""
    table, ports = frame.table, frame.ports
    low, high = min(WIDEST[0], ports.low), max(WIDEST[1], ports.high)
    taken = np.zeros(PORTS, bool)
    taken[table.local_port[table.state == State.LISTEN]] = True
    taken[table.bound_ports] = True
    outside = taken.copy()
    outside[: WIDEST[0]] = outside[ports.low : ports.high + 1] = False
    reserve = _reserved(frame) | outside
    taken |= reserve
    capacity = int((~taken[low : high + 1]).sum())
    if capacity < WORTH_WIDENING * max(ports.capacity, 1):
        return None
    return Widening(low, high, capacity, spans_text(reserve))


def _reserved(frame: Frame) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    reserved = np.zeros(PORTS, bool)
    for first, last in frame.rules.reserved:
        reserved[first : last + 1] = True
    return reserved


def reserve_command(frame: Frame, ports: list[int]) -> str:
    """Return the command that reserves these ports besides those that are: it sets the list."""
    reserved = _reserved(frame)
    reserved[ports] = True
    return f'sysctl -w net.ipv4.ip_local_reserved_ports="{spans_text(reserved)}"'


def spans_text(chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    """Return ports, given as 65,536 bools, as ip_local_reserved_ports lists them."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))
    spans = edges.reshape(-1, 2).tolist()
    return ",".join(
        str(first) if first == end - 1 else f"{first}-{end - 1}" for first, end in spans
    )


def closings_per_second(frame: Frame, index: int) -> float:
    """Return a pattern's closings per second of late; 0 beyond those that are tracked."""
    closings = frame.time_wait.by_pattern
    return int(closings[index, :RECENT].sum()) / RECENT if index < len(closings) else 0.0


def busiest_per_second(frame: Frame, index: int) -> float:
    """Return a pattern's closings per second in the busiest seconds of the last minute.

    That, not the present rate, is what ports are wanted for: where none is left, the present
    rate is only what gets through.
    """
    closings = frame.time_wait.by_pattern
    if index >= len(closings):
        return 0.0
    sums = np.convolve(frame.time_wait.closings_of(index), np.ones(RECENT), "valid")
    return float(sums.max()) / RECENT


def more_ports(
    frame: Frame, index: int, wider: Widening | None, unclosed: Unclosed | None
) -> tuple[Remedy, ...]:
    """Return what helps an outgoing pattern that is short of ports, the best first.

    What frees TIME-WAITs comes first where they hold most of the ports, and is left out where
    open connections do: those keep their ports whatever TIME-WAIT does.
    """
    if unclosed is not None:
        return (*unclosed.remedies, *_more_ports(frame, index, wider), REFUSED_WITH_FIN_WAIT2)
    return (*_more_ports(frame, index, wider), REFUSED)


def _more_ports(frame: Frame, index: int, wider: Widening | None) -> list[Remedy]:
    patterns = frame.patterns
    key, reuse = patterns.key(index), bool(patterns.reuse[index])
    waiting = int(patterns.time_wait[index])
    rate = 0.0 if reuse else busiest_per_second(frame, index)
    mostly_waiting = 2 * waiting >= int(patterns.in_use[index])
    found = [POOL]
    if mostly_waiting and not reuse:
        found.append(_reuse(frame, key, waiting))
    if wider is not None:
        found.append(_widen(frame, wider, rate, reuse=reuse))
    found.append(_more_sources(frame, key, rate, wider))
    found.append(_more_destinations(frame, key))
    if mostly_waiting:
        found.append(SERVER_CLOSES)
    return found


def _reuse(frame: Frame, key: PatternKey, waiting: int) -> Remedy:
    delay = frame.rules.reuse_delay_ms / 1000
    timestamps = "" if frame.rules.timestamps else "net.ipv4.tcp_timestamps=1 "
    later = "" if frame.rules.timestamps else ", of connections opened with timestamps,"
    loopback = any(ip_address(ip).is_loopback for ip in (key.local_ip, key.remote_ip))
    mode = 2 if loopback else 1  # 2, the kernel's default, is for loopback alone
    what = (
        f"Let connect() take over TIME-WAITs older than {delay:g} s{later} with "
        f"tcp_tw_reuse={mode}: of the {waiting:,} there are, all but those of the last {delay:g} s"
    )
    command = f"sysctl -w {timestamps}net.ipv4.tcp_tw_reuse={mode}"
    if loopback:
        return Remedy(what, command, "Linux is older than 4.19, which knows 0 and 1 only")
    return Remedy(
        what,
        command,
        "the way there leads through a NAT or a balancer that several hosts share: their "
        "timestamps do not go together, and the far side may drop the new connection; with a "
        "peer that sends no timestamps it changes nothing",
    )


def _widen(frame: Frame, wider: Widening, rate: float, *, reuse: bool) -> Remedy:
    capacity = frame.ports.capacity
    what = (
        f"Widen the range to {wider.low}–{wider.high}: {wider.capacity:,} ports to each "
        f"destination instead of {capacity:,}"
    )
    if not reuse:
        what += (
            f", enough for {_rate(wider.capacity):,} new connections/s for ever instead of "
            f"{_rate(capacity):,}"
        )
    if rate:
        needed = math.ceil(rate * PLAN_SECONDS)
        enough = "enough" if needed <= wider.capacity else "not enough by itself"
        what += f"; the {rate:,.0f}/s of the busiest seconds take {needed:,} ports: {enough}"
    return Remedy(
        what,
        wider.command,
        "a daemon that is not running now has its fixed port in the new part: reserve that one "
        "too, or a client may hold it when the daemon starts",
    )


def _rate(capacity: int) -> int:
    return int(sustainable_rate(capacity, PLAN_SECONDS))


def _more_sources(frame: Frame, key: PatternKey, rate: float, wider: Widening | None) -> Remedy:
    capacity = frame.ports.capacity
    what = f"Use more source addresses: each brings {capacity:,} ports more to this destination"
    if rate and capacity:
        addresses = math.ceil(rate * PLAN_SECONDS / capacity)
        if addresses > 1:
            what += f", and {addresses} carry the {rate:,.0f}/s of the busiest seconds"
            if wider is not None and wider.capacity < rate * PLAN_SECONDS:
                what += f" ({math.ceil(rate * PLAN_SECONDS / wider.capacity)} with a wide range)"
    remote = ip_address(key.remote_ip)
    if remote.is_loopback and remote.version == 4:
        what += (
            ". All of 127/8 is there already: let the client bind 127.0.0.2, 127.0.0.3 … in turn, "
            "with IP_BIND_ADDRESS_NO_PORT"
        )
        return Remedy(what, None, "the client cannot be told which address to bind")
    ip, bits, at_once = ("ip", 32, "") if remote.version == 4 else ("ip -6", 128, " nodad")
    if remote.is_loopback or key.local_ip == key.remote_ip:
        what += (
            ". No route chooses the source of what stays on this host: let the client bind the "
            "addresses in turn, with IP_BIND_ADDRESS_NO_PORT"
        )
        return Remedy(
            what,
            f"{ip} addr add NEW_IP/{bits} dev lo{at_once}",
            "the client cannot be told which address to bind",
        )
    what += (
        ". The route sends all new connections from NEW_IP; to use several at once, let the "
        "client bind them in turn with IP_BIND_ADDRESS_NO_PORT"
    )
    return Remedy(
        what,
        f"{ip} addr add NEW_IP/{bits} dev DEVICE{at_once} && "
        f"{ip} route replace {remote}/{bits} via GATEWAY dev DEVICE src NEW_IP",
        "answers to the new address do not come back to this host, or the far side lets in "
        "known addresses only",
    )


def _more_destinations(frame: Frame, key: PatternKey) -> Remedy:
    return Remedy(
        f"Spread over more destinations: each further address of the server, and each port "
        f"besides {key.remote_port}, brings {frame.ports.capacity:,} ports more",
        unless="the client binds its port before it connects: then all destinations together "
        "have the ports of one",
    )


TIMEOUT = "net.ipv4.tcp_fin_timeout"
SUBSTANTIAL = 0.1
"""The part of a pattern's ports from which they are told of."""
STOPGAP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Unclosed:
    """Those of one pattern."""

    count: int
    soon: int
    """How many of them come back within the seconds asked for, at least."""
    timeout: int | None
    """tcp_fin_timeout in seconds, None where it could not be read."""
    port: int
    """The server's."""

    @property
    def meaning(self) -> str:
        """What they are, as a sentence."""
        seconds = "" if self.timeout is None else f" = {self.timeout} s"
        return (
            f"{self.count:,} are in FIN-WAIT-2: closed here, but the peer has not closed its "
            "side; connect() cannot take these ports over, and they come back "
            f"tcp_fin_timeout{seconds} after the close."
        )

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """What brings them back, the best first."""
        mend = Remedy(
            "Mend the server: it must close its side when a read returns 0; on its host these "
            "connections are in CLOSE-WAIT, and no sysctl there ends that",
            f"sudo ss -tnp state close-wait sport = :{self.port}",
        )
        if self.timeout is not None and self.timeout <= STOPGAP_SECONDS:
            return (mend,)
        return (
            mend,
            Remedy(
                f"Until then have the ports come back after {STOPGAP_SECONDS} s: tcp_fin_timeout "
                "is how long such a FIN-WAIT-2 lasts (not TIME-WAIT), of what is closed from "
                "then on",
                f"sysctl -w {TIMEOUT}={STOPGAP_SECONDS}",
                "a peer closes its side, only later than that: its FIN is then answered with a "
                "reset",
            ),
        )


def unclosed(situation: Situation, index: int, soon_seconds: int) -> Unclosed | None:
    """Return those of a pattern; None where they are no substantial part of its ports.

    One with a descriptor is not among them: the program has only shut down its sending side,
    and holds the port for as long as it likes.
    """
    table, patterns = situation.frame.table, situation.frame.patterns
    least = max(SUBSTANTIAL * int(patterns.in_use[index]), 1)
    if patterns.states[index, State.FIN_WAIT2] < least:
        return None
    rows = np.flatnonzero((patterns.member == index) & (table.state == State.FIN_WAIT2))
    rows = rows[(table.inode[rows] == 0) & situation.frame.ports.usable[table.local_port[rows]]]
    if len(rows) < least:
        return None
    ends = (table.timer[rows] == Timer.TIME_WAIT) & (table.remaining_ms[rows] < soon_seconds * 1000)
    return Unclosed(
        count=len(rows),
        soon=int(ends.sum()),
        timeout=situation.number(TIMEOUT),
        port=int(patterns.remote_port[index]),
    )
