"""All that is known before the first connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tui.analysis.frame import Frame
from tui.lab.outcome import Outcome
from tui.lab.workload import Closing, Workload
from tui.simulate.held import Held, held_ports, total
from tui.simulate.limits import Limits
from tui.simulate.target import Target

FIN_TIMEOUT = 60.0
"""tcp_fin_timeout where it cannot be read: TCP_FIN_TIMEOUT of include/net/tcp.h."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is about to be done, and where."""

    target: Target
    plan: Workload
    sources: tuple[str | None, ...]
    """The plan's sources, with the address that the kernel will choose; None where unknown."""
    loops: int
    frame: Frame
    limits: Limits

    @property
    def hold(self) -> bool:
        """Whether connections stay open."""
        return self.plan.closing is Closing.NOBODY

    @property
    def planned(self) -> int:
        """Connections that are coming at most."""
        assert self.plan.most is not None
        return self.plan.most

    @property
    def reuse(self) -> bool:
        """Whether tcp_tw_reuse applies to all sources."""
        return total(self.held(self.frame)).reuse

    def held(self, frame: Frame) -> tuple[Held, ...]:
        """Return what each source holds in this frame."""
        return held_ports(frame, self.sources, self.target, self.plan.bind_first)

    @property
    def free(self) -> int:
        """Connections that there are ports for without any that is still to come back.

        The sources take turns, so the one with the fewest ports decides.
        """
        turns = len(self.sources)
        return min(
            (held.use.capacity - held.use.locked) * turns + turn
            for turn, held in enumerate(self.held(self.frame))
        )

    @property
    def fin_timeout(self) -> float:
        """Seconds that a port is held for which the server does not close its side."""
        given = self.frame.reading.number("net.ipv4.tcp_fin_timeout")
        return FIN_TIMEOUT if given is None else given


def planned_connections(loops: int, capacity: int, sources: int, most: int | None) -> int:
    """Return how many connections are coming: so many loops over each source's ports."""
    return min(max(loops * capacity * sources, 1), most or 1 << 62)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The end of a run."""

    situation: Surroundings
    """As it was when the first connection began."""
    outcome: Outcome
    frame: Frame
    """After the last one."""
    seconds: float
    """From the first connection to the last, without the closing of what is left."""
    events: Mapping[str, int] = field(default_factory=dict)
    """What the counters of this namespace have gone up by."""
    server_events: Mapping[str, int] | None = None
    """And those of the server's namespace, where that is on this machine."""
    accept_queue: int | None = None
    """Connections that waited to be accepted at the end, where that could be seen."""
    stopped_by: str | None = None
    """The signal that ended it early."""
    sourceless: bool = False
    """Whether the address that a call failed to connect from is not there."""
    kernel_refused: int | None = None
    """Connects of this load that the kernel found no port for, by its own count; None where that
    could not be had."""

    @property
    def connected(self) -> int:
        """Connections made."""
        return self.outcome.connected

    @property
    def ports(self) -> Held:
        """What all sources hold together after the last connection."""
        return total(self.situation.held(self.frame))

    @property
    def rate(self) -> float:
        """Connections per second."""
        return self.connected / self.seconds if self.seconds > 0 else 0.0


def risen(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return by how much each counter has gone up."""
    return {name: number - before.get(name, 0) for name, number in after.items()}
