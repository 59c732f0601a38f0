"""One pattern in words and a gauge: how full, how long yet, who, what would last."""

from __future__ import annotations

import math

import numpy as np
from rich.style import Style
from rich.text import Text
from textual.content import Content

from tui.analysis.forecast import NEVER, closing_rate
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.ports import sustainable_rate
from tui.analysis.timewait import SECONDS, TRACKED
from tui.dashboard.widgets.findings import severity_text
from tui.dashboard.widgets.gauge import GLYPHS, Parts, gauge
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.patterns import counts_of, is_slow, parts_of, use_role
from tui.dashboard.widgets.styles import foreground
from tui.findings.cases import Case
from tui.findings.finding import Severity
from tui.kernel.sockets import State
from tui.watching.view import View
from tui.writing.words import signed, span

PART_NAMES = {
    "live": "live",
    "locked": "TIME-WAIT locked",
    "reusable": "reusable",
    "free": "free",
}


def cases_of(view: View, key: PatternKey) -> tuple[Case, ...]:
    """Return what is found about a pattern, the gravest first."""
    return tuple(case for case in view.cases.present if case.finding.pattern == key)


def found_text(view: View, key: PatternKey) -> Content:
    """Return the gravest finding about a pattern in a line, empty where nothing is found."""
    cases = cases_of(view, key)
    if not cases:
        return Content("")
    worst = cases[0].finding
    colour = {Severity.CRITICAL: "bold $error", Severity.WARNING: "$warning"}.get(worst.severity)
    text = worst.message.removeprefix(f"{worst.subject}: ")
    more = f" · {len(cases) - 1} more" if len(cases) > 1 else ""
    severity = severity_text(worst.severity)
    return Content.assemble(
        "f opens · ", (severity, colour) if colour else severity, f": {text}{more}"
    )


