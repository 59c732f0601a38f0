"""A goal kept in a thread, beside whatever else the process does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

from tui.acting.keeping import Goal, Keeper, KeepRefusedError, Kept, alone, keep
from tui.kernel.destroy import DestroyError
from tui.kernel.places import Place
from tui.kernel.sockets import TableError

INTERVAL = 1.0
"""Seconds between two looks."""


class Keeping:
    """Keeps a goal from now on, until it is stopped, it fails, or the process ends."""

    def __init__(self, place: Place, goal: Goal, ended: Callable[[Keeping, str], None]) -> None:
        """Begin, in the network namespace of the calling thread where that is the place.

        ``ended`` is called in its thread with why it could not go on. Raises KeepRefusedError,
        TableError, and OSError where the place has gone.
        """
        keeper = Keeper(place, goal)
        self.goal = goal
        self.freed = 0
        """Sockets ended until now."""
        self.newest: Kept | None = None
        """What the last look found and did."""
        self._stop = threading.Event()
        self._ended = ended
        with ExitStack() as mark:
            mark.enter_context(alone(place, goal))
            threading.Thread(
                target=self._go, args=(keeper, mark.pop_all()), name="twtop-keep", daemon=True
            ).start()

    @property
    def on(self) -> bool:
        """Whether it goes on."""
        return not self._stop.is_set()

    def stop(self) -> None:
        """End it; a look that has begun comes to its end."""
        self._stop.set()

    def _go(self, keeper: Keeper, mark: ExitStack) -> None:
        why = ""
        with mark:
            try:
                for kept in keep(keeper, INTERVAL, self._stop.wait):
                    self.newest, self.freed = kept, self.freed + kept.freed
            except (KeepRefusedError, DestroyError, TableError) as error:
                why = str(error)
            except Exception as error:  # it must be known that nothing is kept any more
                why = repr(error)
        self._stop.set()
        if why:
            self._ended(self, why)
