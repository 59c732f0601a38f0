"""NETLINK_SOCK_DIAG → SocketTable: what ``ss`` uses, several times faster than /proc.

Messages are those of include/uapi/linux/inet_diag.h. The request of the first version,
TCPDIAG_GETSOCK, has no address family, so one dump walks the kernel's hash once for IPv4 and
IPv6 together (net/ipv4/inet_diag.c, inet_diag_dump_compat); where it is refused, each family
has a dump of its own. The kernel answers with messages of 88 bytes and more, many to a
datagram, ended by NLMSG_DONE.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from tui.kernel.effort import Effort
from tui.kernel.sockets import (
    STATE_SLOTS,
    V4_MAPPED,
    Array,
    RawSockets,
    SocketTable,
    State,
    TableError,
    build,
    distinct,
)

NETLINK_SOCK_DIAG = 4
TCPDIAG_GETSOCK, SOCK_DIAG_BY_FAMILY = 18, 20
NLM_F_REQUEST, NLM_F_MULTI, NLM_F_DUMP_INTR, NLM_F_DUMP = 0x1, 0x2, 0x10, 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSG_HEADER = struct.Struct("=IHHII")
MAX_ERRNO = 4095
"""include/linux/err.h; a larger number is noise, which strerror() would not take."""
DONE_LENGTH = NLMSG_HEADER.size + 4
"""NLMSG_DONE carries an error code."""

CONNECTED = (1 << 13) - 1
"""State mask of all that is in the connection table: what /proc lists."""
BOUND_INACTIVE = 1 << 13
"""State mask of sockets bound but neither connected nor listening: listed since Linux 6.8,
never in /proc. They come as CLOSE, and nothing else does: a socket leaves the connection table
before it is closed (net/ipv4/tcp.c, tcp_set_state)."""

RECEIVE = 1 << 16
"""Room for one datagram; the kernel packs up to 32 KiB into one."""
PIECE = 1 << 19
"""Bytes parsed at once, which stay in the processor's cache; a table of less is never cut."""
ATTEMPTS = 3
POLL_SECONDS = 1.0

MESSAGE_LENGTH = 88
"""nlmsghdr and inet_diag_msg; attributes may follow."""
# Where its parts stand, in words of 32 bits.
SEQUENCE, STATES, PORTS, LOCAL, REMOTE = 2, 4, 5, 6, 10
DEVICE = 14
EXPIRES, RX_QUEUE, TX_QUEUE, UID, INODE = 17, 18, 19, 20, 21


T = TypeVar("T")


class DumpInterruptedError(Exception):
    """The dump lost messages (ENOBUFS) or saw the table change under it (NLM_F_DUMP_INTR)."""


class Messages(NamedTuple):
    """Netlink messages of sockets."""

    words: Array
    """The buffer as uint32 in the host's order: a view that the next piece overwrites."""
    at: Array
    """Where in it each message begins."""

    def word(self, part: int, of: Array | None = None) -> Array:
        """Return one word of each message, or of some of them: a copy."""
        at = self.at if of is None else self.at[of]
        return self.words.take(at + part)

    def states(self) -> Array:
        """Return family, state, timer and retransmits of each message, shape (n, 4), uint8."""
        return self.word(STATES).view(np.uint8).reshape(-1, 4)

    def ports(self) -> Array:
        """Return the local and the remote port of each message, shape (n, 2), uint16."""
        return self.word(PORTS).view(">u2").astype(np.uint16).reshape(-1, 2)


def read_sockets(effort: Effort | None = None) -> SocketTable:
    """Read every TCP socket of this thread's network namespace, the bound ones too.

    What has not come when the ``effort`` is spent is missing, and the table is marked
    incomplete. So it is when the dump was interrupted at each attempt.

    Raises TableError when the kernel refuses the dump.
    """
    found, whole = dump(CONNECTED | BOUND_INACTIVE, effort, _part)
    return build(
        [part.connected for part in found],
        bound_ports=_known([part.bound_ports for part in found]),
        complete=whole,
        bad_lines=sum(part.bad for part in found),
    )


