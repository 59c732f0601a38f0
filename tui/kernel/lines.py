"""Lines of /proc/net/tcp and /proc/net/tcp6 → columns.

The lines are those of net/ipv4/tcp_ipv4.c (get_tcp4_sock, get_timewait4_sock,
get_openreq4) and net/ipv6/tcp_ipv6.c::

       0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000 0 4711 …
    sl: local   :port  remote  :port  st tx_queue:rx_queue tr:tm->when retrnsmt  uid  … inode

``sl`` is ``%4d``, so every column moves right at 10,000 and again at 100,000 sockets; from
the first ``": "`` to ``retrnsmt`` the widths are fixed. An address is the network-order word
printed in host order: 127.0.0.1 is ``0100007F`` on a little-endian machine.
"""

from __future__ import annotations

import binascii
import os
import re
import sys
from dataclasses import dataclass

import numpy as np

from tui.kernel.sockets import (
    UNKNOWN_LIMIT,
    V4_MAPPED,
    Array,
    ByteOrder,
    RawSockets,
    State,
    together,
)

TICK_MS = 1000 // os.sysconf("SC_CLK_TCK")
MIN_SL, MAX_SL = 4, 10
"""Width of ``sl``: ``%4d`` of an int."""
MAX_UID = 10
LARGEST_UID = (1 << 32) - 1
NO_OWNER = np.frombuffer(b"     0        0 0 ", np.uint8)
"""uid, timeout and inode of a TIME-WAIT, as get_timewait4_sock prints them."""
MAX_INODE = 20
NO_NUMBER = 255


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a line's parts stand, counted from behind the first ``": "``."""

    words: int
    """How many 32-bit words an address has."""
    hex_spans: tuple[tuple[int, int], ...]
    separators: tuple[tuple[int, str], ...]
    record: np.dtype[np.void]
    """The hexadecimal parts, once turned to bytes."""
    tail: int
    """Column of the blank before ``uid``."""

    def tidied(self, line: bytes) -> bytes | None:
        """Return a line with its columns where the kernel puts them, None if some are missing."""
        found = PASTED[self.words].match(line)
        if found is None:
            return None
        sl, parts, uid, timeout, inode = found.groups()
        head = b"%4d: %b" % (int(sl), b" ".join(parts.split()))
        return b"%b %5d %8d %d -\n" % (head, int(uid), int(timeout), int(inode))

    @property
    def shortest(self) -> int:
        """How many characters a whole line has at least up to the blank behind its inode."""
        return self.tail + len("     0        0 0 ") + 1

    @property
    def width(self) -> int:
        """How many characters hold everything up to the end of the longest inode."""
        return self.tail + 1 + MAX_UID + 1 + 8 + 1 + MAX_INODE + 1


def _pasted(words: int) -> re.Pattern[bytes]:
    """Match a line as `layout_of` has it, whatever blanks stand between its columns."""
    # The reference count and the pointer behind the inode tell that no column is missing.
    owner = rb"(\d{1,10}) (-?\d{1,10}) (\d{1,20}) \d{1,10} (?:0x)?[0-9A-Fa-f]{8,16}(?![0-9A-Fa-f])"
    pattern = rb" ?(\d{1,10}): ?((A):P (A):P HH Q:Q HH:Q Q) " + owner
    hexadecimal = {b"(A)": 8 * words, b"P": 4, b"HH": 2, b"Q": 8}
    for name, digits in hexadecimal.items():
        pattern = pattern.replace(name, b"[0-9A-Fa-f]{%d}" % digits)
    return re.compile(pattern.replace(b" ?", rb"\s*").replace(b" ", rb"\s+"))


PASTED = {words: _pasted(words) for words in (1, 4)}


def layout_of(words: int, byteorder: ByteOrder) -> Layout:
    """Describe lines whose addresses have this many 32-bit words (1: tcp, 4: tcp6)."""
    order = "<" if byteorder == "little" else ">"
    parts = [8 * words, 4, 8 * words, 4, 2, 8, 8, 2, 8, 8]
    marks = ": : " + " : : "
    spans: list[tuple[int, int]] = []
    separators: list[tuple[int, str]] = []
    column = 0
    for width, mark in zip(parts, marks + " ", strict=False):
        spans.append((column, column + width))
        separators.append((column + width, mark))
        column += width + 1
    record = np.dtype(
        [
            ("local", f"{order}u4", (words,)),
            ("local_port", ">u2"),
            ("remote", f"{order}u4", (words,)),
            ("remote_port", ">u2"),
            ("state", "u1"),
            ("tx_queue", ">u4"),
            ("rx_queue", ">u4"),
            ("timer", "u1"),
            ("when", ">u4"),
            ("retransmits", ">u4"),
        ]
    )
    return Layout(words, tuple(spans), tuple(separators), record, column - 1)


