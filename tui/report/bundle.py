"""Everything that a support ticket needs, in one archive."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tui import __version__
from tui.analysis.frame import Frame, judge
from tui.kernel import lines, procfs, sock_diag
from tui.kernel.below import read_below
from tui.kernel.effort import Effort
from tui.kernel.places import Place, place_at
from tui.kernel.processes import Owners
from tui.kernel.sockets import ByteOrder, TableError
from tui.kernel.source import Source
from tui.kernel.sysctls import NAMES
from tui.writing.files import write_whole

TABLES = ("net/tcp", "net/tcp6")
COUNTERS = (
    "net/sockstat",
    "net/sockstat6",
    "net/netstat",
    "net/snmp",
    "net/stat/nf_conntrack",
)
CONNTRACK = ("sys/net/netfilter/nf_conntrack_count", "sys/net/netfilter/nf_conntrack_max")
COPY_SECONDS = 10.0
"""How long the tables may take: on a table that grows fast, reading on might never end."""

ABOUT = """\
{name}: what twtop {version} saw on {time}.

report.txt, report.json   the whole report
audit.txt, audit.json     what it means, and what to do
about.json                versions, and what was read
proc/                     the kernel's own files; twtop reads them again with
                              twtop --proc proc
                              twtop report --proc proc
"""
ABOUT_REDACTED = """
Every address but loopback is another one, in all files the same, and so are the names of programs
and the numbers of users but root; the host has no name. Of the lines of net/tcp and net/tcp6 only
what twtop reads is kept.
"""


ABOUT_PLACES = """
places/ has a folder with the same for each further network namespace: twtop --proc reads the proc/
in it.
"""


class BundleError(Exception):
    """The archive could not be written; the message says why."""


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
    return replace(owners, by_inode=processes)


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


def _numbers(text: bytes) -> bytes:
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


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of what twtop reads of a procfs."""

    place: Place
    """Where it was made; without a name if that is not to be told."""
    files: Mapping[str, bytes]
    """By path below the procfs."""
    complete: bool
    byte_order: ByteOrder | None
    """That of the machine whose procfs it is; None where nothing tells it."""
    bound_ports: tuple[int, ...] | None
    """Ports that are bound and nothing else, which no file of the procfs has; None where they are
    not known."""
    time: float
    """When it was read, Unix time."""

    def frame(self) -> Frame:
        """Return the frame that the copy makes. Raises BundleError where it has no room."""
        try:
            with tempfile.TemporaryDirectory(prefix="twtop-") as folder:
                root = Path(folder)
                for name, content in self.files.items():
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_bytes(content)
                reading = Source(
                    place_at(root), "proc", COPY_SECONDS, one_shot=True, byte_order=self.byte_order
                ).read()
        except OSError as error:
            raise BundleError(f"{tempfile.gettempdir()}: {error.strerror or error}") from None

        table = replace(
            reading.table,
            bound_ports=np.array(self.bound_ports or (), np.uint16),
            bound_known=self.bound_ports is not None,
            complete=self.complete and reading.table.complete,
        )
        return judge(
            replace(reading, place=self.place, table=table, table_time=self.time, time=self.time)
        )


def copy_place(place: Place, *, byte_order: ByteOrder | None = None) -> Copy:
    """Read all that twtop needs of a place once. Raises TableError, as reading it does.

    What is known of a copy, or given as its ``byte_order``, is passed on: a copy of it is neither
    younger nor more whole.
    """
    try:
        return place.inside(lambda: _copy(place, byte_order))
    except OSError as error:
        raise TableError(f"{place.where}: {error.strerror or error}") from error


