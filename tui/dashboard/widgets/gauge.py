"""The gauge of a pattern's ports: live, locked in TIME-WAIT, reusable, free."""

from __future__ import annotations

from itertools import groupby

from tui.analysis.judgement import PortUse
from tui.analysis.ports import SLOW_CONNECT
from tui.dashboard.widgets.glyphs import glyphs


def parts(use: PortUse) -> dict[str, int]:
    """Return the ports by what holds them; they add up to the capacity, as far as that goes."""
    return {
        "live": use.live,
        "locked": use.waiting,
        "reusable": use.reusable,
        "free": max(use.free, 0),
    }


def glyph_of(part: str) -> str:
    """Return the glyph of one of the ``parts``: each has a shape of its own."""
    glyph: str = getattr(glyphs(), part)
    return glyph


def gauge(use: PortUse, width: int, threshold: float) -> list[tuple[str, str]]:
    """Return the gauge as (text, role) runs of together ``width`` cells.

    The 50 % slow-connect line and the
    ``threshold`` (a percentage of capacity) are marked, over what fills it as role "passed".
    What connect() cannot have is "warn" beyond the first and "alarm" beyond the second, as
    it is judged.
    """
    kinds = cells(use, width)
    if use.capacity <= 0:
        return [("".join(map(glyph_of, kinds)), "free")]
    slow = min(int(SLOW_CONNECT * width), width - 1)
    hot = min(int(threshold / 100 * width), width - 1)
    found = [(glyph_of(kind), _role(kind, at, slow, hot)) for at, kind in enumerate(kinds)]
    for at, mark in ((slow, glyphs().slow), (hot, glyphs().threshold)):
        if not kinds:
            break
        if kinds[at] == "free":
            found[at] = mark, "mark"
        elif kinds.count(kinds[at]) > 2:  # else two marks could hide a whole part
            found[at] = mark, "passed"
    return [
        ("".join(text for text, _ in run), role)
        for role, run in groupby(found, key=lambda cell: cell[1])
    ]


def cells(use: PortUse, width: int) -> list[str]:
    """Return what fills each of ``width`` cells; a part that is not empty has at least one."""
    shares = parts(use)
    capacity = sum(shares.values())
    if width <= 0 or capacity <= 0:
        return ["free"] * width
    kinds: list[str] = []
    held = [(name, share) for name, share in shares.items() if share]
    filled = 0
    for left, (name, share) in zip(range(len(held) - 1, -1, -1), held, strict=True):
        filled += share
        # each part still to come keeps a cell, and this one has one
        end = max(min(round(filled / capacity * width), width - left), len(kinds) + 1)
        kinds += [name] * (min(end, width) - len(kinds))
    return kinds + ["free"] * (width - len(kinds))


def _role(kind: str, at: int, slow: int, hot: int) -> str:
    if kind not in ("live", "locked") or at < min(slow, hot):
        return kind
    return "alarm" if at >= hot else "warn"
