"""What closes a screen, and no other."""

from __future__ import annotations

from textual.await_complete import AwaitComplete
from textual.screen import Screen


class ClosesOnce(Screen[None]):
    """A screen that can be told to close twice: the key came again while it was closing.

    Textual would close the one below instead, or end the app where there is none.
    """

    @property
    def is_in_front(self) -> bool:
        """Whether it is the screen that keys and clicks are meant for."""
        return self.app.screen_stack[-1:] == [self]

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, unless it is closing already or another one lies above."""
        return super().dismiss(result) if self.is_in_front else AwaitComplete()
