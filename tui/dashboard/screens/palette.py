"""The command palette, for people who type faster than it opens and closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from textual import events, on, work
from textual.command import (
    CommandList,
    CommandPalette,
    DiscoveryHit,
    Hit,
    Hits,
    Provider,
)
from textual.css.query import NoMatches
from textual.message import Message
from textual.system_commands import SystemCommandsProvider
from textual.widgets import Input, OptionList

from tui.dashboard.screens.closing import ClosesOnce


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several things that can be chosen."""

    name: str
    choose: Callable[[], object]


def choices(offered: Sequence[Choice]) -> type[Provider]:
    """Return what a palette lists to let the user choose one of these, in their order."""

    class Choices(Provider):
        async def discover(self) -> Hits:
            for one in offered:
                yield DiscoveryHit(one.name, one.choose)

        async def search(self, query: str) -> Hits:
            matcher = self.matcher(query)
            for one in offered:
                if (match := matcher.match(one.name)) > 0:
                    yield Hit(match, matcher.highlight(one.name), one.choose)

    return Choices


class InOrder(SystemCommandsProvider):
    """The app's commands in the order in which it has them, not in that of the alphabet."""

    async def discover(self) -> Hits:
        """Yield all."""
        for name, about, callback, discover in self.app.get_system_commands(self.screen):
            if discover:
                yield DiscoveryHit(name, callback, help=about)


class Palette(CommandPalette, ClosesOnce):
    """Textual's, which ends the app at a key that comes before its list or after its end.

    One such report: https://github.com/Textualize/textual/issues/6308.
    """

    ALLOW_SELECT = False  # of a text that goes while it is selected

    def _forward_event(self, event: events.Event) -> None:
        """Choose what is clicked at once: the list looks for it later, when it may be gone."""
        clicked = None
        if isinstance(event, events.Click) and not event.is_forwarded:
            clicked = self.get_style_at(event.screen_x, event.screen_y).meta.get("option")
        if clicked is None:
            super()._forward_event(event)
            return
        for commands in self.query(CommandList):
            if clicked < commands.option_count:
                commands.highlighted = clicked
                commands.action_select()

    def on_mount(self, event: events.Mount) -> None:
        """Gather nothing where it is closed already: Textual asks for the screen below."""
        if not self.is_in_front:
            event.prevent_default()

    def on_click(self, event: events.Click) -> None:
        """Leave a click alone that lies outside now that the terminal has shrunk."""
        if not self.region.contains_point(event.screen_offset):
            event.prevent_default()

    @on(OptionList.OptionSelected)
    @on(Input.Changed)
    @on(Input.Submitted)
    def _hear_nothing_once_closed(self, event: Message) -> None:
        """A second enter or click would run the command again."""
        if not self.is_in_front:
            event.stop().prevent_default()

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError, IndexError, NoMatches):  # the list has no lines yet
            super()._action_command_list(action)

    @work(exclusive=True, group=CommandPalette._GATHER_COMMANDS_GROUP)
    async def _gather_commands(self, search_value: str) -> None:
        with suppress(NoMatches):  # its list has gone meanwhile
            await CommandPalette._gather_commands.__wrapped__(self, search_value)  # type: ignore[attr-defined]
