"""Keys: how a binding is written, and the user's own in place of those that are built in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

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
    *,
    acts: bool,
    touches: bool,
) -> Iterator[tuple[str, str]]:
    """Yield the keys and the meaning of each binding of these; ``keys`` are the user's.

    Those that change something are among them where it ``acts``, and those that do something else
    to the host where it ``touches`` that.
    """
    for one in chain.from_iterable(map(own, nodes)):
        works = touches or one.action not in TOUCHING
        if one.description and works and (acts or not (one.id or "").startswith(ACT)):
            present = one.with_key(keys.get(one.id or "", one.key))
            yield " ".join(map(display, Binding.make_bindings([present]))), one.tooltip
