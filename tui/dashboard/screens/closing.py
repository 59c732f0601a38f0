"""Screens that bear what comes too late: for what is closing, or has gone."""

from __future__ import annotations

from dataclasses import dataclass

from textual.await_complete import AwaitComplete
from textual.geometry import Offset
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget


@dataclass
class LaidOut(Message):
    """A screen is in front and can take keys."""

    screen: ClosesOnce


class ClosesOnce(Screen[None]):
    """A screen that can be told to close twice: the key came again while it was closing.

    Textual would close the one below instead, or end the app where there is none.
    """

    is_laid_out = False
    """Can it take keys?"""

    def on_screen_resume(self) -> None:
        """Say that what was typed meanwhile can be taken."""
        self.post_message(LaidOut(self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have it do nothing any more while it is taken down: what is in it goes first."""
        return super().check_action(action, parameters) if self.display else False

    @property
    def is_in_front(self) -> bool:
        """Whether it is the screen that keys and clicks are meant for."""
        return self.app.screen_stack[-1:] == [self]

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Close it, unless it is closing already or another one lies above."""
        return super().dismiss(result) if self.is_in_front else AwaitComplete()

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """Find no text to select in what has gone, as a toast, but is still laid out.

        Textual asks for its parent, and ends the app.
        """
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (None, None) if widget is None or widget.parent is None else (widget, offset)
