"""Some hundred thousand real sockets, kept up while they are measured."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from tests.live.fates import Fate, Server
from tui.kernel.namespaces import enter, open_network
from tui.lab import namespace

LIVES = 61.0
"""Seconds from a close to the end of its TIME-WAIT, with what the timer wheel adds."""
PER_DESTINATION = 7_500
"""Far below the half of the ports, where making more of them would slow down."""
V6_OF = 16
"""One in so many is an IPv6 connection."""
LIVE_PAIRS = 150
CLIENTS = 25
"""Each gives a pattern of either direction, to fill the dashboard with rows."""
PORT = 5432
BATCH_SECONDS = 0.01
ENOUGH = 0.98
QUIET_TURNS, QUIET_SECONDS = 20, 20.0
"""How often each client closes, and over how long: short enough that all outlive the measuring."""
TOP_UP_SECONDS = 15.0


class Load:
    """TIME-WAITs of every age, and some live connections, in a namespace of their own.

    A process closes as many connections a second as end their minute. It can be stopped for a
    while; then it makes up for what it missed.
    """

    def __init__(self, time_waits: int) -> None:
        self.time_waits = time_waits
        self._feeder = 0

    def __enter__(self) -> Self:
        namespace.unshare_network()
        namespace.bring_up()
        namespace.sysctl("ipv4.tcp_max_tw_buckets", 1_000_000)
        # On loopback connect() would take over a TIME-WAIT instead of leaving one more.
        namespace.sysctl("ipv4.tcp_tw_reuse", 0)
        parent = os.getpid()
        self._feeder = os.fork()
        if self._feeder == 0:
            try:
                namespace.die_with(parent)
                _feed(self.time_waits)
            finally:
                os._exit(1)
        return self

    def __exit__(self, *_: object) -> None:
        os.kill(self._feeder, signal.SIGKILL)
        os.waitpid(self._feeder, 0)

    def fill(self) -> None:
        """Wait until the oldest are about to end, so that there are all that there will be."""
        print(f"{LIVES:.0f} s until there are {self.time_waits:,} TIME-WAITs …", file=sys.stderr)
        time.sleep(LIVES + 1)
        self._await_enough()

    def _await_enough(self) -> None:
        deadline = time.monotonic() + TOP_UP_SECONDS
        while _time_waits() < ENOUGH * self.time_waits and time.monotonic() < deadline:
            time.sleep(0.02)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is closed meanwhile, so that both sides of a comparison see the same table."""
        self._await_enough()
        os.kill(self._feeder, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._feeder, signal.SIGCONT)


@contextmanager
def quiet() -> Iterator[None]:
    """A namespace where TIME-WAITs of many patterns count down, and nothing else."""
    before = open_network()
    namespace.unshare_network()
    try:
        namespace.bring_up()
        namespace.sysctl("ipv4.tcp_tw_reuse", 0)
        with Server("0.0.0.0", PORT) as held, Server("0.0.0.0", PORT + 1) as closing:
            for turn in range(QUIET_TURNS):
                for client in range(1, CLIENTS + 1):
                    Fate.CLIENT_CLOSED.come_about(closing.connect(f"127.0.1.{client}"))
                    if turn == 0:
                        held.connect(f"127.0.2.{client}")
                time.sleep(QUIET_SECONDS / QUIET_TURNS)
            yield
    finally:
        enter(before)
        os.close(before)


def sockets() -> int:
    """How many sockets the namespace has, from counters that cost nothing."""
    text = Path("/proc/net/sockstat").read_text() + Path("/proc/net/sockstat6").read_text()
    in_use = sum(int(number) for number in re.findall(r"TCP6?: inuse (\d+)", text))
    return in_use + _time_waits()


def _time_waits() -> int:
    found = re.search(r" tw (\d+)", Path("/proc/net/sockstat").read_text())
    return int(found[1]) if found else 0


def _feed(time_waits: int) -> None:
    count = max(4, -(-time_waits // PER_DESTINATION))
    v4, v6 = [f"127.0.1.{last}" for last in range(1, count + 1)], namespace.OWN.v6
    per_second = time_waits / LIVES
    with Server("::", PORT) as held, Server("::", PORT + 1) as closing:
        for index in range(LIVE_PAIRS):
            held.connect(v4[0], f"127.0.2.{index % CLIENTS + 1}")
        began = time.monotonic()
        made = 0
        while True:
            due = (time.monotonic() - began) * per_second
            if _time_waits() >= time_waits:  # what a pause has cost is made up for
                made = max(made, int(due))
            while made < due:
                ips = v4 if made % V6_OF else v6
                Fate.CLIENT_CLOSED.come_about(closing.connect(ips[made // V6_OF % len(ips)]))
                closing.pairs.clear()
                made += 1
            time.sleep(BATCH_SECONDS)
