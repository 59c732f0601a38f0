"""What the connections to the target hold of each source's ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import numpy as np

from tui.analysis.frame import Frame
from tui.analysis.judgement import PortUse, port_use
from tui.analysis.patterns import NO_PORT, Direction, PatternKey
from tui.analysis.ports import reuse_applies
from tui.kernel.sockets import Array, SocketTable, State, ip_halves
from tui.simulate.target import Target


@dataclass(frozen=True, slots=True)
class Held:
    """One source's ports towards the target; towards all destinations where bind() chooses.

    Or several sources' together.
    """

    source: str | None
    """None is any: bind() without an address; or several."""
    use: PortUse
    opening: int = 0
    """Of the ports in use those in SYN_SENT, which are gone with whoever asked for them."""
    fin_wait2: int = 0
    """And those that the server has not closed: FIN_WAIT2 of any form, an open descriptor's, an
    orphan or a mini-socket. None is ever reused."""
    reuse: bool = False
    """Whether tcp_tw_reuse applies."""

    @property
    def others(self) -> int:
        """Ports of connections that are there, and closed by neither side."""
        return self.use.live - self.opening - self.fin_wait2

    @property
    def half_closed(self) -> bool:
        """Whether more ports wait for the server to close than are in TIME-WAIT."""
        return self.fin_wait2 > self.use.time_wait


def total(helds: Sequence[Held]) -> Held:
    """Return all sources' ports together."""
    return Held(
        None,
        sum((held.use for held in helds), PortUse(0)),
        sum(held.opening for held in helds),
        sum(held.fin_wait2 for held in helds),
        all(held.reuse for held in helds),
    )


def held_ports(
    frame: Frame, sources: Sequence[str | None], target: Target, bind_first: bool = False
) -> tuple[Held, ...]:
    """Return what each source holds; a source of None is known for its port alone."""
    return tuple(
        _bound(frame, source) if bind_first or source is None else _pattern(frame, source, target)
        for source in sources
    )


def _pattern(frame: Frame, source: str, target: Target) -> Held:
    patterns, local, remote = frame.patterns, ip_halves(source), ip_halves(target.ip)
    key = PatternKey(Direction.OUTGOING, *local, NO_PORT, *remote, target.port)
    loopback = np.array([ip_address(source).is_loopback or ip_address(target.ip).is_loopback])
    reuse = bool(reuse_applies(frame.rules, loopback)[0])
    index = patterns.find(key)
    if index is None:
        return Held(source, PortUse(frame.ports.capacity), reuse=reuse)
    return Held(
        source,
        port_use(patterns, index),
        opening=int(patterns.states[index][State.SYN_SENT]),
        fin_wait2=int(patterns.states[index][State.FIN_WAIT2]),
        reuse=reuse,
    )


def _bound(frame: Frame, source: str | None) -> Held:
    """bind() takes a port for all destinations, and none that the address has in any state."""
    table = frame.table
    mine = frame.ports.usable[table.local_port] & (table.state != State.LISTEN)
    if source is not None:
        mine &= _at(table, source)

    def ports(chosen: Array) -> int:
        return len(np.unique(table.local_port[chosen]))

    waiting = ports(mine & (table.state == State.TIME_WAIT))
    return Held(
        source,
        PortUse(frame.ports.capacity, live=ports(mine) - waiting, waiting=waiting),
        fin_wait2=ports(mine & (table.state == State.FIN_WAIT2)),
    )


def server_time_waits(frame: Frame, target: Target) -> int:
    """Return the TIME-WAITs on the server's side, where the frame shows that too."""
    table = frame.table
    waiting = (table.local_port == target.port) & (table.state == State.TIME_WAIT)
    return int((waiting & _at(table, target.ip)).sum())


def _at(table: SocketTable, ip: str) -> Array:
    """Say which sockets have this local address, shape (sockets,)."""
    hi, lo = ip_halves(ip)
    found: Array = ((table.address_hi == hi) & (table.address_lo == lo))[table.local_ip]
    return found
