"""What every app of twtop's is: a terminal, its keys and themes, and a thread that polls."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from textual import events
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.driver import Driver
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widgets._toast import ToastHolder, ToastRack

from tui.dashboard.colours import readable
from tui.dashboard.driver import TerminalDriver
from tui.dashboard.harmless import Harmless
from tui.dashboard.keys import ACT, TOUCHING, bind, listed, own
from tui.dashboard.offers import offers
from tui.dashboard.plain import ASCII
from tui.dashboard.polling import INTERVALS, Paced
from tui.dashboard.screens.help import HelpScreen
from tui.dashboard.screens.palette import InOrder, Palette
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.typed import TypedInOrder
from tui.dashboard.widgets.footer import Hint, each
from tui.dashboard.widgets.glyphs import glyphs
from tui.watching.sampler import Cycle

PALETTE_KEY = "ctrl+p"
MOST_WAITING = 20
"""Messages to the app; a few wait at most while it is drawn."""
ANSI_THEME = "ansi-dark"
"""The theme of a terminal that has no more than its own colours."""


class ShellApp(TypedInOrder):
    """An app with a terminal to itself, or a page in a browser; it leaves either of them clean."""

    TITLE = "twtop"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    COMMAND_PALETTE_BINDING = PALETTE_KEY
    COMMANDS: ClassVar[set[Any]] = {InOrder}
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("app.freeze", "space", "freeze", "Freeze", "Freeze the screen, or let it go on"),
        bind("app.slower", "plus", "step_interval(1)", "Slower", "Read less often"),
        bind("app.faster", "minus", "step_interval(-1)", "Faster", "Read more often"),
        bind("app.help", "question_mark,f1", "help", "Help", "Explain keys and terms"),
        bind(
            "app.palette",
            PALETTE_KEY,
            "command_palette",
            "Commands",
            "Find and run a command",
            True,
        ),
        bind("app.redraw", "ctrl+l", "redraw", "Redraw", "Redraw the whole screen", True),
        bind(
            "app.suspend", "ctrl+z", "suspend", "Suspend", "Suspend to the shell; fg resumes", True
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

    def __init__(self, keys: Mapping[str, str], theme: str = "", *, serves: bool = False) -> None:
        """With the user's ``keys``, and the theme of this name, by default the terminal's."""
        self.serves = serves
        """Is it shown to somebody in a browser, who may change nothing here?"""
        super().__init__()  # which asks for the driver
        self.keys = keys
        """The user's own, by the id of their binding."""
        self.set_keymap(keys)
        self._wanted_theme = theme
        self.frozen = False
        self.fatal: str | None = None
        """Why it ended, or why nothing was ever shown, for the exit code."""
        self._filters.append(Harmless())
        self.first_theme = self.theme
        """What it began with."""

    @property
    def not_offered(self) -> frozenset[str]:
        """The actions that no key does: those that touch this host, for somebody elsewhere."""
        return TOUCHING if self.serves else frozenset()

    @property
    def acts(self) -> bool:
        """Whether its keys may change something."""
        return False

    def get_css_variables(self) -> dict[str, str]:
        """Return the theme's colours, such that all can be read."""
        variables = super().get_css_variables()
        self.theme_variables = variables | readable(variables, dark=self.current_theme.dark)
        return self.theme_variables

    def get_driver_class(self) -> type[Driver]:
        """Return what the terminal, or the page in a browser, is driven by."""
        if self.serves:
            from tui.dashboard.browser import BrowserDriver  # which a terminal need not wait for

            return BrowserDriver
        return TerminalDriver

    def on_load(self) -> None:
        """Listen to the signals that end it, before anything is done to the terminal."""
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
                asyncio.get_running_loop().add_signal_handler(number, self._leave, 128 + number)

    async def on_event(self, event: events.Event) -> None:
        """Drop what is typed, clicked or pasted when the app ends and takes its screens apart.

        Textual hands it to what is left of them all the same, and ends with a traceback.
        """
        if (self.is_running and self.screen_stack) or not isinstance(
            event, (events.InputEvent, events.Paste)
        ):
            await super().on_event(event)

    def post_found(self, message: Message) -> None:
        """Take what a thread has found, unless too much waits: the terminal takes nothing.

        So it is behind a hung ssh. Each message may hold a whole table, and the next one follows.
        """
        if self.message_queue_size < MOST_WAITING:
            self.post_message(message)

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
        """Show the present view, if there is one, with the user's newest choices."""
        raise NotImplementedError

    def _open(self, wanted: ViewScreen[Any], closed: Callable[[None], None] | None = None) -> None:
        """Show a screen: go back to it where it lies below, so that no circle piles up.

        What was asked for before help or the palette came in front is not wanted any more.
        ``closed`` is called once it is left.
        """
        if not isinstance(self.screen, ViewScreen):
            return
        below = [
            screen
            for screen in self.screen_stack
            if isinstance(screen, type(wanted)) and screen.about == wanted.about
        ]
        if not below:
            self.push_screen(wanted, closed)
            return
        while self.screen is not below[0]:
            self.pop_screen()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no key that is not offered."""
        if action in self.not_offered:
            return False
        return super().check_action(action, parameters)

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

    def name_of(self, binding: Binding) -> str:
        """Return what a key does now, in a word."""
        return binding.description

    def action_help(self) -> None:
        """Explain keys and terms."""
        if not isinstance(self.screen, HelpScreen):
            headings = self.headings()
            keys = {
                title: [*listed(nodes, self.keys, self.get_key_display, self.works)]
                for title, nodes in headings.items()
            }
            own = (title for title, nodes in headings.items() if type(self.screen) in nodes)
            is_first = not self.screen_stack[2:]  # above Textual's own, which is blank
            self.push_screen(HelpScreen(keys, self.help_first(), "" if is_first else next(own, "")))

    def works(self, node: type[DOMNode], key: Binding) -> bool:
        """Whether a key of a node does there, and now, what its binding says.

        That of an app does not where a more special one has another meaning for it.
        """
        if self.serves and key.action in TOUCHING:
            return False
        classes = type(self).__mro__
        more_special = classes[: classes.index(node)] if node in classes else ()
        if any(one.id == key.id for node in more_special for one in own(node)):
            return False
        return self.acts or not (key.id or "").startswith(ACT)

    def headings(self) -> Mapping[str, Iterable[type[DOMNode]]]:
        """Return whose keys the help lists, and under what heading."""
        raise NotImplementedError

    def help_first(self) -> str:
        """Return what the help begins with, as markup."""
        return ""

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the command palette what the keys do, with their keys."""
        return offers(self, screen)
