"""What the screens are fed by: a poller, and the message that brings what it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from textual.message import Message

from tui.watching.view import View

INTERVALS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""What ``+`` and ``-`` step through, in seconds."""


class Paced(Protocol):
    """What is polled."""

    interval: float
    """Seconds between polls."""


class Poller(Paced, Protocol):
    """Makes views: a Sampler, or what stands in for one."""

    def poll(self) -> View:
        """Return a new view. Raises TableError when the tables could not be read."""


@dataclass(eq=False)
class Sampled(Message):
    """A poll ended: with a view, or with why there is none."""

    poller: Poller
    view: View | None
    failure: str | None = None

    def can_replace(self, message: Message) -> bool:
        """Say whether a newer message can stand for this one: only the newest view is drawn.

        A failure does not stand for a view, which may be the first there is.
        """
        return (
            isinstance(message, Sampled)
            and message.poller is self.poller
            and (message.view is not None or self.view is None)
        )