def read_bound_ports(effort: Effort | None = None) -> Array | None:
    """Return the distinct ports of bound, unconnected TCP sockets, shape (n,), uint16.

    They are in no file of /proc, and each takes a port from every connect(). None where the
    kernel does not list them (before 6.8, or without sock_diag), and where the ``effort`` was not
    enough for all.
    """
    try:
        found, whole = dump(BOUND_INACTIVE, effort, lambda messages: messages.ports()[:, 0])
    except TableError:
        return None
    return _known(found) if whole else None


def read_backlog_limits(effort: Effort | None = None) -> dict[int, int]:
    """Return how many connections may wait at each listening socket, by inode.

    No file of /proc has that. None are known where the kernel refuses, or where the ``effort``
    was not enough for all.
    """

    def take(messages: Messages) -> list[tuple[int, int]]:
        inodes, limits = messages.word(INODE), messages.word(TX_QUEUE)
        return list(zip(inodes.tolist(), limits.tolist(), strict=True))

    try:
        found, whole = dump(1 << State.LISTEN, effort, take)
    except TableError:
        return {}
    return dict(pair for part in found for pair in part) if whole else {}


def _known(ports: list[Array]) -> Array | None:
    """Return the distinct ports, or None if there are none because the kernel lists none."""
    found = distinct(np.concatenate([np.empty(0, np.uint16), *ports]))
    return found if len(found) or lists_bound(os.uname().release) else None


def lists_bound(release: str) -> bool:
    """Say whether a kernel of this version lists bound, unconnected sockets.

    An older one may have been taught to; that shows once there is such a socket.
    """
    version = re.match(r"(\d+)\.(\d+)", release)
    return version is not None and (int(version[1]), int(version[2])) >= (6, 8)


@dataclass(frozen=True, slots=True)
class _Request:
    """What to ask, and the kind of the messages that answer it."""

    kind: int
    body: bytes


def _of_both_families(states: int, remote_port: int) -> _Request:
    """inet_diag_req: four bytes, a socket's identity of 48, the mask of states, and dbs."""
    body = struct.pack("=6xH44xII", socket.htons(remote_port), states, 0)
    return _Request(TCPDIAG_GETSOCK, body)


def _of_family(family: int, states: int, remote_port: int) -> _Request:
    """inet_diag_req_v2."""
    port = socket.htons(remote_port)
    body = struct.pack("=BBBxI2xH44x", family, socket.IPPROTO_TCP, 0, states, port)
    return _Request(SOCK_DIAG_BY_FAMILY, body)


def dump(
    states: int, effort: Effort | None, take: Callable[[Messages], T], remote_port: int = 0
) -> tuple[list[T], bool]:
    """Return what ``take`` makes of the messages, and whether they are all there.

    With a ``remote_port`` the kernel tells of the sockets that lead there alone. Raises TableError
    when the kernel refuses the dump.
    """
    try:
        return _attempts(_of_both_families(states, remote_port), effort, take)
    except OSError:
        pass
    found: list[T] = []
    complete = True
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            part, whole = _attempts(_of_family(family, states, remote_port), effort, take)
        except OSError as error:
            raise TableError(f"sock_diag: {error.strerror or error}: use --source proc") from error
        found += part
        complete = complete and whole
    return found, complete


def _attempts(
    request: _Request, effort: Effort | None, take: Callable[[Messages], T]
) -> tuple[list[T], bool]:
    found: list[T] = []
    for _ in range(ATTEMPTS):
        found = []
        try:
            found.extend(take(messages) for messages in _messages(request, effort))
        except DumpInterruptedError:
            continue
        except TimeoutError:
            return found, False
        return found, True
    return found, False


