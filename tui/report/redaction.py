"""Tables of /proc/net with other addresses and users, the same ones everywhere; other names."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from itertools import chain

import numpy as np

from tui.kernel import lines, procfs
from tui.kernel.processes import Owners
from tui.kernel.sockets import ByteOrder

Address = IPv4Address | IPv6Address


class Aliases(dict[str, str]):
    """Gives every name another one, always the same: `program-1` for the first, and so on."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def __missing__(self, name: str) -> str:
        self[name] = f"{self.kind}-{len(self) + 1}"
        return self[name]


def renamed(owners: Owners) -> Owners:
    """Return the same owners with other names; one process is the same one everywhere."""
    aliases = Aliases("program")
    processes = {
        inode: replace(process, name=aliases[process.name])
        for inode, process in owners.by_inode.items()
    }
    return replace(owners, by_inode=processes, held={})


class Redactor:
    """Gives every address another one, always the same: what is equal stays equal.

    IPv4 addresses become those of 198.18.0.0/15 (RFC 2544), and when these are used up of
    240.0.0.0/4 (RFC 1112); IPv6 ones those of 2001:db8::/32 (RFC 3849): nobody's. Loopback and
    the unspecified address stay, and a v4-mapped address changes as its IPv4 one does.
    """

    def __init__(self, there: Iterable[Address] = ()) -> None:
        """``there`` are addresses that must not be given, since somebody has them."""
        self._there = frozenset(map(_unmapped, there))
        self._given: dict[Address, Address] = {}
        self._v4: Iterator[Address] = map(IPv4Address, chain(TEST_V4, RESERVED_V4))
        self._v6: Iterator[Address] = map(IPv6Address, TEST_V6)

    def other(self, address: Address) -> Address:
        """Return the address to write instead."""
        plain = _unmapped(address)
        if plain is not address:
            return IPv6Address(b"\0" * 10 + b"\xff\xff" + self.other(plain).packed)
        if address.is_loopback or address.is_unspecified:
            return address
        if address not in self._given:
            free = self._v4 if address.version == 4 else self._v6
            self._given[address] = next(one for one in free if one not in self._there)
        return self._given[address]


def _unmapped(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


TEST_V4 = range(int(IPv4Address("198.18.0.1")), int(IPv4Address("198.20.0.0")))
RESERVED_V4 = range(int(IPv4Address("240.0.0.1")), int(IPv4Address("255.255.255.255")))
TEST_V6 = range(int(IPv6Address("2001:db8::1")), int(IPv6Address("2001:db9::")))


def redact(
    places: Sequence[Mapping[str, bytes]], byte_order: ByteOrder = sys.byteorder
) -> list[dict[str, bytes]]:
    """Return each place's tables of /proc/net with other addresses and users.

    They are the same ones in all of them: two pods that speak to one database still do. Of a line
    only what twtop reads is kept, with a dash for the rest, and of one that it cannot read nothing:
    an address may be anywhere in it.
    """
    known = {
        word: _read(word, byte_order)
        for tables in places
        for name, text in tables.items()
        for line in _lines(name, text)
        if line is not None
        for word in line.group(2, 4)
    }
    redactor = Redactor(known.values())
    other = {word: _write(redactor.other(address), byte_order) for word, address in known.items()}
    users = {b"0": 0}

    def redacted(line: re.Match[bytes] | None) -> bytes:
        if line is None:
            return UNREADABLE
        head, local, middle, remote, tail, user, rest = line.groups()
        uid = users.setdefault(user, ANONYMOUS + len(users))
        parts = head, other[local], middle, other[remote], tail.rstrip()
        return b"%b %5d%b-\n" % (b"".join(parts), uid, rest)

    return [
        {
            name: procfs.HEADER + b"".join(map(redacted, _lines(name, text)))
            for name, text in tables.items()
        }
        for tables in places
    ]


COUNTED = re.compile(rb"(?:TCP6?|TcpExt|Tcp):[\w -]*|entries [\w ]*|[0-9a-f\t ,-]*")
"""Lines of counters and sysctls as kernels print them, and twtop reads."""


def numbers_only(text: bytes) -> bytes:
    """Return a file of counters or a sysctl without what no kernel prints: who pastes one may have
    the names of users and hosts in it."""
    return b"".join(
        line for line in text.splitlines(keepends=True) if COUNTED.fullmatch(line.rstrip())
    )


ANONYMOUS = 10_000
"""Users but root have numbers from here on."""
UNREADABLE = b"unreadable\n"


def _lines(name: str, text: bytes) -> Iterator[re.Match[bytes] | None]:
    """Yield each line below the header as far as tui.kernel.procfs reads it, if it can."""
    pattern = rb"( *\d+: )(h{W})(:h{4} )(h{W})(:h{4} hh h{8}:h{8} hh:h{8} h{8} +)(\d+)( +\d+ \d+ )"
    pattern = pattern.replace(b"W", b"8" if name == "net/tcp" else b"32")
    known = re.compile(pattern.replace(b"h", b"[0-9A-Fa-f]"))
    for line in text.split(b"\n")[1:-1]:
        yield known.match(line) or known.match(lines.tidied(name, line) or b"")


WORDS = {"little": "<u4", "big": ">u4"}


def _read(text: bytes, byte_order: ByteOrder) -> Address:
    """Return the address that /proc prints so: in words of its host's byte order."""
    words = np.frombuffer(bytes.fromhex(text.decode()), ">u4")
    packed = words.astype(WORDS[byte_order]).tobytes()
    return IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed)


def _write(address: Address, byte_order: ByteOrder) -> bytes:
    words = np.frombuffer(address.packed, WORDS[byte_order])
    return words.astype(">u4").tobytes().hex().upper().encode()
