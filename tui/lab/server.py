"""A server for the lab: one process, as many listeners as asked for, one way to treat clients."""

from __future__ import annotations

import ctypes
import select
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path

from tui.lab.process import raise_file_limit
from tui.lab.sockets import family

ACCEPTS = 64
"""Connections accepted between two looks at those already there."""
SO_ATTACH_FILTER = 26
TCP_FLAGS, SYN = 13, 0x02


class Manner(Enum):
    """How a server treats its clients."""

    ANSWERS = "closes when the client has closed"
    CLOSES_FIRST = "closes as soon as it has accepted"
    NEVER_CLOSES = "forgets to close when the client has closed"
    NEVER_ACCEPTS = "leaves connections in the accept queue"
    LOSES_HANDSHAKES = "never gets the last packet of a handshake"
    RESETS = "resets what it accepts"


@dataclass(frozen=True, slots=True)
class Service:
    """What a server offers."""

    addresses: tuple[tuple[str, int], ...]
    manner: Manner = Manner.ANSWERS
    backlog: int = 65535
    name: str = "server"
    """What the process is called, at most 15 bytes."""


def serve(connection: Connection, service: Service) -> None:
    """Be the server until the other end of the connection closes; says "ready" first."""
    set_name(service.name)
    raise_file_limit()
    listeners = [_listen(ip, port, service.backlog) for ip, port in service.addresses]
    if service.manner is Manner.LOSES_HANDSHAKES:
        for listener in listeners:
            _drop_all_but_syns(listener)
    connection.send("ready")
    _Loop(connection, listeners, service.manner).run()


def _listen(ip: str, port: int, backlog: int) -> socket.socket:
    """An IPv6 one takes IPv4 as well, as most servers' do."""
    kind = family(ip)
    return socket.create_server(
        (ip, port), family=kind, backlog=backlog, dualstack_ipv6=kind == socket.AF_INET6
    )


def set_name(name: str) -> None:
    """Name this process, for whoever looks for the owners of its sockets."""
    Path("/proc/self/comm").write_text(name[:15])


class _Loop:
    def __init__(
        self, connection: Connection, listeners: Iterable[socket.socket], manner: Manner
    ) -> None:
        self.manner = manner
        self.hang_up = connection.fileno()
        self.listeners = {listener.fileno(): listener for listener in listeners}
        self.poll = select.epoll()
        self.poll.register(self.hang_up, select.EPOLLIN)
        self.clients: dict[int, socket.socket] = {}

    def run(self) -> None:
        if self.manner not in (Manner.NEVER_ACCEPTS, Manner.LOSES_HANDSHAKES):
            for fd, listener in self.listeners.items():
                listener.setblocking(False)
                self.poll.register(fd, select.EPOLLIN)
        while True:
            for fd, _ in self.poll.poll():
                if fd == self.hang_up:
                    return
                if fd in self.listeners:
                    self._accept(self.listeners[fd])
                else:
                    self._read(fd)

    def _accept(self, listener: socket.socket) -> None:
        try:
            for _ in range(ACCEPTS):
                client, _ = listener.accept()
                self._welcome(client)
        except BlockingIOError:
            return
        except OSError:  # out of descriptors, and so it stays: ask no more, or epoll never rests
            self.poll.unregister(listener)

    def _welcome(self, client: socket.socket) -> None:
        if self.manner is Manner.RESETS:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return
        client.setblocking(False)
        if self.manner is Manner.CLOSES_FIRST:
            client.shutdown(socket.SHUT_WR)
        self.clients[client.fileno()] = client
        self.poll.register(client.fileno(), select.EPOLLIN)

    def _read(self, fd: int) -> None:
        client = self.clients[fd]
        try:
            if client.recv(1 << 16):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        if self.manner is Manner.NEVER_CLOSES:
            self.poll.unregister(fd)
            return
        del self.clients[fd]
        client.close()


class _Filter(ctypes.Structure):
    """struct sock_fprog: classic BPF."""

    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def _drop_all_but_syns(listener: socket.socket) -> None:
    """Have the kernel lose what completes a handshake, before the listener sees it.

    A listener's socket filter is asked of its half-open connections' segments too
    (net/ipv4/tcp_ipv4.c, tcp_v4_rcv: tcp_filter on req->rsk_listener), beginning at the TCP header.
    """
    instructions = (
        (0x30, 0, 0, TCP_FLAGS),  # ldb [13]
        (0x45, 0, 1, SYN),  # jset SYN, next, drop
        (0x06, 0, 0, 0xFFFF),  # ret: let it in
        (0x06, 0, 0, 0),  # ret: drop
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in instructions))
    program = _Filter(len(instructions), ctypes.addressof(code))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, bytes(program))
