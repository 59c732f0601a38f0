"""Where the connections go, and whether that is this machine's own to load."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from tui.analysis.patterns import endpoint
from tui.kernel.effort import Effort
from tui.kernel.namespaces import own_addresses
from tui.kernel.procfs import read_sockets
from tui.kernel.sockets import State, TableError
from tui.lab.sockets import family
from tui.simulate.neighbour import namespace_behind

RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST = 1, 2, 3
"""include/uapi/linux/rtnetlink.h: a route to others, to this namespace itself, to all on a link."""


class Whereabouts(Enum):
    """Whose address it is."""

    LOOPBACK = "loopback"
    HERE = "an address of this network namespace"
    NEIGHBOUR = "an address of another network namespace of this machine"
    ELSEWHERE = "an address elsewhere"


class TargetError(Exception):
    """The target cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server's address and port."""

    name: str
    """As it was given."""
    ip: str
    port: int
    place: Whereabouts = Whereabouts.LOOPBACK
    server_root: Path | None = None
    """A directory whose net/ shows the server's namespace, where that is known."""
    source: str | None = None
    """The address that connect() takes for its own, None without a route."""

    def __str__(self) -> str:
        return endpoint(self.ip, self.port)

    @property
    def ours(self) -> bool:
        """Whether the server is on this machine."""
        return self.place is not Whereabouts.ELSEWHERE


def find_target(name: str, port: int, owned: bool = False) -> Target:
    """Return the target of this name: the first address where there are several.

    Raises TargetError; also when it is not on this machine, unless it is ``owned``.
    """
    ip = _address(name, port)
    route = route_to(ip)
    if route.kind == RTN_BROADCAST:
        raise TargetError(f"{ip} cannot be a server's address")
    place, root = _place(ip, route)
    target = Target(name, ip, port, place, root, route.source)
    if not (owned or target.ours):
        raise TargetError(
            f"{ip} is not an address of this machine, and using up ports fills the tables of "
            "servers, firewalls and NAT on the path; if all of them are yours to load, add "
            "--i-own-this-target"
        )
    return target


def _fold(ip: str) -> str:
    """Return a v4-mapped address as the IPv4 one that it is."""
    address = ip_address(ip)
    return str(getattr(address, "ipv4_mapped", None) or address)


def _address(name: str, port: int) -> str:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TargetError(f"{name}: {reason}") from None
    ip = _fold(str(found[0][4][0]))
    address = ip_address(ip)
    if address.is_unspecified or address.is_multicast or ip == "255.255.255.255":
        raise TargetError(f"{ip} cannot be a server's address")
    return ip


def _place(ip: str, route: Route) -> tuple[Whereabouts, Path | None]:
    """Say whose address it is, and where the server's net/ is."""
    if ip_address(ip).is_loopback:
        return Whereabouts.LOOPBACK, Path("/proc")
    if route.kind == RTN_LOCAL and ip.partition("%")[0] in own_addresses(Path("/proc")):
        return Whereabouts.HERE, Path("/proc")
    # Others may have the same private address, and the route might lead to them.
    if route.kind == RTN_UNICAST and route.link and (root := namespace_behind(ip, route.link)):
        return Whereabouts.NEIGHBOUR, root
    return Whereabouts.ELSEWHERE, None


def accept_queues(root: Path, port: int) -> list[int]:
    """Return how many connections wait at each listener of a port; none if unreadable."""
    try:
        table = read_sockets(root, Effort(1.0))
    except TableError:
        return []
    waiting: list[int] = table.rx_queue[
        (table.state == State.LISTEN) & (table.local_port == port)
    ].tolist()
    return waiting


class Route(NamedTuple):
    """The way to an address; all None where there is none."""

    kind: int | None = None
    """RTN_LOCAL, or another of those types."""
    link: int | None = None
    """The index of the link that the address is on; None behind a gateway."""
    source: str | None = None
    """The address that connect() takes for its own."""


def route_to(ip: str) -> Route:
    """Return the route to an address.

    bind() and a connected UDP socket would tell less: with ip_nonlocal_bind the one takes
    anything, and the other needs an ephemeral port for it.
    """
    from pyroute2 import IPRoute, NetlinkError  # a fifth of a second to load

    try:
        with IPRoute() as links:
            plain, _, scope = ip.partition("%")
            via = {"oif": socket.if_nametoindex(scope)} if scope else {}
            (route,) = links.route("get", dst=plain, family=family(plain), **via)
            behind = route.get_attr("RTA_GATEWAY") or route.get_attr("RTA_VIA")
            link = None if behind else route.get_attr("RTA_OIF")
            return Route(int(route["type"]), link, route.get_attr("RTA_PREFSRC"))
    except (NetlinkError, OSError, ValueError):
        return Route()


def can_connect_from(source: str | None, target: Target) -> bool:
    """Say whether the source is an address of this host; None asks if there is any to be chosen."""
    if source is None:
        return route_to(target.ip).source is not None
    return route_to(source).kind == RTN_LOCAL


def check_source(source: str, target: Target) -> str:
    """Return the source address in its usual form; raises TargetError when it cannot be one.

    bind() would take multicast and broadcast addresses too.
    """
    try:
        ip = _fold(source)
    except ValueError:
        raise TargetError(f"--source-ip {source}: not an IP address") from None
    if ip_address(ip).is_unspecified:
        raise TargetError(
            f"--source-ip {ip} is not a usable address; leave out --source-ip for any"
        )
    if family(ip) != family(target.ip):
        raise TargetError(f"--source-ip {ip} and {target.ip} are of different IP versions")
    if not can_connect_from(ip, target):
        raise TargetError(f"--source-ip {ip} is not an address of this host")
    return ip
