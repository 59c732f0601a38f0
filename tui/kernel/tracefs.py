"""tracefs: the kernel's tracepoints, and a private instance that records one of them.

Where it is not mounted it is mounted for this process alone, by a mount that belongs to no mount
namespace (fsmount(2), Linux 5.2): nobody else sees it, and it ends with its descriptor.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import select
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from tui.kernel.namespaces import LIBC

FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
"""The same on every architecture but alpha (include/uapi/asm-generic/unistd.h)."""
CLOEXEC, CMD_CREATE = 1, 6
OURS = "twtop"
INITIAL_PIDS = 0xEFFFFFFC
"""The inode of the first pid namespace (include/linux/proc_ns.h), in which tracefs names pids."""

Call = Literal["connect", "bind"]
"""What was refused."""


class Sample(NamedTuple):
    """What the kernel tells of one refusal."""

    call: Call
    pid: int | None
    """The process; None where it is in a pid namespace that is not seen from here."""
    local_ip: str | None = None
    remote_ip: str | None = None
    remote_port: int | None = None


@dataclass(frozen=True, slots=True)
class Tracepoint:
    """A tracepoint, and which of its events are refusals."""

    name: str
    """Its directory below events/."""
    filter: str
    call: Call


# connect() enters SYN_SENT (2) before it looks for a port, and CLOSE (7) without one; a connection
# that fails later has one (net/ipv4/tcp_ipv4.c, tcp_v4_connect).
CONNECT = Tracepoint(
    "sock/inet_sock_set_state",
    "protocol == 6 && oldstate == 2 && newstate == 7 && sport == 0",
    "connect",
)
BIND = Tracepoint("syscalls/sys_exit_bind", f"ret == {-errno.EADDRINUSE}", "bind")


class Field(NamedTuple):
    """Where a field lies in an event's record, in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    """A tracepoint's number and fields, which differ between kernels."""

    id: int
    fields: dict[str, Field]


def open_tracefs() -> Path:
    """Return a tracefs that this process alone sees, or the one that is mounted.

    The path leads through a descriptor that the caller closes with `close_tracefs`. Raises OSError
    where it is neither mounted nor may be.
    """
    try:
        found = _mount()
    except OSError as refused:
        mounted = _mounted()
        if mounted is None:
            raise refused
        found = os.open(mounted, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return Path(f"/proc/self/fd/{found}")


def close_tracefs(root: Path) -> None:
    """Let go of it, which ends a private mount."""
    os.close(int(root.name))


def _mount() -> int:
    context = _call(FSOPEN, b"tracefs", CLOEXEC)
    try:
        _call(FSCONFIG, context, CMD_CREATE, None, None, 0)
        return _call(FSMOUNT, context, CLOEXEC, 0)
    finally:
        os.close(context)


def _call(number: int, *args: object) -> int:
    result: int = LIBC.syscall(number, *args)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "tracefs")
    return result


def _mounted() -> str | None:
    """Return where a tracefs is mounted already, of those that nothing hides."""
    lines = Path("/proc/thread-self/mountinfo").read_text(errors="replace").splitlines()
    points = [line.split()[4] for line in lines if " - tracefs " in line]
    # Not below debugfs, where a look alone would mount it for all (CONFIG_TRACEFS_AUTOMOUNT).
    return next((point for point in points if Path(point, "events").exists()), None)


def read_layout(root: Path, tracepoint: Tracepoint) -> Layout:
    """Return a tracepoint's number and fields. Raises OSError."""
    directory = root / "events" / tracepoint.name
    lines = re.finditer(
        r"field:.*?(\w+)(?:\[\w*\])?;\s*offset:(\d+);\s*size:(\d+)",
        (directory / "format").read_text(),
    )
    fields = {line[1]: Field(int(line[2]), int(line[3])) for line in lines}
    return Layout(int((directory / "id").read_text()), fields)


def remove_leftovers(root: Path) -> None:
    """Remove the instances of twtops that were killed; what may not be removed stays."""
    with suppress(OSError):
        for instance in (root / "instances").glob(f"{OURS}-*-*"):
            pid = instance.name.split("-")[1]
            if instance.name != _instance_name(pid):
                # One that is being read is busy: that of a twtop in another pid namespace.
                with suppress(OSError):
                    instance.rmdir()


