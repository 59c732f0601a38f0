"""Keys: how a binding is written, and the user's own in place of those that are built in."""

from __future__ import annotations

from textual.binding import Binding

TOUCHING = frozenset({"suspend", "count_refusals", "export", "record"})
"""Actions that change no setting and give back no port, but that do something to this host all the
same: they stop the process, have the kernel count, write a file."""


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
