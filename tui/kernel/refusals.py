"""What the kernel refused: connects that found no port, counted where that happens.

No counter of the kernel moves then, but a tracepoint tells them from everything else: connect()
enters SYN_SENT before it looks for a port, and goes back to CLOSE without one. All namespaces of
the machine are seen, and nothing is added to the path of other system calls.
"""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from tui.kernel.perf import Events
from tui.kernel.processes import Process, process_name
from tui.kernel.tracefs import (
    BIND,
    CONNECT,
    Call,
    Instance,
    Sample,
    Tracepoint,
    close_tracefs,
    open_tracefs,
    read_layout,
    remove_leftovers,
)

RING_BYTES = 1 << 18
"""Of each processor: some 1,800 refusals, until they are taken."""
IDLE_MS = 500
REST_SECONDS = 0.02
"""After something came: what comes faster than the rings hold is counted, and not looked at."""
REMEMBERED_SECONDS = 1.0
"""How long a process is taken for the one that had its pid."""
MOST_REMEMBERED = 4096
CAPABILITIES = {"CAP_DAC_READ_SEARCH": 2, "CAP_SYS_ADMIN": 21, "CAP_PERFMON": 38}
"""Their bits (include/uapi/linux/capability.h)."""


class CountingError(Exception):
    """Refusals cannot be counted here; the text says in a line what is missing."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Calls that failed alike: connect() with EADDRNOTAVAIL, bind() with EADDRINUSE."""

    call: Call
    pid: int | None
    """None where it is hidden by a pid namespace."""
    process: Process | None
    """None where it had ended before it was looked at."""
    namespace: int | None
    """The inode of its network namespace; None where that is not known."""
    local_ip: str | None
    """Of bind() no address is told; IPv4 and v4-mapped IPv6 are the same."""
    remote_ip: str | None
    remote_port: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """What was refused in a stretch of time."""

    since: float
    until: float
    """Unix times."""
    refused: Mapping[Refused, int]
    lost: int = 0
    """Refusals beside these that are known by their number only."""

    @property
    def total(self) -> int:
        """All that was refused."""
        return sum(self.refused.values()) + self.lost

    def __add__(self, later: Counted) -> Counted:
        """Return both together."""
        refused = Counter(self.refused) + Counter(later.refused)
        return Counted(self.since, later.until, refused, self.lost + later.lost)

    def of(self, pid: int) -> int | None:
        """Return how often a process's connects were refused; None where some may be lost."""
        mine = (n for each, n in self.refused.items() if (each.call, each.pid) == ("connect", pid))
        return None if self.lost else sum(mine)

    def inside(self, namespace: int | None) -> Counted:
        """Return those of one network namespace; nobody knows which of the lost are its own."""
        mine = {each: n for each, n in self.refused.items() if each.namespace == namespace}
        return Counted(self.since, self.until, mine, self.lost)


class _Counter(Protocol):
    """A way to have refusals counted."""

    lost: int

    def register(self, poll: select.poll) -> None: ...
    def drain(self) -> Counter[Sample]: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...


class _Known(NamedTuple):
    """A process as it was when it was last looked at."""

    process: Process | None
    namespace: int | None
    asked: float
    """Monotonic time."""


def count_if_permitted() -> Refusals | None:
    """Count refusals where that is permitted."""
    with suppress(CountingError):
        return Refusals()
    return None


