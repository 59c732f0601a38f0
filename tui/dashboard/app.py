"""The app: the current view, the bindings, and the threads that feed it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import events, work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.reactive import reactive
from textual.screen import Screen
from textual.theme import ThemeProvider
from textual.widgets._toast import ToastHolder, ToastRack

from tui.acting.background import Keeping
from tui.dashboard.acts import Act, UndoAct
from tui.dashboard.arrangement import arrange, arrangement, save
from tui.dashboard.colours import readable
from tui.dashboard.counting import CountingSwitch
from tui.dashboard.driver import TerminalDriver
from tui.dashboard.keepings import Keepings
from tui.dashboard.keymap import by_heading, checked, listed
from tui.dashboard.keys import TOUCHING, bind
from tui.dashboard.news import News
from tui.dashboard.offers import offers
from tui.dashboard.past_app import PastApp
from tui.dashboard.plain import ASCII
from tui.dashboard.polling import INTERVALS, Poller, Sampled
from tui.dashboard.screens.asking import AskScreen
from tui.dashboard.screens.finding import FindingScreen
from tui.dashboard.screens.help import HelpScreen
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.screens.palette import InOrder, Palette
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.dashboard.screens.view_screen import (
    FindingAsked,
    KeysTaken,
    PatternAsked,
    PlanAsked,
    ViewScreen,
)
from tui.dashboard.widgets.footer import Hint, each
from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.prompt import Prompt
from tui.findings.config import Config, ConfigError
from tui.kernel.processes import Owners
from tui.kernel.refusals import CountingError, Refusals
from tui.kernel.sockets import TableError
from tui.recording.memory import Memory
from tui.watching.refused import Counting
from tui.watching.sampler import Cycle
from tui.watching.view import View
from tui.watching.watch import Watch

OWNER_LOOK_SECONDS = 1.0
"""How often the watch is asked whether it is time to walk over the processes."""
PALETTE_KEY = "ctrl+p"
ANSI_THEME = "ansi-dark"
"""The theme of a terminal that has no more than its own colours."""


class TwtopApp(PastApp):
    """htop for TIME-WAIT and ephemeral ports."""

    TITLE = "twtop"
    CSS_PATH = "app.tcss"
    COMMAND_PALETTE_BINDING = PALETTE_KEY
    COMMANDS: ClassVar[set[Any]] = {InOrder}
    BINDINGS: ClassVar[list[BindingType]] = [
        bind("app.freeze", "space", "freeze", "Freeze", "Freeze the screen, or let it go on"),
        bind(
            "app.threshold",
            "t",
            "threshold",
            "Threshold",
            "Set the port use from which a pattern is hot",
        ),
        bind(
            "app.refusals",
            "R",
            "count_refusals",
            "Count refusals",
            "Count the connects the kernel refuses, or stop counting",
        ),
        bind("app.record", "w", "record", "Record", "Write what comes to a recording, or end it"),
        bind("app.slower", "plus,equals_sign", "step_interval(1)", "Slower", "Read less often"),
        bind("app.faster", "minus", "step_interval(-1)", "Faster", "Read more often"),
        bind("act.undo", "u", "undo", "Undo", "Undo the settings that twtop has changed"),
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
    plays_load: ClassVar[bool] = False
    """Is there a load whose clients are shown too?"""
    replays: ClassVar[bool] = False
    """Is it a recording that is shown?"""
    special: ClassVar[str] = ""
    """Under what heading the help lists the keys that this app alone has."""

    failure: reactive[str | None] = reactive(None, repaint=False)
    """Why the newest poll failed, None when it did not."""

    def __init__(
        self,
        poller: Poller,
        watch: Watch,
        *,
        place: str = "",
        find_owners: Callable[[], Owners] | None = None,
        start_counting: Callable[[], Counting] = Refusals,
        count: bool = False,
        recordings: Path | None = None,
        serves: bool = False,
    ) -> None:
        """Show what the poller sees; its views are those of the ``watch``.

        ``start_counting`` begins to count refusals when the user asks for it, with ``count`` at
        once. In the folder ``recordings`` there may be what was seen before. Raises ConfigError
        where the user's keys or arrangement cannot be meant so.
        """
        self.serves = serves
        """Is it shown to somebody in a browser, who may change nothing here?"""
        super().__init__(watch, recordings)  # which asks for the driver
        apps = [one for one in type(self).__mro__ if issubclass(one, TwtopApp)]
        self.keys = checked(dict(watch.config.keys), apps)
        """The user's own, by the id of their binding."""
        self.set_keymap(self.keys)
        self.fatal: str | None = None
        """Why it ended, or why nothing was ever shown, for the exit code."""
        self.poller = poller
        self.first_theme = self.theme
        """What it began with."""
        self.dashboard = Dashboard(place, load=self.plays_load)
        screen = watch.config.screen
        if self.plays_load or self.replays:  # the user's filter is for this host
            screen = replace(screen, filter="")
        arrange(self.dashboard, screen, self.available_themes)
        self._news = News(self)
        self._typed_ahead: list[events.Key] = []
        self._heard: Poller | None = poller
        """Whose views count; None while there is nothing to see."""
        self._cycle = self._cycle_of(poller)
        self._counting = CountingSwitch(watch, start_counting)
        self._count = count
        self._find_owners = find_owners
        self._owners_failed: str | None = None
        self.keepings = Keepings(self._keeping_ended)
        self._owner_cycle = Cycle(self._look_for_owners, OWNER_LOOK_SECONDS, "twtop-owners")

    @property
    def threshold(self) -> float:
        """Percentage of capacity from which a pattern is in violation."""
        return self.watched.config.ports.threshold

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
        if self.is_running or not isinstance(event, (events.InputEvent, events.Paste)):
            await super().on_event(event)

    def on_key(self, event: events.Key) -> None:
        """Give the prompt what was on its way to another widget when it opened.

        What is typed while a screen opens waits for it.
        """
        if isinstance(self.screen, ViewScreen) and not self.screen.takes_keys:
            self._typed_ahead.append(event)
            event.prevent_default()
        elif event.is_printable and event.character is not None and self._is_asking:
            self.screen.query_one(Prompt).add(event.character)
            event.prevent_default()  # it is no key of the screen's any more

    async def on_keys_taken(self, message: KeysTaken) -> None:
        """Give the screen what was typed while it opened."""
        if message.again is not None:
            message.again.takes_keys = True
        screen = self.screen
        if isinstance(screen, ViewScreen) and not screen.takes_keys:
            return  # its own message follows
        typed, self._typed_ahead = self._typed_ahead, []
        if isinstance(screen, ViewScreen):  # else it was typed for what lies below: dropped
            for key in typed:
                await super().on_event(events.Key(key.key, key.character))

    @property
    def _is_asking(self) -> bool:
        return isinstance(self.screen, ViewScreen) and self.screen.prompt.is_open

    def on_mount(self) -> None:
        """Open the dashboard and start reading."""
        self.theme = self.first_theme = self._theme_to_begin_with()
        self.push_screen(self.dashboard)
        self._cycle.start()
        if self._find_owners is not None:
            self._owner_cycle.start()
        if self._count:
            self.action_count_refusals()

    def _theme_to_begin_with(self) -> str:
        wanted = self.watched.config.screen.theme or self.theme
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

    def on_unmount(self) -> None:
        """Let the threads end; nobody waits for them."""
        self.keepings.stop()
        self._cycle.stop()
        self._owner_cycle.stop()
        self._counting.end()
        self.recording.end()

    def _cycle_of(self, poller: Poller) -> Cycle:
        poll = partial(self._poll, poller, self.memory)
        return Cycle(poll, poller.interval, "twtop-sampler")

    def _poll(self, poller: Poller, memory: Memory) -> None:
        """In the sampler's thread: poll once and pass on what came of it."""
        try:
            view = poller.poll()
            if view.frame.reading.place.answers and not self.replays:
                self.keepings.look(view.frame.reading.place)
            self.post_message(Sampled(poller, view))
            if not self.replays:
                self.keep(view, memory)
        except TableError as error:
            self.post_message(Sampled(poller, None, str(error)))
        except Exception as error:  # a bug must be seen, not end the thread in silence
            self.post_message(Sampled(poller, None, f"reading failed: {error!r}"))

    def stop_polling(self) -> None:
        """Read no more, and drop what is still on its way."""
        self._cycle.stop()
        self._heard = None

    def begin_anew(self, poller: Poller, watch: Watch, place: str, *, ends: bool = True) -> None:
        """Forget all that was seen, and show what this poller sees.

        Its thread starts here, and so in the network namespace that this one is in. What is kept
        in the place that is left ends with that, if it ``ends``.
        """
        self.stop_polling()
        if ends:
            self.keepings.stop()
        self.keepings.goals = ()
        self.poller = self._heard = poller
        self.watched = watch
        self._counting.move(watch)
        self._news.forget(0 if watch.newest is None else watch.newest.cases.looks)
        self.clear_notifications()  # of the place that is left
        self.forget()
        self.fatal = self.failure = self.view = None
        self.dashboard.begin_anew(place)
        self._cycle = self._cycle_of(poller)
        self._cycle.start()

    def _look_for_owners(self) -> None:
        """In the owners' thread: look who holds which socket, when it is time to."""
        assert self._find_owners is not None
        try:
            self.note_owners(self._find_owners)
        except Exception as error:  # the thread must live, and the user know
            self.call_later(self._say_why_no_owners, f"{type(error).__name__}: {error}")

    def note_owners(self, find: Callable[[], Owners]) -> None:
        """Have ``find`` walk the processes, if it is time to. What it raises is raised."""
        self.watched.look_for_owners(find)

    def _say_why_no_owners(self, failure: str) -> None:
        """Say so once."""
        if failure != self._owners_failed:
            self._owners_failed = failure
            self.notify(
                failure,
                title="Could not look up processes; trying again",
                severity="warning",
                markup=False,
            )

    def on_sampled(self, message: Sampled) -> None:
        """Take a poll's result, unless it is that of a poller whose place was left."""
        if message.poller is not self._heard:
            return
        self.failure = message.failure
        if self.view is None:
            self.fatal = message.failure
        if message.view is not None:
            # What has waited in the queue may be of another threshold by now.
            self.take(self.watched.newest or message.view)
        elif self.view is not None:
            self._show(self.view)

    def take(self, view: View) -> None:
        """Take a new view, onto the screen unless that is frozen."""
        if not self.frozen:
            self._show(view)
            self.call_after_refresh(self._tell_news)
        elif self.view is not None and self.view.failure != self.failure:
            self._show(self.view)

    def _tell_news(self) -> None:
        """Tell what the screen does not show; later, where it is frozen or something is typed."""
        if self.view is None or self.frozen or not isinstance(self.screen, ViewScreen):
            return
        if self.screen.prompt.is_open:
            self._news.hush()
        else:
            self._news.tell(self.view.cases, self.screen.shows)

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

    def _show(self, view: View) -> None:
        """Put a view on screen, with the user's newest choices."""
        self.view = replace(
            view,
            interval=self.poller.interval,
            frozen=self.frozen,
            failure=self.failure,
            kept=() if view.past else self.keepings.goals,
            recorded=self.recording.path is not None,
        )

    @property
    def acts(self) -> bool:
        """Whether its keys may change something: never what is past, a copy, or to be left as is.

        Whether the kernel permits it is told when it is asked for.
        """
        return (
            self.view is not None
            and self.view.frame.reading.place.answers
            and not (self.view.past or self.serves or self.watched.config.dashboard.read_only)
        )

    def ask(self, act: Act) -> None:
        """Ask whether to do something, and do it."""
        if self.acts:  # it may be another place by now than when the key was pressed
            self.clear_notifications()
            self.push_screen(AskScreen(act, self._cycle.now))

    def action_undo(self) -> None:
        """Ask whether to set back what was applied."""
        self.ask(UndoAct())

    def _keeping_ended(self, keeping: Keeping, why: str) -> None:
        """In its thread: have it told why it could not go on."""
        self.call_later(
            self.notify,
            why,
            title=f"no longer keeping {keeping.goal.destination}",
            severity="error",
            timeout=60,
            markup=False,
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no key that changes something where nothing may be done."""
        if action in TOUCHING and self.serves:
            return False
        return self.acts if action == "undo" else super().check_action(action, parameters)

    def action_freeze(self) -> None:
        """Hold the screen still, with its past to go back to, or let it go on."""
        if self.frozen:
            self.leave_past()
            if self.watched.newest is not None:
                self._show(self.watched.newest)
                self.call_after_refresh(self._tell_news)
        else:
            self.frozen = True
            if self.view is not None:
                self._show(self.view)
                self.open_past(self.view)

    def action_redraw(self) -> None:
        """Write every cell again, as after somebody else has written on the terminal."""
        self.refresh()

    def action_suspend(self) -> None:
        """Stop, as the shell's jobs do at Ctrl-Z; the driver gives the terminal back first."""
        if not self.is_headless:
            os.kill(os.getpid(), signal.SIGTSTP)

    def action_count_refusals(self) -> None:
        """Have refusals counted by the kernel, or no more."""
        self.run_worker(self._turn_counting, thread=True, group="counting")

    def _turn_counting(self) -> None:
        """In a thread: turn it on or off, and say so, or what would be needed for it."""
        try:
            on = self._counting.turn()
        except CountingError as error:
            self.call_later(
                self.notify,
                str(error),
                title="Not counted",
                severity="warning",
                timeout=12,
                markup=False,
            )
        else:
            text = "now counting the connects the kernel refuses" if on else "no longer counted"
            self.call_later(self.notify, text, title="Refusals", timeout=3)

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
        if self.view is not None:
            self._show(self.view)
        self.notify(f"every {seconds:g} s", title="Interval", timeout=2)

    @work(thread=True, exclusive=True, group="save")
    def save_arrangement(self) -> None:
        """Write down how the screen is arranged; a home may be on another machine, and slow."""
        try:
            path = save(arrangement(self), self.threshold)
        except ConfigError as error:
            title = "Arrangement not saved"
            said = partial(self.notify, str(error), title=title, severity="error", markup=False)
        else:
            said = partial(self.notify, f"in {path}", title="Arrangement saved", markup=False)
        self.call_from_thread(said)

    def action_threshold(self) -> None:
        """Ask for another threshold."""
        screen = self.screen
        if isinstance(screen, ViewScreen):
            screen.prompt.ask(
                "Threshold, % of capacity:", f"{self.threshold:g}", self._set_threshold
            )

    def _set_threshold(self, text: str) -> str | None:
        try:
            percent = float(text.strip().rstrip("%"))
        except ValueError:
            return f"“{text}” is not a percentage"
        if not 0 < percent <= 100:
            return "must be between 0 and 100"
        config = self.watched.config.with_threshold(percent)
        shown = self._judge_by(config)
        if self.scrubber is not None:
            self.scrubber.replay.watch.judge_by(config)
        if shown is not None:
            self._show(shown)
        return None

    def _judge_by(self, config: Config) -> View | None:
        """Judge by other settings, and return the view on screen as it is under these."""
        return self.watched.judge_by(config, self.view)

    def on_pattern_asked(self, message: PatternAsked) -> None:
        """Show a pattern."""
        self._open(PatternScreen(message.key, load=self.plays_load))

    def on_finding_asked(self, message: FindingAsked) -> None:
        """Show a finding of those on screen."""
        case = None if self.view is None else self.view.cases.find(message.identity)
        if case is not None:
            self.clear_notifications()  # they would lie on what is to be read
            self._open(FindingScreen(case, load=self.plays_load))

    def on_plan_asked(self, message: PlanAsked) -> None:
        """Show the plan for a pattern."""
        self._open(PlanScreen(message.key, load=self.plays_load))

    def _open(self, wanted: ViewScreen) -> None:
        """Show a screen: go back to it where it lies below, so that no circle piles up.

        What was asked for before help or the palette came in front is not wanted any more.
        """
        if not isinstance(self.screen, ViewScreen):
            return
        below = [
            screen
            for screen in self.screen_stack
            if isinstance(screen, type(wanted)) and screen.about == wanted.about
        ]
        if not below:
            self.push_screen(wanted)
            return
        while self.screen is not below[0]:
            self.pop_screen()

    def action_command_palette(self) -> None:
        """Show the palette, without an id: the one before may still be closing."""
        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def search_themes(self) -> None:
        """Show the palette of the themes."""
        self.push_screen(Palette([ThemeProvider], placeholder="Search for themes…"))

    def action_help(self) -> None:
        """Explain keys and terms."""
        if not isinstance(self.screen, HelpScreen):
            headings = by_heading(self.help_apps(), self.special, type(self))
            may = {"acts": self.acts, "touches": not self.serves}
            keys = {
                title: [*listed(nodes, self.keys, self.get_key_display, **may)]
                for title, nodes in headings.items()
            }
            self.push_screen(HelpScreen(keys, self.help_first()))

    def get_key_display(self, binding: Binding) -> str:
        """Return a key as people write it."""
        if binding.key[:1] == "f" and binding.key[1:].isdigit():
            return binding.key.upper()
        return glyphs().enter if binding.key == "enter" else super().get_key_display(binding)

    def help_apps(self) -> tuple[type[TwtopApp], ...]:
        """Return whose keys the help lists as those that work everywhere."""
        return (TwtopApp,)

    def help_first(self) -> str:
        """Return what the help begins with, as markup."""
        return ""

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the command palette what the keys do, with their keys."""
        return offers(self, screen)
