"""One poll of the kernel: /proc or sock_diag, whichever is fit."""

from __future__ import annotations

import errno
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tui.kernel import procfs, sock_diag
from tui.kernel.counters import bound_at_most, count_sockets, read_counters
from tui.kernel.effort import Effort
from tui.kernel.find_place import same_place
from tui.kernel.namespaces import own_addresses
from tui.kernel.parameters import Parameter, read_parameters
from tui.kernel.places import GONE, HERE, LIVE, Place, tables_number
from tui.kernel.port_rules import port_rules, read_port_rules
from tui.kernel.rootless import parameters_of
from tui.kernel.sockets import (
    UNKNOWN_LIMIT,
    Array,
    ByteOrder,
    SocketTable,
    State,
    TableError,
    Timer,
    build,
)

SourceKind = Literal["proc", "sock_diag"]
SourceChoice = Literal["auto", "proc", "sock_diag"]

FIRST_READ = 1.0
"""Seconds of work that a read may take at first, or half the interval where that is less."""
CLOCK_MONOTONIC_COARSE = 6
"""include/uapi/linux/time.h; Python has no name for it."""
LONGEST_READ = 10.0
"""Seconds of work that a read may take at most: what a single one has, and one that was cut
again and again."""
PROC_SHARE = 0.1
"""The part of the interval that reading /proc may take before sock_diag takes over."""
PROC_CPU_SHARE = 0.04
"""The part of one core that reading /proc may take in the long run; beyond it sock_diag, which
does the same for a third, takes over as well."""
PROC_SECONDS_A_SOCKET = 1.5e-6
"""What a line of /proc costs the kernel: enough to tell before reading that it will be slow."""
BOUND_WALK_SHARE = 0.01
"""The part of the time that looking for bound, unconnected sockets beside /proc may take."""
MAY_BE_MISSING, FEW = 0.25, 3
TRY_PROC_AGAIN = 60.0
"""Seconds after which /proc, once too slow, is given another chance."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one poll read of one place, and when; times in seconds."""

    place: Place
    table: SocketTable
    parameters: tuple[Parameter, ...]
    counters: Mapping[str, int]
    kind: SourceKind
    read_seconds: float
    """How long the reading of the table took."""
    table_time: float
    """When the table was read, Unix time."""
    time: float
    """When counters and parameters were read, Unix time: later than the table where dumps are
    spaced out."""
    hz: int | None = None
    """Ticks per second of the kernel's timers (CONFIG_HZ); None where it is not known."""
    second_ms: int | None = None
    """How many milliseconds into its second the monotonic clock was when the table was read; None
    where it is not known, as of a copy."""
    addresses: frozenset[str] = frozenset()
    """The place's own addresses; none where they could not be read, as of most copies."""
    host_range: tuple[int, int] | None = None
    """The host's ip_local_port_range; None where the place is the host, or it is not known."""
    made: float | None = None
    """When a copy was made, Unix time; None where it does not say, or is none."""

    @property
    def as_of(self) -> float | None:
        """When it was so, Unix time; None of a copy that does not say when it was made."""
        return self.made if self.place.kind == "copy" else self.time

    def setting(self, name: str) -> str | None:
        """Return the text of a sysctl such as ``net.core.somaxconn``, None if unknown."""
        return next((p.value for p in self.parameters if p.name == name), None)

    def number(self, name: str) -> int | None:
        """Return a sysctl that is one number of 0 or more, None if it is not, or unknown."""
        text = self.setting(name) or ""
        return int(text) if re.fullmatch(r"[0-9]{1,20}", text) else None


def ticks_per_second() -> int:
    """Return this kernel's CONFIG_HZ: its coarse clock moves by a tick (clock_getres(2))."""
    return round(1 / time.clock_getres(CLOCK_MONOTONIC_COARSE))


def _seen_whole(place: Place, look: Callable[[], Reading]) -> Reading:
    """Return what is seen in a place whose process's files were there all the while.

    Without them a namespace that a file keeps can still be entered, but shows no counters. Raises
    OSError.
    """

    def there() -> None:
        by_process = place.pid is not None and place.network != HERE
        if by_process and tables_number(place.root) != place.key:
            raise OSError(errno.ESTALE, GONE)

    there()
    seen = place.inside(look)
    there()
    return seen


