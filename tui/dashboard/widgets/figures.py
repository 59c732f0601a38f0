"""The figures of a plan: rate and lifetime, live until the user sets them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.text import Text
from textual import events
from textual.message import Message

from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.styles import Run
from tui.planning.demand import Estimate, Observed
from tui.planning.remedies import Plan
from tui.report.plan import LIFETIME_FROM, RATE_FROM, plain_number
from tui.writing.words import plural, short

STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
"""What ← and → step through, at every power of ten."""
SPANS = {"rate": (0.1, 1e7), "lifetime": (0.001, 1e5)}
"""Least and most of each figure; a lifetime may be 0 too."""
NAMES = {"rate": "Rate", "lifetime": "Lifetime"}
UNITS = {"rate": "/s", "lifetime": " s"}
LABEL, VALUE = 12, 14
"""Cells of a figure's name, and of its value between the two arrows."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user has set; None is the live figure."""

    rate: float | None = None
    lifetime: float | None = None
    focused: str = "rate"

    def value(self, name: str) -> float | None:
        """Return a figure that was set."""
        return self.rate if name == "rate" else self.lifetime

    def with_value(self, value: float | None) -> Wanted:
        """Return the same with another value of the focused figure."""
        if self.focused == "rate":
            return replace(self, rate=value)
        return replace(self, lifetime=value)


def stepped(name: str, value: float, direction: int) -> float:
    """Return the next step above (1) or below (−1) a value."""
    low, high = SPANS[name]
    grid = [step * 10.0**power for power in range(-3, 8) for step in STEPS]
    grid = [step for step in grid if low <= step <= high]
    if name == "lifetime":
        grid.insert(0, 0.0)
    if direction > 0:
        return next((step for step in grid if step > value * (1 + 1e-9)), grid[-1])
    return next((step for step in reversed(grid) if step < value * (1 - 1e-9)), grid[0])


def parsed(name: str, text: str) -> float | str:
    """Return the number that a text says, or why it cannot be taken."""
    low, high = SPANS[name]
    try:
        value = float(text.strip().removesuffix("/s").removesuffix("s").replace(",", ""))
    except ValueError:
        return f"“{text}” is not a number"
    if name == "lifetime" and value == 0:
        return value
    if not low <= value <= high:
        return f"must be between {low:,g} and {high:,.0f}"
    return value


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the panel shows, of one moment."""

    wanted: Wanted
    observed: Observed | None
    """What the pattern's sockets showed last."""
    estimate: Estimate | None
    """None where nothing tells the rate."""
    plan: Plan | None
    gone: str = ""
    """Since when the pattern has no sockets: "now", or "then" in the past; empty if it has some."""

    def value(self, name: str) -> float | None:
        """Return a figure: what is set, else the live one; None where there is neither."""
        value = self.wanted.value(name)
        if value is not None or self.estimate is None:
            return value
        return self.estimate.load.rate if name == "rate" else self.estimate.load.lifetime


class FiguresPanel(TextPanel[Shown]):
    """Two figures to play with, and what they come to."""

    BORDER_TITLE = "Load"

    @dataclass
    class Touched(Message):
        """A figure was clicked: on an arrow, which steps it, or elsewhere."""

        name: str
        by: int

    @property
    def plan(self) -> Plan | None:
        """The plan that is shown."""
        return None if self.shown is None else self.shown.plan

    def draw(self, shown: Shown) -> Text:
        """Draw the figures, what they come to, and what to know of them."""
        lines = [self.line(figure(shown, name)) for name in NAMES]
        return self.stacked([*lines, *(self.line([run]) for run in summary(shown))])

    def on_click(self, event: events.Click) -> None:
        """Step a figure, or make it the one that the keys are for."""
        at = event.get_content_offset(self)
        if at is None or at.y >= len(NAMES):
            return
        by = {LABEL: -1, LABEL + VALUE + 1: 1}.get(at.x, 0)
        self.post_message(self.Touched(list(NAMES)[at.y], by))


def figure(shown: Shown, name: str) -> list[Run]:
    """Return a figure's line."""
    wanted, estimate = shown.wanted, shown.estimate
    rate, focused = name == "rate", wanted.focused == name
    value, source = shown.value(name), "set by you; 0 returns to the live one"
    if value is None:
        source = "no live figure: nothing closed in the last minute"
    elif wanted.value(name) is None and estimate is not None:
        source = RATE_FROM[estimate.rate_from] if rate else LIFETIME_FROM[estimate.lifetime_from]
        source = f"measured, {source}" if source != "assumed" else "unknown, taken as 0"
    text = "–" if value is None else f"{plain_number(value)}{UNITS[name]}"
    role = "main" if focused else ""
    left, right = ("◂", "▸") if focused else (" ", " ")
    head = f" {glyphs().selected if focused else ' '}{NAMES[name]}".ljust(LABEL)
    return [
        (head, role),
        (left, "main"),
        (text.center(VALUE), "figure"),
        (right, "main"),
        (f"   {source}", "dim"),
    ]


def summary(shown: Shown) -> list[Run]:
    """Return a line on what the figures come to, and one on what to know of them."""
    if shown.plan is None or shown.estimate is None:
        return [("  type a rate, or wait until connections close", "dim")]
    outcome, facts = shown.plan.today.outcome, shown.plan.facts
    held = facts.hold(facts.rules)
    how = "in TIME-WAIT" if held.late else "until tcp_tw_reuse gives it back"
    text = (
        f"  needs {outcome.needed:,} ports, has {outcome.capacity:,}: each for "
        f"{plain_number(shown.plan.load.lifetime)} s open + {held} {how}"
    )
    note = _note(shown)
    return [(text, ""), *([] if note is None else [(f"  {note}", "warn")])]


def _note(shown: Shown) -> str | None:
    estimate, seen = shown.estimate, shown.observed
    if estimate is None or seen is None:
        return None
    if shown.gone:
        return f"The pattern has no sockets {shown.gone}: these are its last live figures."
    live = estimate.rate_from != "given"
    if live and seen.connectable <= 0:
        return "No port is left: this rate is what gets through. Set the rate that you want."
    if live and seen.rate and seen.is_scarce:
        return "Few ports are left, so this is the rate of the last minute's busiest seconds."
    if live and seen.busiest > 1.2 * seen.rate:
        return f"The busiest seconds of the last minute saw {short(f'{seen.busiest:,.0f}', 9)}/s."
    if estimate.lifetime_from == "assumed" and seen.live:
        there = plural(seen.live, "connection is", "connections are")
        return f"{there} open and none is closing: add their ports."
    return None
