"""Refusals made on purpose: connects and binds that the kernel refuses, and others it does not."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.sockets import bind, connect, listen, tcp
from tui.lab.namespace import sysctl
from tui.lab.sockets import IP_BIND_ADDRESS_NO_PORT

PORT, LOW, PORTS = 5001, 40_000, 20
IP_FREEBIND = 15


@contextmanager
def full(*ips: str, port: int = PORT) -> Iterator[None]:
    """Have no port left toward these addresses, which are served."""
    sysctl("ipv4.ip_local_port_range", f"{LOW} {LOW + PORTS - 1}")
    sysctl("ipv4.tcp_tw_reuse", 0)
    with ExitStack() as held:
        for ip in ips:
            held.enter_context(listen(ip, port, v6only=":" in ip))
            for _ in range(PORTS + 1):  # an odd range may have one more
                client = held.enter_context(tcp(ip))
                if client.connect_ex((ip, port)) == errno.EADDRNOTAVAIL:
                    break
        yield


def refused(ip: str, times: int, port: int = PORT) -> None:
    """Be refused so often."""
    for _ in range(times):
        with tcp(ip) as client:
            assert client.connect_ex((ip, port)) == errno.EADDRNOTAVAIL


def fail_otherwise() -> None:
    """Fail for other reasons than a lack of ports."""
    with tcp("127.0.0.1") as client:
        assert client.connect_ex(("127.0.0.1", 1)) == errno.ECONNREFUSED
    with tcp("127.0.0.1") as client, suppress(OSError):  # a foreign source
        client.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        client.bind(("192.0.2.7", 0))
        client.settimeout(0.1)
        client.connect(("127.0.0.1", 6001))
    with listen("127.0.0.1", 6001), connect("127.0.0.1", 6001, "127.0.0.1", 39_000) as first:
        assert first.getsockname()[1] == 39_000
        with tcp("127.0.0.1") as second:  # the same source port, the same destination
            second.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            second.bind(("127.0.0.1", 39_000))
            assert second.connect_ex(("127.0.0.1", 6001)) == errno.EADDRNOTAVAIL


def refused_binds(times: int) -> None:
    """Ask for a port that is taken, so often."""
    with listen("127.0.0.1", 6001):
        for _ in range(times):
            with suppress(OSError):
                bind("127.0.0.1", 6001).close()
