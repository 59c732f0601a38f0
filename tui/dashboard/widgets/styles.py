"""What the parts of a line are, and how each looks: Rich styles for any background."""

from __future__ import annotations

from rich.style import Style
from textual.widget import Widget

Run = tuple[str, str]
"""A piece of text and its role, "" being plain."""

GAUGE = ("live", "locked", "reusable", "free", "mark", "passed")
TEXT = ("dim", "figure", "warn", "alarm", "good", "new", "gone", "command", "key", "header")
REST = ("main", "bar", "at", "frozen", "cursor", "blurred")
ROLE_CLASSES = {f"role--{role}" for role in (*GAUGE, *TEXT, *REST)}
"""All are component classes of the screen, and its panels draw with them: a theme styles these
few, and not as many for each panel."""


def foreground(widget: Widget, role: str) -> Style:
    """Return a role's colour and attributes, without its background.

    The colour is taken after blending, so that translucent theme colours come out right.
    """
    style = widget.screen.get_component_rich_style(f"role--{role}")
    return Style(
        color=style.color,
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        strike=style.strike,
        reverse=style.reverse,
    )


def backdrop(widget: Widget, role: str) -> Style:
    """Return a role's background and weight, without its colour."""
    style = widget.screen.get_component_rich_style(f"role--{role}")
    return Style(bgcolor=style.bgcolor, bold=style.bold, reverse=style.reverse)
