"""Numbers as people read them."""

from __future__ import annotations


def count(number: int, thing: str) -> str:
    """Return "1 port", "2,000 ports"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def duration(seconds: float) -> str:
    """Return a time to two or three figures: "18 µs", "1.9 ms", "41 s"."""
    for unit, size in (("µs", 1e-6), ("ms", 1e-3)):
        if round(seconds / size) < 1000:
            return f"{_figures(seconds / size)} {unit}"
    return f"{_figures(seconds)} s"


def _figures(number: float) -> str:
    return f"{number:.1f}" if 0 < number < 9.95 else f"{number:,.0f}"


def joined(parts: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
