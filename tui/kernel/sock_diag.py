"""NETLINK_SOCK_DIAG → SocketTable: what ``ss`` uses, several times faster than /proc.

Messages are those of include/uapi/linux/inet_diag.h. A dump is asked for once per address
family; the kernel answers with messages of 88 bytes and more, many to a datagram, ended by
NLMSG_DONE. They come in long runs of one length, and such a run is one NumPy array.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import TypeVar

import numpy as np

from tui.kernel.sockets import (
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
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x1, 0x300, 0x10
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLMSG_HEADER = struct.Struct("=IHHII")
DONE_LENGTH = NLMSG_HEADER.size + 4
"""NLMSG_DONE carries an error code."""

EVERY_STATE = (1 << 13) - 1
"""State mask of all that is in the connection table: what /proc lists."""
BOUND_INACTIVE = 1 << 13
"""State mask of sockets bound but neither connected nor listening: listed since Linux 6.8
(their state reads CLOSE), never in /proc."""

RECEIVE = 1 << 16
"""Room for one datagram; the kernel packs up to 32 KiB into one."""
PIECE = 1 << 18
ATTEMPTS = 3
POLL_SECONDS = 1.0

MESSAGE = np.dtype(
    [
        ("length", "=u4"),
        ("type", "=u2"),
        ("flags", "=u2"),
        ("sequence", "=u4"),
        ("port_id", "=u4"),
        ("family", "u1"),
        ("state", "u1"),
        ("timer", "u1"),
        ("retransmits", "u1"),
        ("local_port", ">u2"),
        ("remote_port", ">u2"),
        ("local", ">u4", (4,)),
        ("remote", ">u4", (4,)),
        ("interface", "=u4"),
        ("cookie", "=u4", (2,)),
        ("expires", "=u4"),
        ("rx_queue", "=u4"),
        ("tx_queue", "=u4"),
        ("uid", "=u4"),
        ("inode", "=u4"),
    ]
)
"""nlmsghdr and inet_diag_msg, 88 bytes; attributes may follow."""


T = TypeVar("T")


class DumpInterruptedError(Exception):
    """The dump lost messages (ENOBUFS) or saw the table change under it (NLM_F_DUMP_INTR)."""


def read_sockets(*, deadline: float = float("inf")) -> SocketTable:
    """Read every TCP socket of this thread's network namespace.

    ``deadline`` is a time.monotonic() value; what has not come by then is missing and the
    table is marked incomplete. So it is when the dump was interrupted at each attempt.

    Raises TableError when the kernel refuses the dump.
    """
    chunks: list[RawSockets] = []
    complete = True
    for family in (socket.AF_INET, socket.AF_INET6):
        found, whole = _dump(family, EVERY_STATE, deadline, partial(_rows, family))
        complete = complete and whole
        chunks += found
    return build(chunks, complete=complete)


def read_bound_ports(*, deadline: float = float("inf")) -> Array | None:
    """Return the distinct ports of bound, unconnected TCP sockets, shape (n,), uint16.

    They are in no file of /proc, and each takes a port from every connect(). Empty where
    the kernel does not list them (before 6.8, or without sock_diag); None when not all could
    be read by the deadline.
    """
    ports: list[Array] = [np.empty(0, np.uint16)]
    try:
        for family in (socket.AF_INET, socket.AF_INET6):
            found, whole = _dump(family, BOUND_INACTIVE, deadline, _local_ports)
            if not whole:
                return None
            ports += found
    except TableError:
        pass
    return distinct(np.concatenate(ports))


def _local_ports(messages: Array) -> Array:
    return messages["local_port"].astype(np.uint16)


def _dump(
    family: int, states: int, deadline: float, take: Callable[[Array], T]
) -> tuple[list[T], bool]:
    """Return what ``take`` makes of one family's messages, and whether they are all there."""
    found: list[T] = []
    for _ in range(ATTEMPTS):
        found = []
        try:
            for messages in _messages(family, states, deadline):
                found.append(take(messages))
        except DumpInterruptedError:
            continue
        except TimeoutError:
            return found, False
        except OSError as error:
            raise TableError(f"sock_diag: {error.strerror or error}: use --source proc") from error
        return found, True
    return found, False


def _messages(family: int, states: int, deadline: float) -> Iterator[Array]:
    """Ask for one dump and yield its messages as arrays of MESSAGE.

    Each array is a view that the next step overwrites: a buffer that is used again stays
    in the processor's cache.

    A socket is opened for each dump, since a held one would pin the namespace.
    """
    request = NLMSG_HEADER.pack(
        NLMSG_HEADER.size + 56, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0
    ) + struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, states)
    with closing(
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
    ) as netlink:
        netlink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        netlink.settimeout(POLL_SECONDS)
        netlink.sendto(request, (0, 0))
        buffer = bytearray(PIECE + RECEIVE)
        view = memoryview(buffer)
        filled = 0
        done = False
        while not done:
            try:
                if time.monotonic() > deadline:
                    raise TimeoutError
                got = netlink.recv_into(view[filled : filled + RECEIVE])
            except TimeoutError:  # what has come by now counts
                yield from split(view[:filled])
                raise
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise DumpInterruptedError from error
                raise
            done = _ends(view[filled : filled + got])
            filled += got
            if done or filled >= PIECE:
                yield from split(view[:filled])
                filled = 0


