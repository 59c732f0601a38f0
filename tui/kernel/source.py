"""One poll of the kernel: /proc or sock_diag, whichever is fit."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tui.kernel import procfs, sock_diag
from tui.kernel.counters import read_counters
from tui.kernel.sockets import Array, SocketTable, TableError
from tui.kernel.sysctls import Parameter, read_parameters

SourceKind = Literal["proc", "sock_diag"]
SourceChoice = Literal["auto", "proc", "sock_diag"]

LONGEST_READ = 1.0
"""Seconds after which a read is cut off, whatever the interval."""
PROC_SHARE = 0.1
"""The part of the interval that reading /proc may take before sock_diag takes over."""
PROC_CPU_SHARE = 0.04
"""The part of one core that reading /proc may take in the long run; beyond it sock_diag, which
does the same for a third, takes over as well."""
PROC_SECONDS_A_SOCKET = 1.5e-6
"""What a line of /proc costs the kernel: enough to tell before reading that it will be slow."""
BOUND_WALK_SHARE = 0.01
"""The part of the time that looking for bound, unconnected sockets may take."""
TRY_PROC_AGAIN = 60.0
"""Seconds after which /proc, once too slow, is given another chance."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one poll read from the kernel, and when; times in seconds."""

    table: SocketTable
    parameters: tuple[Parameter, ...]
    counters: Mapping[str, int]
    kind: SourceKind
    read_seconds: float
    """How long the reading of the table took."""
    table_time: float
    """When the table was read, Unix time."""
    time: float
    """When the counters were read, Unix time: later than the table where dumps are spaced out."""
    hz: int | None = None
    """Ticks per second of the kernel's timers (CONFIG_HZ); None where it is not known."""


def is_own_namespace(root: Path) -> bool:
    """Say whether ``root`` is a live procfs that shows this process's network namespace.

    Only then do sock_diag and ``root`` speak of the same sockets; a fixture, or another
    container's /proc, is not.
    """
    try:
        return (root / "self/ns/net").samefile("/proc/self/ns/net")
    except OSError:
        return False


class Source:
    """Reads the kernel's tables, and remembers which way of reading is fast enough."""

    def __init__(
        self, root: Path, choice: SourceChoice, interval: float, *, one_shot: bool = False
    ) -> None:
        """Read below ``root``; ``one_shot`` leaves a read all the time that one may take."""
        self.root = root
        self.one_shot = one_shot
        self.choice = choice
        self.interval = interval
        self.own_namespace = is_own_namespace(root)
        self._avoid_proc_until = 0.0
        self._bound_ports: Array | None = None
        self._bound_ports_due = 0.0

    def read(self) -> Reading:
        """Read the table, the parameters and the counters once.

        Raises TableError when no permitted source could be read.
        """
        counters = read_counters(self.root)
        began = time.monotonic()
        longest = LONGEST_READ if self.one_shot else min(self.interval / 2, LONGEST_READ)
        walk = self._walk_bound_ports(began, began + longest)
        try:
            kind, table = self._read_table(began, longest, self._proc_would_be_slow(counters))
            read_seconds, read_at = time.monotonic() - began, time.time()
        finally:
            if walk is not None:
                walk.join()
        if self._bound_ports is not None:
            table = replace(table, bound_ports=self._bound_ports)
        return Reading(
            table=table,
            parameters=read_parameters(self.root),
            counters=counters,
            kind=kind,
            read_seconds=read_seconds,
            table_time=read_at,
            time=read_at,
        )

    def _walk_bound_ports(self, now: float, deadline: float) -> threading.Thread | None:
        """Start reading the bound, unconnected sockets, which no other dump lists.

        The kernel walks every bound socket for them, which takes a quarter of the time
        that /proc takes; so it runs beside that, and on a huge table not at every poll.
        """
        if not self.own_namespace or now < self._bound_ports_due:
            return None

        def walk() -> None:
            ports = sock_diag.read_bound_ports(deadline=deadline)
            if ports is not None:  # else the walk was cut short: what was known is better
                self._bound_ports = ports
            ended = time.monotonic()
            self._bound_ports_due = ended + (ended - now) / BOUND_WALK_SHARE

        thread = threading.Thread(target=walk, daemon=True)
        thread.start()
        return thread

    def _proc_would_be_slow(self, counters: Mapping[str, int]) -> bool:
        """Foretell from sockstat, before any time is spent, whether /proc would be too slow."""
        sockets = sum(counters.get(name, 0) for name in ("inuse", "inuse6", "tw"))
        return sockets * PROC_SECONDS_A_SOCKET > self.interval * PROC_CPU_SHARE

    def _read_table(
        self, began: float, longest: float, foreseen: bool
    ) -> tuple[SourceKind, SocketTable]:
        if self.choice == "sock_diag":
            return "sock_diag", sock_diag.read_sockets(deadline=began + longest)
        if self.choice == "proc" or not self.own_namespace:
            return "proc", procfs.read_sockets(self.root, deadline=began + longest)
        if foreseen or began < self._avoid_proc_until:
            try:
                return "sock_diag", sock_diag.read_sockets(deadline=began + longest)
            except TableError:
                self._avoid_proc_until = 0.0
        return self._read_proc_or_better(began, longest)

    def _read_proc_or_better(self, began: float, longest: float) -> tuple[SourceKind, SocketTable]:
        """Read /proc unless that takes too long or is refused; sock_diag does it then."""
        limit = min(self.interval * PROC_SHARE, longest / 2)
        refusal: TableError | None = None
        table: SocketTable | None = None
        cpu = time.thread_time()
        try:
            table = procfs.read_sockets(self.root, deadline=began + limit)
            if time.monotonic() <= began + limit:
                if time.thread_time() - cpu > self.interval * PROC_CPU_SHARE:
                    self._avoid_proc_until = time.monotonic() + TRY_PROC_AGAIN
                return "proc", table
        except TableError as error:
            refusal = error
        try:
            quick = sock_diag.read_sockets(deadline=began + longest)
        except TableError:
            if refusal is not None:
                raise refusal from None
            if table is None or not table.complete:  # no way out: take the time
                table = procfs.read_sockets(self.root, deadline=began + longest)
            return "proc", table
        self._avoid_proc_until = time.monotonic() + TRY_PROC_AGAIN
        return "sock_diag", quick
