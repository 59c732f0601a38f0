"""What was seen while the connections were made: all that the verdict rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tui.analysis.frame import Frame
from tui.lab.outcome import Outcome
from tui.simulate.situation import Situation


@dataclass(frozen=True, slots=True)
class Evidence:
    """The end of a run."""

    situation: Situation
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

    @property
    def connected(self) -> int:
        """Connections made."""
        return self.outcome.connected

    @property
    def rate(self) -> float:
        """Connections per second."""
        return self.connected / self.seconds if self.seconds > 0 else 0.0


def risen(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return by how much each counter has gone up."""
    return {name: number - before.get(name, 0) for name, number in after.items()}