def tidied(name: str, line: bytes) -> bytes | None:
    """Return a line of net/tcp or net/tcp6 as the kernel prints it, None if it cannot be read."""
    return layout_of(4 if name.endswith("6") else 1, sys.byteorder).tidied(line)


def parse(lines: Array, layout: Layout) -> tuple[RawSockets, int]:
    """Parse whole lines (uint8, each ended by a newline) into rows and a count of bad ones.

    A line counts as bad when a separator or a hexadecimal digit is not where the format
    has it, its state is not one of the kernel's, its uid or inode is missing or wider than the
    kernel's. Blanks may be more or fewer: gVisor pads the inode, and who pastes a table trims.
    """
    rows, bad = _parse_columns(lines, layout)
    if not len(bad):
        return rows, 0
    tidied = b"".join(filter(None, (layout.tidied(line) for line in bad)))
    more, _ = _parse_columns(np.frombuffer(tidied, np.uint8), layout)
    return together([rows, more]), len(bad) - len(more)


def _parse_columns(lines: Array, layout: Layout) -> tuple[RawSockets, list[bytes]]:
    """Parse lines whose columns stand where the kernel puts them; return the others as well."""
    ends = np.flatnonzero(lines == 0x0A)
    starts = np.empty_like(ends)
    starts[:1] = 0
    starts[1:] = ends[:-1] + 1
    padded = np.concatenate([lines, np.zeros(MAX_SL + 2 + layout.width, np.uint8)])
    body = _bodies(padded, starts, ends)
    good = np.flatnonzero((body >= 0) & (ends - body >= layout.shortest))
    text = np.lib.stride_tricks.sliding_window_view(padded, layout.width)[body[good]]

    well_formed = np.ones(len(text), bool)
    for column, mark in layout.separators:
        well_formed &= text[:, column] == ord(mark)
    if not well_formed.all():
        good, text = good[well_formed], text[well_formed]
    digits = np.concatenate([text[:, a:b] for a, b in layout.hex_spans], axis=1)
    try:
        raw = binascii.unhexlify(digits.data)
    except binascii.Error:
        valid = np.isin(digits, np.frombuffer(b"0123456789abcdefABCDEF", np.uint8)).all(axis=1)
        good, text, digits = good[valid], text[valid], digits[valid]
        raw = binascii.unhexlify(np.ascontiguousarray(digits).data)
    record = np.frombuffer(raw, layout.record)

    uid, inode, owned = _owners(text[:, layout.tail :], record["state"])
    known = owned & (record["state"] >= State.ESTABLISHED) & (record["state"] <= State.CLOSING)
    if not known.all():
        good, record, uid, inode = good[known], record[known], uid[known], inode[known]
    bad = np.ones(len(starts), bool)
    bad[good] = False
    rest = np.flatnonzero(bad)
    others = [lines[starts[at] : ends[at]].tobytes() for at in rest.tolist()]
    local_hi, local_lo = _halves(record["local"])
    remote_hi, remote_lo = _halves(record["remote"])
    rows = RawSockets(
        local_hi=local_hi,
        local_lo=local_lo,
        remote_hi=remote_hi,
        remote_lo=remote_lo,
        local_port=record["local_port"].astype(np.uint16),
        remote_port=record["remote_port"].astype(np.uint16),
        state=record["state"].copy(),
        timer=record["timer"].copy(),
        remaining_ms=record["when"].astype(np.uint32) * np.uint32(TICK_MS),
        rx_queue=record["rx_queue"].astype(np.uint32),
        tx_queue=record["tx_queue"].astype(np.uint32),
        backlog_limit=np.where(record["state"] == State.LISTEN, UNKNOWN_LIMIT, 0).astype(np.uint32),
        uid=uid,
        inode=inode,
        device=np.zeros(len(record), np.uint32),
    )
    return rows, others


