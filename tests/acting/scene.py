"""Ports filled with TIME-WAITs in the lab, and sockets told apart."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import forked
from tests.forked import Ended
from tests.live.fates import Fate, Server
from tests.patience import limit
from tests.sockets import connect
from tui.kernel.destroy import CAP_NET_ADMIN
from tui.kernel.namespaces import system
from tui.lab.namespace import FAR, OWN, peer, sysctl

LOW, SIZE, PORT = 40_000, 400, 5001
HERE = "127.0.0.1"
TARGETS = {
    "lo, IPv4": HERE,
    "lo, IPv6": "::1",
    "lo, mapped": f"::ffff:{HERE}",
    "own, IPv4": OWN.v4[0],
    "veth, IPv4": FAR.v4[0],
    "veth, IPv6": FAR.v6[0],
    "veth, mapped": f"::ffff:{FAR.v4[0]}",
}


def twtop(
    *arguments: str,
    before: Callable[[], None] | None = None,
    env: dict[str, str] | None = None,
) -> Ended:
    """Run twtop in this namespace, with nobody to ask; `before` is called in its process."""
    if before is None and env is None:
        return forked.twtop(*arguments)
    ended = subprocess.run(
        [sys.executable, "-m", "tui", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=limit(),
        preexec_fn=before,
        env=os.environ | (env or {}),
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def lose_net_admin() -> None:
    """Be without CAP_NET_ADMIN from the next exec on (prctl(2), PR_CAPBSET_DROP)."""
    system("prctl", 24, CAP_NET_ADMIN, 0, 0, 0)


@contextmanager
def serving(ip: str = "::", size: int = SIZE) -> Iterator[Server]:
    """A server on every address, here and at the far end, and a small range without reuse."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + size - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    with Server(ip, PORT) as server:
        yield server


@contextmanager
def serving_at(ip: str) -> Iterator[Server]:
    """A server at an address that may be the neighbour's."""
    with serving():
        if not ip.removeprefix("::ffff:").startswith(("10.77", "fd00:77")):
            with Server("::", PORT + 1) as server:
                yield server
            return
        with peer() as neighbour:
            with neighbour.inside():
                server = Server("::", PORT + 1)
            with server:
                yield server


def fill(server: Server, ip: str, count: int) -> None:
    """Leave so many TIME-WAITs towards the server."""
    for _ in range(count):
        Fate.CLIENT_CLOSED.come_about(server.connect(ip))


def sockets() -> set[str]:
    """Every socket of this namespace: addresses, state, uid and inode, but not its timers."""
    lines = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path("/proc/thread-self/net", name).read_text().splitlines()[1:]
    ]
    return {" ".join((*words[1:4], words[7], words[9])) for words in lines}


def connects(ip: str, port: int) -> bool:
    """Whether connect() finds a port now."""
    try:
        client = connect(ip, port)
    except OSError:
        return False
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    return True
