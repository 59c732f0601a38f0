"""Which local ports a connect() can have (the unit is one namespace's port range)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import Array, SocketTable

PORTS = 1 << 16
SLOW_CONNECT = 0.5
"""From this share of locked ports on, connect() has used up the ports of one
parity and scans them all in vain before it tries the others (__inet_hash_connect)."""


def times_slower(ports: int) -> int:
    """Return about how many times longer connect() then takes than before, with so many ports.

    Measured on Linux 6.18: 4.6 with 1,000 ports, 8.4 with 2,000, 119 with 28,232 and 407 with
    64,512, where the processor's cache no longer holds the table.
    """
    factor = 1 + ports * (0.0037 + 4e-8 * ports)
    return round(factor) if factor < 20 else 10 * round(factor / 10)


def slower(ports: int) -> str:
    """Say how much longer that is: ``about 119 times longer``, of few ports ``hardly longer``."""
    factor = times_slower(ports)
    return f"about {factor} times longer" if factor > 1 else "hardly longer"


@dataclass(frozen=True, slots=True)
class PortSpace:
    """The ephemeral ports of a namespace and how many a single tuple can hold.

    ``capacity`` = the range − ``reserved`` − ``excluded``. It is an upper bound: sockets
    that were bound first and connected then exclude their port too, and look like others.
    """

    low: int
    high: int
    reserved: int
    """Ports of the range that ip_local_reserved_ports takes out."""
    excluded: int
    """Further ports of the range with an explicitly bound socket, whatever its address."""
    usable: Array
    """For each of the 65,536 ports: can connect() choose it? Shape (65536,), bool."""

    @property
    def capacity(self) -> int:
        """How many ports one (local IP, remote IP, remote port) can hold at most."""
        return self.size - self.reserved - self.excluded

    @property
    def size(self) -> int:
        """How many ports ip_local_port_range spans."""
        return self.high - self.low + 1


def port_space(rules: PortRules, table: SocketTable) -> PortSpace:
    """Return what connect() can choose from.

    A port with an explicitly bound socket anywhere in the namespace is never chosen
    (net/ipv4/inet_hashtables.c, __inet_hash_connect: ``fastreuse >= 0``). Accepted
    connections sit on their listener's port, so listeners and bound sockets are enough.
    """
    in_range = np.zeros(PORTS, bool)
    in_range[rules.low : rules.high + 1] = True
    usable = in_range.copy()
    for first, last in rules.reserved:
        usable[first : last + 1] = False
    unreserved = int(usable.sum())
    usable[table.local_port[table.listeners]] = False
    usable[table.bound_ports] = False
    return PortSpace(
        low=rules.low,
        high=rules.high,
        reserved=int(in_range.sum()) - unreserved,
        excluded=unreserved - int(usable.sum()),
        usable=usable,
    )


def is_loopback(hi: Array, lo: Array) -> Array:
    """Say which addresses are in 127/8 (also v4-mapped) or ::1."""
    loopback: Array = (hi == 0) & ((lo >> np.uint64(24) == 0xFFFF7F) | (lo == 1))
    return loopback


def reuse_applies(rules: PortRules, loopback: Array) -> Array:
    """Say of which tuples tcp_tw_reuse lets connect() take TIME-WAIT ports.

    ``loopback`` says which have a loopback address at either end; mode 2, the default,
    is for those alone (net/ipv4/tcp_ipv4.c, tcp_twsk_unique). Without timestamps there is
    no reuse.
    """
    if not rules.timestamps or rules.reuse_mode == 0:
        return np.zeros_like(loopback)
    return loopback if rules.reuse_mode == 2 else np.ones_like(loopback)
