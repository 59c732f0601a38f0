"""/proc/net/tcp and /proc/net/tcp6, or a copy of them, → SocketTable."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import numpy as np

from tui.kernel.below import open_below
from tui.kernel.effort import Effort
from tui.kernel.lines import Layout, layout_of, parse
from tui.kernel.namespaces import own_addresses
from tui.kernel.sockets import (
    ROW_TYPES,
    V4_MAPPED,
    Array,
    ByteOrder,
    RawSockets,
    SocketTable,
    State,
    TableError,
    build,
    distinct,
)

Progress = Callable[[int, int], object]
"""Told of a read as it goes on: the bytes done, and how many there are."""

PIECE = 1 << 20
"""Bytes parsed at once: small enough that no single call holds the interpreter lock long. A file
of less is never cut."""
PAGE = os.sysconf("SC_PAGESIZE")
SHORT_READ = PAGE - 256
"""A read of at most this many bytes ends the table: fs/seq_file.c fills a page."""
ROW = re.compile(rb"\s*\d+:")
"""How a row begins, and no prompt, date or header."""
HEADED = re.compile(rb"local_address[^\n]*\n\s*0:")
"""How a table begins: the kernel numbers its rows from 0 (net/ipv4/tcp_ipv4.c, ``sl``)."""
MOST_BYTES = 1 << 30
"""Of a table: seven million sockets. A copy may be of any length."""


def read_sockets(
    root: Path,
    effort: Effort | None = None,
    progress: Progress | None = None,
    byte_order: ByteOrder | None = None,
) -> SocketTable:
    """Read ``root/net/tcp`` and, where the kernel has IPv6, ``root/net/tcp6``.

    What could not be read with this ``effort`` is missing, and the table is marked incomplete; so
    is one of which most lines are unreadable. ``byte_order`` is that of the machine that wrote it,
    if not this one's.
    These files list no bound, unconnected sockets (but for gVisor's), no listener's backlog limit,
    and no device that a socket is bound to. ``progress`` is told how far a copy has been read; how
    long the kernel's own files are nobody knows.

    Raises TableError when net/tcp, or a net/tcp6 that exists, cannot be read, or has several tables
    one after the other.
    """
    chunks: list[RawSockets] = []
    bound: list[Array] = []
    bad = 0
    complete = True
    done, total = 0, sum(_size(root / "net" / name) for name in ("tcp", "tcp6"))
    for name, words, optional in (("net/tcp", 1, False), ("net/tcp6", 4, True)):
        layout = layout_of(words, byte_order or sys.byteorder)
        try:
            reading = _Reading(root, name, layout, effort)
            for piece in reading.pieces():
                rows, garbled = parse(piece, layout)
                rows, ports = _connected(rows)
                chunks.append(rows)
                bound.append(ports)
                bad += garbled
                done += len(piece)
                if progress is not None and done < total:
                    progress(done, total)
        except FileNotFoundError as error:
            if optional and not os.path.lexists(root / name):
                # The kernel has both of these or neither.
                complete = complete and not os.path.lexists(root / "net/sockstat6")
                continue
            raise _unreadable(root / name, error) from error
        except OSError as error:
            raise _unreadable(root / name, error) from error
        complete = complete and reading.complete
    if progress is not None and total:
        progress(total, total)
    complete = complete and bad <= sum(map(len, chunks))
    table = build(chunks, device_known=False, complete=complete, bad_lines=bad)
    ports = distinct(np.concatenate([np.empty(0, np.uint16), *bound]))
    return replace(table, bound_ports=ports) if len(ports) else table


def _connected(rows: RawSockets) -> tuple[RawSockets, Array]:
    """Return the rows without sockets that neither listen nor lead anywhere, and their ports.

    Linux shows none of them here, and gVisor all (pkg/sentry/fsimpl/proc/task_net.go): such a
    socket is bound, or not even that, and no connection.
    """
    idle = (rows.state == State.CLOSE) & (rows.remote_port == 0)
    if not idle.any():
        return rows, np.empty(0, np.uint16)
    ports = rows.local_port[idle]
    kept = {name: getattr(rows, name)[~idle] for name in ROW_TYPES}
    return RawSockets(**kept), ports[ports > 0]


def read_copy(
    root: Path,
    progress: Progress | None = None,
    byte_order: ByteOrder | None = None,
    said: ByteOrder | None = None,
) -> SocketTable:
    """Read a copy's tables by this byte order, or by that which its own addresses tell.

    Where they tell none it is the one that is ``said`` beside the copy, which anybody may have
    written. Raises TableError as `read_sockets` does.
    """
    first = byte_order or said or sys.byteorder
    table = read_sockets(root, None, progress, first)
    if byte_order is not None:
        return replace(table, byte_order=byte_order)
    own = np.unique(table.local_ip)
    hi, lo = table.address_hi[own], table.address_lo[own]
    turned_hi, turned_lo = (half.view(np.uint32).byteswap().view(np.uint64) for half in (hi, lo))
    # What marks an IPv4 address is ours, and no word of the file.
    mark = np.uint64(V4_MAPPED)
    v4 = (hi == 0) & (lo & ~np.uint64(0xFFFFFFFF) == mark)
    turned_lo = np.where(v4, mark | turned_lo & np.uint64(0xFFFFFFFF), turned_lo)
    read, turned = _pairs(hi, lo), _pairs(turned_hi, turned_lo)
    listed = {_halves(address) for address in own_addresses(root)}
    if order_evidence(hi, lo) or _tell(read, turned, listed):
        return replace(table, byte_order=first)
    if not order_evidence(turned_hi, turned_lo) and not _tell(turned, read, listed):
        return replace(table, byte_order=said)
    other: ByteOrder = "big" if first == "little" else "little"
    return replace(read_sockets(root, None, None, other), byte_order=other)


Pair = tuple[int, int]
"""An address as its halves."""


def _pairs(hi: Array, lo: Array) -> list[Pair]:
    return list(zip(hi.tolist(), lo.tolist(), strict=True))


def _halves(address: str) -> Pair:
    number = int(ip_address(address))
    return divmod(number | (0 if ":" in address else V4_MAPPED), 1 << 64)


def _tell(one: list[Pair], other: list[Pair], listed: set[Pair]) -> bool:
    """Say whether some are addresses of the machine, as its routing table spells them out.

    10.0.0.10 tells nothing: it is the same the wrong way round.
    """
    return any(a in listed and b not in listed for a, b in zip(one, other, strict=True))


def order_evidence(hi: Array, lo: Array) -> int:
    """Return how many of a machine's own addresses tell that they were read by its byte order.

    127.0.0.1, 192.168.0.0/16, ::1, fe80::/16 and 2001::/16 do: none is met by chance the wrong way
    round, as others of 127.0.0.0/16 are (10.0.0.127), and all are among thousands of clients.
    """
    v4 = (hi == 0) & ((lo == V4_MAPPED | 0x7F000001) | (lo >> np.uint64(16) == 0xFFFFC0A8))
    v6 = (hi == 0) & (lo == 1) | np.isin(hi >> np.uint64(48), (0xFE80, 0x2001))
    return int(np.count_nonzero(v4 | v6))


HEADER = (
    b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
    b" inode\n"
)


def require_tables(root: Path) -> None:
    """Raise TableError, with the cure, where ``root/net/tcp`` may not be opened."""
    try:
        os.close(open_below(root, "net/tcp"))
    except OSError as error:
        raise _unreadable(root / "net/tcp", error) from error


def _size(path: Path) -> int:
    """Return a copy's length in bytes; the kernel's own files have none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def copy_file(root: Path, name: str, effort: Effort | None = None) -> tuple[bytes, bool]:
    """Return a table's text with its header, and whether it is whole, for `read_sockets` later.

    Raises OSError.
    """
    layout = layout_of(4 if name.endswith("6") else 1, sys.byteorder)
    reading = _Reading(root, name, layout, effort)
    text = HEADER + b"".join(bytes(piece) for piece in reading.pieces())
    return text, reading.complete


def _unreadable(path: Path, error: OSError) -> TableError:
    cure = {
        FileNotFoundError: "is procfs mounted there? --proc names its directory",
        NotADirectoryError: "--proc names a directory",
        PermissionError: "run as a user who can read it, or use --source sock_diag",
    }.get(type(error), "use --source sock_diag, or name another procfs with --proc")
    return TableError(f"{path}: {error.strerror or error}: {cure}")


class _Reading:
    """One pass over one file, and what became of it."""

    def __init__(self, root: Path, name: str, layout: Layout, effort: Effort | None) -> None:
        self.root = root
        self.name = name
        self.layout = layout
        self.effort = effort
        self.complete = True
        self._last_line = b""
        """The last one of the piece before."""
        self._tables = 0

    def pieces(self) -> Iterator[Array]:
        """Yield the file's lines, without its header, as bytes in uint8 arrays.

        Each array is a view that the next step overwrites. Where the last line lacks its end the
        file was pasted, or cut in the middle of that line.

        Raises TableError where a copy begins anew: it is of two moments, or has tcp6 behind tcp.
        """
        buffer = bytearray(PIECE + 2 * PAGE)
        array = np.frombuffer(buffer, np.uint8)
        view = memoryview(buffer)
        filled = 0
        header = False
        tail = b""
        done = 0
        fd = open_below(self.root, self.name)
        # Reading the kernel's file on to its end may never end while the table grows: it
        # re-walks by index, and entries added meanwhile push old ones into view.
        short = 0 if os.fstat(fd).st_size else SHORT_READ
        try:
            while True:
                got = os.readv(fd, [view[filled : filled + PAGE]])
                filled += got
                done += got
                ended = got <= short
                if not (ended or filled >= PIECE):
                    continue
                late = not ended and (
                    done > MOST_BYTES or (self.effort is not None and self.effort.spent())
                )
                end = buffer.rfind(b"\n", 0, filled) + 1
                start = 0
                if not header and end:
                    header = True
                    first = buffer.find(b"\n") + 1
                    start = first if b"local_address" in buffer[:first] else 0
                    self.complete = self.complete and start > 0
                if end > start:
                    if not short:  # a copy
                        self._see_beginnings(bytes(view[:end]))
                        tail = bytes(view[max(end - PAGE, start) : end])
                    yield array[start:end]
                if ended or late:
                    if filled > end and not late:
                        yield self._last(bytes(view[end:filled]))
                    else:
                        self._see_end(tail)
                    # A kernel always prints the header: an empty file was cut short.
                    self.complete = self.complete and header and not late
                    return
                if end == 0:  # a megabyte without a newline is no table
                    yield self._last(bytes(view[:PAGE]))
                    return
                view[: filled - end] = bytes(view[end:filled])
                filled -= end
        finally:
            os.close(fd)

    def _last(self, tail: bytes) -> Array:
        """Return a line that lacks its end as a whole one, and see whether it is."""
        line = np.frombuffer(tail + b"\n", np.uint8)
        _, bad = parse(line, self.layout)
        self.complete = self.complete and not bad
        return line

    def _see_beginnings(self, lines: bytes) -> None:
        """Count the tables that begin here: sockets of different moments make no sum."""
        self._tables += len(HEADED.findall(self._last_line + lines))
        self._last_line = lines[lines.rfind(b"\n", 0, -1) + 1 :]
        if self._tables > 1:
            raise TableError(
                f"{self.root / self.name}: more than one table in it, one after the other: a copy "
                "is of one moment and has net/tcp and net/tcp6 apart, so keep one of them"
            )

    def _see_end(self, tail: bytes) -> None:
        """See whether the last row was cut, and somebody's editor has ended it."""
        row = tail.rstrip().rpartition(b"\n")[2]
        if len(row) < self.layout.width and ROW.match(row):
            self._last(row)
