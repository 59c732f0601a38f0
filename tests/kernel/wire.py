"""Sockets as the kernel writes them: lines of /proc/net/tcp and tcp6, and netlink messages."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from hypothesis import strategies as st

from tests.tables import Sock, whole
from tui.kernel.sockets import State, Timer

ByteOrder = Literal["little", "big"]
HERE: ByteOrder = sys.byteorder

HEADER = {
    1: "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout"
    " inode",
    4: "  sl  local_address                         remote_address                        st"
    " tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
}
"""By the words of an address: 1 in tcp, 4 in tcp6."""


def words(sock: Sock) -> int:
    return 4 if ":" in sock.local else 1


def address(ip: str, byteorder: ByteOrder = HERE) -> str:
    """An address as /proc prints it: network-order words taken as numbers of the host."""
    order = "<" if byteorder == "little" else ">"
    packed = ip_address(ip).packed
    return "".join(f"{word:08X}" for word in struct.unpack(f"{order}{len(packed) // 4}I", packed))


def line(sl: int, sock: Sock, byteorder: ByteOrder = HERE) -> bytes:
    """A line of tcp or tcp6 (get_tcp4_sock, get_timewait4_sock, get_openreq4 and their v6)."""
    text = (
        f"{sl:4d}: {address(sock.local, byteorder)}:{sock.local_port:04X}"
        f" {address(sock.remote, byteorder)}:{sock.remote_port:04X} {sock.state:02X}"
        f" {sock.tx_queue:08X}:{sock.rx_queue:08X} {sock.timer:02X}:{sock.remaining_ms // 10:08X}"
        f" {0:08X} {sock.uid:5d} {0:8d} {sock.inode} 1 00000000afd84e21"
    )
    if sock.state != State.SYN_RECV and sock.timer != Timer.TIME_WAIT:
        text += " 20 4 30 10 -1"
    return padded(text, words(sock))


def padded(text: str, width: int) -> bytes:
    """A line with its newline; tcp's are filled up to 149 characters."""
    return (text.ljust(149) if width == 1 else text).encode() + b"\n"


def header(width: int) -> bytes:
    return padded(HEADER[width], width)


def write_proc(root: Path, socks: Iterable[Sock], first_sl: int = 0) -> Path:
    """Write net/tcp and net/tcp6 below ``root`` as a kernel with these sockets shows them.

    And of sockstat and sockstat6 what counts them, but for `alloc`, which is of the whole host.
    """
    net = root / "net"
    net.mkdir(parents=True, exist_ok=True)
    files, inuse, waits = {1: header(1), 4: header(4)}, {1: 0, 4: 0}, 0
    for sl, sock in enumerate(socks, first_sl):
        files[words(sock)] += line(sl, sock)
        waits += sock.timer == Timer.TIME_WAIT
        # A request that waits for its last ACK has a row, and is no socket yet.
        inuse[words(sock)] += sock.timer != Timer.TIME_WAIT and sock.state != State.SYN_RECV
    appear(net / "tcp", files[1])
    appear(net / "tcp6", files[4])
    appear(net / "sockstat", f"TCP: inuse {inuse[1]} orphan 0 tw {waits}\n".encode())
    appear(net / "sockstat6", f"TCP6: inuse {inuse[4]}\n".encode())
    return root


def appear(path: Path, content: bytes) -> None:
    """Put a file there as a whole: somebody may be reading the one before."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(content)
    part.replace(path)


def message(sock: Sock, length: int = 88, flags: int = 2) -> bytes:
    """A socket's netlink message (inet_diag_msg), filled up to ``length`` and then to 4."""
    head = struct.pack("=IHHII", length, 20, flags, 1, 4711)
    family = socket.AF_INET6 if words(sock) == 4 else socket.AF_INET
    body = struct.pack(
        "=BBBB2s2s16s16sIQIIIII",
        family,
        sock.state,
        sock.timer,
        0,
        sock.local_port.to_bytes(2, "big"),
        sock.remote_port.to_bytes(2, "big"),
        ip_address(sock.local).packed,
        ip_address(sock.remote).packed,
        sock.device,
        0xFFFF_FFFF_FFFF_FFFF,
        sock.remaining_ms,
        sock.rx_queue,
        sock.tx_queue,
        sock.uid,
        sock.inode,
    )
    return (head + body).ljust(length, b"\xa5") + bytes(-length % 4)


def control(kind: int, code: int = 0, flags: int = 2) -> bytes:
    """NLMSG_ERROR (2) or NLMSG_DONE (3), both with an error code of 0 or below."""
    return struct.pack("=IHHIIi", 20, kind, flags, 1, 4711, code)


def done(code: int = 0) -> bytes:
    return control(3, code)


ports = st.integers(0, 0xFFFF)
v4 = st.ip_addresses(v=4).map(str)
mapped = v4.map("::ffff:{}".format)
v6 = st.ip_addresses(v=6).map(str)


@st.composite
def kernel_socks(draw: st.DrawFn, width: int | None = None, inode_bits: int = 64) -> Sock:
    """Any socket that the kernel could print; both sources show it alike below 2³² inodes."""
    ips = v4 if (width or draw(st.sampled_from((1, 4)))) == 1 else v6 | mapped
    local, remote = draw(ips), draw(ips)
    state = draw(st.sampled_from(State))
    local_port, remote_port = draw(ports), draw(ports)
    left = draw(st.integers(0, (1 << 32) // 10 - 1)) * 10
    if state == State.TIME_WAIT:
        return Sock(local, local_port, remote, remote_port, state, Timer.TIME_WAIT, left)
    if state == State.SYN_RECV:
        return Sock(local, local_port, remote, remote_port, state, Timer.RETRANSMIT, left)
    timer = draw(st.integers(0, 4))
    mini = timer == Timer.TIME_WAIT
    return Sock(
        local,
        local_port,
        remote,
        remote_port,
        State.FIN_WAIT2 if mini else state,
        timer,
        left if timer else 0,
        rx_queue=draw(st.integers(0, (1 << 32) - 1)),
        tx_queue=0 if state == State.LISTEN else draw(st.integers(0, (1 << 32) - 1)),
        uid=0 if mini else draw(st.integers(0, (1 << 32) - 1)),
        inode=0 if mini else draw(st.integers(0, (1 << inode_bits) - 1)),
    )


def tables(width: int | None = None, inode_bits: int = 64) -> st.SearchStrategy[list[Sock]]:
    """Sockets of which no two have the same addresses and ports."""
    return st.lists(
        kernel_socks(width, inode_bits),
        max_size=30,
        unique_by=lambda sock: (
            whole(sock.local),
            sock.local_port,
            whole(sock.remote),
            sock.remote_port,
        ),
    )
