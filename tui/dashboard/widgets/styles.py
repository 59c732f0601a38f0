"""Component classes as Rich styles that can be laid over any background."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget

Run = tuple[str, str]
"""A piece of text and its role: a component class of the widget, or "" for plain."""

ROLES = ("live", "locked", "reusable", "free", "mark", "passed", "dim", "figure", "warn", "alarm")
"""What the parts of a gauge are, and what stands beside one."""


def role_classes(prefix: str, *more: str) -> set[str]:
    """Return the component classes of a widget that draws these roles, and more."""
    return {f"{prefix}--{role}" for role in (*ROLES, *more)}


def foreground(widget: Widget, name: str) -> Style:
    """Return a component class's colour and attributes, without its background.

    The colour is taken after blending, so that translucent theme colours come out right.
    """
    style = widget.get_component_rich_style(name)
    return Style(
        color=style.color,
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        strike=style.strike,
        reverse=style.reverse,
    )


def backdrop(widget: Widget, name: str) -> Style:
    """Return a component class's background and weight, without its colour."""
    style = widget.get_component_rich_style(name)
    return Style(bgcolor=style.bgcolor, bold=style.bold, reverse=style.reverse)
