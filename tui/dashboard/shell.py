"""What every app of twtop's is: a terminal, its keys and themes, and a thread that polls."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.reactive import reactive
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widgets._toast import ToastHolder, ToastRack

from tui.dashboard.colours import readable
from tui.dashboard.driver import TerminalDriver
from tui.dashboard.keys import bind
from tui.dashboard.plain import ASCII
from tui.dashboard.screens.palette import InOrder, Palette
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.widgets.footer import Hint, each
from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.prompt import Prompt
from tui.watching.sampler import Cycle

INTERVALS = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""What ``+`` and ``-`` step through, in seconds."""
PALETTE_KEY = "ctrl+p"
ANSI_THEME = "ansi-dark"
"""The theme of a terminal that has no more than its own colours."""


class Paced(Protocol):
    """What is polled."""

    interval: float
    """Seconds between polls."""


class ShellApp(App[None]):
    """An app in a terminal of its own, that ends by the front door."""

    TITLE = "twtop"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    COMMAND_PALETTE_BINDING = PALETTE_KEY
    COMMANDS: ClassVar[set[Any]] = {InOrder}
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("app.freeze", "space", "freeze", "Freeze", "Hold the screen still, or let it go on"),
        bind("app.slower", "plus,equals_sign", "step_interval(1)", "Slower", "Read less often"),
        bind("app.faster", "minus", "step_interval(-1)", "Faster", "Read more often"),
        bind("app.help", "question_mark,f1", "help", "Help", "Show the keys and the words"),
        bind("app.palette", PALETTE_KEY, "command_palette", "Commands", "Find a command", True),
        bind("app.redraw", "ctrl+l", "redraw", "Redraw", "Draw the whole screen again", True),
        bind(
            "app.suspend", "ctrl+z", "suspend", "Suspend", "Return to the shell; fg resumes", True
        ),
        bind("app.quit", "q,f10", "quit", "Quit", "Leave twtop"),
        bind("app.quit-now", "ctrl+q,ctrl+c", "quit", "", "Leave twtop", True),
    ]

    hints: ClassVar[Sequence[Hint]] = each("app.freeze")
    """What the footer tells of these, after the screen's own."""

    failure: reactive[str | None] = reactive(None, repaint=False)
    """Why the newest poll failed, None when it did not."""

    poller: Paced
    """Asked once an interval, in a thread."""
    _cycle: Cycle

    def __init__(self, theme: str = "") -> None:
        """Begin with the theme of this name, by default the terminal's."""
        super().__init__()
        self._wanted_theme = theme
        self.frozen = False
        self.fatal: str | None = None
        """Why it ended, or why nothing was ever shown, for the exit code."""
        self.first_theme = self.theme
        """What it began with."""

    def get_css_variables(self) -> dict[str, str]:
        """Return the theme's colours, such that all can be read."""
        variables = super().get_css_variables()
        self.theme_variables = variables | readable(variables, dark=self.current_theme.dark)
        return self.theme_variables

    def get_driver_class(self) -> type[Driver]:
        """Return what a terminal is driven by."""
        return TerminalDriver

    def on_load(self) -> None:
        """Listen to the signals that end it, before anything is done to the terminal."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
                asyncio.get_running_loop().add_signal_handler(number, self._leave, 128 + number)

    async def on_event(self, event: events.Event) -> None:
        """Drop what is typed, clicked or pasted when the app ends: no screen is left to take it.

        Textual looks for one all the same, and ends with a traceback.
        """
        if self.screen_stack or not isinstance(event, (events.InputEvent, events.Paste)):
            await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """Give the prompt what was on its way to another widget when it opened."""
        if event.is_printable and event.character is not None and self._is_asking:
            self.screen.query_one(Prompt).add(event.character)
            event.prevent_default()  # it is no key of the screen's any more

    @property
    def _is_asking(self) -> bool:
        return isinstance(self.screen, ViewScreen) and self.screen.prompt.is_open

    def begin_with_theme(self) -> None:
        """Take the theme that was asked for, or that fits the terminal."""
        self.theme = self.first_theme = self._theme_to_begin_with()

    def _theme_to_begin_with(self) -> str:
        wanted = self._wanted_theme or self.theme
        if glyphs() is ASCII and not wanted.startswith("ansi"):  # it has 16 colours at most
            return ANSI_THEME
        return wanted

    def _leave(self, code: int) -> None:
        """Leave by the front door when asked to end, so that the terminal is left clean."""
        if not self.is_headless and not os.isatty(1):
            # The terminal itself is gone. Nothing can be restored, and Textual would wait for
            # ever to write to it: its writing thread ends with the first error.
            os._exit(code)
        self.exit(return_code=code)

    def _refresh_notifications(self) -> None:
        """Show the toasts there are, and let go of the others whole.

        Of one that was taken back Textual keeps the holder, and with it the toast, for ever.
        """
        if self.screen_stack:
            there = {ToastRack._toast_id(one) for one in self._notifications}
            for holder in self.screen.query(ToastHolder):
                if holder.id not in there:
                    holder.remove()
        super()._refresh_notifications()

    def show_again(self) -> None:
        """Show the present view with the user's newest choices."""
        raise NotImplementedError

    def action_redraw(self) -> None:
        """Write every cell again, as after somebody else has written on the terminal."""
        self.refresh()

    def action_suspend(self) -> None:
        """Stop, as the shell's jobs do at Ctrl-Z; the driver gives the terminal back first."""
        if not self.is_headless:
            os.kill(os.getpid(), signal.SIGTSTP)

    def action_step_interval(self, direction: int) -> None:
        """Step the interval up (1) or down (−1)."""
        now = self.poller.interval
        steps = [step for step in INTERVALS if (step > now if direction > 0 else step < now)]
        if steps:
            self.set_interval_seconds(steps[0] if direction > 0 else steps[-1])

    def set_interval_seconds(self, seconds: float) -> None:
        """Poll every so many seconds from now on."""
        self.poller.interval = seconds
        self._cycle.interval = seconds
        self._cycle.now()
        self.show_again()
        self.notify(f"every {seconds:g} s", title="Interval", timeout=2)

    def action_command_palette(self) -> None:
        """Show the palette, without an id: the one before may still be closing."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def search_themes(self) -> None:
        """Show the palette of the themes."""
        self.push_screen(Palette([ThemeProvider], placeholder="Search for themes…"))

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as people write it."""
        if binding.key[:1] == "f" and binding.key[1:].isdigit():
            return binding.key.upper()
        return glyphs().enter if binding.key == "enter" else super().get_key_display(binding)

    def palette_commands(self, screen: Screen[object]) -> Iterator[SystemCommand]:
        """Yield what the keys do, with their keys, and the intervals."""
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)
        seen = set()
        for active in screen.active_bindings.values():
            one = active.binding
            ours = isinstance(active.node, (ShellApp, ViewScreen)) and one.action not in seen
            if one.id and one.description and ours and active.enabled:
                seen.add(one.action)
                yield SystemCommand(
                    f"{one.description} · {self.get_key_display(one)}",
                    one.tooltip,
                    partial(self._run, one.action),
                )
        for seconds in INTERVALS:
            yield SystemCommand(
                f"Interval {seconds:g} s",
                "Poll this often",
                partial(self.set_interval_seconds, seconds),
            )

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the command palette what the keys do."""
        yield from self.palette_commands(screen)
        yield SystemCommand(
            "Screenshot",
            "Save the screen as a picture (SVG)",
            lambda: self.set_timer(0.1, self.deliver_screenshot),
        )

    async def _run(self, action: str) -> None:
        await self.screen.run_action(action)
