"""Sockets ended by name: SOCK_DESTROY of NETLINK_SOCK_DIAG, what ``ss -K`` uses.

The kernel finds a socket by its tuple and ends it only if its cookie is the one that is asked for
(net/core/sock_diag.c, sock_diag_check_cookie). A cookie is never given twice, so a socket that
took the place of one that was listed is left alone. A TIME-WAIT is taken out at once; any other
socket is aborted: its peer gets a reset, and its program ECONNABORTED (net/ipv4/tcp.c, tcp_abort).
"""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tui.kernel.effort import Effort
from tui.kernel.sock_diag import (
    CONNECTED,
    EXPIRES,
    NETLINK_SOCK_DIAG,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    NLMSG_HEADER,
    PORTS,
    RECEIVE,
    Messages,
    dump,
)
from tui.kernel.sockets import V4_MAPPED, Array, SocketTable, State, ip_halves

SOCK_DESTROY = 21
NLM_F_ACK = 0x4
SOL_NETLINK, NETLINK_CAP_ACK = 270, 10
IDENTITY_WORDS = 12
"""inet_diag_sockid: both ports, both addresses, the interface and the cookie."""
LOCAL_WORD, REMOTE_WORD = 1, 5
"""Where the addresses begin among them."""
NAME_BYTES = 36
"""Two ports and two addresses of 16 bytes: a tuple whatever its family."""
REQUEST = np.dtype(
    [
        ("length", "u4"),
        ("kind", "u2"),
        ("flags", "u2"),
        ("sequence", "u4"),
        ("port", "u4"),
        ("family", "u1"),
        ("protocol", "u1"),
        ("unused", "u2"),
        ("states", "u4"),
        ("identity", "u4", (IDENTITY_WORDS,)),
    ]
)
"""nlmsghdr and inet_diag_req_v2."""
BATCH = 128
"""Requests in one datagram: as many refusals still fit into the socket's buffer."""


CAP_NET_ADMIN = 12
NOT_PERMITTED = "ending sockets needs CAP_NET_ADMIN in their network namespace: run this as root"


class DestroyError(Exception):
    """The kernel ends no sockets for this process; the text is one line with the cure."""


@dataclass(frozen=True, slots=True)
class Identities:
    """Sockets as the kernel knows each of them again, as columns of equal length."""

    identity: Array
    """inet_diag_sockid, shape (n, IDENTITY_WORDS), uint32 as the kernel wrote it."""
    family: Array
    state: Array
    timer: Array
    remaining_ms: Array
    """Time left on the timer."""

    def __len__(self) -> int:
        return len(self.state)

    def __getitem__(self, rows: Array) -> Identities:
        """Return some of them: a mask, or indices."""
        return Identities(*(getattr(self, one.name)[rows] for one in fields(self)))

    @property
    def local_port(self) -> Array:
        """The local ports, uint16."""
        return self.identity[:, 0].copy().view(">u2")[::2].astype(np.uint16)

    def ends(self) -> Array:
        """Return ports, local and remote address, IPv4 as v4-mapped: shape (n, 9), uint32."""
        words: Array = self.identity[:, :9].copy()
        four = self.family == socket.AF_INET
        for first in (LOCAL_WORD, REMOTE_WORD):
            words[four, first + 3] = words[four, first]
            words[four, first : first + 2] = 0
            words[four, first + 2] = socket.htonl(V4_MAPPED >> 32)
        return words

    def names(self) -> Array:
        """Return the tuple of each as NAME_BYTES bytes, to compare with ``names_of``."""
        return _bytes(self.ends(), NAME_BYTES)

    def keys(self) -> Array:
        """Return tuple, interface and cookie of each as bytes: equal for the same socket only."""
        return _bytes(self.identity, 4 * IDENTITY_WORDS)


class Destroyed(NamedTuple):
    """What came of it."""

    ended: int
    """Sockets that the kernel has ended."""
    gone: int
    """Sockets that were not there any more, or no longer the same."""


def identify(remote_port: int = 0, effort: Effort | None = None) -> tuple[Identities, bool]:
    """Return the connected sockets of this thread's namespace, and whether they are all there.

    With a ``remote_port`` only those that lead there. Raises TableError.
    """
    states = CONNECTED & ~(1 << State.LISTEN)
    parts, whole = dump(states, effort, _identities, remote_port)
    none = Identities(np.empty((0, IDENTITY_WORDS), np.uint32), *[np.empty(0, np.uint8)] * 4)
    columns = [
        np.concatenate([getattr(part, one.name) for part in (*parts, none)])
        for one in fields(Identities)
    ]
    return Identities(*columns), whole


