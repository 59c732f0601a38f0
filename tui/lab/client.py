"""One client: what it connects and how it closes that, and what it has counted."""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections import Counter, deque
from collections.abc import Sequence

from tui.lab.outcome import SLOTS, Tuple, slot
from tui.lab.sockets import IP_BIND_ADDRESS_NO_PORT, family
from tui.lab.workload import Closing, Workload

PENDING = 64
"""Half-closed connections a client has before it looks for the server's answer: asking later
costs one call where asking at once costs several."""
ANSWER_SECONDS = 1.0
"""How long a half-closed connection waits for the server to close its half."""
LOOK_EVERY = 8
"""Of so many connections one is looked at for who closed first."""


class ConnectError(Exception):
    """A connection that was not made: the call, the errno's name, source and target."""


class Client:
    """For one thread; what it has counted, any thread may read."""

    def __init__(self, plan: Workload) -> None:
        self.connected = 0
        self.closed_by_server = 0
        self.looked_at = 0
        self.resets = 0
        self.errors: Counter[str] = Counter()
        self.latencies = [0] * SLOTS
        self.held: deque[tuple[float, socket.socket]] = deque()
        """Open connections, and since when."""
        self.pending: deque[tuple[float, socket.socket]] = deque()
        """Half-closed ones, and since when."""
        self._plan = plan
        whole, part = divmod(plan.timeout, 1)
        self._timeout = struct.pack("ll", int(whole), int(part * 1e6))
        if plan.closing is Closing.SERVER:
            self.leave = self._close_last
        elif plan.closing is Closing.CLIENT and plan.hold_seconds is None:
            self.leave = self._close_first
        else:
            self.leave = self._hold
        """What it does with a connection once it is made."""

    def tidy(self) -> None:
        """Close what is due, in a moment of leisure."""
        self._end_holds()
        self._finish_pending(0)

    def connect(self, number: int, tuples: Sequence[Tuple]) -> socket.socket:
        """Make one connection and count how that went. Raises ConnectError."""
        turn = tuples if self._plan.fall_back else (tuples[(number - 1) % len(tuples)],)
        for last, (source, target) in enumerate(turn, 1 - len(turn)):
            call, client = "socket", None
            try:
                client = socket.socket(family(target[0]))
                call = "bind"
                self._prepare(client, source, target)
                call, began = "connect", time.perf_counter_ns()
                client.connect(target)
                self.latencies[slot(time.perf_counter_ns() - began)] += 1
                self.connected += 1
                return client
            except OSError as error:
                if client is not None:
                    client.close()
                if last < 0 and error.errno in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):
                    continue
                name = _name(error)
                self.errors[name] += 1
                raise ConnectError(call, name, source, target) from error
        raise AssertionError("there is always a last tuple")

    def _prepare(self, client: socket.socket, source: str | None, target: tuple[str, int]) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, self._timeout)
        if self._plan.bind_first:
            client.bind((source or ("::" if ":" in target[0] else "0.0.0.0"), 0))
        elif source is not None:
            client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            client.bind((source, 0))

    def _close_first(self, client: socket.socket) -> None:
        """Close this half, and leave the rest to when the server has closed its own.

        A plain close() would answer data that still comes with a reset, which leaves no
        TIME-WAIT behind.
        """
        try:
            if self.connected % LOOK_EVERY == 0:
                self.looked_at += 1
                self.closed_by_server += _has_ended(client)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            self.resets += 1
            client.close()
            return
        self.pending.append((time.monotonic(), client))
        self._finish_pending(min(PENDING, self._plan.pending - 1))

    def _finish_pending(self, leave: int) -> None:
        """Close those of the half-closed connections that the server has closed too."""
        while len(self.pending) > leave:
            began, client = self.pending[0]
            try:
                while data := client.recv(1 << 16, socket.MSG_DONTWAIT):
                    del data
            except BlockingIOError:
                late = time.monotonic() - began > ANSWER_SECONDS
                if not late and len(self.pending) < self._plan.pending:
                    return
            except OSError:
                self.resets += 1
            self.pending.popleft()
            client.close()

    def _close_last(self, client: socket.socket) -> None:
        """Wait for the server to close, then close."""
        try:
            client.settimeout(ANSWER_SECONDS)
            while client.recv(1 << 16):
                pass
            self.looked_at += 1
            self.closed_by_server += 1
        except TimeoutError:
            self.looked_at += 1
        except OSError:
            self.resets += 1
        client.close()

    def _hold(self, client: socket.socket) -> None:
        self.held.append((time.monotonic(), client))
        self._end_holds()

    def _end_holds(self, *, all_of_them: bool = False) -> None:
        hold = 0.0 if all_of_them else self._plan.hold_seconds
        while hold is not None and self.held and time.monotonic() - self.held[0][0] >= hold:
            client = self.held.popleft()[1]
            if self._plan.closing is Closing.CLIENT:
                self._close_first(client)
            else:
                client.close()

    def close_all(self) -> None:
        """Close what is open, waiting a while for the server's half."""
        self._end_holds(all_of_them=True)
        deadline = time.monotonic() + ANSWER_SECONDS
        while self.pending and time.monotonic() < deadline:
            self._finish_pending(0)
            time.sleep(0.001)
        while self.pending:
            self.pending.popleft()[1].close()


def _has_ended(client: socket.socket) -> bool:
    """Whether the other side has closed already."""
    try:
        return not client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False


def _name(error: OSError) -> str:
    """Return the errno's name; a connect() that ran into SO_SNDTIMEO is one that timed out."""
    number = errno.ETIMEDOUT if error.errno == errno.EINPROGRESS else error.errno
    return errno.errorcode.get(number or 0, str(error))
