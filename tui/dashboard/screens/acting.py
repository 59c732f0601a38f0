"""Screens that act: on the pattern that is selected there, or by the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

from textual.binding import BindingType

from tui.acting.freeing import SAFE_AGE_MS
from tui.acting.keeping import Goal
from tui.acting.settings import wanted_by
from tui.analysis.patterns import Direction, PatternKey
from tui.dashboard.acts import Act, ApplyAct, FreeAct, KeepAct, StopKeepingAct
from tui.dashboard.keepings import Keepings
from tui.dashboard.keys import bind
from tui.dashboard.screens.view_screen import ViewScreen
from tui.kernel.places import Place
from tui.watching.view import View


@runtime_checkable
class Actor(Protocol):
    """An app that can do something."""

    @property
    def acts(self) -> bool:
        """Whether it may: the place is there now, and it was not told to leave all as it is."""
        ...

    @property
    def keepings(self) -> Keepings:
        """What it keeps free."""
        ...

    def ask(self, act: Act) -> None:
        """Ask whether to do something, and do it."""


class ActingScreen(ViewScreen[View]):
    """What has keys of its own only where something may be done."""

    @property
    def actor(self) -> Actor:
        """The app."""
        assert isinstance(self.app, Actor)
        return self.app

    @property
    def place(self) -> Place:
        """Where it would be done."""
        assert self.view is not None
        return self.view.frame.reading.place

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have none of these keys where nothing may be done."""
        if action in ("free", "keep", "apply"):
            return self.view is not None and self.actor.acts
        return super().check_action(action, parameters)


class PatternActs(ActingScreen):
    """A screen with a pattern whose TIME-WAITs can end."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("act.free", "F", "free", "Free", "Free its ports: end TIME-WAITs now"),
        bind("act.keep", "K", "keep", "Keep", "Keep its port use below a level, or stop"),
    ]

    @property
    def pattern(self) -> PatternKey | None:
        """The pattern that the keys are about."""
        raise NotImplementedError

    def outgoing(self, why: str = "only those can run out of ports") -> PatternKey | None:
        """Return the pattern if it is an outgoing one, else say that it has to be, and why."""
        key, view = self.pattern, self.view
        if key is not None and key.direction is Direction.OUTGOING:
            return key
        there = view is not None and (view.frame.patterns.direction == Direction.OUTGOING).any()
        missing = "select an outgoing pattern" if there else "there is no outgoing pattern"
        if self.about is not None:  # one's own screen, where none can be selected
            missing = "this is no outgoing pattern"
        self.notify(f"{missing} (→): {why}", timeout=4)
        return None

    def action_free(self) -> None:
        """Ask from what age on TIME-WAITs end, and then whether they shall."""
        if (key := self.outgoing()) is None:
            return
        place = self.place

        def answer(text: str) -> str | None:
            seconds = _number(text.strip().removesuffix("s"), 0, 3600)
            if seconds is None:
                return "a number of seconds from 0 to 3600"
            self.actor.ask(FreeAct(place, key, round(1000 * seconds)))
            return None

        self.prompt.ask("End TIME-WAITs older than (seconds):", f"{SAFE_AGE_MS / 1000:g}", answer)

    def action_keep(self) -> None:
        """Ask for the level, and then whether to keep it; where it is kept, whether to stop."""
        if (key := self.outgoing()) is None:
            return
        for one in self.actor.keepings.own:
            if one.on and one.goal.covers(key):
                self.actor.ask(StopKeepingAct(one))
                return
        place, threshold = self.place, self.view.threshold if self.view is not None else 80

        def answer(text: str) -> str | None:
            below = _number(text.strip().removesuffix("%"), 0.1, 100)
            if below is None:
                return "a percentage from 0.1 to 100"
            goal = Goal(key.local_ip, key.remote_ip, key.remote_port, below, SAFE_AGE_MS)
            self.actor.ask(KeepAct(place, goal, self.actor.keepings.begin))
            return None

        self.prompt.ask("Keep below (% of capacity):", f"{threshold:g}", answer)


class RemedyActs(ActingScreen):
    """A screen with remedies, of which some are settings."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("act.apply", "a", "apply", "Apply", "Apply the settings; u undoes it"),
    ]

    @property
    def remedies(self) -> Sequence[Sequence[str]]:
        """The shell lines of each remedy that the key may be about, the first choice first."""
        raise NotImplementedError

    @property
    def beneficiary(self) -> PatternKey | None:
        """The pattern that it is to help."""
        raise NotImplementedError

    def _wanted(self) -> dict[str, str]:
        return next((found for lines in self.remedies if (found := wanted_by(lines))), {})

    @property
    def why_not(self) -> str:
        """What to say where there is nothing to apply."""
        return "nothing to apply: no remedy here is a setting that twtop can change"

    def action_apply(self) -> None:
        """Ask whether to make the change, or say why there is none to make."""
        if wanted := self._wanted():
            self.actor.ask(ApplyAct(self.place, wanted, self.beneficiary))
        else:
            self.notify(self.why_not, timeout=4)


def _number(text: str, low: float, high: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if low <= number <= high else None
