"""Network namespaces: entering one, and the others of this machine with their addresses."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TypeVar

from tui.kernel.below import read_below

T = TypeVar("T")

CLONE_NEWNET = 0x40000000
SO_NETNS_COOKIE = 71
"""include/uapi/asm-generic/socket.h; Python has no name for it."""
CLONE_NEWUTS = 0x04000000

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
    (done,) = visit([(network, call)])
    if isinstance(done, BaseException):
        raise done
    return done


def visit(calls: Iterable[tuple[Path, Callable[[], T]]]) -> list[T | BaseException]:
    """Make each call in the network namespace of its file; return what it returned or raised.

    One thread goes from one to the next, which costs less than a thread for each.
    """
    done: list[T | BaseException] = []

    def go() -> None:
        for network, call in calls:
            try:
                descriptor = os.open(network, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    enter(descriptor)
                finally:
                    os.close(descriptor)  # one that is held would keep the namespace there
                done.append(call())
            except BaseException as error:  # the thread that waits has it
                done.append(error)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join()
    return done


def host_name(process: Path) -> str | None:
    """Return the host name that a process has (uts_namespaces(7)), None where we may not ask.

    Not /etc/hostname below its root: what is a link there would lead into our own files.
    """
    found: list[str] = []

    def go() -> None:
        with suppress(OSError):
            descriptor = os.open(process / "ns/uts", os.O_RDONLY | os.O_CLOEXEC)
            try:
                system("setns", descriptor, CLONE_NEWUTS)
            finally:
                os.close(descriptor)
            found.append(os.uname().nodename)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join()
    return found[0] if found else None


def network_cookie() -> int | None:
    """Return the number that this thread's network namespace alone has until the next boot.

    None before Linux 5.14. Unlike an inode's it is never given twice (net/core/net_namespace.c).
    """
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            answer = probe.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8)
    except OSError:
        return None
    return int.from_bytes(answer, sys.byteorder)


def own_addresses(root: Path) -> frozenset[str]:
    """Return the addresses of the namespace that ``root``/net shows; none where unreadable.

    A local route to more than one address makes none of them its own: anybody may have set that,
    in a namespace of theirs. Sources: net/ipv4/fib_trie.c (fib_trie_seq_show), net/ipv6/addrconf.c
    (if6_seq_show).
    """
    found, leaf = set(), ""
    for line in _lines(root, "net/fib_trie"):
        if "|-- " in line:
            leaf = line.partition("|-- ")[2]
        elif line.endswith("/32 host LOCAL"):
            with suppress(ValueError):
                found.add(str(IPv4Address(leaf)))
    for line in _lines(root, "net/if_inet6"):
        with suppress(ValueError, IndexError):
            found.add(str(IPv6Address(int(line.split()[0], 16))))
    return frozenset(found)


def _lines(root: Path, name: str) -> list[str]:
    """Return the lines of a file; none of one that a whole routing table makes too long."""
    try:
        return read_below(root, name).decode(errors="replace").splitlines()
    except OSError:
        return []


def other_namespaces(root: Path = Path("/proc")) -> Iterator[Path]:
    """Yield the directory of one process in each network namespace but this one.

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
