"""Refusals as tests make them, counted between tables made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.tables import NOW, PLACE, Sock, reading, rules, table
from tui.analysis.patterns import NO_PORT, Direction, PatternKey
from tui.kernel.processes import Process
from tui.kernel.refusals import Counted, CountingError, Refused
from tui.kernel.sockets import ip_halves
from tui.watching.view import View
from tui.watching.watch import Watch

TEN = rules(40000, 40009)
WEB = Process(10, "web")


def refused(
    process: Process | None = WEB,
    namespace: int | None = PLACE.id,
    local: str = "10.0.0.5",
    remote: str = "10.0.0.9",
    port: int = 443,
) -> Refused:
    pid = None if process is None else process.pid
    return Refused("connect", pid, process, namespace, local, remote, port)


def key(local: str = "10.0.0.5", remote: str = "10.0.0.9", port: int = 443) -> PatternKey:
    return PatternKey(Direction.OUTGOING, *ip_halves(local), NO_PORT, *ip_halves(remote), port)


class Scripted:
    """Stands in for the kernel's counting: it tells what the test has put there."""

    def __init__(self) -> None:
        self.next: Mapping[Refused, int] = {}
        self.lost = 0
        self.broken: str | None = None
        self.now = NOW
        self.closed = False

    def take(self) -> Counted:
        if self.broken is not None:
            raise CountingError(self.broken)
        found = Counted(self.now - 1, self.now, self.next, self.lost)
        self.next, self.lost = {}, 0
        return found

    def close(self) -> None:
        self.closed = True


class Seconds:
    """A watch that is given a table each second, and what was refused since the one before."""

    def __init__(self) -> None:
        self.counting, self.watch, self.second = Scripted(), Watch(), 0
        self.watch.count(self.counting)

    def pass_by(
        self,
        socks: Iterable[Sock] = (),
        refusals: Mapping[Refused, int] | None = None,
        *,
        lost: int = 0,
        complete: bool = True,
        bound_ports: Iterable[int] = (),
    ) -> View:
        self.second += 1
        self.counting.now = NOW + self.second
        self.counting.next, self.counting.lost = refusals or {}, lost
        found = table(*socks, complete=complete, bound_ports=bound_ports)
        return self.watch.take(reading(found, TEN, time=NOW + self.second))
