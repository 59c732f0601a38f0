"""The drill-down: one pattern, its ports, its history, its quadruplets."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container

from tui.analysis.patterns import Direction, PatternKey
from tui.dashboard.keys import bind
from tui.dashboard.screens.acting import PatternActs
from tui.dashboard.screens.table_screen import TableScreen
from tui.dashboard.screens.view_screen import FindingAsked, PlanAsked
from tui.dashboard.widgets.facts import FactsPanel, cases_of
from tui.dashboard.widgets.footer import each
from tui.dashboard.widgets.pattern_charts import HistoryChart, ReleaseChart
from tui.dashboard.widgets.quadruplets import QuadrupletsPanel
from tui.dashboard.widgets.refused import RefusedLines
from tui.dashboard.widgets.titlebar import TitleBar
from tui.findings.cases import Case
from tui.watching.view import View


class PatternScreen(TableScreen[View], PatternActs):
    """All that is known of one pattern."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("table.back", "escape,backspace,left,h", "back", "Back", "Go back"),
        bind("pattern.finding", "f", "finding", "Finding", "Open the finding on this pattern"),
        bind("pattern.plan", "l", "plan", "Plan", "See what would give it enough ports"),
        bind("pattern.charts", "m", "charts", "Maximize", "Give the table the charts' room"),
    ]

    hints = each("table.back", "table.filter", "table.sort", "pattern.plan", "pattern.charts")
    more_hints = each(
        "act.free", "act.keep", "pattern.finding", "app.palette", "table.export", "app.threshold"
    )

    def __init__(self, key: PatternKey, *, load: bool = False) -> None:
        self.quadruplets = QuadrupletsPanel(id="quadruplets")
        super().__init__(TitleBar(str(key), subject=True), self.quadruplets, load=load)
        self.key = self.about = key
        self.facts = FactsPanel(key)
        self.refused = RefusedLines(key)
        self.past = HistoryChart(key)
        self.future = ReleaseChart(key)

    @property
    def pattern(self) -> PatternKey:
        """The pattern that it is about."""
        return self.key

    def panels(self) -> ComposeResult:
        """Lay out facts, charts and the table from top to bottom."""
        yield self.facts
        yield self.refused
        with Container(id="charts"):
            yield self.past
            yield self.future
        yield self.quadruplets

    def show(self, view: View) -> None:
        """Hand the view to every panel."""
        for panel in (self.title_bar, self.facts, self.refused, self.past, self.future):
            panel.show(view)
        index = view.frame.patterns.find(self.key)
        self.quadruplets.show(view.frame, index, view.owners.by_inode, self.filter)

    def shows(self, case: Case) -> bool:
        """Say whether a finding is about this pattern: the facts tell the gravest."""
        return self.view is not None and case in cases_of(self.view, self.key)

    def action_finding(self) -> None:
        """Open the gravest finding about this pattern."""
        cases = () if self.view is None else cases_of(self.view, self.key)
        if cases:
            self.post_message(FindingAsked(cases[0].identity))
        else:
            self.notify("no finding on this pattern", timeout=3)

    def action_plan(self) -> None:
        """Open the plan for this pattern."""
        if self.key.direction is Direction.OUTGOING:
            self.post_message(PlanAsked(self.key))
        else:
            self.notify("plans are for outgoing patterns (→)", timeout=3)

    def action_charts(self) -> None:
        """Show or hide the charts, to give the table their room."""
        self.toggle_class("-no-charts")

    def go_back(self) -> None:
        """Restore the charts, else go back."""
        if self.has_class("-no-charts"):
            self.action_charts()
        else:
            super().go_back()
