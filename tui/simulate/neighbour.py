"""Which namespace of this machine an address on one of our links belongs to.

That a namespace has the address says nothing of where our packets go: any user can make one that
takes every address for its own (`ip route add local 0.0.0.0/0 dev lo`). The link tells. The far
end of a veth is in one namespace, by a number that only who may change our links can give; a
bridge sends to the port behind which it has seen the neighbour's MAC.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

from tui.kernel.namespaces import other_namespaces, own_addresses
from tui.lab.sockets import family

NOT_ASSIGNED = 0xFFFFFFFF
"""include/uapi/linux/net_namespace.h, as pyroute2 reads it."""
DISCARD = 9
"""The port of a datagram that nobody is meant to read (RFC 863)."""
ANSWER_SECONDS = 1.0
"""How long a neighbour may take to tell its MAC."""


def namespace_behind(ip: str, link: int) -> Path | None:
    """Return /proc/PID of the namespace that has the address, at the far end of this link.

    None where the address is elsewhere, or where that cannot be told. The address must be on the
    link, without a gateway. Where a bridge does not know the way yet, one empty datagram goes to
    the address, and only if a namespace at one of its ports has it.
    """
    from pyroute2 import IPRoute, NetlinkError  # a fifth of a second to load

    plain = ip.partition("%")[0]
    try:
        with IPRoute() as links:
            (way,) = links.get_links(link)
            bridged = _kind(way) == "bridge"
            ends = (
                links.get_links(match=lambda end: end.get_attr("IFLA_MASTER") == link)
                if bridged
                else (way,)
            )
            # To tell of a far end gives its namespace a number, so this comes first.
            veths = {
                end["index"]: end.get_attr("IFLA_LINK_NETNSID")
                for end in ends
                if _kind(end) == "veth"
            }
            homes = {
                number: place
                for place in other_namespaces()
                if plain in own_addresses(place)
                and (number := _number(links, place)) in veths.values()
            }
            leading = {end: homes[number] for end, number in veths.items() if number in homes}
            if bridged and leading:
                return leading.get(_port_towards(links, link, plain, ip))
            return leading.get(link)
    except (NetlinkError, OSError, ValueError):
        return None


def _number(links: Any, place: Path) -> int:
    """Return our number of a process's namespace, NOT_ASSIGNED for one that no link leads to."""
    from pyroute2 import NetlinkError

    try:
        return int(links.get_netnsid(pid=int(place.name))["nsid"])
    except NetlinkError:  # the process has ended
        return NOT_ASSIGNED


def _kind(link: Any) -> str | None:
    kind: str | None = link.get_nested("IFLA_LINKINFO", "IFLA_INFO_KIND")
    return kind


def _port_towards(links: Any, bridge: int, plain: str, ip: str) -> int | None:
    """Return the port through which a bridge sends to an address; ask for it if need be."""
    deadline = None
    while True:
        macs = {
            one.get_attr("NDA_LLADDR")
            for one in links.get_neighbours(family=int(family(plain)), ifindex=bridge)
            if one["ifindex"] == bridge and one.get_attr("NDA_DST") == plain
        }
        for entry in links.fdb("dump"):
            if entry.get_attr("NDA_MASTER") == bridge and entry.get_attr("NDA_LLADDR") in macs:
                return int(entry["ifindex"])
        if deadline is None:
            deadline = time.monotonic() + ANSWER_SECONDS
            with socket.socket(family(plain), socket.SOCK_DGRAM) as asking:
                asking.sendto(b"", socket.getaddrinfo(ip, DISCARD)[0][4])
        elif time.monotonic() > deadline:
            return None
        time.sleep(ANSWER_SECONDS / 50)
