"""Network namespaces: entering one, and the others of this machine with their addresses."""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

CLONE_NEWNET = 0x40000000

LIBC = ctypes.CDLL(None, use_errno=True)


def system(call: str, *args: int) -> None:
    """Make a system call of the C library. Raises OSError with the call's name."""
    if getattr(LIBC, call)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def open_network(process: int | str = "self") -> int:
    """A descriptor of the process's network namespace, for `enter`."""
    return os.open(f"/proc/{process}/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def enter(network: int) -> None:
    """Move this thread into the network namespace that the descriptor stands for."""
    system("setns", network, CLONE_NEWNET)


def inside(network: Path, call: Callable[[], T]) -> T:
    """Call in the network namespace of a file (nsfs), and return what it returns.

    It is done by a thread of its own, which ends there: none of ours moves. Raises OSError where
    the namespace may not be entered or has gone, and what the call raises.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def go() -> None:
        try:
            descriptor = os.open(network, os.O_RDONLY | os.O_CLOEXEC)
            try:
                enter(descriptor)
            finally:
                os.close(descriptor)  # one that is held would keep the namespace there
            done.append(call())
        except BaseException as error:  # raised again by the thread that waits
            failed.append(error)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


Networks = set[IPv4Network | IPv6Network]


def neighbours_with(ip: str, root: Path = Path("/proc")) -> list[Path | None]:
    """Return a directory with the net/ of each other namespace that has this address.

    It is that of a process, /proc/PID; None stands for a namespace without any, and so without
    a server.
    """
    address = ip_address(ip.partition("%")[0])
    found: list[Path | None] = [
        place
        for place in _processes(root)
        if any(address in network for network in local_networks(place))
    ]
    if not found and any(address in network for network in _mounted(root)):
        return [None]
    return found


def local_networks(root: Path) -> Networks:
    """Return what is local in the namespace that ``root``/net shows; empty if unreadable.

    Sources: net/ipv4/fib_trie.c (fib_trie_seq_show), net/ipv6/addrconf.c (if6_seq_show).
    """
    found: Networks = set()
    address = ""
    for line in _lines(root / "net/fib_trie"):
        if match := re.match(r"\s*\|-- ([0-9.]+)$", line):
            address = match[1]
        elif match := re.match(r"\s*/(\d+) host LOCAL$", line):
            found.add(ip_network((address, int(match[1])), strict=False))
    for line in _lines(root / "net/if_inet6"):
        with suppress(ValueError, IndexError):
            found.add(IPv6Network(IPv6Address(int(line.split()[0], 16))))
    return found


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _processes(root: Path) -> Iterator[Path]:
    """Yield one process of each network namespace but this one's.

    Nobody but root may read another's ns/net; but each namespace has net/ files of its own, which
    have numbers of their own (fs/proc/generic.c, proc_register).
    """
    seen = {_number(root / "self")}
    for place in root.iterdir():
        if place.name.isdigit() and (number := _number(place)) not in seen:
            seen.add(number)
            yield place


def _number(place: Path) -> int | None:
    try:
        return (place / "net/dev").stat().st_ino
    except OSError:
        return None


def _mounted(root: Path) -> Networks:
    """Return what is local in the namespaces that a mount keeps, as `ip netns add` makes them.

    Only root may enter them; for others they are not there.
    """
    found: Networks = set()
    mounts = (line.split(" - ") for line in _lines(root / "self/mountinfo"))
    points = [m[0].split()[4] for m in mounts if len(m) == 2 and m[1].startswith("nsfs ")]

    for point in points:
        with suppress(OSError):
            found |= inside(Path(point), lambda: local_networks(root / "thread-self"))
    return found
