"""The dashboard: every panel at once, as far as the terminal has room."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.reactive import reactive

from tui.analysis.patterns import Direction, PatternKey
from tui.dashboard.screens.table_screen import TableScreen
from tui.dashboard.screens.view_screen import FindingAsked, PatternAsked, PlanAsked
from tui.dashboard.widgets.counted_patterns import CountedPatternsPanel
from tui.dashboard.widgets.findings import FindingsLine, FindingsPanel
from tui.dashboard.widgets.panel import LinePanel
from tui.dashboard.widgets.remotes import RemotesPanel, remotes_line
from tui.dashboard.widgets.states import StatesPanel
from tui.dashboard.widgets.sysctls import SysctlsPanel, sysctls_line
from tui.dashboard.widgets.table import RowTable
from tui.dashboard.widgets.timewait import TimeWaitPanel
from tui.dashboard.widgets.titlebar import TitleBar
from tui.watching.view import View

PANELS = ("patterns", "timewait", "states", "remotes", "sysctls", "findings")
"""The panels that ``m`` and the number keys can maximize, in the keys' order."""
FOLDED_BELOW = 28
"""Lines of a screen that has no room for more than one line of findings."""
PATTERNS_LEAST = 8
"""Lines that findings leave to the patterns: five of them, a header and a border."""
FINDINGS_MOST, FINDINGS_MOST_TOWERING = 3, 6
"""How many findings are shown at once; the others scroll."""
TOWERING = 50
BORDER = 2


def findings_lines(count: int, room: int, height: int) -> int:
    """Return how many lines the findings panel takes, 0 where they are folded into one line.

    ``room`` is what it shares with the patterns on a screen of ``height`` lines.
    """
    most = FINDINGS_MOST_TOWERING if height >= TOWERING else FINDINGS_MOST
    lines = min(min(count, most) + BORDER, room - PATTERNS_LEAST)
    return lines if count and height >= FOLDED_BELOW and lines > BORDER else 0


