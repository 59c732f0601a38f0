"""Real TCP sockets in any state, and the count of connect() calls that really succeed."""

import os
import re
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Self

from tests.patience import Patience
from tests.sockets import connect, listen

STATES = dict(
    enumerate(
        (
            "ESTABLISHED",
            "SYN_SENT",
            "SYN_RECV",
            "FIN_WAIT1",
            "FIN_WAIT2",
            "TIME_WAIT",
            "CLOSE",
            "CLOSE_WAIT",
            "LAST_ACK",
            "LISTEN",
            "CLOSING",
        ),
        start=1,
    )
)
"""The kernel's numbers of them."""

TINY = 4096
"""A receive buffer so small that its owner's peer is left with data it cannot send."""
TICK_SECONDS = 0.02
"""How late a second may begin: ktime_get_seconds() moves with the kernel's timer."""
FILL = bytes(1 << 18)


class Pair(NamedTuple):
    """Both ends of one connection."""

    client: socket.socket
    server: socket.socket


class Server:
    """A listener, and the connections made to it."""

    def __init__(self, ip: str, port: int, *, tiny: bool = False) -> None:
        """Connections to a `tiny` server can suffer the fates that need unsent data."""
        self.listener = listen(ip, port)
        if tiny:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY)
        self.port = port
        self.pairs: list[Pair] = []

    def connect(self, ip: str, source: str | None = None, source_port: int = 0) -> Pair:
        """One connection more, accepted and held."""
        client = connect(ip, self.port, source, source_port)
        pair = Pair(client, self.listener.accept()[0])
        self.pairs.append(pair)
        return pair

    def close(self) -> None:
        """Close the listener and all that was not closed yet."""
        self.listener.close()
        for end in (end for pair in self.pairs for end in pair):
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _leave(pair: Pair) -> None:
    pass


def _client_closes(pair: Pair) -> None:
    pair.client.close()
    pair.server.recv(1)  # until the FIN: without it both would close at once
    pair.server.close()


def _server_closes(pair: Pair) -> None:
    _client_closes(Pair(pair.server, pair.client))


def _client_shuts_down(pair: Pair) -> None:
    pair.client.shutdown(socket.SHUT_WR)


def _client_lingers(pair: Pair) -> None:
    # What is to last longer than a TIME-WAIT stays a full socket until its last minute.
    pair.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_LINGER2, 110)
    pair.client.close()


def _client_vanishes(pair: Pair) -> None:
    pair.client.close()


def _server_shuts_down(pair: Pair) -> None:
    pair.server.shutdown(socket.SHUT_WR)


def _client_is_stuck(pair: Pair) -> None:
    pair.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * TINY)  # else it grows to MBs
    pair.client.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            pair.client.send(FILL)
    pair.client.shutdown(socket.SHUT_WR)


def _client_is_stuck_first(pair: Pair) -> None:
    _client_is_stuck(pair)
    _server_shuts_down(pair)


def _client_is_stuck_last(pair: Pair) -> None:
    _server_shuts_down(pair)
    _client_is_stuck(pair)


# Orphans: the program has closed, and what it has not sent keeps the socket there.
def _stuck_orphan(pair: Pair) -> None:
    _client_is_stuck(pair)
    pair.client.close()


def _stuck_orphan_first(pair: Pair) -> None:
    _client_is_stuck_first(pair)
    pair.client.close()


def _stuck_orphan_last(pair: Pair) -> None:
    _client_is_stuck_last(pair)
    pair.client.close()


class Fate(Enum):
    """What becomes of a connection: the client's state, the server's, and how it comes about."""

    ESTABLISHED = "ESTABLISHED", "ESTABLISHED", _leave
    CLIENT_CLOSED = "TIME_WAIT", None, _client_closes
    SERVER_CLOSED = None, "TIME_WAIT", _server_closes
    FIN_WAIT2_OPEN = "FIN_WAIT2", "CLOSE_WAIT", _client_shuts_down
    FIN_WAIT2_ORPHAN = "FIN_WAIT2", "CLOSE_WAIT", _client_lingers
    # Now and then a full socket all the same: when the ACK finds the socket locked.
    FIN_WAIT2_MINI = "FIN_WAIT2", "CLOSE_WAIT", _client_vanishes
    CLOSE_WAIT = "CLOSE_WAIT", "FIN_WAIT2", _server_shuts_down
    # These three hold as long as a tiny server does not read.
    FIN_WAIT1 = "FIN_WAIT1", "ESTABLISHED", _client_is_stuck
    LAST_ACK = "LAST_ACK", "FIN_WAIT2", _client_is_stuck_last
    CLOSING = "CLOSING", "FIN_WAIT2", _client_is_stuck_first
    FIN_WAIT1_ORPHAN = "FIN_WAIT1", "ESTABLISHED", _stuck_orphan
    LAST_ACK_ORPHAN = "LAST_ACK", "FIN_WAIT2", _stuck_orphan_last
    CLOSING_ORPHAN = "CLOSING", "FIN_WAIT2", _stuck_orphan_first

    def __init__(
        self, client: str | None, server: str | None, come_about: Callable[[Pair], None]
    ) -> None:
        self.client = client
        self.server = server
        self.come_about = come_about

    def __repr__(self) -> str:
        return str(self)

    @property
    def states(self) -> Counter[str]:
        """The states of the sockets it leaves."""
        return Counter(state for state in (self.client, self.server) if state)


class Verdict(NamedTuple):
    """How many connect() calls succeeded, and the errno of the one that did not."""

    connected: int
    error: int | None


@contextmanager
def exhausted(
    ip: str, port: int, source: str | None = None, limit: int = 20_000, *, silent: bool = False
) -> Iterator[Verdict]:
    """Connect until connect() fails, and hold what was connected for as long as this lasts.

    From one that is `silent` no answer is awaited: that a SYN went out is a success.
    """
    held: list[socket.socket] = []
    error = None
    try:
        try:
            while len(held) < limit:
                held.append(connect(ip, port, source, silent=silent))
        except OSError as failure:
            error = failure.errno
        yield Verdict(len(held), error)
    finally:
        for client in held:  # a reset leaves no TIME-WAIT behind
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()


def lists_bound() -> bool:
    """Whether this kernel lists bound, unconnected sockets at all."""
    major, minor = re.findall(r"\d+", os.uname().release)[:2]
    return (int(major), int(minor)) >= (6, 8)


def await_second() -> None:
    """Wait for the next full second of the monotonic clock, as the kernel counts them."""
    time.sleep(1 - time.monotonic() % 1 + TICK_SECONDS)


def states() -> Counter[str]:
    """The sockets of this namespace by state, from a table that is at rest."""
    lines = [
        line
        for name in ("tcp", "tcp6")
        for line in Path("/proc/self/net", name).read_text().splitlines()[1:]
    ]
    return Counter(STATES[int(line.split()[3], 16)] for line in lines)


def settle(expected: Counter[str], optional: Counter[str] | None = None) -> None:
    """Wait until the table holds just these states, and at most the optional ones besides."""
    patience = Patience()
    while True:
        seen = states()
        missing, more = expected - seen, seen - expected
        if not missing and more <= (optional or Counter()):
            return
        if patience.is_over:
            raise AssertionError(f"not settled in {patience}: {more} more, {missing} missing")
        time.sleep(0.01)
