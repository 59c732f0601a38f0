"""View: what the screens are shown, all of one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui.acting.keeping import Goal
from tui.analysis.filter import Filter
from tui.analysis.frame import Frame
from tui.analysis.patterns import PatternKey
from tui.analysis.trends import Trends
from tui.findings.cases import Cases
from tui.findings.config import Config
from tui.kernel.processes import Owners


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

    @property
    def threshold(self) -> float:
        """Percentage of capacity from which a pattern is hot."""
        return self.config.ports.threshold
