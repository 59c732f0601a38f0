"""The app: the current view, the bindings, and the threads that feed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Protocol

from textual import work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen

from tui.acting.background import Keeping
from tui.acting.keeping import Goal, kept_in
from tui.dashboard.acts import Act, UndoAct
from tui.dashboard.arrangement import arrange, arrangement
from tui.dashboard.counting import CountingSwitch
from tui.dashboard.keymap import PANELS, SCREENS, checked, listed
from tui.dashboard.keys import bind
from tui.dashboard.news import News
from tui.dashboard.screens.asking import AskScreen
from tui.dashboard.screens.finding import FindingScreen
from tui.dashboard.screens.help import HelpScreen
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.dashboard.screens.view_screen import FindingAsked, PatternAsked, PlanAsked, ViewScreen
from tui.dashboard.shell import ShellApp
from tui.findings.codes import CODES
from tui.findings.config import ConfigError, OnScreen, config_path
from tui.kernel.places import Place
from tui.kernel.processes import Owners
from tui.kernel.refusals import CountingError, Refusals
from tui.kernel.sockets import TableError
from tui.watching.refused import Counting
from tui.watching.sampler import Cycle
from tui.watching.view import View
from tui.watching.watch import Watch

OWNER_LOOK_SECONDS = 1.0
"""How often the watch is asked whether it is time to walk over the processes."""


class Poller(Protocol):
    """Makes views: a Sampler, or what stands in for one."""

    interval: float

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


class TwtopApp(ShellApp):
    """htop for TIME-WAIT and ephemeral ports."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("app.threshold", "t", "threshold", "Threshold", "Set from what use a pattern is hot"),
        bind(
            "app.refusals",
            "R",
            "count_refusals",
            "Count refusals",
            "Have the kernel count the connects it refuses, or no more",
        ),
        bind("act.undo", "u", "undo", "Undo", "Set back the settings that twtop has changed"),
    ]

    plays_load: ClassVar[bool] = False
    """Is there a load whose clients are shown too?"""
    replays: ClassVar[bool] = False
    """Is it a recording that is shown, with its timeline?"""

    view: reactive[View | None] = reactive(None, always_update=True, repaint=False)
    """What the screens show."""

    def __init__(
        self,
        poller: Poller,
        watch: Watch,
        *,
        place: str = "",
        find_owners: Callable[[], Owners] | None = None,
        start_counting: Callable[[], Counting] = Refusals,
        count: bool = False,
    ) -> None:
        """Show what the poller sees; its views are those of the ``watch``.

        ``start_counting`` begins to count refusals when the user asks for it, with ``count`` at
        once. Raises ConfigError where the user's keys or arrangement cannot be meant so.
        """
        super().__init__(watch.config.screen.theme)
        self.watched = watch
        apps = [one for one in type(self).__mro__ if issubclass(one, ShellApp)]
        self.keys = checked(dict(watch.config.keys), apps)
        """The user's own, by the id of their binding."""
        self.set_keymap(self.keys)
        self.poller: Poller = poller
        self.dashboard = Dashboard(place, load=self.plays_load)
        screen = watch.config.screen
        if self.plays_load or self.replays:  # the user's filter is for this host
            screen = replace(screen, filter="")
        arrange(self.dashboard, screen, self.available_themes)
        self._news = News(self)
        self._heard: Poller | None = poller
        """Whose views count; None while there is nothing to see."""
        self._cycle = self._cycle_of(poller)
        self._counting = CountingSwitch(watch, start_counting)
        self._count = count
        self._find_owners = find_owners
        self._owners_failed: str | None = None
        self.keepings: list[Keeping] = []
        """What this dashboard keeps."""
        self._kept: tuple[Goal, ...] = ()
        """What is kept in the place, by whatever twtop."""
        self._owner_cycle = Cycle(self._look_for_owners, OWNER_LOOK_SECONDS, "twtop-owners")

    @property
    def threshold(self) -> float:
        """Percentage of capacity from which a pattern is in violation."""
        return self.watched.config.ports.threshold

    def on_mount(self) -> None:
        """Open the dashboard and start reading."""
        self.begin_with_theme()
        self.push_screen(self.dashboard)
        self._cycle.start()
        if self._find_owners is not None:
            self._owner_cycle.start()
        if self._count:
            self.action_count_refusals()

    def on_unmount(self) -> None:
        """Let the threads end; nobody waits for them."""
        self._stop_keeping()
        self._cycle.stop()
        self._owner_cycle.stop()
        self._counting.end()

    def _cycle_of(self, poller: Poller) -> Cycle:
        return Cycle(partial(self._poll, poller), poller.interval, "twtop-sampler")

    def _poll(self, poller: Poller) -> None:
        """In the sampler's thread: poll once and pass on what came of it."""
        try:
            view = poller.poll()
            if view.frame.reading.place.answers and not self.replays:
                self._kept = kept_in(view.frame.reading.place)
            self.post_message(Sampled(poller, view))
        except TableError as error:
            self.post_message(Sampled(poller, None, str(error)))
        except Exception as error:  # a bug must be seen, not end the thread in silence
            self.post_message(Sampled(poller, None, f"reading failed: {error!r}"))

    def stop_polling(self) -> None:
        """Read no more, and drop what is still on its way."""
        self._cycle.stop()
        self._heard = None

    def begin_anew(self, poller: Poller, watch: Watch, place: str) -> None:
        """Forget all that was seen, and show what this poller sees.

        Its thread starts here, and so in the network namespace that this one is in.
        """
        self.stop_polling()
        self._stop_keeping()
        self.poller = self._heard = poller
        self.watched = watch
        self._counting.move(watch)
        self._news.forget()
        self.clear_notifications()  # of the place that is left
        self.frozen = False
        self.failure = self.view = None
        self.dashboard.begin_anew(place)
        self._cycle = self._cycle_of(poller)
        self._cycle.start()

    def _look_for_owners(self) -> None:
        """In the owners' thread: look who holds which socket, when it is time to."""
        assert self._find_owners is not None
        try:
            self.watched.look_for_owners(self._find_owners)
        except Exception as error:  # the thread must live, and the user know
            self.call_later(self._say_why_no_owners, f"{type(error).__name__}: {error}")

    def _say_why_no_owners(self, failure: str) -> None:
        """Say so once."""
        if failure != self._owners_failed:
            self._owners_failed = failure
            self.notify(
                failure,
                title="Processes could not be looked up; trying again",
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

    def show_again(self) -> None:
        """Show the present view with the user's newest choices."""
        if self.view is not None:
            self._show(self.view)

    def _show(self, view: View) -> None:
        """Put a view on screen, with the user's newest choices."""
        self.view = replace(
            view,
            interval=self.poller.interval,
            frozen=self.frozen,
            failure=self.failure,
            kept=self._kept,
        )

    @property
    def acts(self) -> bool:
        """Whether its keys may change something: never what is past, a copy, or to be left as is.

        Whether the kernel permits it is told when it is asked for.
        """
        return (
            self.view is not None
            and self.view.frame.reading.place.answers
            and not (self.replays or self.watched.config.dashboard.read_only)
        )

    def ask(self, act: Act) -> None:
        """Ask whether to do something, and do it."""
        if self.acts:  # it may be another place by now than when the key was pressed
            self.clear_notifications()
            self.push_screen(AskScreen(act, self._cycle.now))

    def action_undo(self) -> None:
        """Ask whether to set back what was applied."""
        self.ask(UndoAct())

    def begin_keeping(self, place: Place, goal: Goal) -> None:
        """Keep something, for as long as this dashboard shows its place."""
        kept = [one for one in self.keepings if one.on]
        self.keepings = [*kept, Keeping(place, goal, self._keeping_ended)]

    def _keeping_ended(self, keeping: Keeping, why: str) -> None:
        """In its thread: have it told why it could not go on."""
        self.call_later(
            self.notify,
            why,
            title=f"{keeping.goal.destination} is not kept any more",
            severity="error",
            timeout=60,
            markup=False,
        )

    def _stop_keeping(self) -> None:
        for one in self.keepings:
            one.stop()
        self.keepings, self._kept = [], ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no key that changes something where nothing may be done."""
        return self.acts if action == "undo" else super().check_action(action, parameters)

    def action_freeze(self) -> None:
        """Hold the screen still, or let it go on with the newest view."""
        self.frozen = not self.frozen
        shown = self.view if self.frozen else self.watched.newest
        if shown is not None:
            self._show(shown)
            if not self.frozen:
                self.call_after_refresh(self._tell_news)

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
            text = "the kernel counts the connects it refuses" if on else "no longer counted"
            self.call_later(self.notify, text, title="Refusals", timeout=3)

    def save_arrangement(self) -> None:
        """Write down how the screen is arranged, as what to start with from now on."""
        self._save(arrangement(self), self.threshold)

    @work(thread=True, exclusive=True, group="save")
    def _save(self, screen: OnScreen, threshold: float) -> None:
        """Write it while the screen goes on: a home may be on another machine."""
        from tui.findings.config_saving import save_arrangement  # most never save

        path = config_path()
        said = partial(self.notify, f"in {path}", title="Arrangement saved", markup=False)
        try:
            save_arrangement(path, CODES, screen, threshold)
        except ConfigError as error:
            title = "Arrangement not saved"
            said = partial(self.notify, str(error), title=title, severity="error", markup=False)
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
            return f"“{text}” is no percentage"
        if not 0 < percent <= 100:
            return "between 0 and 100"
        shown = self.watched.judge_by(self.watched.config.with_threshold(percent), self.view)
        if shown is not None:
            self._show(shown)
        return None

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

    def _open(self, wanted: ViewScreen[View]) -> None:
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

    def action_help(self) -> None:
        """Show the keys and the words."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self._help_keys(), self.help_first()))

    def _help_keys(self) -> dict[str, list[tuple[str, str]]]:
        """Return all keys as they are now, under their headings."""
        here, *others = SCREENS.items()
        everywhere: tuple[type[DOMNode], ...] = (TwtopApp, ShellApp)
        groups = [here, ("Everywhere", everywhere), ("In a panel", PANELS), *others]
        if self.plays_load:
            groups.insert(0, ("This load", (type(self),)))
        return {
            title: [*listed(nodes, self.keys, self.get_key_display, acts=self.acts)]
            for title, nodes in groups
        }

    def help_first(self) -> str:
        """Return what the help begins with, as markup."""
        return ""

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the command palette what the keys do, with their keys."""
        yield from self.palette_commands(screen)
        yield SystemCommand(
            "Save arrangement",
            "Start with this theme, order, filter, panel, interval and threshold from now on",
            self.save_arrangement,
        )
        yield SystemCommand(
            "Screenshot",
            "Save the screen as a picture (SVG)",
            lambda: self.set_timer(0.1, self.deliver_screenshot),
        )
