"""An app that can go through time: its keys, and the moment that they lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.reactive import reactive
from textual.timer import Timer

from tui.dashboard.keys import bind, own, pressed
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.scrubbing import Scrubber
from tui.dashboard.shell import ShellApp
from tui.dashboard.widgets.timeline import Span, Timeline
from tui.kernel.sockets import TableError
from tui.watching.view import View

TIME = "time_"
"""What the names of these actions begin with."""
LONG_SECONDS = 0.4
"""After so long one likes to be told that something goes on."""


class TimeApp(ShellApp):
    """An app whose keys go through time, while there is one to go through.

    They go before those of its screens then, but for ← and → where these change a figure.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("time.back", "left", "time_step(-1)", "A step back", "Go back by one moment", True),
        bind("time.on", "right", "time_step(1)", "A step on", "Go on by one moment", True),
        bind(
            "time.minute-back",
            "shift+left",
            "time_minutes(-1)",
            "A minute back",
            "Go back by a minute",
            True,
        ),
        bind(
            "time.minute-on",
            "shift+right",
            "time_minutes(1)",
            "A minute on",
            "Go on by a minute",
            True,
        ),
        bind("time.begin", "home", "time_edge(-1)", "Beginning", "Go to the first moment", True),
        bind("time.end", "end", "time_edge(1)", "End", "Go to the last moment", True),
        bind(
            "time.finding-before",
            "left_curly_bracket",
            "time_finding(-1)",
            "Finding before",
            "Go back to where a finding began",
        ),
        bind(
            "time.finding-next",
            "right_curly_bracket",
            "time_finding(1)",
            "Next finding",
            "Go on to where a finding began",
        ),
        bind("time.go-to", "g", "time_ask", "Go to", "Go to a time: 03:12, or -90s", True),
        bind("time.closer", "z", "time_zoom(1)", "Closer", "Show less time"),
        bind("time.wider", "Z", "time_zoom(-1)", "Wider", "Show more time"),
    ]

    view: reactive[View | None] = reactive(None, always_update=True, repaint=False)
    """What the screens show."""
    span: reactive[Span | None] = reactive(None, repaint=False)
    """What the timeline shows, None where there is none."""
    scrubber: Scrubber | None = None
    """What goes through time, None while the screen shows what is there now."""
    _turning = False
    """Is a moment to be shown, as soon as no key is left to be taken and it was read?"""
    _takes_long = False
    """Is it said meanwhile what is waited for?"""
    _patience: Timer | None = None
    """What will have it said."""

    def _show(self, view: View) -> None:
        """Put a view on screen."""
        raise NotImplementedError

    def show_again(self) -> None:
        """Show the present view, if there is one, with the user's newest choices."""
        if self.view is not None:
            self._show(self.view)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the keys to others where there is no past, or something is typed."""
        if action.startswith(TIME):
            screen = self.screen if self.screen_stack else None
            if self.scrubber is None or not isinstance(screen, ViewScreen):
                return False
            if action == "time_step" and screen.has_own_arrows:
                return False
            return screen.has_past and not screen.prompt.is_open
        return super().check_action(action, parameters)

    def works(self, node: type[DOMNode], key: Binding) -> bool:
        """Whether a key does there what its binding says: not where it goes through time."""
        if self.scrubber is not None and key.key in self._taken_from(node):
            return False
        return super().works(node, key)

    def _taken_from(self, node: type[DOMNode]) -> set[str]:
        """Return the keys of a screen or a panel that go through time instead."""
        if issubclass(node, ShellApp) or not getattr(node, "has_past", True):
            return set()
        keeps_arrows = getattr(node, "has_own_arrows", False)
        return {
            key.key
            for one in own(TimeApp)
            if one.priority and not (keeps_arrows and one.action.startswith("time_step"))
            for key in pressed(one, self.keys)
        }

    def why_not(self, binding: Binding) -> str:
        """Return why a key does nothing here that does something to what is there now."""
        raise NotImplementedError

    def on_key(self, event: events.Key) -> None:
        """Say why a key does nothing, rather than do nothing in silence."""
        screen = self.screen
        if not isinstance(screen, ViewScreen) or screen.prompt.is_open:
            return
        for node, bindings in screen._modal_binding_chain:
            for one in bindings.key_to_bindings.get(event.key, ()):
                if self._check_action_state(one.action, node):
                    return
                if why := self.why_not(one):
                    self.notify(why, timeout=4, markup=False)
                    return

    def travel(self) -> None:
        """Show where the scrubber has turned to: its moment once no key is left to be taken."""
        if self.scrubber is not None:
            self._show_span(self.scrubber)
            if not self._turning:
                self._turning = True
                self.call_later(self._set_out)

    def _show_span(self, scrubber: Scrubber) -> None:
        self.span = replace(scrubber.span(), awaited=self._takes_long)

    def _set_out(self) -> None:
        """Have a thread read the moment that is wanted: the keys work meanwhile."""
        scrubber = self.scrubber
        if scrubber is None or scrubber.wanted is None:
            self._turning = False
            if scrubber is not None:
                self._show_moment(scrubber)
            return
        self._patience = self.set_timer(LONG_SECONDS, self._say_it_takes_long)
        seek = partial(self._seek, scrubber, scrubber.wanted)
        self.run_worker(seek, thread=True, group="time")

    def _seek(self, scrubber: Scrubber, wanted: float) -> None:
        """In a thread: read it."""
        found, failure = False, ""
        try:
            found = scrubber.seek(wanted)
        except TableError as error:
            failure = str(error)
        self.call_later(self._arrive, scrubber, wanted, found, failure)

    def _say_it_takes_long(self) -> None:
        self._takes_long = True
        if self.scrubber is not None:
            self._show_span(self.scrubber)

    def _arrive(self, scrubber: Scrubber, wanted: float, found: bool, failure: str) -> None:
        """Show what was read, and set out again where another moment is wanted by now."""
        self._turning = self._takes_long = False
        if self._patience is not None:
            self._patience.stop()
        if scrubber is not self.scrubber:  # the past was left meanwhile
            self.travel()
            return
        if found or failure:
            scrubber.arrive(wanted)
        if failure:
            self.notify(failure, severity="error", markup=False)
        if found:
            self._show_moment(scrubber)
        if scrubber.wanted is not None:
            self.travel()
        else:
            self._show_span(scrubber)

    def _show_moment(self, scrubber: Scrubber) -> None:
        view = scrubber.present()
        if view is not None:
            self._show(view)
        self._show_span(scrubber)

    def _turn(self, turn: Callable[[Scrubber], str | None]) -> str | None:
        """Turn to another moment; return why there is none."""
        if self.scrubber is not None:
            if complaint := turn(self.scrubber):
                return complaint
            self.travel()
        return None

    def action_time_step(self, moments: int) -> None:
        """Go so many moments on, or back."""
        self._turn(lambda scrubber: scrubber.step(moments))

    def action_time_minutes(self, by: int) -> None:
        """Go so many minutes on, or back."""
        self._turn(lambda scrubber: scrubber.minutes(by))

    def action_time_edge(self, side: int) -> None:
        """Go to the beginning (−1) or the end (1)."""
        self._turn(lambda scrubber: scrubber.edge(side))

    def action_time_finding(self, direction: int) -> None:
        """Go to where the next finding began (1), or the one before (−1)."""
        if complaint := self._turn(lambda scrubber: scrubber.finding(direction)):
            self.notify(complaint, timeout=2)

    def action_time_zoom(self, direction: int) -> None:
        """Have the timeline show less (1) or more (−1) time."""
        self._turn(lambda scrubber: scrubber.zoom(direction))

    def action_time_ask(self) -> None:
        """Ask for a time to go to."""
        screen = self.screen
        if isinstance(screen, ViewScreen):
            screen.prompt.ask(
                "Go to:",
                "",
                lambda text: self._turn(lambda scrubber: scrubber.go_to_text(text)),
                "03:12 · 03:12:40 · -90s from the end",
            )

    @on(Timeline.Chosen)
    def time_chosen(self, message: Timeline.Chosen) -> None:
        """Go to where the timeline was clicked."""
        self._turn(lambda scrubber: scrubber.go_to(message.time))
