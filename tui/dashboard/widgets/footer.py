"""The keys at the foot of a screen: those that matter first, as many as there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, runtime_checkable

from rich.text import Text
from textual import events
from textual.binding import ActiveBinding, Binding
from textual.screen import Screen
from textual.timer import Timer

from tui.dashboard.widgets.panel import TextPanel
from tui.writing.words import short


@runtime_checkable
class Naming(Protocol):
    """An app whose keys do one thing now and another then."""

    def name_of(self, binding: Binding) -> str:
        """Return what a key does now, in a word."""
        ...


SAID_SECONDS = 5
"""How long something is said in the place of the keys."""
GAP = 2
"""Cells between two keys, as the stylesheet has it."""


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing that the footer tells: the keys of these bindings, and what they do."""

    ids: Sequence[str]
    name: str = ""
    """In place of the binding's own."""


def each(*ids: str) -> tuple[Hint, ...]:
    """Return a hint for each of these bindings."""
    return tuple(Hint((one,)) for one in ids)


LAST = each("app.help", "app.quit")
"""What stands at the right, and never gives way."""
AT_A_PROMPT = each("prompt.accept", "prompt.cancel")


@dataclass(frozen=True, slots=True)
class Key:
    """What stands in the footer for one hint."""

    key: str
    """The first of its keys: what a click presses."""
    display: str
    name: str
    tooltip: str

    @property
    def width(self) -> int:
        """Cells that it takes."""
        return len(self.display) + 1 + len(self.name)


@dataclass(frozen=True, slots=True)
class Keys:
    """All that may stand in the footer now, and what stands at its right whatever there is."""

    wanted: tuple[Key, ...]
    last: tuple[Key, ...]
    said: str = ""
    """What is said in the place of those that are wanted."""

    def room(self, width: int) -> int:
        """Return how many cells there are for what is wanted."""
        return width - sum(key.width + GAP for key in self.last)

    def placed(self, width: int) -> Iterator[tuple[int, Key]]:
        """Yield each key that has room, with the column where it begins."""
        begin, end = 0, self.room(width)
        for key in self.wanted:
            if begin + key.width + GAP > end:
                break
            yield begin, key
            begin += key.width + GAP
        for key in self.last:
            yield end, key
            end += key.width + GAP


class KeysFooter(TextPanel[Keys]):
    """The footer, for as wide a terminal as there is.

    One line that is drawn where it changes: Textual's own makes a widget a key, and all of them
    anew whenever the focus moves.
    """

    ALLOW_SELECT = False

    def __init__(self, wanted: Sequence[Hint]) -> None:
        """``wanted`` stand in the order in which they matter."""
        super().__init__(id="footer")
        self._wanted = wanted
        self._said = ""
        self._silence: Timer | None = None
        self.at_prompt = False
        """Are the keys those of the prompt that is open?"""

    def on_mount(self) -> None:
        """Follow the keys that are of use."""
        self.screen.bindings_updated_signal.subscribe(self, self._follow)

    def say(self, text: str) -> None:
        """Say something in the place of the keys, for a while; an empty text brings them back."""
        self._said = text
        self._follow(self.screen)
        if self._silence is not None:
            self._silence.stop()
        self._silence = self.set_timer(SAID_SECONDS, partial(self.say, "")) if text else None

    def _follow(self, screen: Screen[object]) -> None:
        """Show the keys that are of use now."""
        if screen is not self.screen or not self.app.app_focus:
            return
        active: dict[str, Binding] = {}
        for one in screen.active_bindings.values():
            if one.binding.id is not None and one.enabled:
                active.setdefault(one.binding.id, self._as_declared(one))
        wanted = AT_A_PROMPT if self.at_prompt else () if self._said else self._wanted
        last, said = ((), "") if self.at_prompt else (LAST, self._said)
        keys = Keys(tuple(self._keys(wanted, active)), tuple(self._keys(last, active)), said)
        if keys != self.shown:
            self.show(keys)

    def _as_declared(self, one: ActiveBinding) -> Binding:
        """Return a binding with the first of its keys, which another widget may hide here."""
        if one.binding.id in self.app._keymap:
            return one.binding
        same = (declared for _, declared in one.node._bindings if declared.id == one.binding.id)
        return next(same, one.binding)

    def _keys(self, wanted: Iterable[Hint], active: dict[str, Binding]) -> Iterator[Key]:
        for hint in wanted:
            bindings = [active[one] for one in hint.ids if one in active]
            if bindings:
                first = bindings[0]
                display = joined_keys([self.app.get_key_display(one) for one in bindings])
                yield Key(first.key, display, hint.name or self._named(first), first.tooltip)

    def _named(self, binding: Binding) -> str:
        return self.app.name_of(binding) if isinstance(self.app, Naming) else binding.description

    def draw(self, shown: Keys) -> Text:
        """Draw the keys that have room."""
        line = Text(short(shown.said, shown.room(self.size.width)), no_wrap=True)
        for begin, key in shown.placed(self.size.width):
            line.pad_right(begin - len(line))
            line.append(key.display, self.style("key")).append(f" {key.name}")
        return line

    def _under(self, event: events.MouseEvent) -> Key | None:
        """Return the key that the mouse is at."""
        place = event.get_content_offset(self)
        if self.shown is None or place is None:
            return None
        placed = self.shown.placed(self.size.width)
        return next((key for begin, key in placed if begin <= place.x < begin + key.width), None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Have the tooltip say what the key does that the mouse is at."""
        key = self._under(event)
        tooltip = None if key is None else key.tooltip
        if tooltip != self.tooltip:
            self.tooltip = tooltip

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        if (key := self._under(event)) is not None:
            self.app.simulate_key(key.key)


def joined_keys(displays: Sequence[str]) -> str:
    """Return several keys in short: ``n N``, ``1–6``."""
    digits = [int(one) for one in displays if one.isdigit()]
    if len(digits) == len(displays) > 2 and digits == list(range(digits[0], digits[-1] + 1)):
        return f"{digits[0]}–{digits[-1]}"
    return " ".join(displays)
