"""One dump of the TCP table as NumPy columns, whichever source it was read from."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
ByteOrder = Literal["little", "big"]

V4_MAPPED = 0xFFFF << 32
"""Low 64 bits of ``::ffff:0.0.0.0``: an IPv4 address is stored as its mapped form."""

UNKNOWN_LIMIT = (1 << 32) - 1
"""Stands for the backlog's limit of a listener where it cannot be seen; no real one is as high."""


class State(IntEnum):
    """TCP states under the kernel's names and numbers (include/net/tcp_states.h)."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11

    @property
    def label(self) -> str:
        """The name as people and ``ss`` write it: ``TIME-WAIT``, ``FIN-WAIT-1``."""
        return re.sub(r"_|(?=\d)", "-", self.name)


STATE_SLOTS = 12
"""Length of a count-by-state vector: states are 1 to 11, slot 0 stays empty."""


class Timer(IntEnum):
    """What a socket's timer is for (``tr`` in /proc, ``idiag_timer`` in sock_diag)."""

    NONE = 0
    RETRANSMIT = 1
    KEEPALIVE = 2
    TIME_WAIT = 3
    PROBE = 4


class TableError(Exception):
    """The kernel's socket tables could not be read; the text names the file and the cure."""


@dataclass(frozen=True, slots=True)
class RawSockets:
    """Sockets as a reader found them: equally long columns, addresses not yet factorised.

    Addresses are two halves of 128 bits in host order; IPv4 is stored v4-mapped, so a
    v4-mapped socket and a plain IPv4 one are alike from here on.
    """

    local_hi: Array
    local_lo: Array
    remote_hi: Array
    remote_lo: Array
    local_port: Array
    remote_port: Array
    state: Array
    timer: Array
    remaining_ms: Array
    rx_queue: Array
    tx_queue: Array
    backlog_limit: Array
    uid: Array
    inode: Array
    device: Array

    def __len__(self) -> int:
        return len(self.state)


ROW_TYPES: dict[str, type[np.generic]] = {
    "local_hi": np.uint64,
    "local_lo": np.uint64,
    "remote_hi": np.uint64,
    "remote_lo": np.uint64,
    "local_port": np.uint16,
    "remote_port": np.uint16,
    "state": np.uint8,
    "timer": np.uint8,
    "remaining_ms": np.uint32,
    "rx_queue": np.uint32,
    "tx_queue": np.uint32,
    "backlog_limit": np.uint32,
    "uid": np.uint32,
    "inode": np.uint64,
    "device": np.uint32,
}
"""The width of each column; readers deliver these."""


@dataclass(frozen=True)
class SocketTable:
    """Every TCP socket of one network namespace, as columns of equal length.

    ``local_ip`` and ``remote_ip`` are indices into the address columns ``address_hi`` and
    ``address_lo`` (128-bit addresses, IPv4 as v4-mapped). ``remaining_ms`` is the time left
    on the socket's timer. No two rows are the same socket; nor have two the same tuple and device.
    """

    address_hi: Array
    address_lo: Array
    local_ip: Array
    local_port: Array
    remote_ip: Array
    remote_port: Array
    state: Array
    timer: Array
    remaining_ms: Array
    rx_queue: Array
    tx_queue: Array
    backlog_limit: Array
    """How many connections a listener lets wait for accept(); more are dropped when there is one
    more than that. 0 for other sockets. UNKNOWN_LIMIT where sock_diag could not be asked, as of a
    copy: ``table.backlog_limit != UNKNOWN_LIMIT`` says where it is known."""
    uid: Array
    inode: Array
    device: Array
    """Index of the interface that a socket is bound to (SO_BINDTODEVICE, or a VRF), 0 where it is
    bound to none: a tuple has all its ports once for each. Only sock_diag tells."""
    bound_ports: Array
    """Distinct ports of bound, unconnected sockets (BOUND_INACTIVE), which only sock_diag
    lists."""
    bound_known: bool = True
    """False where the kernel cannot be asked for those, or does not tell (before 6.8)."""
    device_known: bool = True
    """False where ``device`` is 0 because nothing tells it."""
    complete: bool = True
    """False when a deadline, a lost message or a missing header cut the dump short."""
    complete_known: bool = True
    """False of a copy with nothing beside it that counts its sockets: it may lack whole lines."""
    duplicates: int = 0
    bad_lines: int = 0
    byte_order: ByteOrder | None = sys.byteorder
    """That of the machine that wrote the table; None where nothing in a copy tells it, and this
    machine's was assumed: each address may stand the other way round."""

    def __len__(self) -> int:
        return len(self.state)

    @property
    def whole(self) -> bool:
        """Is every socket of the place in it, for sure?"""
        return self.complete and self.complete_known and not self.bad_lines

    @cached_property
    def listeners(self) -> Array:
        """The rows of the listening sockets."""
        return np.flatnonzero(self.state == State.LISTEN)

    def ip(self, address: int) -> str:
        """Return the text of one address, IPv4 (also v4-mapped) in dotted form."""
        return ip_text(int(self.address_hi[address]), int(self.address_lo[address]))


