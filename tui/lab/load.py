"""A load of TCP connections: opened, closed or held, as many and as fast as asked for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count, product

from tui.lab.client import Client, ConnectError
from tui.lab.outcome import SLOTS, Failure, Outcome, Tuple, latency, since
from tui.lab.workload import Workload

RETRY_SECONDS = 0.01
"""Pause after a failure, so that a client without a port does not spin."""
BURST_SECONDS = 0.1
"""How far a load that was held up may catch up at once."""
NAP_SECONDS = 0.05
"""Between two looks at whether to stop."""


class Load:
    """Clients at work, in daemon threads: nobody needs to wait for a connect() to time out.

    A blocking connect() to this machine is over before it would sleep, and so costs less than
    any kind of waiting for many at once.
    """

    def __init__(self, plan: Workload) -> None:
        self.plan = plan
        self.rate = plan.rate
        self.paused = False
        self.note = ""
        self.tuples: tuple[Tuple, ...] = tuple(product(plan.sources, plan.targets))
        """What is tried in turn; may be replaced while the load runs."""
        self.ended = threading.Event()
        self._numbers = count(1)
        self._clients = [Client(plan) for _ in range(plan.concurrency)]
        self._first_failure: Failure | None = None
        self._lock = threading.Lock()
        self._due = 0.0
        self._began = 0.0
        self._working = plan.concurrency
        self._idle_at = 0.0
        self._before = Outcome(0.0, 0.0)
        self._before_latencies = [0] * SLOTS
        self._stopping = False

    def start(self) -> None:
        """Begin."""
        self._began = self._due = time.monotonic()
        self._before = Outcome(time.time(), 0.0)
        for number, client in enumerate(self._clients):
            threading.Thread(
                target=self._work, args=(client,), name=f"client-{number}", daemon=True
            ).start()

    def stop(self) -> None:
        """Begin no further connection."""
        self._stopping = True

    def outcome(self) -> Outcome:
        """Return what came of it so far. For one caller, who asks at regular times."""
        ended = self.ended.is_set()  # asked first: what comes later is in the next one
        now = time.monotonic()
        errors = sum((client.errors.copy() for client in self._clients), Counter[str]())
        latencies = [
            sum(column) for column in zip(*(t.latencies for t in self._clients), strict=True)
        ]
        recent = [new - old for new, old in zip(latencies, self._before_latencies, strict=True)]
        connected = sum(client.connected for client in self._clients)
        self._before_latencies = latencies
        newest = Outcome(
            time=time.time(),
            elapsed=now - self._began,
            worked=(self._idle_at if ended else now) - self._began,
            attempted=connected + errors.total(),
            connected=connected,
            errors=dict(errors),
            latency=latency(recent),
            overall=latency(latencies),
            first_failure=self._first_failure,
            held=sum(len(client.held) + len(client.pending) for client in self._clients),
            closed_by_server=sum(client.closed_by_server for client in self._clients),
            looked_at=sum(client.looked_at for client in self._clients),
            resets=sum(client.resets for client in self._clients),
            rate=self.rate,
            paused=self.paused,
            ended=ended,
            tuples=self.tuples,
            in_turn=not self.plan.fall_back,
            note=self.note,
        )
        self._before = since(self._before, newest)
        return self._before

    def _work(self, client: Client) -> None:
        """Have one client work until the plan is done or has failed."""
        try:
            for number in self._turns(client):
                try:
                    made = client.connect(number, self.tuples)
                except ConnectError as error:
                    self._note_failure(error)
                    if not self.plan.keep_going:
                        self._stopping = True
                    elif self.rate is None:
                        self._nap(RETRY_SECONDS, client)
                    continue
                client.leave(made)
        finally:
            self._idle_at = time.monotonic()
            client.close_all()
            with self._lock:
                self._working -= 1
                if not self._working:
                    self.ended.set()

    def _turns(self, client: Client) -> Iterator[int]:
        """Yield the number of each connection that this client is to make, when it is due."""
        most = float("inf") if self.plan.most is None else self.plan.most
        end = float("inf") if self.plan.seconds is None else self._began + self.plan.seconds
        while not self._stopping and time.monotonic() < end:
            if self.paused:
                self._due = time.monotonic()
                self._nap(NAP_SECONDS, client)
            elif self.rate is not None and (wait := self._wait(self.rate)) > 0:
                self._nap(min(wait, NAP_SECONDS), client)
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

    def _nap(self, seconds: float, client: Client) -> None:
        client.tidy()
        time.sleep(seconds)

    def _note_failure(self, error: ConnectError) -> None:
        with self._lock:
            if self._first_failure is None:
                # Not its own number: it may have been given that long before its turn came.
                number = 1 + sum(client.connected for client in self._clients)
                elapsed = time.monotonic() - self._began
                self._first_failure = Failure(number, elapsed, *error.args)
