"""How numbers and spans of time are written on screen."""

from __future__ import annotations

import math

DASH = "–"


def signed(value: float | None) -> str:
    """Return a change per second: ``+312``, ``−4.2``, ``0``; a dash where it is unknown."""
    if value is None or math.isnan(value):
        return DASH
    if abs(value) < 0.05:
        return "0"
    digits = 0 if abs(value) >= 10 else 1
    return f"{value:+,.{digits}f}".replace("-", "−")


def span(seconds: float) -> str:
    """Return a span of time in its two-figure unit: ``45 s``, ``3 min``, ``2 h``."""
    if math.isinf(seconds):
        return DASH
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def short(text: str, width: int) -> str:
    """Cut a text to a width, with an ellipsis where something was cut."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""