@lru_cache(maxsize=4096)
def ip_text(hi: int, lo: int) -> str:
    """Return the text of a 128-bit address given as its two halves."""
    if hi == 0 and lo >> 32 == 0xFFFF:
        return str(IPv4Address(lo & 0xFFFFFFFF))
    return str(IPv6Address(hi << 64 | lo))


def ip_halves(text: str) -> tuple[int, int]:
    """Return an address's 128 bits in two halves as the table has it, IPv4 as v4-mapped.

    Raises ValueError for what is no address.
    """
    address = ip_address(text)
    whole = int(address) | (V4_MAPPED if address.version == 4 else 0)
    return whole >> 64, whole & (1 << 64) - 1


SLOTS_A_VALUE = 32
MOST_SLOTS = 1 << 18
"""One megabyte: beyond the processor's cache looking up is no faster than searching."""
BLOCK = 1 << 13
"""So many values at once that what is made of them on the way stays in the cache."""
SPREAD = np.uint64(0x9E37_79B9_7F4A_7C15)
"""2⁶⁴ divided by the golden ratio: the upper bits of a product with it differ where values do."""


def factorise(values: Array) -> tuple[Array, Array]:
    """Return the sorted distinct values (of uint64), and for each value its index among them.

    Searching takes long where many values are few distinct ones, as addresses are. So they are
    looked up in a table by their hash, and only those whose place another value has taken are
    searched for.
    """
    ordered = distinct(values)
    bits = (len(ordered) * SLOTS_A_VALUE).bit_length()
    if 1 << bits > MOST_SLOTS:
        return ordered, np.searchsorted(ordered, values).astype(np.int32)
    shift = np.uint64(64 - bits)
    slots = np.zeros(1 << bits, np.int32)
    slots[_slot(ordered, shift)] = np.arange(len(ordered), dtype=np.int32)
    codes = np.empty(len(values), np.int32)
    for first in range(0, len(values), BLOCK):
        block, found = values[first : first + BLOCK], codes[first : first + BLOCK]
        found[:] = slots.take(_slot(block, shift))
        wrong = np.flatnonzero(ordered.take(found) != block)
        found[wrong] = np.searchsorted(ordered, block[wrong])
    return ordered, codes


def _slot(values: Array, shift: np.uint64) -> Array:
    return (values * SPREAD >> shift).view(np.intp)


def fingerprints(columns: Sequence[Array]) -> Array:
    """Return a number for each row that equal rows share, and others do not.

    64 bits: among a million rows two unequal ones share one once in 40 million tables.
    """
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed ^= column
        mixed *= SPREAD
        mixed ^= mixed >> np.uint64(29)
    return mixed


def distinct(values: Array) -> Array:
    """Return the sorted distinct values: np.unique, but ten times faster on integers."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), bool)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def together(chunks: Sequence[RawSockets]) -> RawSockets:
    """Return all rows of the chunks, one after the other."""
    return RawSockets(
        **{
            name: np.concatenate([np.empty(0, kind), *(getattr(chunk, name) for chunk in chunks)])
            for name, kind in ROW_TYPES.items()
        }
    )


def build(
    chunks: Sequence[RawSockets],
    *,
    bound_ports: Array | None = None,
    device_known: bool = True,
    complete: bool = True,
    bad_lines: int = 0,
) -> SocketTable:
    """Join what a reader collected into one table, each socket once.

    Two rows of one 4-tuple are one socket seen twice, and the later one is newer
    (a non-atomic read shows a socket again when its bucket moves). Listeners share a tuple in
    earnest (SO_REUSEPORT), so for them the inode must be equal too; and so do sockets of different
    devices (net/ipv4/inet_hashtables.c, inet_match).
    """

    def joined(name: str) -> Array:
        return np.concatenate([np.empty(0, ROW_TYPES[name]), *(getattr(c, name) for c in chunks)])

    column = {name: joined(name) for name in ROW_TYPES if not name.endswith(("_hi", "_lo"))}
    count = len(column["state"])
    address_hi, address_lo, column["local_ip"], column["remote_ip"] = _addresses(chunks)
    column = each_once(column, len(address_hi))
    return SocketTable(
        address_hi=address_hi,
        address_lo=address_lo,
        bound_ports=np.empty(0, np.uint16) if bound_ports is None else bound_ports,
        bound_known=bound_ports is not None,
        device_known=device_known,
        complete=complete,
        complete_known=True,
        duplicates=count - len(column["state"]),
        bad_lines=bad_lines,
        byte_order=sys.byteorder,
        **column,
    )


def each_once(column: dict[str, Array], addresses: int) -> dict[str, Array]:
    """Return a table's columns with each socket once; ``addresses`` is how many there are."""
    keep = _distinct_sockets(column, addresses)
    return column if keep is None else {name: values[keep] for name, values in column.items()}


