"""Network namespaces from inside: made, entered, given addresses and sysctls."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1


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

_libc = ctypes.CDLL(None, use_errno=True)


def _system(call: str, *args: int) -> None:
    if getattr(_libc, call)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, however that comes about."""
    _system("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def gain_privileges(user_namespace: bool) -> None:
    """Become able to make network namespaces, through a user namespace where not root."""
    if not user_namespace:
        with suppress(PermissionError):
            return unshare_network()
    parent, uid, gid = os.getppid(), os.geteuid(), os.getegid()
    _system("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    die_with(parent)  # new credentials may have made the kernel forget it
    return unshare_network()


def unshare_network() -> None:
    """Move into a new, empty network namespace; the old one ends with its last user."""
    _system("unshare", CLONE_NEWNET)


def bring_up() -> None:
    """What every namespace of the lab has: lo, addresses of its own, deep accept queues."""
    ip(*_configure("lo", OWN))
    _await_addresses(OWN)
    with suppress(OSError):  # not everywhere shown to a user namespace
        sysctl("core.somaxconn", 65535)


def ip(*lines: str, fds: tuple[int, ...] = ()) -> None:
    """Run iproute2 commands."""
    ran = subprocess.run(
        ["ip", "-batch", "-"],
        input="\n".join(lines),
        text=True,
        capture_output=True,
        timeout=10,
        pass_fds=fds,
    )
    if ran.returncode != 0:
        raise OSError(f"ip: {ran.stderr.strip()}")


def sysctl(name: str, value: object) -> None:
    """Set net.<name> in this namespace."""
    _sysctl(name).write_text(f"{value}\n")


def has_sysctl(name: str) -> bool:
    """Whether this kernel has net.<name>."""
    return _sysctl(name).exists()


def _sysctl(name: str) -> Path:
    return Path("/proc/sys/net", name.replace(".", "/"))


class Peer:
    """A second namespace, at the far end of a veth pair."""

    def __init__(self) -> None:
        self._home = _current()
        unshare_network()
        self._away = _current()
        bring_up()
        ip(
            f"link add far address {FAR_MAC} type veth "
            f"peer name near address {NEAR_MAC} netns /proc/self/fd/{self._home}",
            *_configure("far", FAR),
            *_introduce("far", NEAR, NEAR_MAC),
            fds=(self._home,),
        )
        self._enter(self._home)
        ip(*_configure("near", NEAR), *_introduce("near", FAR, FAR_MAC))
        _await_addresses(NEAR)
        with self.inside():
            _await_addresses(FAR)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Sockets made and sysctls set in here are the peer's."""
        self._enter(self._away)
        try:
            yield
        finally:
            self._enter(self._home)

    def close(self) -> None:
        """Let go of both namespaces."""
        os.close(self._home)
        os.close(self._away)

    @staticmethod
    def _enter(fd: int) -> None:
        _system("setns", fd, CLONE_NEWNET)


@contextmanager
def peer() -> Iterator[Peer]:
    """Give this namespace a neighbour: NEAR is ours, FAR is its."""
    with closing(Peer()) as made:
        yield made


def _current() -> int:
    return os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _configure(link: str, ends: Ends) -> tuple[str, ...]:
    return (
        f"link set {link} up",
        *(f"addr add {address}/24 dev {link}" for address in ends.v4),
        *(f"addr add {address}/64 dev {link} nodad" for address in ends.v6),
    )


def _introduce(link: str, others: Ends, mac: str) -> Iterator[str]:
    """Spare the link the neighbour discovery, which may lose a second."""
    for address in (*others.v4, *others.v6):
        yield f"neigh add {address} lladdr {mac} dev {link} nud permanent"


def _await_addresses(ends: Ends) -> None:
    """Wait for the kernel's worker that makes IPv6 addresses usable, also those without DAD."""
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