def _instance_name(pid: str) -> str | None:
    """Return what the process with this pid calls its instance; None for one that has ended."""
    try:
        stat = Path("/proc", pid, "stat").read_text(errors="replace")
    except OSError:
        return None
    began = stat.rpartition(")")[2].split()[19]  # proc_pid_stat(5), starttime
    return f"{OURS}-{pid}-{began}"


HEAD = r".*-(\d+) +(?:\([^)]*\) +)?\[\d+\] \S+ +[\d.]+: "
SOCK = re.compile(
    HEAD + r"inet_sock_set_state: .* dport=(\d+) saddr=(\S+) daddr=(\S+) saddrv6=(\S+) "
    r"daddrv6=(\S+) "
)
BOUND = re.compile(HEAD + r"sys_bind -> ")
"""Lines of trace_pipe (kernel/trace/trace_output.c): a name may hold anything before them."""


class Instance:
    """Tracepoints recorded by a tracefs instance: where perf_event_open is refused."""

    def __init__(self, root: Path, tracepoints: tuple[Tracepoint, ...], ring_bytes: int) -> None:
        """Begin to record. Raises OSError; then nothing is left."""
        self.lost = 0
        self._tracepoints = tracepoints
        # In another pid namespace the numbers of tracefs are those of other processes.
        seen = Path("/proc/self/ns/pid").stat().st_ino == INITIAL_PIDS
        self._process = threads_process if seen else _nobody
        self._path = root / "instances" / str(_instance_name(str(os.getpid())))
        self._pipe = -1
        self._path.mkdir()
        try:
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            self._pipe = os.open(self._path / "trace_pipe", flags)
            (self._path / "buffer_size_kb").write_text(f"{max(ring_bytes >> 10, 4)}")
            with suppress(OSError):  # Linux 5.0; before, any event wakes
                (self._path / "buffer_percent").write_text("0")
            for each in tracepoints:
                event = self._path / "events" / each.name
                (event / "filter").write_text(each.filter)
                (event / "enable").write_text("1")
        except OSError:
            self.close()
            raise

    def register(self, poll: select.poll) -> None:
        """Have a poll wake when something has been recorded."""
        poll.register(self._pipe, select.POLLIN)

    def drain(self) -> Counter[Sample]:
        """Return what was recorded since the last time; ``lost`` is then how many were not."""
        text = b""
        with suppress(BlockingIOError):
            while piece := os.read(self._pipe, 1 << 16):
                text += piece
        lines = text.decode(errors="replace").split("\n")
        samples = (sample_of(line, self._process) for line in lines)
        self.lost = sum(map(_lost, (self._path / "per_cpu").glob("cpu*/stats")))
        return Counter(sample for sample in samples if sample is not None)

    def stop(self) -> None:
        """Record nothing more."""
        for each in self._tracepoints:
            (self._path / "events" / each.name / "enable").write_text("0")

    def close(self) -> None:
        """Remove the instance."""
        if self._pipe >= 0:
            os.close(self._pipe)
        with suppress(OSError):
            self._path.rmdir()


def sample_of(line: str, process: Callable[[str], int | None]) -> Sample | None:
    """Read a line of trace_pipe; ``process`` returns the process of a thread. None for others."""
    if found := SOCK.search(line):
        thread, port, *v4, local, remote = found.groups()
        if remote.startswith("::ffff:") and "." in remote:
            local, remote = v4
        return Sample("connect", process(thread), local, remote, int(port))
    return Sample("bind", process(found[1])) if (found := BOUND.search(line)) else None


def threads_process(thread: str) -> int | None:
    """Return the process of a thread: itself, where that has ended."""
    try:
        status = Path("/proc", thread, "status").read_text(errors="replace")
    except OSError:
        return int(thread)
    return int(status.partition("\nTgid:")[2].split()[0])


def _nobody(thread: str) -> int | None:
    return None


def _lost(stats: Path) -> int:
    counts = dict(line.split(": ") for line in stats.read_text().splitlines())
    return int(counts["overrun"]) + int(counts["dropped events"])
