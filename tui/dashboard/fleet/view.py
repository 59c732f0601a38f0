"""All that a screen of the fleet is shown, of one moment."""

from __future__ import annotations

from dataclasses import dataclass

from tui.analysis.filter import Filter
from tui.fleet.fleet import Fleet
from tui.fleet.refresh import Moment


@dataclass(frozen=True, slots=True, eq=False)
class FleetView:
    """A moment, and the user's choices."""

    moment: Moment
    threshold: float
    """Percentage of capacity from which a place is hot."""
    interval: float
    frozen: bool = False
    failure: str | None = None
    """Why the newest refresh failed: the moment is an older one then."""
    filter: Filter | None = None

    @property
    def fleet(self) -> Fleet:
        """The fleet at that moment."""
        return self.moment.fleet
