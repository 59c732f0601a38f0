"""View: what the screens are shown, all of one moment."""

from __future__ import annotations

from dataclasses import dataclass, field

from tui.analysis.filter import Filter
from tui.analysis.frame import Frame
from tui.findings.cases import Cases
from tui.watching.history import History, Trends


@dataclass(frozen=True, slots=True)
class View:
    """A frame with what the history said of it, and the user's choices."""

    frame: Frame
    trends: Trends
    history: History
    """The series themselves, for the charts; a frozen view has a copy that stands still."""
    threshold: float
    """Percentage of capacity from which a pattern is in violation."""
    interval: float
    """Seconds between polls."""
    cases: Cases = field(default_factory=Cases)
    """What the rules find in it, and since when."""
    frozen: bool = False
    failure: str | None = None
    """Why the newest poll failed; the frame is the last that succeeded."""
    filter: Filter | None = None
