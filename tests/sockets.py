"""TCP sockets: bound, listening, connected."""

import socket
import struct

from tui.lab.sockets import IP_BIND_ADDRESS_NO_PORT, family


def tcp(ip: str) -> socket.socket:
    """A TCP socket of the address's family."""
    return socket.socket(family(ip))


def bind(ip: str, port: int, *, v6only: bool = False, reuse_port: bool = False) -> socket.socket:
    """A socket that is bound and nothing else."""
    made = tcp(ip)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse_port)
    if made.family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
    try:
        made.bind((ip, port))
    except BaseException:
        made.close()
        raise
    return made


def listen(
    ip: str,
    port: int,
    *,
    backlog: int = 65535,
    v6only: bool = False,
    reuse_port: bool = False,
) -> socket.socket:
    """A socket that listens."""
    made = bind(ip, port, v6only=v6only, reuse_port=reuse_port)
    made.listen(backlog)
    return made


def connect(
    ip: str,
    port: int,
    source: str | None = None,
    source_port: int = 0,
    *,
    silent: bool = False,
) -> socket.socket:
    """A connection; without a source port, connect() chooses one and not bind().

    To a `silent` peer it stays in SYN-SENT: no answer is awaited.
    """
    made = tcp(ip)
    try:
        # A SYN that is dropped is to fail the test, not to hang it.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 5, 0))
        made.setblocking(not silent)
        if source is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            made.bind((source, source_port))
        try:
            made.connect((ip, port))
        except BlockingIOError:  # also when the time is out
            if not silent:
                raise
    except BaseException:
        made.close()
        raise
    return made
