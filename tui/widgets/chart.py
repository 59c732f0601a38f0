"""plotext charts as terminal text; the only place that knows plotext."""

from __future__ import annotations

from collections.abc import Sequence

import plotext
from rich.text import Text


def line_chart(
    times: Sequence[float],
    series: Sequence[tuple[str, Sequence[float], str]],
    *,
    top: float,
    width: int,
    height: int,
) -> Text:
    """Draw lines over time; ``times`` in seconds before now (≤ 0), ``series`` as
    (label, values, colour). The y axis runs from zero to ``top`` at least.
    """
    plot = _blank(width, height)
    highest = max([top, 1.0, *(value for _, values, _ in series for value in values)])
    for label, values, colour in series:
        plot.plot(list(times), list(values), label=label, marker="braille", color=colour)
    plot.ylim(0, highest * 1.05)
    first = min([-60.0, *times])
    plot.xlim(first, 0)
    ticks = [first, first / 2, 0]
    plot.xticks(ticks, [_before(tick) for tick in ticks])
    marks = [0, highest / 2, highest]
    plot.yticks(marks, [f"{mark:,.0f}" for mark in marks])
    return Text.from_ansi(plot.build())


def bar_chart(values: Sequence[float], *, colour: str, width: int, height: int) -> Text:
    """Draw values per second from now on as bars."""
    plot = _blank(width, height)
    plot.bar(list(range(len(values))), list(values), marker="sd", color=colour, width=0.9)
    highest = max([1.0, *values])  # plotext divides by zero on equal limits
    plot.ylim(0, highest * 1.05)
    plot.xticks([0, 15, 30, 45, 59], ["now", "+15 s", "+30 s", "+45 s", "+60 s"])
    marks = [0, highest / 2, highest] if highest > 1 else [0, 1]
    plot.yticks(marks, [f"{mark:,.0f}" for mark in marks])
    return Text.from_ansi(plot.build())


def _blank(width: int, height: int) -> plotext:
    plotext.clf()
    plotext.theme("clear")
    plotext.plotsize(max(width, 20), max(height, 4))
    plotext.frame(False)
    plotext.grid(False, False)
    return plotext


def _before(seconds: float) -> str:
    if seconds == 0:
        return "now"
    if seconds > -100:
        return f"−{-seconds:.0f} s"
    return f"−{-seconds / 60:.0f} min"
