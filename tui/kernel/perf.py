"""Tracepoints by perf_event_open(2): counted, and each event taken from a ring per processor.

The count is the kernel's own and exact, whatever the ring had no room for: what was counted and
never came is lost.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import select
import struct
from collections import Counter
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from tui.kernel.namespaces import LIBC
from tui.kernel.tracefs import Layout, Sample, Tracepoint

NUMBERS = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "loongarch64": 241, "s390x": 331}
"""perf_event_open's, where the ioctls below are these as well."""
ENABLE, DISABLE, SET_FILTER = 0x2400, 0x2401, 0x40082406
TRACEPOINT = 2
SAMPLE_TID, SAMPLE_RAW = 1 << 1, 1 << 10
RECORD_SAMPLE = 9
FD_CLOEXEC = 8
RING_HEAD, RING_TAIL = 1024, 1032
"""struct perf_event_mmap_page, data_head and data_tail."""
HEADER = struct.Struct("=IHH")
"""type, misc, size of a record."""
RAW = HEADER.size + 12
"""Where the event lies in a sample: after pid, thread and its size."""


class _Attributes(ctypes.Structure):
    """struct perf_event_attr, up to its fifth version (include/uapi/linux/perf_event.h)."""

    _fields_ = [
        ("type", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("config", ctypes.c_uint64),
        ("sample_period", ctypes.c_uint64),
        ("sample_type", ctypes.c_uint64),
        ("read_format", ctypes.c_uint64),
        ("disabled", ctypes.c_uint64, 1),
        ("flags", ctypes.c_uint64, 63),
        ("wakeup_events", ctypes.c_uint32),
        ("rest", ctypes.c_uint8 * 60),
    ]


class _Ring:
    """One processor's events."""

    def __init__(self, fd: int, size: int) -> None:
        self.fd = fd
        self._size = size
        # The kernel limits what a user maps in all: perf_event_mlock_kb.
        self._map = mmap.mmap(fd, mmap.PAGESIZE + size)
        self._head = ctypes.c_uint64.from_buffer(self._map, RING_HEAD)
        self._tail = ctypes.c_uint64.from_buffer(self._map, RING_TAIL)

    def count(self) -> int:
        return int.from_bytes(os.read(self.fd, 8), "little" if _LITTLE else "big")

    def drain(self) -> list[bytes]:
        """Return the samples there are, and give their room back."""
        tail, head = self._tail.value, self._head.value
        start, end = tail % self._size, head % self._size
        data = memoryview(self._map)[mmap.PAGESIZE :]
        whole = head > tail and end <= start
        taken = bytes(data[start:]) + bytes(data[:end]) if whole else bytes(data[start:end])
        self._tail.value = head
        samples, at = [], 0
        while at < len(taken):
            kind, _, length = HEADER.unpack_from(taken, at)
            if kind == RECORD_SAMPLE:
                samples.append(taken[at : at + length])
            at += length
        return samples

    def close(self) -> None:
        del self._head, self._tail  # they keep the mapping
        self._map.close()
        os.close(self.fd)


_LITTLE = struct.pack("=H", 1) == b"\1\0"


class Events:
    """A tracepoint's events on every processor that is online now, in all namespaces."""

    def __init__(self, tracepoint: Tracepoint, layout: Layout, ring_bytes: int) -> None:
        """Begin to count. Raises OSError where that is refused."""
        self.lost = 0
        self._tracepoint, self._fields = tracepoint, layout.fields
        self._counted = self._taken = 0
        self._rings: list[_Ring] = []
        try:
            for fd in _open_all(layout.id):
                self._rings.append(_mapped(fd, ring_bytes))
                fcntl.ioctl(fd, SET_FILTER, tracepoint.filter.encode() + b"\0")
            self._control(ENABLE)
        except OSError:
            self.close()
            raise

    def register(self, poll: select.poll) -> None:
        """Have a poll wake when there is an event."""
        for ring in self._rings:
            poll.register(ring.fd, select.POLLIN)

    def drain(self) -> Counter[Sample]:
        """Return what has come since the last time; ``lost`` is then how many never came.

        An event is counted a moment before it is in the ring, so it is held against the count of
        the time before.
        """
        before, self._counted = self._counted, sum(ring.count() for ring in self._rings)
        samples = [sample for ring in self._rings for sample in ring.drain()]
        self._taken += len(samples)
        self.lost = max(self.lost, before - self._taken)
        read: Counter[Sample] = Counter()
        for sample, count in Counter(map(self._told, samples)).items():
            read[self._sample(sample)] += count
        return read

    def _told(self, sample: bytes) -> bytes:
        """Return what of a sample is not its own: the process and, of connect(), the addresses."""
        pid = sample[HEADER.size : HEADER.size + 4]
        if self._tracepoint.call == "bind":
            return pid
        return pid + b"".join(self._field(sample, name) for name in ADDRESSES)

    def _field(self, sample: bytes, name: str) -> bytes:
        offset, size = self._fields[name]
        return sample[RAW + offset : RAW + offset + size]

    def _sample(self, told: bytes) -> Sample:
        (pid,) = struct.unpack_from("=i", told)
        seen = pid if pid > 0 else None
        if len(told) == 4:
            return Sample("bind", seen)
        port, local, remote, local6, remote6 = struct.unpack_from("=H4s4s16s16s", told, 4)
        there = IPv6Address(remote6)
        if there.ipv4_mapped is not None:
            return Sample("connect", seen, str(IPv4Address(local)), str(IPv4Address(remote)), port)
        return Sample("connect", seen, str(IPv6Address(local6)), str(there), port)

    def stop(self) -> None:
        """Count no further; ``lost`` is exact after one more ``drain``."""
        self._control(DISABLE)
        self._counted = sum(ring.count() for ring in self._rings)

    def _control(self, request: int) -> None:
        for ring in self._rings:
            fcntl.ioctl(ring.fd, request, 0)

    def close(self) -> None:
        """Give the rings back."""
        for ring in self._rings:
            ring.close()


ADDRESSES = ("dport", "saddr", "daddr", "saddr_v6", "daddr_v6")


def _open_all(number: int) -> Any:
    """Yield a descriptor for each processor."""
    attributes = _Attributes(
        type=TRACEPOINT,
        size=ctypes.sizeof(_Attributes),
        config=number,
        sample_period=1,
        sample_type=SAMPLE_TID | SAMPLE_RAW,
        disabled=1,
        wakeup_events=1,
    )
    call = NUMBERS.get(os.uname().machine)
    if call is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), "perf_event_open")
    cpu = 0
    while True:
        fd = LIBC.syscall(call, ctypes.byref(attributes), -1, cpu, -1, FD_CLOEXEC)
        if fd >= 0:
            yield fd
        elif (error := ctypes.get_errno()) == errno.EINVAL and cpu:
            return  # there are no more
        elif error != errno.ENODEV:  # it is offline
            raise OSError(error, os.strerror(error), "perf_event_open")
        cpu += 1


def _mapped(fd: int, size: int) -> _Ring:
    """Map a ring, a smaller one where the user may not have so much."""
    while True:
        try:
            return _Ring(fd, size)
        except PermissionError:
            size //= 2
            if size < mmap.PAGESIZE:
                with suppress(OSError):
                    os.close(fd)
                raise
