"""A load of TCP connections: opened, closed or held, as many and as fast as asked for."""

from __future__ import annotations

import errno
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import count, product

from tui.lab.outcome import SLOTS, Failure, Outcome, Tuple, latency, slot
from tui.lab.sockets import IP_BIND_ADDRESS_NO_PORT, family

PENDING = 64
"""Half-closed connections a client has before it looks for the server's answer: asking later
costs one call where asking at once costs several."""
MOST_PENDING = 1024
"""Half-closed connections at most, unless told: beyond it the oldest is closed without an answer.
"""
ANSWER_SECONDS = 1.0
"""How long a half-closed connection waits for the server to close its half."""
LOOK_EVERY = 8
"""Of so many connections one is looked at for who closed first."""
RETRY_SECONDS = 0.01
"""Pause after a failure, so that a client without a port does not spin."""
BURST_SECONDS = 0.1
"""How far a load that was held up may catch up at once."""
NAP_SECONDS = 0.05
"""Between two looks at whether to stop."""


class Closing(Enum):
    """Who closes first, and so who gets the TIME-WAIT."""

    CLIENT = "the client"
    SERVER = "the server"
    NOBODY = "nobody: connections are held"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, and when to stop."""

    targets: tuple[tuple[str, int], ...]
    """Where to: addresses and ports, in turn."""
    sources: tuple[str | None, ...] = (None,)
    """Where from, in turn."""
    rate: float | None = None
    """Connections per second of all clients together; None is as fast as they can."""
    concurrency: int = 1
    """Clients, a thread each."""
    most: int | None = None
    """Connections to try."""
    seconds: float | None = None
    """Time to go on for."""
    closing: Closing = Closing.CLIENT
    hold_seconds: float | None = None
    """How long a connection is open before the client closes it. None is not at all, or to the
    end where nobody closes."""
    bind_first: bool = False
    """Have bind() choose the port, as clients do that do not know IP_BIND_ADDRESS_NO_PORT."""
    keep_going: bool = False
    """Go on after a failure."""
    fall_back: bool = False
    """Where one tuple has no port left, try the next before calling it a failure."""
    timeout: float = 3.0
    """Seconds for a connect()."""
    pending: int = MOST_PENDING
    """Descriptors that each client has at most for what it makes and what is half-closed."""


@dataclass(slots=True)
class _Tally:
    """What one client has counted; it alone writes it."""

    connected: int = 0
    closed_by_server: int = 0
    looked_at: int = 0
    resets: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    latencies: list[int] = field(default_factory=lambda: [0] * SLOTS)
    held: deque[tuple[float, socket.socket]] = field(default_factory=deque)
    """Open connections, and since when."""
    pending: deque[tuple[float, socket.socket]] = field(default_factory=deque)
    """Half-closed ones, and since when."""


class Load:
    """Clients at work, in daemon threads: nobody needs to wait for a connect() to time out.

    A blocking connect() to this machine is over before it would sleep, and so costs less than
    any kind of waiting for many at once.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rate = plan.rate
        self.paused = False
        self.note = ""
        self.tuples: tuple[Tuple, ...] = tuple(product(plan.sources, plan.targets))
        """What is tried in turn; may be replaced while the load runs."""
        self.ended = threading.Event()
        self._numbers = count(1)
        self._tallies = [_Tally() for _ in range(plan.concurrency)]
        self._first_failure: Failure | None = None
        self._lock = threading.Lock()
        self._due = 0.0
        self._began = 0.0
        self._working = plan.concurrency
        self._idle_at: float | None = None
        self._before = Outcome(0.0, 0.0)
        self._before_latencies = [0] * SLOTS
        self._stopping = False
        whole, part = divmod(plan.timeout, 1)
        self._timeout = struct.pack("ll", int(whole), int(part * 1e6))

    def start(self) -> None:
        """Begin."""
        self._began = self._due = time.monotonic()
        self._before = Outcome(time.time(), 0.0)
        for number, tally in enumerate(self._tallies):
            threading.Thread(
                target=self._client, args=(tally,), name=f"client-{number}", daemon=True
            ).start()

    def stop(self) -> None:
        """Begin no further connection."""
        self._stopping = True

    def outcome(self) -> Outcome:
        """Return what came of it so far. For one caller, who asks at regular times."""
        ended = self.ended.is_set()  # asked first: what comes later is in the next one
        now, before = time.monotonic(), self._before
        errors = sum((tally.errors.copy() for tally in self._tallies), Counter[str]())
        latencies = [
            sum(column) for column in zip(*(t.latencies for t in self._tallies), strict=True)
        ]
        recent = [new - old for new, old in zip(latencies, self._before_latencies, strict=True)]
        elapsed = now - self._began
        span = max(elapsed - before.elapsed, 1e-6)
        connected = sum(tally.connected for tally in self._tallies)
        self._before_latencies = latencies
        self._before = Outcome(
            time=time.time(),
            elapsed=elapsed,
            worked=(self._idle_at if ended and self._idle_at is not None else now) - self._began,
            attempted=connected + errors.total(),
            connected=connected,
            errors=dict(errors),
            connected_per_second=(connected - before.connected) / span,
            errors_per_second={
                name: (number - before.errors.get(name, 0)) / span
                for name, number in errors.items()
                if number > before.errors.get(name, 0)
            },
            latency=latency(recent),
            overall=latency(latencies),
            first_failure=self._first_failure,
            held=sum(len(tally.held) + len(tally.pending) for tally in self._tallies),
            closed_by_server=sum(tally.closed_by_server for tally in self._tallies),
            looked_at=sum(tally.looked_at for tally in self._tallies),
            resets=sum(tally.resets for tally in self._tallies),
            rate=self.rate,
            paused=self.paused,
            ended=ended,
            tuples=self.tuples,
            note=self.note,
        )
        return self._before

    def _client(self, tally: _Tally) -> None:
        """Be one client until the plan is done or has failed."""
        if self.plan.closing is Closing.SERVER:
            leave = self._close_last
        elif self.plan.closing is Closing.CLIENT and self.plan.hold_seconds is None:
            leave = self._close_first
        else:
            leave = self._hold
        try:
            for number in self._turns(tally):
                try:
                    client = self._connect(number, tally)
                except OSError:
                    if not self.plan.keep_going:
                        self._stopping = True
                    elif self.rate is None:
                        self._nap(RETRY_SECONDS, tally)
                    continue
                leave(client, tally)
        finally:
            self._idle_at = time.monotonic()
            self._close_all(tally)
            with self._lock:
                self._working -= 1
                if not self._working:
                    self.ended.set()

    def _turns(self, tally: _Tally) -> Iterator[int]:
        """Yield the number of each connection that this client is to make, when it is due."""
        most = float("inf") if self.plan.most is None else self.plan.most
        end = float("inf") if self.plan.seconds is None else self._began + self.plan.seconds
        while not self._stopping and time.monotonic() < end:
            if self.paused:
                self._due = time.monotonic()
                self._nap(NAP_SECONDS, tally)
            elif self.rate is not None and (wait := self._wait(self.rate)) > 0:
                self._nap(min(wait, NAP_SECONDS), tally)
            elif (number := next(self._numbers)) <= most:
                yield number
            else:
                return

    def _wait(self, rate: float) -> float:
        """Take the next turn and return 0, or return the seconds until there is one."""
        with self._lock:
            now = time.monotonic()
            if self._due > now:
                return self._due - now
            self._due = max(self._due, now - BURST_SECONDS) + 1 / rate
            return 0.0

    def _nap(self, seconds: float, tally: _Tally) -> None:
        self._end_holds(tally)
        self._finish_pending(tally, 0)
        time.sleep(seconds)

    def _connect(self, number: int, tally: _Tally) -> socket.socket:
        """Make one connection and count how that went. Raises OSError."""
        tuples = self.tuples
        turn = tuples if self.plan.fall_back else (tuples[(number - 1) % len(tuples)],)
        for last, (source, target) in enumerate(turn, 1 - len(turn)):
            call, client = "socket", None
            try:
                client = socket.socket(family(target[0]))
                call = "bind"
                self._prepare(client, source, target)
                call, began = "connect", time.perf_counter_ns()
                client.connect(target)
                tally.latencies[slot(time.perf_counter_ns() - began)] += 1
                tally.connected += 1
                return client
            except OSError as error:
                if client is not None:
                    client.close()
                if last < 0 and error.errno in (errno.EADDRNOTAVAIL, errno.EADDRINUSE):
                    continue
                name = _name(error)
                tally.errors[name] += 1
                self._note_failure(call, name, source, target)
                raise
        raise AssertionError("there is always a last tuple")

    def _prepare(self, client: socket.socket, source: str | None, target: tuple[str, int]) -> None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, self._timeout)
        if self.plan.bind_first:
            client.bind((source or ("::" if ":" in target[0] else "0.0.0.0"), 0))
        elif source is not None:
            client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
            client.bind((source, 0))

    def _note_failure(
        self, call: str, name: str, source: str | None, target: tuple[str, int]
    ) -> None:
        with self._lock:
            if self._first_failure is None:
                # Not its own number: it may have been given that long before its turn came.
                number = 1 + sum(tally.connected for tally in self._tallies)
                elapsed = time.monotonic() - self._began
                self._first_failure = Failure(number, call, name, source, target, elapsed)

    def _close_first(self, client: socket.socket, tally: _Tally) -> None:
        """Close this half, and leave the rest to when the server has closed its own.

        A plain close() would answer data that still comes with a reset, which leaves no
        TIME-WAIT behind.
        """
        try:
            if tally.connected % LOOK_EVERY == 0:
                tally.looked_at += 1
                tally.closed_by_server += _has_ended(client)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            tally.resets += 1
            client.close()
            return
        tally.pending.append((time.monotonic(), client))
        self._finish_pending(tally, min(PENDING, self.plan.pending - 1))

    def _finish_pending(self, tally: _Tally, leave: int) -> None:
        """Close those of the half-closed connections that the server has closed too."""
        while len(tally.pending) > leave:
            began, client = tally.pending[0]
            try:
                while data := client.recv(1 << 16, socket.MSG_DONTWAIT):
                    del data
            except BlockingIOError:
                late = time.monotonic() - began > ANSWER_SECONDS
                if not late and len(tally.pending) < self.plan.pending:
                    return
            except OSError:
                tally.resets += 1
            tally.pending.popleft()
            client.close()

    def _close_last(self, client: socket.socket, tally: _Tally) -> None:
        """Wait for the server to close, then close."""
        try:
            client.settimeout(ANSWER_SECONDS)
            while client.recv(1 << 16):
                pass
            tally.looked_at += 1
            tally.closed_by_server += 1
        except TimeoutError:
            tally.looked_at += 1
        except OSError:
            tally.resets += 1
        client.close()

    def _hold(self, client: socket.socket, tally: _Tally) -> None:
        tally.held.append((time.monotonic(), client))
        self._end_holds(tally)

    def _end_holds(self, tally: _Tally, *, all_of_them: bool = False) -> None:
        hold = 0.0 if all_of_them else self.plan.hold_seconds
        while hold is not None and tally.held and time.monotonic() - tally.held[0][0] >= hold:
            client = tally.held.popleft()[1]
            if self.plan.closing is Closing.CLIENT:
                self._close_first(client, tally)
            else:
                client.close()

    def _close_all(self, tally: _Tally) -> None:
        self._end_holds(tally, all_of_them=True)
        deadline = time.monotonic() + ANSWER_SECONDS
        while tally.pending and time.monotonic() < deadline:
            self._finish_pending(tally, 0)
            time.sleep(0.001)
        while tally.pending:
            tally.pending.popleft()[1].close()


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
