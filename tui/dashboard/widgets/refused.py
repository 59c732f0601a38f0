"""What the kernel refused, as the title and a pattern's own screen tell it."""

from __future__ import annotations

from rich.text import Text

from tui.analysis.patterns import PatternKey
from tui.analysis.refused import Agreed, Tallies, Tally, first_of
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.sparkline import resample, sparkline
from tui.dashboard.widgets.styles import Run
from tui.watching.view import View
from tui.writing.words import span

NAMED = 4
"""Processes that are told of one pattern."""


class RefusedLines(TextPanel[View]):
    """What a pattern was refused, by whom, and for how long the verdict and the kernel agreed."""

    def __init__(self, key: PatternKey) -> None:
        super().__init__(id="refused")
        self.key = key
        self.display = False

    def show(self, view: View) -> None:
        """Show a view; where nothing is counted there is nothing to show."""
        self.display = view.trends.refused is not None
        super().show(view)

    def draw(self, view: View) -> Text:
        """Draw a line of figures, and one of what they say of twtop."""
        tallies = view.trends.refused
        if tallies is None:
            return Text()
        tally = tallies.tuples.get(self.key, Tally())
        runs: list[Run] = [(" connects refused ", "")]
        if tally.total:
            runs.append((amount(tallies, tally), "alarm" if tallies.rate(tally) else "figure"))
            runs.append((f" in all {curve(tallies, tally, 20)} ", "alarm"))
            names = first_of(tally.by, NAMED)
            runs.append((" · " + ", ".join(f"{who} {count:,}" for who, count in names), ""))
        else:
            runs.append((f"none in {span(tallies.until - tallies.since)}", "figure"))
        if tallies.broken:
            second: list[Run] = [(f" no longer counted: {tallies.broken}", "warn")]
        else:
            second = agreement(tallies.agreed.get(self.key, Agreed()))
        return self.stacked([self.line(runs), self.line(second)])


def agreement(agreed: Agreed) -> list[Run]:
    """Return for how long twtop and the kernel have said the same of one pattern."""
    left_out = ""
    if round(agreed.left_out):
        left_out = f"; {agreed.left_out:.0f} s left out, when ports ran out or came back"
    if not round(agreed.compared):
        return [(f" nothing to compare yet between twtop and the kernel{left_out}", "dim")]
    text = f" the kernel agreed in {agreed.seconds:.0f} of {agreed.compared:.0f} s"
    return [(text, "warn" if round(agreed.at_odds) else ""), (left_out, "dim")]


def title_notes(view: View) -> tuple[Run, Run] | None:
    """Return what the title says of refusals elsewhere and here, None where none are counted."""
    tallies = view.trends.refused
    if tallies is None:
        return None
    others = tallies.elsewhere.total + tallies.lost.total
    elsewhere = f" {others:,} refused elsewhere " if others else ""
    rate, total = tallies.rate(*tallies.tuples.values()), tallies.total
    if tallies.broken:
        here = " refusals are no longer counted ", "warn"
    elif total:
        here = f" refused {rate:,.0f}/s, {total:,} in all ", "warn" if rate else "dim"
    else:
        here = " none refused ", "dim"
    return (elsewhere, "dim"), here


def amount(tallies: Tallies, tally: Tally) -> str:
    """Return how many are refused per second, and how many were in all."""
    return f"{tallies.rate(tally):,.0f}/s {tally.total:,}"


def curve(tallies: Tallies, tally: Tally, width: int) -> str:
    """Return a sparkline of the last minute."""
    return sparkline(resample(tallies.per_second(tally), width, int(tallies.until)), width)