def _ends(datagram: memoryview) -> bool:
    """Say whether a datagram ends the dump: NLMSG_DONE alone or last, or an error."""
    last = max(len(datagram) - DONE_LENGTH, 0)
    return NLMSG_HEADER.unpack_from(datagram)[1] in (
        NLMSG_DONE,
        NLMSG_ERROR,
    ) or NLMSG_HEADER.unpack_from(datagram, last)[:2] == (DONE_LENGTH, NLMSG_DONE)


def split(buffer: bytes | memoryview) -> Iterator[Array]:
    """Yield the sockets' messages in a run of netlink messages as arrays of MESSAGE.

    Raises OSError when the kernel reports an error, and DumpInterruptedError on
    NLM_F_DUMP_INTR or when the last message is cut off.
    """
    position = 0
    scattered: list[int] = []
    while position + NLMSG_HEADER.size <= len(buffer):
        length, kind, flags, _, _ = NLMSG_HEADER.unpack_from(buffer, position)
        if flags & NLM_F_DUMP_INTR:
            raise DumpInterruptedError
        if length < NLMSG_HEADER.size:
            raise OSError(0, f"a netlink message of {length} bytes")
        if position + length > len(buffer):
            raise DumpInterruptedError
        if kind in (NLMSG_ERROR, NLMSG_DONE) and length >= NLMSG_HEADER.size + 4:
            # NLMSG_DONE has a code too: -ENOENT is all that tells that tcp_diag is missing.
            code = -struct.unpack_from("=i", buffer, position + NLMSG_HEADER.size)[0]
            if code > 0:
                raise OSError(code, os.strerror(code))
        step = (length + 3) & ~3
        if kind != SOCK_DIAG_BY_FAMILY or length < MESSAGE.itemsize:
            position += step
            continue
        run = _run_length(buffer, position, length, step)
        if run >= 16:
            yield _whole(np.ndarray(run, MESSAGE, buffer, position, (step,)))
        else:
            scattered.extend(range(position, position + run * step, step))
        position += run * step
    if position < len(buffer):
        raise DumpInterruptedError
    if scattered:
        octets = np.frombuffer(buffer, np.uint8)
        windows = np.lib.stride_tricks.sliding_window_view(octets, MESSAGE.itemsize)
        yield _whole(windows[scattered].view(MESSAGE)[:, 0])


def _whole(messages: Array) -> Array:
    """Return the messages unless one of them says that the dump was interrupted."""
    if (messages["flags"] & NLM_F_DUMP_INTR).any():
        raise DumpInterruptedError
    return messages


def _run_length(buffer: bytes | memoryview, position: int, length: int, step: int) -> int:
    """Count the messages of this length and kind that follow each other from here."""
    most = (len(buffer) - position - length) // step + 1
    look = min(16, most)
    while True:
        lengths = np.ndarray(look, "=u4", buffer, position, (step,))
        kinds = np.ndarray(look, "=u2", buffer, position + 4, (step,))
        same = (lengths == length) & (kinds == SOCK_DIAG_BY_FAMILY)
        if not same.all():
            return int(same.argmin())
        if look == most:
            return most
        look = min(look * 8, most)


def _rows(family: int, messages: Array) -> RawSockets:
    local_hi, local_lo = _halves(messages["local"], family)
    remote_hi, remote_lo = _halves(messages["remote"], family)
    armed = messages["timer"] != 0
    return RawSockets(
        local_hi=local_hi,
        local_lo=local_lo,
        remote_hi=remote_hi,
        remote_lo=remote_lo,
        local_port=messages["local_port"].astype(np.uint16),
        remote_port=messages["remote_port"].astype(np.uint16),
        state=messages["state"].copy(),
        timer=messages["timer"].copy(),
        remaining_ms=np.where(armed, messages["expires"], 0).astype(np.uint32),
        rx_queue=messages["rx_queue"].astype(np.uint32),
        tx_queue=_tx_queue(messages),
        uid=messages["uid"].astype(np.uint32),
        inode=messages["inode"].astype(np.uint64),
    )


def _tx_queue(messages: Array) -> Array:
    """Return the send queues; a listener's field holds its backlog's limit, /proc shows 0."""
    listening = messages["state"] == State.LISTEN
    return np.where(listening, 0, messages["tx_queue"]).astype(np.uint32)


def _halves(words: Array, family: int) -> tuple[Array, Array]:
    """Join address words, shape (n, 4), into the two halves of 128 bits."""
    if family == socket.AF_INET:
        low = words[:, 0].astype(np.uint64) | np.uint64(V4_MAPPED)
        return np.zeros(len(low), np.uint64), low
    wide = words.astype(np.uint64)
    shift = np.uint64(32)
    return wide[:, 0] << shift | wide[:, 1], wide[:, 2] << shift | wide[:, 3]