class Dashboard(TableScreen):
    """All panels, the patterns in the middle."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "findings", "Findings", tooltip="Go to the findings, and back"),
        Binding("l", "plan", "Plan", tooltip="See which changes would give a pattern its ports"),
        Binding(
            "m",
            "maximize_panel",
            "Maximize",
            show=False,
            tooltip="Give the panel the whole screen",
        ),
        *(
            Binding(str(number), f"panel('{name}')", f"Show {name}", show=False)
            for number, name in enumerate(PANELS, 1)
        ),
    ]
    maximized_panel: reactive[str | None] = reactive(None)
    """The panel that has the screen to itself."""

    def __init__(self, place: str, *, load: bool = False) -> None:
        self.patterns = CountedPatternsPanel(id="patterns")
        super().__init__(TitleBar(place), self.patterns, load=load)
        self.time_wait = TimeWaitPanel(id="timewait")
        self.states = StatesPanel(id="states")
        self.findings = FindingsPanel(id="findings")
        self.findings_line = FindingsLine(id="findings-line")
        self.remotes = RemotesPanel(id="remotes")
        self.sysctls = SysctlsPanel(id="sysctls")
        self.remotes_line = LinePanel(id="remotes-line")
        self.sysctls_line = LinePanel(id="sysctls-line")

    def panels(self) -> ComposeResult:
        """Lay the panels out from top to bottom."""
        with Container(id="upper"):
            yield self.time_wait
            yield self.states
        yield self.patterns
        yield self.findings
        yield self.findings_line
        with Container(id="lower"):
            yield self.remotes
            yield self.sysctls
        yield self.remotes_line
        yield self.sysctls_line

    def on_mount(self) -> None:
        """Also say so when the first poll fails: there is no view then."""
        self.set_class(self.load, "-load")
        self.add_class("-folded")
        self.watch(self.app, "failure", self._failed)

    def _failed(self, failure: str | None) -> None:
        if failure is not None and self.view is None:
            self.title_bar.show_nothing("cannot read")
            self.time_wait.show_nothing("the kernel's tables cannot be read; trying again")
            self.patterns.show_nothing(failure)
            self.remotes.show_nothing("nothing read yet")
            self.sysctls.show_nothing("nothing read yet")

    def begin_anew(self, place: str) -> None:
        """Forget the filter: another place is shown from now on."""
        if self.prompt.is_open:
            self.prompt.action_cancel()
        self.filter = None
        self.title_bar.place = place
        self.patterns.drop()
        self.findings_line.show_nothing()
        self.add_class("-folded")

    def show(self, view: View) -> None:
        """Hand the view to every panel."""
        view = replace(view, filter=self.filter)
        for panel in (self.title_bar, self.time_wait, self.states, self.findings_line):
            panel.show(view)
        for table in (self.patterns, self.findings, self.remotes, self.sysctls):
            table.show(view)
        self._make_room()
        self.remotes_line.show(remotes_line(view))
        self.sysctls_line.show(sysctls_line(view))

    def on_resize(self) -> None:
        """Share the room out anew, once the other panels have theirs."""
        self.call_after_refresh(self._make_room)

    def _make_room(self) -> None:
        """Give the findings their lines from those of the patterns, whose rows stay in place."""
        if self.maximized_panel is not None or self.view is None:
            return  # it has the whole screen, by the stylesheet
        folded = self.has_class("-folded")
        room = self.patterns.outer_size.height
        room += 1 if folded else self.findings.outer_size.height
        lines = findings_lines(len(self.findings.rows), room, self.size.height)
        if lines:
            self.findings.styles.height = lines
        elif self.focused is self.findings:
            self.patterns.focus()
        self.set_class(not lines, "-folded")

    @on(RowTable.Chosen)
    def chosen(self, event: RowTable.Chosen) -> None:
        """Drill into a pattern, filter by a remote IP, or explain a parameter."""
        if isinstance(event.identity, PatternKey):
            self.post_message(PatternAsked(event.identity))
        elif event.table is self.findings and isinstance(event.identity, tuple):
            self.post_message(FindingAsked(event.identity))
        elif event.table is self.remotes and isinstance(event.identity, tuple):
            if (row := self.remotes.rows.find(event.identity)) is not None:
                self._set_filter(f"dst {self.remotes.rows.cell(row, 'ip', 45)}")
                self.maximized_panel = None
                self.patterns.focus()
        elif event.table is self.sysctls:
            self.notify(
                self.sysctls.meaning(event.identity),
                title=str(event.identity),
                timeout=12,
                markup=False,
            )

    @on(FindingsLine.Chosen)
    def action_findings(self) -> None:
        """Go to the findings, or back to the patterns; where they are folded, unfold them."""
        if self.maximized_panel == "findings":
            self.maximized_panel = None
        elif self.maximized_panel is not None or self.has_class("-folded"):
            self.maximized_panel = "findings"
        elif self.focused is self.findings:
            self.patterns.focus()
        else:
            self.findings.focus()

    def action_plan(self) -> None:
        """Open the plan for the selected pattern."""
        key = self.patterns.selected
        if isinstance(key, PatternKey) and key.direction is Direction.OUTGOING:
            self.post_message(PlanAsked(key))
        else:
            self.notify("select an outgoing pattern (→): a plan is for its ports", timeout=4)

    def action_maximize_panel(self) -> None:
        """Give the focused panel the whole screen, or take it back."""
        if self.maximized_panel is not None:
            self.maximized_panel = None
            return
        focused = self.focused.id if self.focused is not None else None
        self.action_panel(focused if focused in PANELS else "patterns")

    def action_panel(self, name: str) -> None:
        """Show one panel alone; asked again, show all."""
        self.maximized_panel = None if self.maximized_panel == name else name

    def watch_maximized_panel(self, before: str | None, now: str | None) -> None:
        """Hide what is not the maximized panel."""
        self.set_class(now is not None, "-only")
        for name in PANELS:
            self.set_class(name == now, f"-only-{name}")
        if now is not None:
            if now == "findings":
                self.findings.styles.height = "1fr"
            panel = self.query_one(f"#{now}")
            if panel.can_focus:
                panel.focus()
        elif before is not None:
            self.patterns.focus()
            self.call_after_refresh(self._make_room)

    def go_back(self) -> None:
        """Leave the maximized panel, else take the filter away."""
        if self.maximized_panel is not None:
            self.maximized_panel = None
        elif self.filter is not None:
            super().go_back()