class Refusals:
    """Counts refusals from when this is made until it is closed, in a thread of its own.

    What is to be told of a process is asked at once, while it lives. ``take`` may be called by any
    thread, also after ``close``, for the rest. A processor that goes online later is not counted.
    """

    def __init__(self, *, bind: bool = False, ring_bytes: int = RING_BYTES) -> None:
        """Begin to count; ``bind`` counts bind() too, which costs each system call some 12 ns.

        Raises CountingError.
        """
        self._tracefs, self._counters = _open((CONNECT, BIND) if bind else (CONNECT,), ring_bytes)
        self._since = time.time()
        self._refused: Counter[Refused] = Counter()
        self._lost = self._lost_before = 0
        self._known: dict[int, _Known] = {}
        self._lock = threading.Lock()
        self._broken: OSError | None = None
        self._closing, self._wake = threading.Event(), os.eventfd(0)
        self._thread = threading.Thread(target=self._follow, name="refusals", daemon=True)
        self._thread.start()

    def take(self) -> Counted:
        """Return what was refused since the last time; the newest 20 ms may come the next time.

        Raises CountingError where it could not go on: then nobody knows.
        """
        if self._broken is not None:
            raise CountingError(f"refusals are no longer counted: {self._broken}")
        with self._lock:
            now, refused, lost = time.time(), self._refused, self._lost - self._lost_before
            found = Counted(self._since, now, dict(refused), lost)
            self._since, self._refused, self._lost_before = now, Counter(), self._lost
        return found

    def close(self) -> None:
        """Count no further. What ``take`` then returns is exact, lost ones included."""
        if self._closing.is_set():
            return
        self._closing.set()
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        os.close(self._wake)
        try:
            for counter in self._counters:
                counter.stop()
            self._drain()
        except OSError as error:
            self._broken = error
        for counter in self._counters:
            counter.close()
        close_tracefs(self._tracefs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        for counter in self._counters:
            counter.register(poll)
        try:
            while not self._closing.is_set():
                poll.poll(IDLE_MS)
                self._drain()
                self._closing.wait(REST_SECONDS)
        except OSError as error:  # somebody has removed the instance
            self._broken = error

    def _drain(self) -> None:
        samples: Counter[Sample] = Counter()
        for counter in self._counters:
            samples += counter.drain()
        refused = {self._refusal(sample): count for sample, count in samples.items()}
        with self._lock:
            self._refused.update(refused)
            self._lost = sum(counter.lost for counter in self._counters)

    def _refusal(self, sample: Sample) -> Refused:
        known = _Known(None, None, 0) if sample.pid is None else self._look(sample.pid)
        return Refused(
            call=sample.call,
            pid=sample.pid,
            process=known.process,
            namespace=known.namespace,
            local_ip=sample.local_ip,
            remote_ip=sample.remote_ip,
            remote_port=sample.remote_port,
        )

    def _look(self, pid: int) -> _Known:
        now, known = time.monotonic(), self._known.get(pid)
        if known is not None and now - known.asked < REMEMBERED_SECONDS:
            return known
        try:
            process = Process(pid, process_name(Path("/proc"), pid))
            known = _Known(process, _namespace(pid), now)
        except OSError:  # it has ended: what is remembered is of it, if anything is
            known = (known or _Known(None, None, now))._replace(asked=now)
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[pid] = known
        return known


def _namespace(pid: int) -> int | None:
    """Return a process's network namespace, which another's is for CAP_SYS_PTRACE alone.

    Everybody may ask whether it is the own one (fs/proc/generic.c, proc_register). Raises OSError.
    """
    try:
        return Path(f"/proc/{pid}/ns/net").stat().st_ino
    except PermissionError:
        theirs, ours = (Path(f"/proc/{who}/net/tcp").stat().st_ino for who in (pid, "thread-self"))
        return Path("/proc/thread-self/ns/net").stat().st_ino if theirs == ours else None


def _open(tracepoints: tuple[Tracepoint, ...], ring_bytes: int) -> tuple[Path, Sequence[_Counter]]:
    """Begin to count by perf_event_open, or by a tracefs instance where that is refused."""
    with ExitStack() as undo:
        try:
            root = open_tracefs()
            undo.callback(close_tracefs, root)
            remove_leftovers(root)
            counters = _counters(root, tracepoints, ring_bytes)
        except OSError as error:
            raise CountingError(f"refusals cannot be counted: {_missing(error)}") from error
        undo.pop_all()
        return root, counters


def _counters(
    root: Path, tracepoints: tuple[Tracepoint, ...], ring_bytes: int
) -> Sequence[_Counter]:
    layouts = [read_layout(root, each) for each in tracepoints]
    with ExitStack() as undo:
        counters: list[_Counter] = []
        try:
            for each, layout in zip(tracepoints, layouts, strict=True):
                counters.append(Events(each, layout, ring_bytes))
                undo.callback(counters[-1].close)
        except OSError as refused:
            try:
                return [Instance(root, tracepoints, ring_bytes)]
            except OSError:
                raise refused from None
        undo.pop_all()
        return counters


def _missing(error: OSError) -> str:
    """Say in a line what keeps them from being counted, and who may."""
    where = str(error.filename)
    if error.errno == errno.ENOENT and "/events/" in where:
        name = where.partition("/events/")[2].rpartition("/")[0]
        return f"this kernel has no tracepoint {name} (available since Linux 4.16)"
    if error.errno in (errno.ENODEV, errno.ENOENT):
        return "this kernel has no tracefs (CONFIG_FTRACE)"
    if error.errno == errno.ENOSYS:
        return f"this kernel has no {'fsopen (5.2)' if where == 'tracefs' else where}"
    if error.errno not in (errno.EPERM, errno.EACCES):
        return f"{where}: {error.strerror}"
    unmounted, paranoid = where == "tracefs", _paranoid()
    needed = ["CAP_SYS_ADMIN" if unmounted or paranoid > 2 else "CAP_PERFMON"]
    needed += ["CAP_DAC_READ_SEARCH"] * (os.geteuid() != 0)
    lacking = [name for name in needed if not _holds(name)]
    if lacking:
        why = "tracefs is not mounted" if unmounted else f"perf_event_paranoid is {paranoid}"
        cure = "run twtop as root" if os.geteuid() else "root lacks it here, as in a container"
        return f"that needs {' and '.join(lacking)} ({why}); {cure}"
    what = "tracefs" if "/fd/" in where else where
    return (
        f"{what} is refused by a container's seccomp profile, its user namespace or a security "
        f"module ({error.strerror}); run twtop outside of it"
    )


def _holds(capability: str) -> bool:
    """Say whether this thread has a capability, or CAP_SYS_ADMIN in the place of CAP_PERFMON."""
    status = Path("/proc/thread-self/status").read_text()
    held = int(status.partition("CapEff:")[2].split()[0], 16)
    wanted = {capability, "CAP_SYS_ADMIN"} if capability == "CAP_PERFMON" else {capability}
    return any(held >> CAPABILITIES[name] & 1 for name in wanted)


def _paranoid() -> int:
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys/kernel/perf_event_paranoid").read_text())
    return 2