def _messages(request: _Request, effort: Effort | None) -> Iterator[Messages]:
    """Ask for one dump and yield its messages.

    A socket is opened for each dump, since a held one would pin the namespace.
    """
    # The kernel repeats the sequence number in each message: a number that is in nothing else
    # shows where messages begin, however long each is.
    number = int.from_bytes(os.urandom(4)) | 1 << 31
    length = NLMSG_HEADER.size + len(request.body)
    header = NLMSG_HEADER.pack(length, request.kind, NLM_F_REQUEST | NLM_F_DUMP, number, 0)
    with closing(
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
    ) as netlink:
        netlink.settimeout(POLL_SECONDS)
        netlink.sendto(header + request.body, (0, 0))
        buffer = bytearray(PIECE + RECEIVE)
        view = memoryview(buffer)
        filled = 0
        done = False
        while not done:
            try:
                got = netlink.recv_into(view[filled : filled + RECEIVE])
            except TimeoutError:  # what has come by now counts
                yield split(view[:filled], request.kind, number)
                raise
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise DumpInterruptedError from error
                raise
            done = _ends(view[filled : filled + got])
            filled += got
            if done or filled >= PIECE:
                yield split(view[:filled], request.kind, number)
                filled = 0
                if not done and effort is not None and effort.spent():
                    raise TimeoutError


def _ends(datagram: memoryview) -> bool:
    """Say whether a datagram ends the dump: NLMSG_DONE alone or last, or an error.

    Raises DumpInterruptedError when it is too short for any message.
    """
    if len(datagram) < NLMSG_HEADER.size:
        raise DumpInterruptedError
    last = max(len(datagram) - DONE_LENGTH, 0)
    return NLMSG_HEADER.unpack_from(datagram)[1] in (
        NLMSG_DONE,
        NLMSG_ERROR,
    ) or NLMSG_HEADER.unpack_from(datagram, last)[:2] == (DONE_LENGTH, NLMSG_DONE)


