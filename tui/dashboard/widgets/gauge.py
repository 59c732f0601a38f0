"""The gauge of a pattern's ports: live, locked in TIME-WAIT, reusable, free."""

from __future__ import annotations

from tui.analysis.judgement import PortUse
from tui.analysis.ports import SLOW_CONNECT

GLYPHS = {"live": "█", "locked": "▓", "reusable": "▒", "free": "·"}
"""Each part has a glyph of its own, since colour alone must not carry a meaning."""
SLOW_MARK, THRESHOLD_MARK = "┊", "│"


def parts(use: PortUse) -> dict[str, int]:
    """Return the ports by what holds them; they add up to the capacity, as far as that goes."""
    return {
        "live": use.live,
        "locked": use.waiting,
        "reusable": use.reusable,
        "free": max(use.free, 0),
    }


def gauge(use: PortUse, width: int, threshold: float) -> list[tuple[str, str]]:
    """Return the gauge as (text, part) runs of together ``width`` cells.

    A part that is not empty has at least one cell. In the free room the 50 % slow-connect
    line and the ``threshold`` (a percentage of capacity) are marked.
    """
    shares = parts(use)
    capacity = sum(shares.values())
    if width <= 0 or capacity <= 0:
        return [("·" * max(width, 0), "free")]
    runs: list[tuple[str, str]] = []
    held = [(name, share) for name, share in shares.items() if share]
    used = filled = 0
    for left, (name, share) in zip(range(len(held) - 1, -1, -1), held, strict=True):
        filled += share
        # each part still to come keeps a cell, and this one has one
        end = max(min(round(filled / capacity * width), width - left), used + 1)
        if name == "free":
            break
        cells = min(end, width) - used
        runs.append((GLYPHS[name] * cells, name))
        used += cells
    marks = {
        min(int(SLOW_CONNECT * width), width - 1): SLOW_MARK,
        min(int(threshold / 100 * width), width - 1): THRESHOLD_MARK,
    }
    for cell in range(used, width):
        text, kind = (marks[cell], "mark") if cell in marks else (GLYPHS["free"], "free")
        if runs and runs[-1][1] == kind:
            text = runs.pop()[0] + text
        runs.append((text, kind))
    return runs
