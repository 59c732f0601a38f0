"""What is typed and clicked acts in its order, however fast it comes."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from textual import events
from textual.app import App
from textual.errors import NoWidget
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from tui.dashboard.screens.closing import LaidOut

Typed = events.Key | events.Paste | events.MouseDown | events.MouseUp
ROUNDS = 3
"""A key comes up to its binding, what this tells to a screen, and what that asks of the app."""


@dataclass
class Acted(Message):
    """Comes up from a widget behind a key, and behind what that has caused."""

    at: Widget
    screen: Screen[Any]
    round: int = 1


class TypedInOrder(App[None]):
    """An app that takes the next key once all that the one before has caused is done.

    Textual puts keys and messages into the queue of one widget after the other: a letter that the
    field takes at once would overtake a key of the app's, and both what these ask for.
    """

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Typed] = deque()
        self._acting: Acted | None = None

    @property
    def is_acting(self) -> bool:
        """Is there something typed that has not done all that it does?"""
        return bool(self._typed) or self._acting is not None

    async def on_event(self, event: events.Event) -> None:
        """Keep what is typed until it is its turn, but for a key that ends the app."""
        if not isinstance(event, Typed) or event.is_forwarded:
            await super().on_event(event)
        elif self.screen_stack:  # else the app has ended
            if self._ends(event):
                await super().on_event(event)
            else:
                self._typed.append(event)
                await self._act()

    async def _act(self) -> None:
        while self._typed and self.screen_stack and not self._is_busy:
            screen, event = self.screen, self._typed.popleft()
            at = screen.focused or screen
            if isinstance(event, events.MouseEvent):
                with suppress(NoWidget):
                    at, _ = screen.get_widget_at(event.x, event.y)
            await super().on_event(event)
            self._follow(Acted(at, screen))

    def simulate_key(self, key: str) -> None:
        """Press a key whose name was clicked, before what was typed after that."""
        self._typed.appendleft(events.Key(key, None))
        self.call_later(self._act)

    def _follow(self, acted: Acted) -> None:
        self._acting = acted if acted.at.post_message(acted) else None

    @property
    def _is_busy(self) -> bool:
        """Is a key acting on this screen, or is it not there yet?"""
        acting = self._acting
        acts = acting is not None and acting.screen is self.screen and acting.at.is_attached
        return acts or not getattr(self.screen, "is_laid_out", True)

    def _ends(self, event: Typed) -> bool:
        if not isinstance(event, events.Key):
            return False
        # Of the app's own keys a modal screen leaves those of priority.
        return any(
            one.priority and one.action == "quit"
            for _, bindings in self.screen._binding_chain
            for one in bindings.key_to_bindings.get(event.key, ())
        )

    async def on_acted(self, message: Acted) -> None:
        """Take the next key, or look once more for what this one has caused."""
        if message is self._acting:
            self._acting = None
            if message.round < ROUNDS and message.at.is_attached:
                self._follow(Acted(message.at, message.screen, message.round + 1))
            await self._act()

    async def on_laid_out(self, message: LaidOut) -> None:
        """Give a screen what was typed while it opened."""
        message.screen.is_laid_out = True
        await self._act()
