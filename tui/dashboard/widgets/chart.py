"""plotext charts as terminal text; the only place that knows plotext."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


def line_chart(
    times: Sequence[float],
    series: Sequence[tuple[Sequence[float], Colour]],
    *,
    top: float,
    width: int,
    height: int,
) -> Text:
    """Draw lines over time; ``times`` in seconds before now (≤ 0), ``series`` as
    (values, colour). The y axis runs from zero to ``top`` at least.
    """
    plot = _blank(width, height)
    highest = max([top, 1.0, *(value for values, _ in series for value in values)])
    for values, colour in series:
        plot.plot(list(times), list(values), marker="braille", color=colour)
    plot.ylim(0, highest * 1.05)
    first = min([-60.0, *times])
    plot.xlim(first, 0)
    ticks = [first, first / 2, 0]
    plot.xticks(ticks, [_before(tick) for tick in ticks])
    _mark_heights(plot, highest, height)
    return Text.from_ansi(plot.build())


def bar_chart(values: Sequence[float], *, colour: Colour, width: int, height: int) -> Text:
    """Draw values per second from now on as bars."""
    plot = _blank(width, height)
    plot.bar(list(range(len(values))), list(values), marker="sd", color=colour, width=0.9)
    highest = max([1.0, *values])  # plotext divides by zero on equal limits
    plot.ylim(0, highest * 1.05)
    plot.xlim(-0.5, len(values) - 0.5)
    plot.xticks([0, 15, 30, 45], ["now", "+15 s", "+30 s", "+45 s"])
    _mark_heights(plot, highest, height)
    return Text.from_ansi(plot.build())


def _blank(width: int, height: int) -> Any:
    import plotext  # 30 ms that the dashboard need not wait for

    plotext.clf()
    plotext.limit_size(False, False)  # the panel's size counts, not the terminal's
    plotext.theme("clear")
    plotext.plotsize(max(width, 20), max(height, 4))
    plotext.frame(False)
    plotext.grid(False, False)
    return plotext


def _mark_heights(plot: Any, highest: float, height: int) -> None:
    marks = [0, highest / 2, highest] if height >= 8 and highest >= 2 else [0, highest]
    plot.yticks(marks, [f"{mark:,.0f}" for mark in marks])


def _before(seconds: float) -> str:
    if seconds == 0:
        return "now"
    if seconds > -100:
        return f"−{-seconds:.0f} s"
    return f"−{-seconds / 60:.0f} min"
