"""What this dashboard keeps free, and what is kept in its place by whatever twtop."""

from __future__ import annotations

from collections.abc import Callable

from tui.acting.background import Keeping
from tui.acting.keeping import Goal, kept_in
from tui.kernel.places import Place


class Keepings:
    """The goals kept from this dashboard; they end with it, and when its place is left."""

    def __init__(self, ended: Callable[[Keeping, str], None]) -> None:
        """``ended`` is called in the keeping's thread with why it could not go on."""
        self._ended = ended
        self.own: list[Keeping] = []
        self.goals: tuple[Goal, ...] = ()
        """What was kept in the place at the last look, by this or another twtop."""

    def begin(self, place: Place, goal: Goal) -> None:
        """Keep something from now on. Raises what Keeping raises."""
        kept = [one for one in self.own if one.on]
        self.own = [*kept, Keeping(place, goal, self._ended)]

    def look(self, place: Place) -> None:
        """Look what is kept in the place."""
        self.goals = kept_in(place)

    def stop(self) -> None:
        """End them all."""
        for one in self.own:
            one.stop()
        self.own, self.goals = [], ()
