"""View: what the screens are shown, all of one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tui.acting.keeping import Goal
from tui.analysis.bind_first import BoundFirst, shared_at
from tui.analysis.filter import Filter
from tui.analysis.forecast import NEVER
from tui.analysis.frame import Frame
from tui.analysis.judgement import Level, PortUse, port_use
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.trends import Trends
from tui.findings.cases import Cases
from tui.findings.config import Config
from tui.kernel.processes import Owners
from tui.kernel.sockets import Array


@dataclass(frozen=True, slots=True)
class View:
    """A frame with what those before it add to it. Nothing in it changes."""

    frame: Frame
    trends: Trends
    owners: Owners
    """Who holds which socket, as of the last walk over the processes."""
    config: Config
    """The settings it was judged by."""
    cases: Cases = field(default_factory=Cases)
    """What the rules find in it, and since when."""
    bound_first: tuple[BoundFirst, ...] = ()
    """The local IPs whose clients seem to bind before they connect."""
    interval: float = 1.0
    """Seconds between polls."""
    frozen: bool = False
    failure: str | None = None
    """Why the newest poll failed; the frame is the last that succeeded."""
    filter: Filter | None = None
    kept: tuple[Goal, ...] = ()
    """What is kept below a level in its place, by whatever twtop."""
    past: str = ""
    """How the title line calls it where it is of a recorded moment; empty for what is there now."""
    recorded: bool = False
    """Is what comes being written to a recording?"""

    elsewhere: str = ""
    """What is worse in another place, to be told in a title line; empty where nothing is."""

    def kept_below(self, key: PatternKey) -> float | None:
        """Return the level that a pattern is kept below in percent; None where it is not kept."""
        return next((goal.below for goal in self.kept if goal.covers(key)), None)

    def bound_at(self, index: int) -> BoundFirst | None:
        """Return what a pattern's ports are shared with; None where it has all of them itself."""
        return shared_at(self.bound_first, self.frame.patterns, index)

    def use_of(self, index: int) -> PortUse:
        """Return the ports that a pattern's clients choose from: theirs, or all destinations'."""
        bound = self.bound_at(index)
        return port_use(self.frame.patterns, index) if bound is None else bound.use

    def seconds_left(self, index: int) -> float | None:
        """Return for how long a pattern's clients have ports, as in Trends; None if not foretold.

        Where they bind first, what is foretold of the pattern alone would be too late; it stands
        where nothing is foretold of the ports they share, which last no longer.
        """
        alone = self.trends.seconds_left
        left = float(alone[index]) if index < len(alone) else NEVER
        if (bound := self.bound_at(index)) is None:
            return left
        if bound.seconds_left is not None:
            return bound.seconds_left
        return None if left == NEVER else left

    def was_full(self, index: int) -> bool:
        """Say whether a pattern's clients had no port left in the last minute."""
        if (bound := self.bound_at(index)) is not None:
            return bound.was_full
        return index < len(self.trends.was_full) and bool(self.trends.was_full[index])

    def seconds_left_of_all(self) -> Array:
        """Return the same of all patterns, shape (patterns,); NEVER too where not foretold."""
        found = np.full(len(self.frame.patterns), NEVER)
        found[: len(self.trends.seconds_left)] = self.trends.seconds_left
        for bound in self.bound_first:
            theirs = bound.patterns(self.frame.patterns)
            if bound.seconds_left is not None:
                found[theirs] = bound.seconds_left
        return found

    def level_of(self, index: int) -> Level:
        """Return how these stand; those of an incoming pattern are its peer's."""
        if self.frame.patterns.direction.item(index) != Direction.OUTGOING:
            return Level.FINE
        return self.use_of(index).level(self.threshold)

    @property
    def now(self) -> str:
        """Return what the moment is called that it is of."""
        return "then" if self.past or self.frozen else "now"

    @property
    def threshold(self) -> float:
        """Percentage of capacity from which a pattern is hot."""
        return self.config.ports.threshold
