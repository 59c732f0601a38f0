"""The app: the current view, the bindings, and the threads that feed it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from tui.acting.background import Keeping
from tui.dashboard.acts import Act, UndoAct
from tui.dashboard.arrangement import arrange, arrangement, save
from tui.dashboard.counting import CountingSwitch
from tui.dashboard.keepings import Keepings
from tui.dashboard.keymap import by_heading, checked
from tui.dashboard.keys import ACT, bind
from tui.dashboard.news import News
from tui.dashboard.past_app import PastApp
from tui.dashboard.polling import Poller, Sampled
from tui.dashboard.screens.asking import AskScreen
from tui.dashboard.screens.finding import FindingScreen
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.dashboard.screens.view_screen import (
    FindingAsked,
    PatternAsked,
    PlanAsked,
    ViewScreen,
)
from tui.dashboard.shell import ShellApp
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


class TwtopApp(PastApp):
    """htop for TIME-WAIT and ephemeral ports."""

    BINDINGS: ClassVar[list[BindingType]] = [
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
        bind("act.undo", "u", "undo", "Undo", "Undo the settings that twtop has changed"),
    ]

    plays_load: ClassVar[bool] = False
    """Is there a load whose clients are shown too?"""
    replays: ClassVar[bool] = False
    """Is it a recording that is shown?"""
    has_places: ClassVar[bool] = False
    """Are all places of the machine beside the one that is shown?"""
    special: ClassVar[str] = ""
    """Under what heading the help lists the keys that this app alone has."""

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
        keys = checked(dict(watch.config.keys), (type(self), *self.help_apps()))
        super().__init__(watch, keys, recordings, serves=serves)
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
        self.keepings = Keepings(self._keeping_ended)
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
            self.post_found(Sampled(poller, view))
            if not self.replays:
                self.keep(view, memory)
        except TableError as error:
            self.post_found(Sampled(poller, None, str(error)))
        except Exception as error:  # a bug must be seen, not end the thread in silence
            self.post_found(Sampled(poller, None, f"reading failed: {error!r}"))

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
        else:
            self.show_again()

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

    def why_not(self, binding: Binding) -> str:
        """Return why a key changes nothing here; empty where that is not what it is for."""
        if self.view is None or self.acts or not (binding.id or "").startswith(ACT):
            return ""
        key = self.get_key_display(binding)
        if self.view.past:
            live = self.keys.get("app.freeze", "space").partition(",")[0]
            return f"{key} changes nothing in the past; {live} returns to live"
        if not self.view.frame.reading.place.answers:
            return f"{key} changes nothing in a copy"
        return f"{key} changes nothing: this dashboard is only to be looked at"

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

    @work(thread=True, exclusive=True, group="save")
    def save_arrangement(self) -> None:
        """Write down how the screen is arranged; a home may be on another machine, and slow."""
        try:
            path = save(arrangement(self), self.threshold)
        except ConfigError as error:
            title = "Arrangement not saved"
            said = partial(self.notify, str(error), title=title, severity="error", markup=False)
        else:
            said = partial(self.notify, f"in {path}", title="Saved", markup=False)
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
            self.scrubber.replay.judge_by(config)
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

    def help_apps(self) -> tuple[type[ShellApp], ...]:
        """Return whose keys the help lists as those that work everywhere."""
        return (TwtopApp, ShellApp)

    def headings(self) -> Mapping[str, Iterable[type[DOMNode]]]:
        """Return whose keys the help lists, and under what heading."""
        past = self.scrubber is not None
        apps = self.help_apps()
        return by_heading(apps, self.special, type(self), past=past, places=self.has_places)

    def help_first(self) -> str:
        """Begin the help of the past with what is not in it."""
        if self.view is None or not self.view.past:
            return ""
        return "What is shown is past: keys that change something now are not listed.\n\n"

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer in the command palette to keep the arrangement as well."""
        yield from super().get_system_commands(screen)
        if not self.serves:  # nothing is written for somebody elsewhere
            yield SystemCommand(
                "Save layout and settings",
                "Start with this theme, order, filter, panel, interval and threshold next time",
                self.save_arrangement,
            )