def _copy(place: Place, byte_order: ByteOrder | None) -> Copy:
    origin = place.origin
    effort = None if place.kind == "copy" else Effort(COPY_SECONDS)
    files: dict[str, bytes] = {}
    complete = origin is None or origin.complete
    for name in TABLES:
        try:
            files[name], whole = procfs.copy_file(place.tables, name, effort)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and name != TABLES[0]:
                continue
            reason = f"{place.root / name}: {error.strerror or error}"
            raise TableError(
                f"{reason}: a bundle is made of /proc's files, --proc names it"
            ) from None
        complete = complete and whole
    sysctls = [f"sys/{name.replace('.', '/')}" for name in NAMES]
    for name in (*COUNTERS, *CONNTRACK, *sysctls):
        with suppress(OSError):
            above = place.settings if name.startswith("sys/") else place.tables
            if above is not None:
                files[name] = read_below(above, name)
    if place.answers:
        found = sock_diag.read_bound_ports(effort)
        ports = None if found is None else tuple(found.tolist())
    else:
        ports = None if origin is None else origin.bound_ports
    return Copy(
        place=place,
        files=files,
        complete=complete,
        byte_order=byte_order or _byte_order(place),
        bound_ports=ports,
        time=(place.made if place.kind == "copy" else None) or time.time(),
    )


def redacted(copies: Sequence[Copy]) -> list[Copy]:
    """Return copies made on one machine without what is nobody else's business."""
    order = next((one.byte_order for one in copies if one.byte_order), sys.byteorder)
    tables = [{name: one.files[name] for name in TABLES if name in one.files} for one in copies]
    return [
        replace(
            one,
            place=Place(Path("proc"), "redacted", one.place.kind, one.place.id),
            files={name: _numbers(text) for name, text in one.files.items()} | other,
        )
        for one, other in zip(copies, redact(tables, order), strict=True)
    ]


def _byte_order(place: Place) -> ByteOrder | None:
    if place.kind != "copy":
        return sys.byteorder
    known = place.origin and place.origin.byte_order
    return known or procfs.read_copy(place.root).byte_order


def about(copy: Copy, redacted: bool) -> dict[str, object]:
    """Return where the bundle comes from."""
    return {
        "schema": "twtop.bundle/1",
        "time": datetime.fromtimestamp(copy.time, UTC).isoformat(),
        "twtop": __version__,
        "python": platform.python_version(),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "host": None if redacted else platform.node(),
        "byteorder": copy.byte_order,
        "complete": copy.complete,
        "bound_ports": None if copy.bound_ports is None else list(copy.bound_ports),
        "redacted": redacted,
        "user": "root" if os.geteuid() == 0 else "unprivileged",
    }


Parts = tuple[Copy, Mapping[str, str]]
"""A copy, and texts by the names of their files."""


def write_bundle(path: Path, parts: Parts, *others: Parts, redacted: bool) -> int:
    """Write the archive and return its size in bytes; only its owner may read it.

    Each of the ``others`` is a place of its own, in a folder below `places/`. It appears under its
    name once it is whole. Raises BundleError.
    """
    copy, _ = parts
    name = path.name.split(".")[0] or "twtop"
    when = datetime.fromtimestamp(copy.time, UTC)
    head = ABOUT.format(name=name, version=__version__, time=f"{when:%Y-%m-%d %H:%M:%S UTC}")
    head += ABOUT_REDACTED if redacted else ""
    members = {"README.txt": (head + (ABOUT_PLACES if others else "")).encode()}
    for number, (one, said) in enumerate((parts, *others)):
        folder = (
            f"places/{number}-{re.sub('[^A-Za-z0-9.-]', '_', one.place.name)}/" if number else ""
        )
        members[f"{folder}about.json"] = json.dumps(about(one, redacted), indent=2).encode() + b"\n"
        members |= {f"{folder}{file}": text.encode() + b"\n" for file, text in said.items()}
        members |= {f"{folder}proc/{file}": content for file, content in one.files.items()}

    def fill(file: BinaryIO) -> int:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for member, content in members.items():
                info = tarfile.TarInfo(f"{name}/{member}")
                info.size, info.mtime, info.mode = len(content), int(copy.time), 0o644
                archive.addfile(info, io.BytesIO(content))
        return file.tell()

    try:
        return write_whole(path, fill)
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror or error}") from None