def split(buffer: bytes | memoryview, kind: int, number: int) -> Messages:
    """Find the sockets' messages in a run of netlink messages of this sequence number.

    Raises OSError when the kernel reports an error, and DumpInterruptedError on
    NLM_F_DUMP_INTR or when the last message is cut off.
    """
    words = np.frombuffer(buffer, np.uint32, len(buffer) // 4)
    at = np.flatnonzero(words == number) - SEQUENCE
    if len(buffer) % 4 or not _is_chain(words, at):  # the number is something else there as well
        at = _walk(buffer)
    # Of a type and flags in one word: compared like that by the host's own order.
    usual = np.frombuffer(struct.pack("=HH", kind, NLM_F_MULTI), np.uint32)[0]
    is_usual = words.take(at + 1) == usual
    for odd in np.flatnonzero(~is_usual).tolist():
        is_usual[odd] = _look_at(buffer, 4 * int(at[odd]), kind)
    is_usual &= words.take(at) >= MESSAGE_LENGTH
    return Messages(words, at if is_usual.all() else at[is_usual])


def _is_chain(words: Array, at: Array) -> bool:
    """Say whether each message begins where the one before it ends, from the first to the last."""
    if not len(at) or at[0] != 0:
        return False
    lengths = words.take(at)
    ends = at + (lengths + 3 >> 2)  # messages begin at multiples of 4 bytes
    return bool(
        lengths.min() >= NLMSG_HEADER.size
        and ends[-1] == len(words)
        and (ends[:-1] == at[1:]).all()
    )


def _walk(buffer: bytes | memoryview) -> Array:
    """Go from message to message; return where they begin, in words. Raises as ``split``."""
    position = 0
    found: list[int] = []
    while position + NLMSG_HEADER.size <= len(buffer):
        length = NLMSG_HEADER.unpack_from(buffer, position)[0]
        if length < NLMSG_HEADER.size:
            raise OSError(0, f"a netlink message of {length} bytes")
        if position + length > len(buffer):
            raise DumpInterruptedError
        found.append(position // 4)
        position += (length + 3) & ~3
    if position < len(buffer):
        raise DumpInterruptedError
    return np.array(found, np.intp)


def _look_at(buffer: bytes | memoryview, position: int, kind: int) -> bool:
    """Say whether an unusual message is one of a socket. Raises as ``split``."""
    length, its_kind, flags, _, _ = NLMSG_HEADER.unpack_from(buffer, position)
    if flags & NLM_F_DUMP_INTR:
        raise DumpInterruptedError
    if its_kind in (NLMSG_ERROR, NLMSG_DONE) and length >= DONE_LENGTH:
        # NLMSG_DONE has a code too: -ENOENT is all that tells that tcp_diag is missing.
        code = min(-struct.unpack_from("=i", buffer, position + NLMSG_HEADER.size)[0], MAX_ERRNO)
        if code > 0:
            raise OSError(code, os.strerror(code))
    return bool(its_kind == kind)


class _Part(NamedTuple):
    """What a piece of a dump has."""

    connected: RawSockets
    bound_ports: Array
    bad: int
    """Messages of no state or family that there is."""


def _part(messages: Messages) -> _Part:
    family, state = messages.states()[:, :2].T
    good = (family == socket.AF_INET) | (family == socket.AF_INET6)
    good &= (state > 0) & (state < STATE_SLOTS)
    bound = good & (state == State.CLOSE)
    connected = good & ~bound
    if connected.all():
        return _Part(_rows(messages), np.empty(0, np.uint16), 0)
    ports = Messages(messages.words, messages.at[bound]).ports()[:, 0]
    rows = _rows(Messages(messages.words, messages.at[connected]))
    return _Part(rows, ports, int((~good).sum()))


def _rows(messages: Messages) -> RawSockets:
    family, state, timer, _ = messages.states().T
    ports = messages.ports()
    six = np.flatnonzero(family == socket.AF_INET6)
    local_hi, local_lo = _halves(messages, LOCAL, six)
    remote_hi, remote_lo = _halves(messages, REMOTE, six)
    # The kernel gives a TIME-WAIT neither queue nor owner (inet_twsk_diag_fill): most rows,
    # which need not be looked at.
    others = np.flatnonzero(state != State.TIME_WAIT)

    def of_others(part: int, kind: type[np.generic]) -> Array:
        column = np.zeros(len(state), kind)
        column[others] = messages.word(part, others)
        return column

    tx_queue = of_others(TX_QUEUE, np.uint32)
    backlog_limit = np.zeros(len(state), np.uint32)
    listening = others[state[others] == State.LISTEN]
    # A listener's field holds its backlog's limit; /proc shows 0.
    backlog_limit[listening], tx_queue[listening] = tx_queue[listening], 0
    expires = messages.word(EXPIRES)
    expires[timer == 0] = 0
    return RawSockets(
        local_hi=local_hi,
        local_lo=local_lo,
        remote_hi=remote_hi,
        remote_lo=remote_lo,
        local_port=ports[:, 0],
        remote_port=ports[:, 1],
        state=state,
        timer=timer,
        remaining_ms=expires,
        rx_queue=of_others(RX_QUEUE, np.uint32),
        tx_queue=tx_queue,
        backlog_limit=backlog_limit,
        uid=of_others(UID, np.uint32),
        inode=of_others(INODE, np.uint64),
        device=messages.word(DEVICE),
    )


def _halves(messages: Messages, part: int, six: Array) -> tuple[Array, Array]:
    """Return addresses as the two halves of 128 bits; ``six`` says which are IPv6 ones."""
    hi = np.zeros(len(messages.at), np.uint64)
    lo = _network_order(messages.word(part)) | np.uint64(V4_MAPPED)
    if len(six):
        a, b, c, d = (_network_order(messages.word(part + number, six)) for number in range(4))
        shift = np.uint64(32)
        hi[six], lo[six] = a << shift | b, c << shift | d
    return hi, lo


def _network_order(words: Array) -> Array:
    return words.view(">u4").astype(np.uint64)
