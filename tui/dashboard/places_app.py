"""The dashboard of a machine with places: an overview of all of them, and each to be opened."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from textual.binding import BindingType
from textual.message import Message
from textual.reactive import reactive

from tui.dashboard.app import TwtopApp
from tui.dashboard.keys import bind
from tui.dashboard.polling import Poller
from tui.dashboard.screens.places import PlaceAsked, PlacesScreen
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.shell import ShellApp
from tui.dashboard.widgets.footer import each
from tui.dashboard.widgets.places import Places, in_a_line, worse_elsewhere
from tui.dashboard.widgets.titlebar import describe_place
from tui.findings.config import Config
from tui.kernel.places import Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import TableError
from tui.watching import overview
from tui.watching.overview import Overview, identity_of, keyed
from tui.watching.sampler import CPU_SHARE, Cycle, Sampler
from tui.watching.view import View
from tui.watching.watch import Watch

LOOK_SECONDS = 1.0
"""Between two looks at all places while they are on screen; no less than the interval."""
ELSEWHERE_SECONDS = 5.0
"""The same while only a worse one would be told: each look takes 30 ms of the processor."""
TURN_SECONDS = 5.0
"""Between two dumps of a place that is fine while its row is on screen, as far as time allows."""
KEY = "places.show"


@dataclass(eq=False)
class LookedAround(Message):
    """A look at all places ended."""

    places: Places

    def can_replace(self, message: Message) -> bool:
        """Say whether a newer message can stand for this one."""
        return isinstance(message, LookedAround)


class PlacesApp(TwtopApp):
    """The dashboard, and beside it a look at all places."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind(KEY, "n", "places", "Places", "See every place of this machine, and go back"),
    ]
    hints = each(KEY, "app.freeze")
    has_places = True

    places: reactive[Places | None] = reactive(None, repaint=False)
    """What the overview shows."""

    def __init__(
        self,
        poller: Poller,
        watch: Watch,
        *,
        home: Place,
        around: Overview,
        open_poller: Callable[[Place, Watch], Poller],
        places_first: bool = False,
        note: str = "",
        **more: Any,
    ) -> None:
        """Begin in ``home``, whose views the poller makes, or with all of them.

        ``around`` looks at all; ``open_poller`` returns what feeds the watch of a place that is
        opened; ``note`` stands below them. What else there is, is for TwtopApp.
        """
        super().__init__(poller, watch, place=describe_place(home), **more)
        self._home, self._home_watch = keyed(home), watch
        self._shown = self._home
        self._overview = around
        self._open_poller = open_poller
        self._places_first = places_first
        self._note = note
        self._newest = Places()
        self._around = Cycle(self._look_around, LOOK_SECONDS, "twtop-places")
        around.sample(self._home, watch)

    @property
    def is_home(self) -> bool:
        """Whether the place shown is the one that it began with."""
        return self._shown is self._home

    def on_mount(self) -> None:
        """Look around once there is something to see, or at once where that comes first."""
        if self._places_first:
            self._around.start()
            self.call_later(self.push_screen, self._places_screen())  # above the dashboard

    def on_unmount(self) -> None:
        """Look no more."""
        self._around.stop()

    def _look_around(self) -> None:
        """In a thread: look at all places."""
        try:
            outlooks = self._overview.poll()
            survey = self._overview.found
            notes = filter(None, (*survey.missing, *survey.notes, self._note))
            found = Places(outlooks, tuple(notes), bool(survey.missing))
        except TableError as error:
            found = Places(failure=str(error))
        except Exception as error:  # a bug must be seen, not end the thread in silence
            found = Places(failure=f"looking at the places failed: {error!r}")
        self.post_found(LookedAround(found))

    def on_looked_around(self, message: LookedAround) -> None:
        """Take a look at all places, onto the screen unless that is frozen."""
        self._newest = message.places
        self._share()
        self._pace()
        if not self.frozen:
            self.places = message.places

    def _pace(self) -> None:
        """Look around as often as it is looked at."""
        on_screen = isinstance(self.screen, PlacesScreen)
        self._overview.turn_seconds = TURN_SECONDS if on_screen else overview.TURN_SECONDS
        least = LOOK_SECONDS if on_screen else ELSEWHERE_SECONDS
        self._overview.interval = self._around.interval = max(self.poller.interval, least)

    def _share(self) -> None:
        """Share the time that reading may take with the other places, where these need any."""
        others = any(
            one.glance.sockets != 0
            for one in self._newest.outlooks
            if not self._overview.is_sampled(one.place)
        )
        if isinstance(self.poller, Sampler):
            self.poller.cpu_share = CPU_SHARE / 2 if others else CPU_SHARE

    def take(self, view: View) -> None:
        """Take a view of the place shown; the first has the others looked at."""
        super().take(view)
        if self._around.ident is None:
            self._around.start()

    def _show(self, view: View) -> None:
        """Tell in the title line as well what is worse elsewhere."""
        worst = worse_elsewhere(self._newest, self._overview.is_sampled)
        told = "" if worst is None or view.past else f"{in_a_line(worst)} ({self._key})"
        super()._show(replace(view, elsewhere=told))

    @property
    def _key(self) -> str:
        return self.keys.get(KEY, "n").partition(",")[0]

    def note_owners(self, find: Callable[[], Owners]) -> None:
        """One walk is for all places."""
        self._overview.note_owners(find)

    def action_freeze(self) -> None:
        """Hold the screen still, or let it go on."""
        super().action_freeze()
        if not self.frozen:
            self.places = self._newest

    def set_interval_seconds(self, seconds: float) -> None:
        """Poll every so many seconds from now on, but look around no more than once a second."""
        super().set_interval_seconds(seconds)
        self._pace()

    def _judge_by(self, config: Config) -> View | None:
        """Judge all places by other settings."""
        shown = super()._judge_by(config)
        self._overview.judge_by(config)
        self._around.now()
        return shown

    def action_places(self) -> None:
        """Show all places, or go back to what was shown before."""
        if isinstance(self.screen, PlacesScreen):
            self.screen.dismiss()
        elif isinstance(self.screen, ViewScreen):
            self._open(self._places_screen())
            self._around.now()

    def _places_screen(self) -> PlacesScreen:
        selected = None if self.is_home else identity_of(self._shown)
        return PlacesScreen(os.uname().nodename, selected)

    def on_place_left(self) -> None:
        """Return to the overview from a place that was opened there."""
        if not self.is_home:
            self.action_places()

    def on_place_asked(self, message: PlaceAsked) -> None:
        """Show the whole dashboard of a place."""
        if not isinstance(self.screen, PlacesScreen):  # help or the palette came in front
            return
        place = message.place or self._home
        if self._overview.is_sampled(place):
            if message.place is None:
                self.screen.dismiss()  # to whatever of it was shown before
                return
        else:
            self._turn_to(place)
        self._go_to_dashboard()

    def _go_to_dashboard(self) -> None:
        while self.screen is not self.dashboard:
            self.pop_screen()

    def _turn_to(self, place: Place) -> None:
        home = identity_of(place) == identity_of(self._home)
        watch = self._overview.sample(place, self._home_watch if home else None)
        poller = self._open_poller(place, watch)
        poller.interval = self.poller.interval
        self._shown = self._home if home else place
        self.begin_anew(poller, watch, describe_place(place), ends=False)
        self._share()
        if watch.newest is not None:
            self.take(watch.newest)

    def help_apps(self) -> tuple[type[ShellApp], ...]:
        """Return whose keys the help lists as those that work everywhere."""
        return (PlacesApp, *super().help_apps())
