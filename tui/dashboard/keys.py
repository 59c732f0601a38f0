"""Keys: how a binding is written, and the user's own in place of those that are built in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from textual.binding import Binding
from textual.dom import DOMNode

TOUCHING = frozenset({"suspend", "count_refusals", "export", "record", "ssh"})
"""Actions that change no setting and give back no port, but that do something to this host all the
same: they stop the process, have the kernel count, write a file, run a command."""
ACT = "act."
"""What the ids of the keys begin with that change something."""


def bind(
    id: str,  # noqa: A002
    keys: str,
    action: str,
    name: str,
    tooltip: str,
    priority: bool = False,
) -> Binding:
    """Return a binding that can be named in the settings, and is told in help and palette.

    ``keys`` are separated by commas, the first being what the footer shows. Without a ``name``
    it is listed nowhere. ``priority`` lets it work while something is typed.
    """
    return Binding(keys, action, name, show=False, tooltip=tooltip, id=id, priority=priority)


def own(node: type[DOMNode]) -> list[Binding]:
    """Return the bindings that a class itself declares."""
    return [one for one in node.__dict__.get("BINDINGS", ()) if isinstance(one, Binding)]


def listed(
    nodes: Iterable[type[DOMNode]],
    keys: Mapping[str, str],
    display: Callable[[Binding], str],
    works: Callable[[type[DOMNode], Binding], bool],
) -> Iterator[tuple[str, str]]:
    """Yield the keys and the meaning of each binding of these; ``keys`` are the user's.

    ``works`` says of each key of a node whether it does there what its binding says.
    """
    for node in nodes:
        for one in own(node):
            there = [key for key in pressed(one, keys) if works(node, key)]
            if one.description and there:
                yield " ".join(map(display, there)), one.tooltip


def pressed(binding: Binding, keys: Mapping[str, str]) -> Iterable[Binding]:
    """Return a binding for each key that it is pressed by; ``keys`` are the user's."""
    present = binding.with_key(keys.get(binding.id or "", binding.key))
    return Binding.make_bindings([present])
