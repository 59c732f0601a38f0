"""Sparklines and areas from zero up: a flat line looks flat."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isqrt, log10

from tui.dashboard.widgets.glyphs import glyphs


def sparkline(values: Sequence[float], width: int, top: float = 0.0) -> str:
    """Return one line of blocks: the last ``width`` values against ``max(top, values)``.

    A value above zero shows at least the lowest block. Fewer values are right-aligned.
    """
    return sparkrows(values, width, 1, top)[0]


def sparkrows(values: Sequence[float], width: int, height: int, top: float = 0.0) -> list[str]:
    """Return ``height`` lines of blocks, topmost first, as for sparkline()."""
    shown = list(values)[-width:] if width > 0 else []
    ceiling = max(top, *shown, 1e-9) if shown else 1.0
    levels = glyphs().levels
    full = len(levels) - 1
    steps = [max(1, round(value / ceiling * height * full)) if value > 0 else 0 for value in shown]
    return [
        "".join(levels[min(max(step - row * full, 0), full)] for step in steps).rjust(width)
        for row in reversed(range(height))
    ]


def arearows(values: Sequence[float], height: int, top: float) -> list[str]:
    """Return ``height`` lines, topmost first, filled up to the values: two of them a cell.

    A value above zero shows at least the lowest step; what is above ``top`` is cut off there.
    """
    area = glyphs().area
    heights = isqrt(len(area))
    full = heights - 1
    most = height * full
    steps = [
        min(max(1, round(value / top * most)), most) if value > 0 and top > 0 else 0
        for value in values
    ]
    return [
        "".join(
            area[
                heights * min(max(left - row * full, 0), full)
                + min(max(right - row * full, 0), full)
            ]
            for left, right in zip(steps[::2], steps[1::2], strict=True)
        )
        for row in reversed(range(height))
    ]


def scale_of(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten, at least this: a scale that rarely changes."""
    if value <= 0:
        return 1.0
    power = 10.0 ** int(log10(value) - (value < 1))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= value))


def resample(values: Sequence[float], width: int, newest: int = 0) -> list[float]:
    """Return one value a second as averages over equal spans, at most ``width`` of them.

    ``newest`` is the clock's second of the last value. Spans begin where the clock divides by
    their length, so that a picture of what has not changed moves on by a cell once a span,
    and does not flicker each second.
    """
    count = len(values)
    if count <= width or width <= 0:
        return list(values)
    length = -(-count // width)
    last = newest % length + 1  # what there is of the present span
    edges = [count, *range(count - last, -1, -length)]
    if edges[-1] > 0 and len(edges) <= width:
        edges.append(0)
    edges = edges[width::-1]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
