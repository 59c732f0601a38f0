"""Sockets by pattern: who talks to whom, and how much of its ports that takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tui.analysis.devices import of_other_devices
from tui.analysis.ports import PortSpace, is_loopback, reuse_applies
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import (
    STATE_SLOTS,
    V4_MAPPED,
    Array,
    SocketTable,
    State,
    factorise,
    ip_text,
)

NO_PORT = -1
NO_PATTERN = np.uint64((1 << 64) - 1)
"""In place of a listener's key, behind all others."""


class Direction(IntEnum):
    """How a pattern's sockets came to be, judged by their local port."""

    OUTGOING = 0
    """An ephemeral port, or one of a client's own choice: grouped by local IP, remote IP and remote
    port."""
    INCOMING = 1
    """A port listened on: grouped by local IP, local port and remote IP."""
    OTHER = 2
    """Neither: grouped by local IP and remote IP."""


class PatternKey(NamedTuple):
    """A pattern's identity, the same in every frame; addresses are 128-bit halves."""

    direction: Direction
    local_hi: int
    local_lo: int
    local_port: int
    remote_hi: int
    remote_lo: int
    remote_port: int

    @property
    def local_ip(self) -> str:
        """The local address as text."""
        return ip_text(self.local_hi, self.local_lo)

    @property
    def remote_ip(self) -> str:
        """The remote address as text."""
        return ip_text(self.remote_hi, self.remote_lo)

    def __str__(self) -> str:
        local, remote = (
            endpoint(self.local_ip, self.local_port),
            endpoint(self.remote_ip, self.remote_port),
        )
        return f"{local} {ARROWS[self.direction]} {remote}"


DIRECTIONS = tuple(Direction)
ARROWS = {Direction.OUTGOING: "→", Direction.INCOMING: "←", Direction.OTHER: "–"}


def endpoint(ip: str, port: int) -> str:
    """Return ``ip:port``, IPv6 in brackets, or the address alone without a port."""
    if port == NO_PORT:
        return ip
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


@dataclass(frozen=True)
class Patterns:
    """All patterns of a frame as columns, by ports in use, greatest first.

    Columns that follow from others are computed once, when they are first asked for.
    """

    direction: Array
    local_ip: Array
    """Index into the table's addresses, as ``remote_ip``."""
    local_port: Array
    """int32, NO_PORT where the pattern has none, as ``remote_port``."""
    remote_ip: Array
    remote_port: Array
    states: Array
    """Sockets by state, shape (patterns, STATE_SLOTS)."""
    in_use: Array
    """Outgoing: local ports held that connect() could otherwise choose. Incoming: the
    peer's ports, of a range assumed to be ours. Other: 0."""
    capacity: Array
    reusable: Array
    """Ports in TIME-WAIT that tcp_tw_reuse lets connect() take now."""
    waiting: Array
    """Ports in use that are in TIME-WAIT, those that are reusable too."""
    beside: Array
    """Sockets of an outgoing pattern at ports that connect() would not choose: outside of the
    range, reserved, or bound. They take nothing of the capacity."""
    apart: Array
    """Sockets of an outgoing pattern that are bound to other devices than those whose ports are
    counted here: those have ports of their own. 0 in all but few."""
    reuse: Array
    """Does tcp_tw_reuse apply to the pattern? bool."""
    hold: Array
    """Seconds from a close until connect() can have the port again, at the earliest."""
    member: Array
    """For each row of the table the index of its pattern, −1 for listeners."""
    holding: Array
    """For each row of the table: is its port one of those in use? bool."""
    keys: tuple[Array, Array]
    """The table's addresses as halves, to make PatternKeys of."""

    def __len__(self) -> int:
        return len(self.direction)

    @cached_property
    def outgoing(self) -> Array:
        """Is the pattern an outgoing one? bool."""
        outgoing: Array = self.direction == Direction.OUTGOING
        return outgoing

    @property
    def time_wait(self) -> Array:
        """Sockets in TIME-WAIT."""
        time_wait: Array = self.states[:, State.TIME_WAIT]
        return time_wait

    @cached_property
    def total(self) -> Array:
        """Sockets in any state."""
        total: Array = self.states.sum(axis=1)
        return total

    @cached_property
    def live(self) -> Array:
        """Sockets in any state but TIME-WAIT."""
        live: Array = self.total - self.time_wait
        return live

    @cached_property
    def free(self) -> Array:
        """Ports of the capacity that the pattern does not hold."""
        free: Array = self.capacity - self.in_use
        return free

    @cached_property
    def locked(self) -> Array:
        """Ports in use that connect() cannot take over: in_use − reusable.

        This, not the use, is what every alarm goes by: a port that tcp_tw_reuse gives to
        connect() blocks nobody and slows nothing. Where all of the capacity is locked, nothing
        is connectable.
        """
        locked: Array = self.in_use - self.reusable
        return locked

    @cached_property
    def connectable(self) -> Array:
        """How many more connect() calls would find a port now; 0 means EADDRNOTAVAIL."""
        connectable: Array = self.free + self.reusable
        return connectable

    @cached_property
    def utilization(self) -> Array:
        """in_use / capacity, 0 to 1; 1 where there is no capacity at all."""
        return self._shares(self.in_use)

    @cached_property
    def locked_share(self) -> Array:
        """locked / capacity, 0 to 1; 1 where there is no capacity at all."""
        return self._shares(self.locked)

    def _shares(self, ports: Array) -> Array:
        return np.where(self.capacity > 0, ports / np.maximum(self.capacity, 1), 1.0)

    def time_wait_of(self, index: int) -> int:
        """Return how many sockets of one pattern are in TIME-WAIT, at the cost of one."""
        return int(self.states.item(index, State.TIME_WAIT))

    def live_of(self, index: int) -> int:
        """Return how many sockets of one pattern are in any other state."""
        return int(self.states[index].sum()) - self.time_wait_of(index)

    def find(self, key: PatternKey) -> int | None:
        """Return the index of the pattern with this identity, if it is in the frame."""
        hi, lo = self.keys
        local = np.flatnonzero((hi == key.local_hi) & (lo == key.local_lo))
        remote = np.flatnonzero((hi == key.remote_hi) & (lo == key.remote_lo))
        if not len(local) or not len(remote):
            return None
        found = np.flatnonzero(
            (self.local_ip == local[0])
            & (self.remote_ip == remote[0])
            & (self.direction == key.direction)
            & (self.local_port == key.local_port)
            & (self.remote_port == key.remote_port)
        )
        return int(found[0]) if len(found) else None

    def key(self, index: int) -> PatternKey:
        """Return the pattern's identity."""
        hi, lo = self.keys
        local, remote = self.local_ip[index], self.remote_ip[index]
        return PatternKey(
            Direction(int(self.direction[index])),
            int(hi[local]),
            int(lo[local]),
            int(self.local_port[index]),
            int(hi[remote]),
            int(lo[remote]),
            int(self.remote_port[index]),
        )

    def keys_of(self, which: Array | slice) -> list[PatternKey]:
        """Return the identities of many, at a quarter of what one by one costs."""
        hi, lo = self.keys
        local, remote = self.local_ip[which], self.remote_ip[which]
        ends = hi[local], lo[local], self.local_port[which], hi[remote], lo[remote]
        columns = (column.tolist() for column in (*ends, self.remote_port[which]))
        directions = map(DIRECTIONS.__getitem__, self.direction[which].tolist())
        return list(map(PatternKey._make, zip(directions, *columns, strict=True)))


