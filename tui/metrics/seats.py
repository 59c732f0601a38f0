"""Which patterns have series of their own: few, and for long."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping
from typing import Generic, NamedTuple, TypeVar

SEATS = 50
"""Patterns with series of their own at one time."""
REST_SECONDS = 3600.0
"""How long a pattern must have been quiet until its series end."""
OUTDOES = 2
"""How many times as full a pattern must be to take another's seat."""


class Share(NamedTuple):
    """How full a pattern is: parts of its ports, from 0 to 1."""

    locked: float
    """What connect() cannot have: what alarms go by, so what a seat is given for first."""
    in_use: float


NOTHING = Share(0.0, 0.0)
Key = TypeVar("Key", bound=Hashable)


class Seats(Generic[Key]):
    """The patterns that have a series, as time goes on.

    One gets a seat from ``enter`` on, and gives it up after REST_SECONDS below ``leave``, so that a
    load that comes and goes is one series. Where all seats are taken a fuller one (OUTDOES) takes
    that of the emptiest, or an alarm could be missing; but no more than SEATS times in
    REST_SECONDS. So in no hour do more than 2 × SEATS patterns begin a series: SEATS on seats that
    others took before that hour or nobody had, SEATS on seats taken away.
    """

    def __init__(self, enter: float, leave: float) -> None:
        """Both are parts of the ports in use, from 0 to 1."""
        self.enter = enter
        self.leave = min(leave, enter)
        self._busy: dict[Key, float] = {}
        """Who has a seat, and when it last was not quiet."""
        self._taken: deque[float] = deque()
        """When seats were taken away, of the last REST_SECONDS."""

    @property
    def seated(self) -> tuple[Key, ...]:
        """Who has a seat."""
        return tuple(self._busy)

    def seat(self, shares: Mapping[Key, Share], now: float) -> tuple[Key, ...]:
        """Return who has a seat now, the fullest first.

        ``shares`` are those of the patterns at ``leave`` or above, ``now`` seconds of a clock that
        is never set back.
        """

        def share(key: Key) -> Share:
            return shares.get(key, NOTHING)

        busy = self._busy
        for key in busy:
            if share(key).in_use >= self.leave:
                busy[key] = now
        for key in [key for key, at in busy.items() if now - at >= REST_SECONDS]:
            del busy[key]
        while self._taken and now - self._taken[0] >= REST_SECONDS:
            self._taken.popleft()
        waiting = (key for key, of in shares.items() if of.in_use >= self.enter and key not in busy)
        for key in sorted(waiting, key=share, reverse=True):
            if len(busy) >= SEATS:
                last = min(busy, key=share)
                outdone = share(key).locked > OUTDOES * share(last).locked
                if not outdone or len(self._taken) >= SEATS:
                    break
                del busy[last]
                self._taken.append(now)
            busy[key] = now
        return tuple(sorted(busy, key=share, reverse=True))
