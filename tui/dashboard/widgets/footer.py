"""The keys at the foot of a screen: those that matter first, as many as there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding
from textual.widgets import Footer, Static
from textual.widgets._footer import FooterKey


@runtime_checkable
class Naming(Protocol):
    """An app whose keys do one thing now and another then."""

    def name_of(self, binding: Binding) -> str:
        """Return what a key does now, in a word."""
        ...


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


class KeysFooter(Footer):
    """The footer, for as wide a terminal as there is."""

    def __init__(self, wanted: Sequence[Hint]) -> None:
        """``wanted`` stand in the order in which they matter."""
        super().__init__(compact=True)
        self._wanted = wanted
        self.at_prompt = False
        """Are the keys those of the prompt that is open?"""

    def compose(self) -> ComposeResult:
        """Yield the keys that are of use now, as far as they fit."""
        if not self._bindings_ready:
            return
        active: dict[str, Binding] = {}
        for one in self.screen.active_bindings.values():
            if one.binding.id is not None and one.enabled:
                active.setdefault(one.binding.id, self._as_declared(one))
        last = [] if self.at_prompt else self._keys(LAST, active)
        room = self.size.width - sum(map(_width, last))
        for key in self._keys(AT_A_PROMPT if self.at_prompt else self._wanted, active):
            room -= _width(key)
            if room < 0:
                break
            yield key
        yield FooterRoom()
        yield from last

    def _as_declared(self, one: ActiveBinding) -> Binding:
        """Return a binding with the first of its keys, which another widget may hide here."""
        if one.binding.id in self.app._keymap:
            return one.binding
        same = (declared for _, declared in one.node._bindings if declared.id == one.binding.id)
        return next(same, one.binding)

    def _keys(self, wanted: Iterable[Hint], active: dict[str, Binding]) -> list[FooterKey]:
        found = []
        for hint in wanted:
            bindings = [active[one] for one in hint.ids if one in active]
            if not bindings:
                continue
            displays = [self.app.get_key_display(binding) for binding in bindings]
            first = bindings[0]
            found.append(
                FooterKey(
                    first.key,
                    joined_keys(displays),
                    hint.name or self._named(first),
                    first.action,
                    tooltip=first.tooltip,
                    classes="-compact",
                )
            )
        return found

    def _named(self, binding: Binding) -> str:
        return self.app.name_of(binding) if isinstance(self.app, Naming) else binding.description

    def on_resize(self) -> None:
        """Show more keys where there is room, or fewer."""
        self.call_after_refresh(self.recompose)


class FooterRoom(Static):
    """What keeps the last keys at the right."""


def joined_keys(displays: Sequence[str]) -> str:
    """Return several keys in short: ``n N``, ``1–6``."""
    digits = [int(one) for one in displays if one.isdigit()]
    if len(digits) == len(displays) > 2 and digits == list(range(digits[0], digits[-1] + 1)):
        return f"{digits[0]}–{digits[-1]}"
    return " ".join(displays)


def _width(key: FooterKey) -> int:
    return len(key.key_display) + 1 + len(key.description) + GAP
