"""Network namespaces from inside: made, entered, given addresses and sysctls."""

import ctypes
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from pyroute2 import IPRoute, NetlinkError

from tui.kernel.namespaces import CLONE_NEWNET, LIBC, enter, open_network, system
from tui.lab.refusal import Unavailable, why_refused

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG = 1, 2
IPV6 = Path("/proc/sys/net/ipv6/conf/all")
IFA_F_NODAD = 0x02
"""include/uapi/linux/if_addr.h: use an IPv6 address at once, without asking who else has it."""


class Ends(NamedTuple):
    """Two addresses of each family."""

    v4: tuple[str, str]
    v6: tuple[str, str]


OWN = Ends(("10.78.0.1", "10.78.0.2"), ("fd00:78::1", "fd00:78::2"))
"""The namespace's own addresses that are not loopback, and reached through lo all the same."""
NEAR = Ends(("10.77.0.1", "10.77.0.3"), ("fd00:77::1", "fd00:77::3"))
FAR = Ends(("10.77.0.2", "10.77.0.4"), ("fd00:77::2", "fd00:77::4"))
"""The two ends of a veth pair."""
NEAR_MAC, FAR_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that comes about.

    The parent is the thread that started this process (prctl(2), PR_SET_PDEATHSIG): it must be
    one that lasts.
    """
    system("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def gain_privileges(user_namespace: bool = False) -> None:
    """Become able to make network namespaces, and move into a new one.

    That goes through a user namespace where not root; `user_namespace` takes that way even where
    root needs none. The process must have one thread only (unshare(2)). Raises Unavailable.
    """
    try:
        if not user_namespace:
            with suppress(PermissionError):
                return unshare_network()
        uid, gid, parent, asked = os.geteuid(), os.getegid(), os.getppid(), ctypes.c_int()
        LIBC.prctl(PR_GET_PDEATHSIG, ctypes.byref(asked), 0, 0, 0)
        system("unshare", CLONE_NEWUSER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
        if asked.value:  # new credentials may have made the kernel forget it
            die_with(parent)
        return unshare_network()
    except OSError as error:
        raise Unavailable(why_refused(error)) from error


def unshare_network() -> None:
    """Move this thread into a new, empty network namespace; one ends with its last user."""
    system("unshare", CLONE_NEWNET)


def bring_up() -> None:
    """What every namespace of the lab has: lo, addresses of its own, deep accept queues.

    And TIME-WAITs that last. Where a peer's ACK and FIN change places on their way from one
    processor to another, the TIME-WAIT answers the late ACK, the peer's socket is gone already,
    and its reset ends the TIME-WAIT early (RFC 1337; net/ipv4/tcp_minisocks.c): now and then one
    of a few thousand on a busy machine, which would keep tests from counting them.
    """
    with _links() as links:
        _configure(links, "lo", OWN)
    _await_addresses(OWN)
    sysctl("ipv4.tcp_rfc1337", 1)
    with suppress(OSError):  # not everywhere shown to a user namespace
        sysctl("core.somaxconn", 65535)


def sysctl(name: str, value: object) -> None:
    """Set net.<name> in this namespace."""
    Path("/proc/sys/net", name.replace(".", "/")).write_text(f"{value}\n")


class Peer:
    """A second namespace, at the far end of a veth pair."""

    def __init__(self) -> None:
        self._home = open_network()
        unshare_network()
        self._away = open_network()
        bring_up()
        with _links() as links:
            links.link(
                "add",
                ifname="far",
                kind="veth",
                address=FAR_MAC,
                peer={"ifname": "near", "address": NEAR_MAC, "net_ns_fd": self._home},
            )
            _configure(links, "far", FAR)
            _introduce(links, "far", NEAR, NEAR_MAC)
        enter(self._home)
        with _links() as links:
            _configure(links, "near", NEAR)
            _introduce(links, "near", FAR, FAR_MAC)
        _await_addresses(NEAR)
        with self.inside():
            _await_addresses(FAR)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets made, processes started and sysctls set in here are the peer's."""
        enter(self._away)
        try:
            yield
        finally:
            enter(self._home)

    def close(self) -> None:
        """Let go of both namespaces."""
        os.close(self._home)
        os.close(self._away)


def peer() -> closing[Peer]:
    """Give this namespace a neighbour: NEAR is ours, FAR is its."""
    return closing(Peer())


@contextmanager
def _links() -> Iterator[Any]:
    """Rtnetlink of this namespace; what it refuses is an OSError."""
    try:
        with IPRoute() as links:
            yield links
    except NetlinkError as error:
        raise OSError(error.code, f"rtnetlink: {os.strerror(error.code)}") from error


def _configure(links: Any, link: str, ends: Ends) -> None:
    index = links.link_lookup(ifname=link)[0]
    links.link("set", index=index, state="up")
    for address in ends.v4:
        links.addr("add", index=index, address=address, prefixlen=24)
    for address in ends.v6 if _speaks_ipv6() else ():
        links.addr("add", index=index, address=address, prefixlen=64, flags=IFA_F_NODAD)


def _introduce(links: Any, link: str, others: Ends, mac: str) -> None:
    """Spare the link the neighbour discovery, which may lose a second."""
    index = links.link_lookup(ifname=link)[0]
    for address in (*others.v4, *(others.v6 if _speaks_ipv6() else ())):
        links.neigh("add", dst=address, lladdr=mac, ifindex=index, state="permanent")


def _speaks_ipv6() -> bool:
    """Whether this namespace has IPv6: hardened hosts boot without."""
    try:
        return (IPV6 / "disable_ipv6").read_text().strip() == "0"
    except OSError:
        return False


def _await_addresses(ends: Ends) -> None:
    """Wait for the kernel's worker that makes IPv6 addresses usable, also those without DAD."""
    if not _speaks_ipv6():
        return
    deadline = time.monotonic() + 5
    for address in ends.v6:
        while not _delivers(address):
            if time.monotonic() > deadline:
                raise OSError(f"{address} does not become usable")
            time.sleep(0.001)


def _delivers(address: str) -> bool:
    # Nothing less than a packet that comes back will do: the route out is there before the one in.
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.1)
        try:
            probe.bind((address, 0))
            probe.connect(probe.getsockname())
            probe.send(b"?")
            return probe.recv(1) == b"?"
        except OSError:
            return False
