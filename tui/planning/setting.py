"""Ports that a load needs, and ports that there are.

Every connection takes a port of its tuple (local IP, remote IP, remote port) for as long as it is
open and then for its TIME-WAIT, so a load needs ``rate × (lifetime + wait)`` ports (Little's law),
and what is held besides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum
from ipaddress import ip_address

import numpy as np

from tui.analysis.bind_first import bound_first_at
from tui.analysis.frame import Frame
from tui.analysis.hold import TIME_WAIT, USUAL_HZ, Hold, hold
from tui.analysis.ports import PORTS, SLOW_CONNECT, port_space, reuse_applies
from tui.kernel.places import Place
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import Array
from tui.planning.demand import Demand, outgoing


class Fit(IntEnum):
    """What a setting does for a load, worst first."""

    FAILS = 0
    """More ports needed than there are: connect() fails with EADDRNOTAVAIL."""
    SLOW = 1
    """Enough, but more than half of them: connect() searches long (analysis.ports.times_slower)."""
    WORKS = 2
    """At most half of the ports are needed."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a setting does for a load."""

    needed: int
    """Ports that the load holds at any time, on average."""
    capacity: int
    """Ports there are, of all tuples that the load is spread over."""
    sustainable_rate: float
    """Connections of today per second at which the last port is taken; may be infinite."""
    fast_rate: float
    """The same up to which connect() stays fast: until half of the ports are taken."""
    verdict: Fit

    @property
    def utilization(self) -> float:
        """needed / capacity; above 1 where they do not suffice."""
        return self.needed / max(self.capacity, 1)


@dataclass(frozen=True, slots=True)
class Setting:
    """All that decides how many connections find a port."""

    ports: int
    """What one tuple can hold."""
    share: float = 1
    """The part of them that falls to this tuple, where all destinations have them together."""
    tuples: int = 1
    """Sources × destinations that the load is spread over evenly."""
    wait: float = TIME_WAIT.longest
    """Seconds that a port stays taken after its connection's close, at most: some 62 in TIME-WAIT,
    with tcp_tw_reuse its delay, 0 where the server closes first."""
    requests: float = 1
    """Of what takes one connection today, how much one carries; infinite if it never closes."""

    @property
    def capacity(self) -> int:
        """Ports of all tuples."""
        return math.floor(self.ports * self.tuples * self.share + 1e-6)

    def held(self, lifetime: float) -> float:
        """Return the seconds of port that each of today's connections costs.

        The delay of tcp_tw_reuse begins at the close (net/ipv4/tcp_ipv4.c, tcp_twsk_unique, by
        tw_entry_stamp), so it adds to the lifetime: the longer of the two would be too short.
        A connection that carries k times as much is open k times as long, and waits once.
        """
        return lifetime + self.wait / self.requests

    def judge(self, load: Demand) -> Effect:
        """Return what this does for the load."""
        held = self.held(load.lifetime)
        # A float may miss a whole number by a hair; and no connection is without a port.
        needed = max(math.ceil(load.rate * held - 1e-6), 1) + load.held
        rate = max(self.capacity - load.held, 0) / held if held else math.inf
        verdict = Fit.WORKS if needed <= self.capacity * SLOW_CONNECT else Fit.SLOW
        if needed > self.capacity:
            verdict = Fit.FAILS
        fast = max(self.capacity * SLOW_CONNECT - load.held, 0) / held if held else math.inf
        return Effect(needed, self.capacity, rate, fast, verdict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a frame says that a plan depends on."""

    rules: PortRules
    choosable: Array
    """Could connect() choose the port if the range had it? Shape (65536,), bool."""
    listening: tuple[int, ...]
    """Ports listened on, ascending."""
    local_ip: str | None = None
    """The tuple's ends, as far as they are known."""
    remote_ip: str | None = None
    remote_port: int | None = None
    hz: int = USUAL_HZ
    at_home: bool = False
    """Whether the destination is one of the place's own addresses: then no route has a say."""
    share: float | None = None
    """Where the client seems to bind before it connects: the part of its ports that this tuple
    has. All destinations share one range then, so what widens it serves all of them, and no
    TIME-WAIT is reused. None where connect() chooses."""
    place: Place | None = None
    """What the commands are to act on; None for the network namespace that they run in."""

    @property
    def ipv6(self) -> bool:
        """Whether the ends are IPv6 addresses."""
        return ":" in (self.remote_ip or self.local_ip or "")

    @property
    def loopback(self) -> bool:
        """Whether tcp_tw_reuse takes the tuple for a loopback one: one end is enough."""
        return any(ip_address(ip).is_loopback for ip in (self.local_ip, self.remote_ip) if ip)

    def ports(self, low: int, high: int) -> int:
        """Return how many ports a tuple could hold if this were the range."""
        return int(self.choosable[low : high + 1].sum())

    def listening_within(self, low: int, high: int) -> list[int]:
        """Return the ports of a range that are listened on, ascending."""
        return [port for port in self.listening if low <= port <= high]

    def wait(self, rules: PortRules) -> float:
        """Return the seconds that a port stays taken after the close under these rules, at most."""
        return self.hold(rules).longest

    def hold(self, rules: PortRules) -> Hold:
        """Return how long a port stays taken after the close under these rules."""
        reuse = bool(reuse_applies(rules, np.array([self.loopback]))[0])
        return hold(rules, reuse=reuse and self.share is None, hz=self.hz)


def gather(
    frame: Frame, local_ip: str | None, remote_ip: str | None, remote_port: int | None
) -> Facts:
    """Return what the frame says that a plan between these ends depends on."""
    whole = replace(frame.rules, low=1, high=PORTS - 1)
    listening = frame.table.local_port[frame.table.listeners]
    share = None
    if local_ip is not None and (bound := bound_first_at(frame, local_ip)) is not None:
        own = int(frame.patterns.in_use[outgoing(frame, local_ip, remote_ip, remote_port)].sum())
        share = min(own / bound.distinct, 1) if own else 1 / bound.destinations
    return Facts(
        rules=frame.rules,
        choosable=port_space(whole, frame.table).usable,
        listening=tuple(sorted({*listening.tolist()})),
        local_ip=local_ip,
        remote_ip=remote_ip,
        remote_port=remote_port,
        hz=frame.reading.hz or USUAL_HZ,
        at_home=remote_ip is not None and (local_ip == remote_ip or frame.owns(remote_ip)),
        share=share,
        place=frame.reading.place,
    )