def _bodies(padded: Array, starts: Array, ends: Array) -> Array:
    """Return where each line goes on behind its first ``": "``, or −1 where it has none."""
    body = np.full(len(starts), -1, np.intp)
    for width in (*range(MIN_SL, MAX_SL + 1), *range(1, MIN_SL)):
        found = (body < 0) & (padded[starts + width] == ord(":")) & (starts + width < ends)
        body[found] = starts[found] + width + 2
        if (body >= 0).all():
            break
    # No digit before the colon means that the colon is not sl's.
    named = (body >= 0) & (padded[body - 3] - np.uint8(48) < 10) & (padded[body - 1] == ord(" "))
    return np.where(named, body, -1)


def _owners(tail: Array, state: Array) -> tuple[Array, Array, Array]:
    """Parse ``uid``, ``timeout`` and ``inode``; say of which rows they could be read.

    ``uid`` is ``%5u`` and wider for large ones, ``timeout`` ``%8d``, ``inode`` unpadded.
    A TIME-WAIT has a literal 0 in all three: most rows, so they are told by that alone.
    """
    count = len(tail)
    uid = np.zeros(count, np.uint32)
    inode = np.zeros(count, np.uint64)
    literal = (tail[:, : len(NO_OWNER)] == NO_OWNER).all(axis=1)
    readable = literal & (state == State.TIME_WAIT)
    pending = np.flatnonzero(~readable)
    for width in range(5, MAX_UID + 1):
        if not len(pending):
            break
        ends_here = tail[pending, 1 + width] == ord(" ")
        rows, pending = pending[ends_here], pending[~ends_here]
        if not len(rows):
            continue
        text = tail[rows]
        uids = _right_aligned(text[:, 1 : 1 + width])
        behind = 1 + width + 1 + 8
        inodes, digits = _leading_number(text[:, behind + 1 : behind + 1 + MAX_INODE])
        uid[rows] = uids
        inode[rows] = inodes
        plain = _is_number(text[:, : 1 + width]) & _is_number(text[:, 1 + width : behind])
        closed = text[np.arange(len(text)), behind + 1 + digits] == ord(" ")
        within = (uids <= LARGEST_UID) & (digits > 0) & (digits <= MAX_INODE)
        readable[rows] = plain & (text[:, behind] == ord(" ")) & within & closed
    return uid, inode, readable


def _is_number(text: Array) -> Array:
    """Say which rows are one blank or more, then digits up to the right edge."""
    blank = text == ord(" ")
    digit = text - np.uint8(48) < 10
    in_order = blank[:, :-1] | digit[:, 1:]  # no blank behind a digit
    whole: Array = (blank | digit).all(axis=1) & in_order.all(axis=1)
    whole &= blank[:, 0] & digit[:, -1]
    return whole


def _right_aligned(text: Array) -> Array:
    """Return the numbers in right-aligned decimal columns padded with blanks."""
    value = np.zeros(len(text), np.uint64)
    for column in range(text.shape[1]):
        value = value * np.uint64(10) + (text[:, column] & np.uint8(15))  # a blank counts as 0
    return value


def _leading_number(text: Array) -> tuple[Array, Array]:
    """Return the decimal numbers at the left edge, and how many digits each has.

    One that 64 bits do not hold has 255 digits.
    """
    value = np.zeros(len(text), np.uint64)
    digits = np.zeros(len(text), np.uint8)
    going = np.ones(len(text), bool)
    for column in range(text.shape[1]):
        digit = text[:, column] - np.uint8(48)
        going = going & (digit < 10)
        if not going.any():
            break
        if column >= MAX_INODE - 1:  # the 20th digit may be one too many
            most = np.iinfo(np.uint64).max
            over = (value > most // 10) | (value == most // 10) & (digit > most % 10)
            digits[going & over] = NO_NUMBER
            going = going & ~over
        value = np.where(going, value * np.uint64(10) + digit, value)
        digits += going
    return value, digits


def _halves(words: Array) -> tuple[Array, Array]:
    """Join address words, shape (n, 1) or (n, 4), into the two halves of 128 bits."""
    wide = words.astype(np.uint64)
    if wide.shape[1] == 1:
        return np.zeros(len(wide), np.uint64), wide[:, 0] | np.uint64(V4_MAPPED)
    shift = np.uint64(32)
    return wide[:, 0] << shift | wide[:, 1], wide[:, 2] << shift | wide[:, 3]
