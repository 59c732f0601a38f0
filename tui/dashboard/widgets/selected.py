"""The pane of the selected pattern: its facts, what to do, its history, when ports come back."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rich.text import Text
from textual.content import Content

from tui.analysis.patterns import PatternKey
from tui.dashboard.widgets.facts import FactsPanel, cases_of
from tui.dashboard.widgets.findings import ROLES, severity_text
from tui.dashboard.widgets.panel import hint
from tui.dashboard.widgets.pattern_charts import (
    LEAST_SECONDS,
    before,
    capacity_shown,
    limits_of,
    recent,
    release_scale,
    releases,
    row_roles,
    spread,
    stretched,
)
from tui.dashboard.widgets.sparkline import arearows, scale_of
from tui.watching.view import View

PART = " · "
"""What stands between two parts of a line."""
LEAST_ROWS, MOST_ROWS = 4, 12
"""Lines of a curve."""
HEADS = 4
"""Lines above both curves."""


def flowed(text: Text, width: int) -> list[Text]:
    """Return a line of short parts as lines that are broken between two of these."""
    first, *parts = text.split(PART)
    lines = [first]
    for part in parts:
        if len(lines[-1]) + len(PART) + len(part) <= width:
            lines[-1].append(PART).append_text(part)
        else:
            lines.append(Text(" ").append_text(part))
    return lines


class SelectedPanel(FactsPanel):
    """What the pattern's own screen tells, for a screen with room beside the patterns."""

    def __init__(self) -> None:
        super().__init__(None, id="selected")

    def show_of(self, view: View, key: Hashable) -> None:
        """Show a pattern, or that there is none."""
        if isinstance(key, PatternKey):
            self.key = key
            self.show(view)
        else:
            self.entitle("Selected")
            self.show_nothing("no pattern is selected")

    def show(self, view: View) -> None:
        """Show a view."""
        self.entitle(Content(str(self.key)), hint(("⏎", "opens"), ("l", "plan")))
        super(FactsPanel, self).show(view)

    def draw(self, view: View) -> Text:
        """Draw the facts, wrapped, what is found, and both curves in the room that is left."""
        width, height = self.size
        texts = [line for fact in self.facts(view) for line in flowed(fact, width - 1)]
        for case in cases_of(view, self.key)[:1]:
            finding = case.finding
            said = finding.message.removeprefix(f"{finding.subject}: ")
            head = f" {severity_text(finding.severity)} ", ROLES[finding.severity]
            texts += [Text(), self.line([head, (f"{said}.", "")])]
            texts += [self.line([(f" → {remedy.what}.", "")]) for remedy in finding.remedies[:2]]
        lines = [
            Text(" " if number else "") + line
            for text in texts
            for number, line in enumerate(text.wrap(self.app.console, width - 1, no_wrap=False))
        ]
        # Of what room is left the history has the larger half.
        room = height - len(lines) - HEADS
        future = min(room // 2, MOST_ROWS)
        if future < LEAST_ROWS:
            future, room = 0, room + HEADS // 2
        if (rows := min(room - future, MOST_ROWS)) >= LEAST_ROWS:
            lines += self._past(view, width, rows)
            lines += self._future(view, width, future) if future else []
        return self.stacked(lines)

    def _past(self, view: View, width: int, rows: int) -> list[Text]:
        """Return the ports in use over time, shaded by level."""
        known, now = view.trends.past.of(self.key), view.frame.reading.table_time
        past = None if known is None else recent(known, now)
        if not past:
            return []
        capacity, top = float(past.capacity[-1]), scale_of(float(past.in_use.max()))
        limits: list[tuple[float, str]] = []
        if capacity_shown(past):
            top, limits = max(capacity, float(past.in_use.max())), limits_of(view, self.key)
        first = min(-LEAST_SECONDS, float(past.time[0]))
        values = spread(past, past.in_use, now, first, 2 * (width - 2))
        marks = {int(share / 100 * capacity / top * rows): role for share, role in limits}
        return self._curve(
            f"in use, from {before(first)} to {view.now}", top, values, row_roles(marks, rows)
        )

    def _future(self, view: View, width: int, rows: int) -> list[Text]:
        """Return when ports come back."""
        freed = releases(view, self.key)
        if not any(freed):
            return []
        values = stretched(freed, 2 * (width - 2))
        what = f"freed per second, from {view.now} to +60 s"
        return self._curve(what, release_scale(freed), values, ["locked"] * rows)

    def _curve(
        self, what: str, top: float, values: Sequence[float], roles: Sequence[str]
    ) -> list[Text]:
        """Return a curve below what it is and what its full height is."""
        rows = arearows(values, len(roles), top)
        lines = zip(rows, reversed(roles), strict=True)
        drawn = [self.line([(f" {row}", role)]) for row, role in lines]
        return [Text(), self.line([(f" {what} · full height {top:,.0f}", "dim")]), *drawn]