def _why(place: Place, error: OSError) -> str:
    """Return why a place cannot be read; where a namespace was, setns(2) finds none: EINVAL."""
    if error.errno in (errno.ENOENT, errno.ESRCH, errno.ESTALE, errno.EINVAL):
        return f"{place.called} is gone"
    return f"{place.where}: {error.strerror or error}"


def _host_range(place: Place) -> tuple[int, int] | None:
    """Return the range of the host, where this thread is in it and the place is another."""
    if place.network == HERE or (place.pid is None and place.network is None):
        return None
    if tables_number(LIVE / "1") != tables_number(LIVE / "thread-self"):
        return None
    rules = read_port_rules(LIVE)
    return None if rules.assumed else (rules.low, rules.high)


def missing(table: SocketTable, counters: Mapping[str, int]) -> tuple[int, int]:
    """Return how many sockets sockstat counts that the table lacks: TIME-WAITs, and others.

    Requests that wait for their last ACK have a row and are not counted.
    """
    waiting = int(
        np.count_nonzero((table.state == State.TIME_WAIT) | (table.timer == Timer.TIME_WAIT))
    )
    live = len(table) - waiting
    counted = counters.get("inuse", 0) + counters.get("inuse6", 0)
    return max(counters.get("tw", 0) - waiting, 0), max(counted - live, 0)


def falls_short(table: SocketTable, counters: Mapping[str, int]) -> bool:
    """Say whether a copy's table is far shorter than the sockstat beside it.

    Two files of one copy are not of one moment, so a quarter may be missing, and a few more.
    """
    lacking = missing(table, counters)
    return sum(lacking) > FEW + MAY_BE_MISSING * (len(table) + sum(lacking))


def tells_whole(place: Place, counters: Mapping[str, int]) -> bool:
    """Say whether a copy tells that its table is whole, or that it is not.

    Its maker does, in the about.json beside it, and so does sockstat, which the kernel always has
    beside net/tcp: it shows that lines are missing.
    """
    if place.origin is not None:
        return place.origin.complete_known
    return {"inuse", "tw"} <= counters.keys()


def with_limits(table: SocketTable, limits: Mapping[int, int]) -> SocketTable:
    """Return the table with its listeners' backlog limits, those that are known by inode."""
    rows = np.flatnonzero(table.state == State.LISTEN)
    if not limits or not len(rows):
        return table
    backlog_limit = table.backlog_limit.copy()
    backlog_limit[rows] = [limits.get(inode, UNKNOWN_LIMIT) for inode in table.inode[rows].tolist()]
    return replace(table, backlog_limit=backlog_limit)


