"""The command palette, for people who type faster than it opens and closes."""

from __future__ import annotations

from contextlib import suppress

from textual import events, on, work
from textual.command import CommandList, CommandPalette
from textual.css.query import NoMatches
from textual.message import Message
from textual.widgets import Input, OptionList

from tui.dashboard.screens.closing import ClosesOnce


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