def find_patterns(
    table: SocketTable, ports: PortSpace, rules: PortRules, second_ms: int | None = None
) -> Patterns:
    """Group every socket but the listeners, and judge each group's ports.

    Rows are distinct 4-tuples, so within an outgoing pattern each row is a port of its own; where
    sockets of several devices have one pattern, the ports are those of the fullest device.
    ``second_ms`` is how far the monotonic clock was in its second, if known.
    """
    listeners, state = table.listeners, table.state
    direction = _directions(table, listeners, ports)
    addresses = np.uint64(max(len(table.address_lo), 1))
    key = table.local_ip.astype(np.uint64)
    key *= addresses  # in place: pages that are new cost more than the sums do
    key += table.remote_ip.view(np.uint32)
    key <<= np.uint64(2)
    key |= direction
    key <<= np.uint64(16)
    key |= _port(table, direction)
    key[listeners] = NO_PATTERN
    keys, code = factorise(key)
    keys = keys[: len(keys) - bool(len(listeners))]  # the last was theirs
    count = len(keys)
    pair, kind = keys >> np.uint64(18), (keys >> np.uint64(16) & np.uint64(3)).astype(np.uint8)
    port = (keys & np.uint64(0xFFFF)).astype(np.int32)
    local_ip = (pair // addresses).astype(np.int32)
    remote_ip = (pair % addresses).astype(np.int32)

    loopback = is_loopback(table.address_hi, table.address_lo)
    reuse = reuse_applies(rules, loopback[local_ip] | loopback[remote_ip])
    reuse = reuse & (kind == Direction.OUTGOING)
    cell = key.view(np.intp)  # the key is not needed any more
    np.multiply(code, STATE_SLOTS, out=cell)
    cell += state
    states = np.bincount(cell, minlength=(count + 1) * STATE_SLOTS)[: count * STATE_SLOTS]
    states = states.reshape(count, STATE_SLOTS)
    total = states.sum(axis=1)

    holding = _holding(table, direction, ports)
    holding[listeners] = False
    reused = bool(reuse.any())
    young = _young(table, rules, second_ms) if reused else holding[:0]
    apart = np.zeros(count, np.intp)
    if table.device.any():
        spare = np.zeros(len(table), bool)
        if reused:
            spare = np.append(reuse, False)[code] & (state == State.TIME_WAIT) & ~young
        rows = np.flatnonzero(holding & (direction == Direction.OUTGOING))
        elsewhere = of_other_devices(table, rows, code, spare)
        holding[elsewhere] = False
        apart = np.bincount(code[elsewhere], minlength=count + 1)[:count]

    def without(counts: Array, rows: Array) -> Array:
        """Few rows are exceptions: these are counted."""
        left: Array = counts - np.bincount(code[rows], minlength=count + 1)[:count]
        return left

    beside = np.flatnonzero(~holding)
    in_use = without(total, beside)
    waiting = without(states[:, State.TIME_WAIT], beside[state[beside] == State.TIME_WAIT])
    reusable = np.zeros(count, np.intp)
    if reused:
        reusable = np.where(reuse, without(waiting, np.flatnonzero(young & holding)), 0)

    order = np.lexsort((-total, -in_use))
    rank = np.full(count + 1, -1, np.int32)
    rank[order] = np.arange(count, dtype=np.int32)
    kind, port, in_use, reuse = kind[order], port[order], in_use[order], reuse[order]
    return Patterns(
        direction=kind,
        local_ip=local_ip[order],
        local_port=np.where(kind == Direction.INCOMING, port, NO_PORT).astype(np.int32),
        remote_ip=remote_ip[order],
        remote_port=np.where(kind == Direction.OUTGOING, port, NO_PORT).astype(np.int32),
        states=states[order],
        in_use=in_use,
        capacity=np.where(kind == Direction.INCOMING, ports.size, ports.capacity),
        reusable=reusable[order],
        waiting=waiting[order],
        beside=np.where(kind == Direction.OUTGOING, total[order] - in_use - apart[order], 0),
        apart=apart[order],
        reuse=reuse,
        hold=np.where(reuse, rules.reuse_delay_ms, rules.time_wait_ms) / 1000,
        member=rank.take(code),
        holding=holding,
        keys=(table.address_hi, table.address_lo),
    )


def _young(table: SocketTable, rules: PortRules, second_ms: int | None) -> Array:
    """Say which rows are TIME-WAITs that tcp_tw_reuse gives to nobody yet."""
    delay = rules.reuse_delay_ms
    if rules.whole_seconds and second_ms is not None:
        # net/ipv4/tcp_ipv4.c before 6.14, tcp_twsk_unique: ktime_get_seconds() must have
        # passed ts_recent_stamp, so one that was closed before this second may be had.
        delay = second_ms
    young: Array = table.remaining_ms >= rules.time_wait_ms - delay
    young &= table.state == State.TIME_WAIT
    return young


def _within(port: Array, ports: PortSpace) -> Array:
    return (port >= ports.low) & (port <= ports.high)


def _port(table: SocketTable, direction: Array) -> Array:
    """Return the port of each row that its pattern has, 0 where that has none; uint16."""
    port = table.remote_port.copy()
    incoming = np.flatnonzero(direction == Direction.INCOMING)
    port[incoming] = table.local_port[incoming]
    port[direction == Direction.OTHER] = 0
    return port


def _holding(table: SocketTable, direction: Array, ports: PortSpace) -> Array:
    """Say of each row whether its port is one of those that its pattern's capacity counts."""
    holding = ports.usable.take(table.local_port)
    holding &= direction == Direction.OUTGOING
    incoming = np.flatnonzero(direction == Direction.INCOMING)
    holding[incoming] = _within(table.remote_port[incoming], ports)
    return holding


def _directions(table: SocketTable, listeners: Array, ports: PortSpace) -> Array:
    """Return the Direction of each row, shape (rows,), uint8; that of a listener means nothing."""
    local_port = table.local_port
    direction = np.full(len(table), Direction.OTHER, np.uint8)
    direction[_within(local_port, ports)] = Direction.OUTGOING
    if len(listeners):
        ip, port = table.local_ip[listeners], local_port[listeners]
        wildcard = (table.address_hi == 0) & np.isin(table.address_lo, (0, V4_MAPPED))
        anywhere = np.zeros(1 << 16, bool)
        anywhere[port[wildcard[ip]]] = True
        somewhere = np.zeros(1 << 16, bool)
        somewhere[port] = True
        accepted = anywhere.take(local_port)
        maybe = np.flatnonzero(somewhere.take(local_port) & ~accepted)
        if len(maybe):  # a listener of one address does not make another's sockets incoming
            here = table.local_ip[maybe].astype(np.int64) << 16 | local_port[maybe]
            accepted[maybe] = np.isin(here, ip.astype(np.int64) << 16 | port)
        direction[accepted] = Direction.INCOMING
    other = np.flatnonzero((direction == Direction.OTHER) & (table.state != State.LISTEN))
    if len(other):
        direction[other[_of_a_client(table, other)]] = Direction.OUTGOING
    return direction


def _of_a_client(table: SocketTable, rows: Array) -> Array:
    """Say which of these rows come from a client that brings its own list of source ports.

    Such as a proxy or NFS: several local ports lead to one port of a peer. No service has that,
    for there each connection comes from a port of its own.
    """
    addresses = np.uint64(len(table.address_lo))
    pair = table.local_ip[rows].astype(np.uint64) * addresses + table.remote_ip[rows].astype(
        np.uint64
    )
    _, code = factorise(pair << np.uint64(16) | table.remote_port[rows])
    several: Array = np.bincount(code)[code] > 1
    return several