class FactsPanel(TextPanel):
    """A pattern's gauge and its figures."""

    COMPONENT_CLASSES = {
        f"facts--{name}"
        for name in ("live", "locked", "reusable", "free", "mark", "dim", "warn", "alarm", "figure")
    }

    def __init__(self, key: PatternKey) -> None:
        super().__init__(id="facts")
        self.key = key
        self.entitle("Ports")
        self._view: View | None = None
        self._index: int | None = None

    def show(self, view: View, index: int | None) -> None:
        """Show a view; ``index`` is the pattern's, None when it is not in the frame."""
        self._view, self._index = view, index
        self.entitle("Ports", found_text(view, self.key))
        self.redraw()

    def _style(self, name: str) -> Style:
        return foreground(self, f"facts--{name}") if name else Style()

    def draw(self) -> Text:
        """Draw the gauge, its legend, and a line each on verdict, rates and owner."""
        view, index = self._view, self._index
        if view is None:
            return Text("")
        if index is None:
            return Text(" no sockets in this pattern now; its history goes on", self._style("dim"))
        direction = Direction(int(view.frame.patterns.direction[index]))
        lines = []
        if direction is Direction.OTHER:
            lines.append(self._words(view, index))
        else:
            parts = parts_of(view, index)
            lines += [self._gauge(view, parts), self._legend(parts), self._words(view, index)]
        if direction is Direction.OUTGOING:
            lines.append(self._rates(view, index))
        elif direction is Direction.INCOMING:
            lines.append(
                Text(
                    " the peer's ports, of a range assumed to be ours: information, no alarm",
                    self._style("dim"),
                )
            )
        lines.append(self._owner(view, index))
        for line in lines:
            line.truncate(self.size.width, overflow="ellipsis")
        return Text("\n").join(lines[: max(self.size.height, 1)])

    def _gauge(self, view: View, parts: Parts) -> Text:
        runs = gauge(parts, self.size.width - 2, view.threshold)
        return Text.assemble(" ", *((text, self._style(kind)) for text, kind in runs))

    def _legend(self, parts: Parts) -> Text:
        text = Text(" ")
        for name, count in zip(Parts._fields, parts, strict=True):
            text.append(GLYPHS[name], self._style(name)).append(f" {PART_NAMES[name]} ")
            text.append(f"{count:,}  ", self._style("figure"))
        text.append(" ┊ 50 %: connect() slows  │ threshold", self._style("dim"))
        return text

    def _words(self, view: View, index: int) -> Text:
        patterns = view.frame.patterns
        if patterns.direction[index] == Direction.OTHER:
            return Text(
                " local ports neither ephemeral nor listened on: explicitly bound, "
                "or left by a listener or a range that is gone"
            )
        counts = counts_of(view, index)
        text = Text.assemble(
            f" {counts.in_use:,} of {counts.capacity:,} in use ",
            (f"{counts.utilization:.1%}", self._style(use_role(view, index) or "figure")),
        )
        if patterns.direction[index] != Direction.OUTGOING:
            return text
        if counts.connectable == 0:
            text.append(" · EXHAUSTED: connect() fails, EADDRNOTAVAIL", self._style("alarm"))
            return text
        text.append(f" · connectable {counts.connectable:,}")
        left = view.trends.seconds_left[index] if index < TRACKED else NEVER
        growth = float(view.trends.growth[index]) if index < TRACKED else float("nan")
        if left != NEVER:
            text.append(f" · full in {span(float(left))}", self._style("warn"))
        elif growth > 0 and not patterns.reuse[index]:
            text.append(f" · levels off near {self._level(view, index):,.0f}")
        else:
            text.append(" · not filling up")
        text.append(f" · growth {signed(growth)}/s")
        if is_slow(view, index):
            text.append(" · past 50 %: slow connect()", self._style("warn"))
        return text

    def _level(self, view: View, index: int) -> float:
        """Return where the use goes if the present closing rate lasts: Little's law."""
        return parts_of(view, index).live + self._closing_rate(view, index) * SECONDS

    def _closing_rate(self, view: View, index: int) -> float:
        """Return the pattern's closings per second, NaN for one that is not tracked."""
        closings = view.frame.time_wait.by_pattern
        if index >= len(closings):
            return float("nan")
        reuse = view.frame.patterns.reuse[index]
        hold = view.frame.rules.reuse_delay_ms / 1000 if reuse else SECONDS
        return float(closing_rate(closings[[index]], np.array([hold]))[0])

    def _rates(self, view: View, index: int) -> Text:
        """Return what the pattern closes and could sustain, without and with reuse.

        A connection takes its port for its life and for what its TIME-WAIT locks it after that.
        """
        patterns, rules = view.frame.patterns, view.frame.rules
        capacity = int(patterns.capacity[index])
        rate = self._closing_rate(view, index)
        life = counts_of(view, index).live / rate if rate > 0 else 0.0
        plain = sustainable_rate(capacity, life + SECONDS)
        reusing = sustainable_rate(capacity, life + rules.reuse_delay_ms / 1000)
        closing = "–" if math.isnan(rate) else f"{rate:,.0f}"
        text = Text(f" closing {closing}/s · sustainable ")
        if patterns.reuse[index]:
            text.append(f"{reusing:,.0f}/s with tcp_tw_reuse, which is on here")
            text.append(f" ({plain:,.0f}/s without)", self._style("dim"))
        else:
            text.append(f"{plain:,.0f}/s")
            text.append(f"; {reusing:,.0f}/s with tcp_tw_reuse=1", self._style("dim"))
        return text

    def _owner(self, view: View, index: int) -> Text:
        holder = view.history.holder(view.frame, index)
        patterns = view.frame.patterns
        states = ", ".join(
            f"{state.label} {patterns.states[index, state]:,}"
            for state in State
            if patterns.states[index, state]
        )
        if holder is None:
            denied = view.history.owners.denied
            who = "owner unknown" + (
                f": {denied:,} processes may not be looked into; run as root" if denied else ""
            )
            uids = view.frame.table.uid[(patterns.member == index) & (view.frame.table.inode > 0)]
            if len(uids):
                who += f" (uid {uids[-1]})"
            if not counts_of(view, index).live:
                who = "no owner: a TIME-WAIT has none, and none has been seen yet"
            owner = (who, self._style("dim"))
        elif holder.remembered:
            owner = (f"held by {holder.process} (remembered)", self._style("figure"))
        else:
            owner = (f"held by {holder.process}", self._style("figure"))
        return Text.assemble(" ", owner, (f" · {states}", self._style("dim")))