def _identities(messages: Messages) -> Identities:
    family, state, timer, _ = messages.states().T
    words = np.stack([messages.word(PORTS + n) for n in range(IDENTITY_WORDS)], axis=1)
    return Identities(words, family, state, timer, messages.word(EXPIRES))


def names_of(table: SocketTable, rows: Array) -> Array:
    """Return the tuples of some rows of a table, as ``Identities.names`` does."""
    words = np.zeros((len(rows), 9), np.uint32)
    ports = np.stack([table.local_port[rows], table.remote_port[rows]], axis=1).astype(">u2")
    words[:, 0] = ports.copy().view(np.uint32)[:, 0]
    for first, column in ((LOCAL_WORD, table.local_ip), (REMOTE_WORD, table.remote_ip)):
        halves = np.stack([table.address_hi[column[rows]], table.address_lo[column[rows]]], axis=1)
        words[:, first : first + 4] = halves.astype(">u8").view(np.uint32)
    return _bytes(words, NAME_BYTES)


def address_words(ip: str) -> Array:
    """Return an address as the four words that ``Identities.ends`` has. Raises ValueError."""
    return np.array(ip_halves(ip), np.uint64).astype(">u8").view(np.uint32)


def _bytes(words: Array, size: int) -> Array:
    return np.ascontiguousarray(words).view(f"V{size}").reshape(-1)


def require_capability() -> None:
    """Raise DestroyError where the kernel would surely refuse, so that nobody is asked in vain.

    With the capability it still has the last word: it must be held over the namespace's owner.
    """
    status = Path("/proc/thread-self/status").read_text()
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", status, re.MULTILINE)
    if found is not None and not int(found[1], 16) >> CAP_NET_ADMIN & 1:
        raise DestroyError(NOT_PERMITTED)


def destroy(sockets: Identities) -> Destroyed:
    """End these sockets, in their order; each only if it still is the one that was read.

    Raises DestroyError where the kernel does not do that, or not for this process: that needs
    CAP_NET_ADMIN in the network namespace, and CONFIG_INET_DIAG_DESTROY.
    """
    count = len(sockets)
    requests = np.zeros(count, REQUEST)
    requests["length"], requests["kind"] = REQUEST.itemsize, SOCK_DESTROY
    requests["flags"], requests["sequence"] = NLM_F_REQUEST, np.arange(count)
    requests["flags"][BATCH - 1 :: BATCH] |= NLM_F_ACK
    requests["flags"][-1:] |= NLM_F_ACK  # a datagram's last is answered in any case
    requests["family"], requests["protocol"] = sockets.family, socket.IPPROTO_TCP
    requests["identity"] = sockets.identity
    gone = 0
    with closing(
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG)
    ) as netlink:
        # Without it each refusal would repeat the request.
        netlink.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        for first in range(0, count, BATCH):
            batch = requests[first : first + BATCH]
            netlink.sendto(batch.tobytes(), (0, 0))
            gone += _refusals(netlink, int(batch["sequence"][-1]))
    return Destroyed(count - gone, gone)


def _refusals(netlink: socket.socket, last: int) -> int:
    """Read the answers up to that of the ``last`` request, and count the sockets that were gone."""
    gone = 0
    while True:
        answers = netlink.recv(RECEIVE)
        at = 0
        while at + NLMSG_HEADER.size < len(answers):
            length, kind, _, sequence, _ = NLMSG_HEADER.unpack_from(answers, at)
            code = 0
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("=i", answers, at + NLMSG_HEADER.size)[0]
            if code in (errno.ENOENT, errno.ESTALE):
                gone += 1
            elif code in (errno.EPERM, errno.EACCES):
                raise DestroyError(NOT_PERMITTED)
            elif code == errno.EOPNOTSUPP:
                raise DestroyError(
                    "this kernel cannot end sockets: it was built without CONFIG_INET_DIAG_DESTROY"
                )
            elif code:
                raise DestroyError(f"sock_diag: {os.strerror(code)}")
            if sequence == last:
                return gone
            at += (length + 3) & ~3