def _addresses(chunks: Sequence[RawSockets]) -> tuple[Array, Array, Array, Array]:
    """Return the distinct addresses, and each row's index among them, local and remote.

    First chunk by chunk: what is made on the way, of 16 bytes an address, stays in the cache.
    """
    found = [factorise_addresses(chunk.local_hi, chunk.local_lo) for chunk in chunks]
    found += [factorise_addresses(chunk.remote_hi, chunk.remote_lo) for chunk in chunks]
    none = np.empty(0, np.uint64)
    hi, lo, codes = factorise_addresses(
        np.concatenate([none, *(his for his, _, _ in found)]),
        np.concatenate([none, *(los for _, los, _ in found)]),
    )
    begins = np.cumsum([0, *(len(his) for his, _, _ in found)]).tolist()
    ends = [codes[begin:].take(own) for begin, (_, _, own) in zip(begins, found, strict=False)]
    local, remote = ends[: len(chunks)], ends[len(chunks) :]
    return hi, lo, np.concatenate([codes[:0], *local]), np.concatenate([codes[:0], *remote])


def factorise_addresses(hi: Array, lo: Array) -> tuple[Array, Array, Array]:
    """Return the distinct addresses as (hi, lo), IPv4 first, and each one's index among them."""
    is_v6 = (hi != 0) | (lo >> np.uint64(32) != 0xFFFF)
    six = np.flatnonzero(is_v6)
    if not len(six):
        v4, codes = factorise(lo)
        return np.zeros(len(v4), np.uint64), v4, codes
    his, hi_codes = factorise(hi[six])
    los, lo_codes = factorise(lo[six])
    width = np.uint64(len(los))
    pairs, v6_codes = factorise(hi_codes.astype(np.uint64) * width + lo_codes.astype(np.uint64))
    if len(six) == len(hi):
        v4, codes = np.empty(0, np.uint64), np.empty(len(hi), np.int32)
    else:
        # Some IPv4 address in place of each IPv6 one: quicker than taking the others out.
        four = lo.copy()
        four[six] = lo[is_v6.argmin()]
        v4, codes = factorise(four)
    codes[six] = v6_codes + len(v4)
    v6_hi, v6_lo = his[(pairs // width).astype(np.intp)], los[(pairs % width).astype(np.intp)]
    address_hi = np.concatenate([np.zeros(len(v4), np.uint64), v6_hi])
    return address_hi, np.concatenate([v4, v6_lo]), codes


def _distinct_sockets(column: dict[str, Array], addresses: int) -> Array | None:
    """Return the ascending indices of the rows to keep, or None when no row is doubled."""
    key = column["local_ip"].astype(np.uint64)
    key *= np.uint64(addresses)
    key += column["remote_ip"].view(np.uint32)
    if addresses >= 1 << 16:  # the pair must fit the key's upper 32 bits
        key = factorise(key)[1].astype(np.uint64)
    key <<= np.uint64(16)  # in place: pages that are new cost more than the sums do
    key |= column["local_port"]
    key <<= np.uint64(16)
    key |= column["remote_port"]
    ordered = np.sort(key)
    if not (ordered[1:] == ordered[:-1]).any():
        return None
    identity = np.where(column["state"] == State.LISTEN, column["inode"], column["device"])
    order = np.lexsort((identity, key))  # stable: the last of a run is the newest
    last = np.ones(len(order), bool)
    a, b = order[:-1], order[1:]
    last[:-1] = (key[a] != key[b]) | (identity[a] != identity[b])
    return np.sort(order[last])