class Source:
    """Reads a place's tables, and remembers which way of reading is fast enough."""

    def __init__(
        self,
        place: Place,
        choice: SourceChoice,
        interval: float,
        *,
        one_shot: bool = False,
        skips_empty: bool = False,
        progress: procfs.Progress | None = None,
        byte_order: ByteOrder | None = None,
        exact_timers: bool = False,
    ) -> None:
        """Read this place; ``one_shot`` leaves a read all the time that one may take.

        ``exact_timers`` has `auto` prefer sock_diag: /proc rounds timers to hundredths of a second,
        so that from one read to the next each moves on by a little more or less.

        A copy that is read once has the time at which it was made; one that is watched may be
        written anew. ``byte_order`` is that of a copy's machine where its user knows it.
        ``skips_empty`` takes sockstat's word for it that there is no socket, for a dump of nothing
        costs as much as one of all: those that are only bound are then not known. Where they may
        take every port it is read all the same.
        ``progress`` is told how far the files of a copy have been read. All of one reading is of
        one network namespace: that of the thread that reads, where the place is HERE.
        """
        self.place = place
        self.one_shot = one_shot
        self.skips_empty = skips_empty
        self.choice = choice
        self.exact_timers = exact_timers
        self.interval = interval
        self.progress = progress
        self.byte_order = byte_order
        self.cpu_apart = 0.0
        """Seconds of the processor that the last read took in a thread of its own, as one does that
        enters another namespace: the reading thread's clock does not have them."""
        self._cpu = 0.0
        self._host_range: tuple[int, int] | None = None
        self._cut = 0
        self._avoid_proc_until = 0.0
        self._bound_ports: Array | None = None
        self._backlog_limits: dict[int, int] = {}
        self._bound_ports_due = 0.0

    def check(self) -> None:
        """Raise TableError where there is nothing to read in this way; nothing is read for it."""
        if self.choice == "sock_diag" and not self.place.answers:
            raise TableError(
                f"sock_diag cannot read the sockets that {self.place.root} shows: use --source proc"
            )
        if self.place.kind == "copy":
            procfs.require_tables(self.place.root)

    def read(self) -> Reading:
        """Read the table, the parameters and the counters once.

        A place whose process has ended is read by another one that is in it. Raises TableError when
        no permitted source could be read.
        """
        began, self._cpu = time.thread_time(), 0.0
        try:
            return self._inside(self._timed)
        finally:
            self.cpu_apart = max(self._cpu - (time.thread_time() - began), 0.0)

    def _timed(self) -> Reading:
        began = time.thread_time()
        try:
            return self._read()
        finally:
            self._cpu = time.thread_time() - began

    def _inside(self, look: Callable[[], Reading]) -> Reading:
        self._host_range = _host_range(self.place)
        try:
            return _seen_whole(self.place, look)
        except OSError as error:
            if (again := same_place(self.place)) is None:
                raise TableError(_why(self.place, error)) from error
            self.place = again
        try:
            return _seen_whole(self.place, look)
        except OSError as error:
            raise TableError(_why(self.place, error)) from error

    def _read(self) -> Reading:
        began = time.monotonic()
        kind, table = self._read_table(began)
        clock, now = time.monotonic(), time.time()
        counters = self._counters()
        copy = self.place.kind == "copy"
        made = self.place.made if copy else None
        if made is not None and self.one_shot:
            now = made
        if copy and falls_short(table, counters):
            table = replace(table, complete=False)
        if copy:
            table = replace(table, complete_known=tells_whole(self.place, counters))
        if not table.complete:
            self._cut += 1
        elif clock - began < min(self.interval / 2, FIRST_READ):
            self._cut = 0  # what there is fits in again
        return Reading(
            place=self.place.seen_now(),
            table=table,
            parameters=self._parameters(),
            counters=counters,
            kind=kind,
            read_seconds=round(clock - began, 6),
            table_time=now,
            time=now,
            hz=None if copy else ticks_per_second(),
            second_ms=None if copy else int(clock * 1000) % 1000,
            addresses=own_addresses(self.place.tables),
            host_range=self._host_range,
            made=made,
        )

    def refresh(self, reading: Reading) -> Reading:
        """Return the same table with the counters and parameters of now."""
        return self._inside(
            lambda: replace(
                reading,
                parameters=self._parameters(),
                counters=self._counters(),
                time=time.time(),
                host_range=self._host_range,
            )
        )

    def _parameters(self) -> tuple[Parameter, ...]:
        if self.place.rootless:
            return parameters_of(self.place.root)
        return read_parameters(self.place.settings)

    def _counters(self) -> dict[str, int]:
        return read_counters(self.place.tables, self.place.settings)

    def _seconds(self) -> float:
        """Return how long a read may work: twice as long after each that was cut."""
        if self.one_shot:
            return LONGEST_READ
        return min(min(self.interval / 2, FIRST_READ) * 2.0 ** min(self._cut, 16), LONGEST_READ)

    def _read_table(self, began: float) -> tuple[SourceKind, SocketTable]:
        if self.skips_empty and self._counts_none():
            return "proc", build([])
        self.check()
        if self.choice == "sock_diag":
            return "sock_diag", self._ask_sock_diag()
        if self.choice == "proc" or not self.place.answers:
            return "proc", self._read_proc(self._seconds())
        if self.exact_timers or began < self._avoid_proc_until or self._proc_would_be_slow():
            try:
                return "sock_diag", self._ask_sock_diag()
            except TableError:
                self._avoid_proc_until = 0.0
        return self._read_proc_or_better()

    def _counts_none(self) -> bool:
        """Say whether sockstat counts no socket, and leaves a port whatever is only bound."""
        counters = count_sockets(self.place.tables)
        if any(counters.get(name) != 0 for name in ("inuse", "tw")) or counters.get("inuse6"):
            return False
        bound = bound_at_most(0, counters.get("alloc"), counters.get("used"))
        return bound is not None and bound < port_rules(self._parameters()).capacity

    def _proc_would_be_slow(self) -> bool:
        """Foretell from sockstat, before any time is spent, whether /proc would be too slow."""
        counters = count_sockets(self.place.tables)
        sockets = sum(counters.get(name, 0) for name in ("inuse", "inuse6", "tw"))
        return sockets * PROC_SECONDS_A_SOCKET > self.interval * PROC_CPU_SHARE

    def _read_proc_or_better(self) -> tuple[SourceKind, SocketTable]:
        """Read /proc unless that takes too long or is refused; sock_diag does it then."""
        limit = min(self.interval * PROC_SHARE, self._seconds() / 2)
        refusal: TableError | None = None
        cpu = time.thread_time()
        try:
            table = self._read_proc(limit)
            if time.thread_time() - cpu > self.interval * PROC_CPU_SHARE:
                self._avoid_proc_until = time.monotonic() + TRY_PROC_AGAIN
            if table.complete:
                return "proc", table
        except TableError as error:
            refusal = error
        try:
            quick = self._ask_sock_diag()
        except TableError:
            if refusal is not None:
                raise refusal from None
            return "proc", self._read_proc(self._seconds())  # no way out: take the time
        self._avoid_proc_until = time.monotonic() + TRY_PROC_AGAIN
        return "sock_diag", quick

    def _ask_sock_diag(self) -> SocketTable:
        return sock_diag.read_sockets(Effort(self._seconds()))

    def _read_proc(self, seconds: float) -> SocketTable:
        """Read the files, for so long where they are the kernel's: a copy is read whole."""
        if self.place.kind == "copy":
            return self._read_copy()
        walk = self._walk_bound_ports(time.monotonic())
        try:
            table = procfs.read_sockets(self.place.tables, Effort(seconds))
        finally:
            if walk is not None:
                walk.join()
        table = with_limits(table, self._backlog_limits)
        ports = self._bound_ports
        return table if ports is None else replace(table, bound_ports=ports, bound_known=True)

    def _read_copy(self) -> SocketTable:
        """Read a copy's files, whole; what is said of them beside them counts as well."""
        origin = self.place.origin
        said = None if origin is None else origin.byte_order
        table = procfs.read_copy(self.place.root, self.progress, self.byte_order, said)
        if origin is None:
            return table
        return replace(
            table,
            complete=table.complete and origin.complete,
            bound_ports=np.array(origin.bound_ports or (), np.uint16),
            bound_known=origin.bound_ports is not None,
        )

    def _walk_bound_ports(self, now: float) -> threading.Thread | None:
        """Start reading what /proc does not list: bound sockets, and how many may wait at others.

        The kernel walks every bound socket for them, which takes a quarter of the time
        that /proc takes; so it runs beside that, and on a huge table not at every poll. A thread
        begins in the network namespace of the one that starts it.
        """
        if not self.place.answers or now < self._bound_ports_due:
            return None

        def walk() -> None:
            self._backlog_limits = sock_diag.read_backlog_limits(Effort(self._seconds()))
            ports = sock_diag.read_bound_ports(Effort(self._seconds()))
            if ports is not None:  # else the walk was cut short: what was known is better
                self._bound_ports = ports
            ended = time.monotonic()
            self._bound_ports_due = ended + (ended - now) / BOUND_WALK_SHARE

        thread = threading.Thread(target=walk, daemon=True)
        thread.start()
        return thread
