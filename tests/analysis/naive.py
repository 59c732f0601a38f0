"""What kernel.md says of ports and patterns, in plain dicts and loops, to compare with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_address

from tests.tables import Sock
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import State

Key = tuple[str, str, int | None, str, int | None]
"""Direction, local IP and port, remote IP and port; the sockets given here are folded."""


@dataclass
class Pattern:
    """One group of sockets."""

    states: Counter[State] = field(default_factory=Counter)
    ports: set[int] = field(default_factory=set)
    ripe: set[int] = field(default_factory=set)
    """Ports that tcp_tw_reuse would give to connect()."""
    reuse: bool = False
    capacity: int = 0


def loopback(ip: str) -> bool:
    address = ip_address(ip)
    if isinstance(address, IPv4Address):
        return ip.startswith("127.")
    return ip == "::1"


def in_range(rules: PortRules) -> set[int]:
    return set(range(rules.low, rules.high + 1))


def reserved(rules: PortRules) -> set[int]:
    return {port for first, last in rules.reserved for port in range(first, last + 1)}


def excluded(socks: Iterable[Sock], bound: Iterable[int]) -> set[int]:
    return {sock.local_port for sock in socks if sock.state == State.LISTEN} | set(bound)


def usable(socks: Sequence[Sock], rules: PortRules, bound: Iterable[int]) -> set[int]:
    """The ports that a connect() can be given: R without E."""
    return in_range(rules) - reserved(rules) - excluded(socks, bound)


def accepted(sock: Sock, socks: Sequence[Sock]) -> bool:
    """Whether a listener of this port and address is there."""
    return any(
        other.state == State.LISTEN
        and other.local_port == sock.local_port
        and other.local in (sock.local, "0.0.0.0", "::")
        for other in socks
    )


def direction(sock: Sock, socks: Sequence[Sock], rules: PortRules) -> str:
    if accepted(sock, socks):
        return "incoming"
    if sock.local_port in in_range(rules):
        return "outgoing"
    ends = sock.local, sock.remote, sock.remote_port
    alike = [
        other
        for other in socks
        if other.state != State.LISTEN
        and (other.local, other.remote, other.remote_port) == ends
        and other.local_port not in in_range(rules)
        and not accepted(other, socks)
    ]
    return "outgoing" if len(alike) > 1 else "other"  # a client with ports of its own list


def _of_a_client(sock: Sock, socks: Sequence[Sock], rules: PortRules) -> bool:
    """Lead several local ports to this socket's port of its peer? No service has that."""
    ends = sock.local, sock.remote, sock.remote_port
    ports = {
        other.local_port
        for other in socks
        if other.state != State.LISTEN
        and (other.local, other.remote, other.remote_port) == ends
        and direction(other, socks, rules) == "other"
    }
    return len(ports) > 1


def patterns(
    socks: Sequence[Sock], rules: PortRules, bound: Iterable[int] = ()
) -> dict[Key, Pattern]:
    """Every socket but the listeners, by pattern."""
    free_to_choose = usable(socks, rules, bound)
    found: dict[Key, Pattern] = {}
    for sock in socks:
        if sock.state == State.LISTEN:
            continue
        side = direction(sock, socks, rules)
        if side == "other" and _of_a_client(sock, socks, rules):
            side = "outgoing"
        key: Key = (
            side,
            sock.local,
            sock.local_port if side == "incoming" else None,
            sock.remote,
            sock.remote_port if side == "outgoing" else None,
        )
        pattern = found.setdefault(key, Pattern())
        pattern.states[sock.state] += 1
        pattern.capacity = len(in_range(rules) if side == "incoming" else free_to_choose)
        if side == "incoming" and sock.remote_port in in_range(rules):
            pattern.ports.add(sock.remote_port)
        if side != "outgoing":
            continue
        near = loopback(sock.local) or loopback(sock.remote)
        pattern.reuse = rules.timestamps and (
            rules.reuse_mode == 1 or (rules.reuse_mode == 2 and near)
        )
        if sock.local_port in free_to_choose:
            pattern.ports.add(sock.local_port)
            age = 60_000 - sock.remaining_ms
            if sock.state == State.TIME_WAIT and pattern.reuse and age > rules.reuse_delay_ms:
                pattern.ripe.add(sock.local_port)
    return found
