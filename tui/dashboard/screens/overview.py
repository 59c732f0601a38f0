"""The dashboard: every panel at once, as far as the terminal has room."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive
from textual.timer import Timer

from tui.analysis.filter import parse_filter
from tui.analysis.patterns import PatternKey
from tui.dashboard.keys import bind
from tui.dashboard.screens.acting import PatternActs
from tui.dashboard.screens.table_screen import TableScreen
from tui.dashboard.screens.view_screen import FindingAsked, PatternAsked, PlanAsked
from tui.dashboard.widgets.counted_patterns import CountedPatternsPanel
from tui.dashboard.widgets.findings import FindingsLine, FindingsPanel
from tui.dashboard.widgets.folded import FoldedPanel
from tui.dashboard.widgets.footer import Hint, each
from tui.dashboard.widgets.panel import LinePanel
from tui.dashboard.widgets.remotes import RemotesPanel, remotes_line
from tui.dashboard.widgets.selected import SelectedPanel
from tui.dashboard.widgets.states import StatesPanel
from tui.dashboard.widgets.sysctls import SysctlsPanel, sysctls_line
from tui.dashboard.widgets.table import RowTable
from tui.dashboard.widgets.timewait import TimeWaitPanel
from tui.dashboard.widgets.titlebar import TitleBar
from tui.findings.cases import Case
from tui.kernel.sockets import ip_text
from tui.watching.view import View

PANELS = {
    "patterns": "patterns",
    "timewait": "TIME-WAIT",
    "states": "states",
    "remotes": "remote IPs",
    "sysctls": "sysctls",
    "findings": "findings",
}
"""The panels that ``m`` and the number keys can maximize, in the keys' order."""
FOLDED_BELOW = 28
"""Lines of a screen that has no room for more than one line of findings."""
PATTERNS_LEAST = 8
"""Lines that findings leave to the patterns: five of them, a header and a border."""
FINDINGS_MOST, FINDINGS_MOST_TOWERING = 3, 6
"""How many findings are shown at once; the others scroll."""
TOWERING = 50
BORDER = 2
FOLLOWS_AFTER = 0.05
"""Seconds until the pane shows another selection."""


def findings_lines(room: int, height: int) -> int:
    """Return how many lines the findings panel takes, 0 where they are folded into one line.

    ``room`` is what it shares with the patterns on a screen of ``height`` lines. How many there
    are does not count: the patterns stay where they are as findings come and go.
    """
    most = FINDINGS_MOST_TOWERING if height >= TOWERING else FINDINGS_MOST
    lines = min(most + BORDER, room - PATTERNS_LEAST)
    return lines if height >= FOLDED_BELOW and lines > BORDER else 0


class PlaceLeft(Message):
    """The user wants to go back, and there is nothing here to go back from."""


class Dashboard(TableScreen[View], PatternActs):
    """All panels, the patterns in the middle."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("dashboard.findings", "f", "findings", "Findings", "Go to the findings and back"),
        bind("dashboard.plan", "l", "plan", "Plan", "See what would give a pattern enough ports"),
        bind(
            "dashboard.incoming", "H,f5", "incoming", "Incoming", "Hide or show incoming patterns"
        ),
        bind(
            "dashboard.maximize", "m", "maximize_panel", "Maximize", "Give a panel the whole screen"
        ),
        *(
            bind(f"panel.{name}", str(number), f"panel('{name}')", title, f"Show only {title}")
            for number, (name, title) in enumerate(PANELS.items(), 1)
        ),
    ]
    hints = each(
        "move.open",
        "table.filter",
        "table.sort",
        "dashboard.findings",
        "dashboard.plan",
    )
    more_hints = (
        *each("app.palette", "act.free", "act.keep"),
        Hint([f"panel.{name}" for name in PANELS], "Panel"),
        *each("table.export", "app.threshold", "app.record"),
    )
    maximized_panel: reactive[str | None] = reactive(None)
    """The panel that has the screen to itself."""

    def __init__(self, place: str, *, load: bool = False) -> None:
        self.patterns = CountedPatternsPanel(id="patterns")
        self.first_panel: str | None = None
        """The panel that has the screen to itself at the start."""
        super().__init__(TitleBar(place), self.patterns, load=load)
        self.selected, self.folded = SelectedPanel(), FoldedPanel()
        self._following: Timer | None = None
        """What will bring the pane to the selection."""
        self.time_wait = TimeWaitPanel(id="timewait")
        self.states = StatesPanel(id="states")
        self.findings = FindingsPanel(id="findings")
        self._findings_lines = 0
        """How many of them have room, once it is laid out."""
        self.findings_line = FindingsLine(id="findings-line")
        self.remotes = RemotesPanel(id="remotes")
        self.sysctls = SysctlsPanel(id="sysctls")
        self.remotes_line = LinePanel(id="remotes-line")
        self.sysctls_line = LinePanel(id="sysctls-line")
        self.update_classes({"-load": load, "-folded": True}, update=False)

    def panels(self) -> ComposeResult:
        """Lay the panels out from top to bottom."""
        with Container(id="upper"):
            yield self.time_wait
            yield self.states
        with Container(id="middle"):
            yield self.patterns
            yield self.selected
        yield self.folded
        yield self.findings
        yield self.findings_line
        with Container(id="lower"):
            yield self.remotes
            yield self.sysctls
        yield self.remotes_line
        yield self.sysctls_line

    def on_mount(self) -> None:
        """Also say so when the first poll fails: there is no view then."""
        self.watch(self.app, "failure", self._failed)
        self.maximized_panel = self.first_panel

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
        if self.maximized_panel == "findings":  # those of the place that was left
            self.maximized_panel = None
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
        self._follow_selection()
        self.remotes_line.show(remotes_line(view))
        self.sysctls_line.show(sysctls_line(view))

    def shows(self, case: Case) -> bool:
        """Say whether a finding stands in its panel, or in the line that this is folded into."""
        if self.maximized_panel not in (None, "findings") or self.view is None:
            return False
        if self.maximized_panel is None and self.has_class("-folded"):
            return case == self.view.cases.present[0]
        row, top = self.findings.rows.find(case.identity), self.findings.scroll_offset.y
        alone = self.maximized_panel is not None
        lines = self.findings.size.height if alone else self._findings_lines
        return row is not None and top <= row < top + lines

    def on_resize(self) -> None:
        """Share the room out anew, once the other panels have theirs."""
        self.call_after_refresh(self._make_room)
        self.call_after_refresh(self._follow_selection)

    def _make_room(self) -> None:
        """Give the findings their lines from those of the patterns, whose rows stay in place."""
        if self.maximized_panel is not None or self.view is None:
            return  # it has the whole screen, by the stylesheet
        folded = self.has_class("-folded")
        room = self.patterns.outer_size.height
        room += 1 if folded else self.findings.outer_size.height
        lines = findings_lines(room, self.size.height)
        self._findings_lines = max(lines - BORDER, 0)
        if lines:
            self.findings.styles.height = lines
        elif self.focused is self.findings:
            self.patterns.focus()
        # At once, for each change has the whole screen styled anew. Before there is something to
        # select, its pane would be empty.
        self.update_classes({"-folded": not lines, "-read": True})

    @on(RowTable.Moved)
    def moved(self, event: RowTable.Moved) -> None:
        """Let the pane follow the selected pattern."""
        if event.table is self.patterns and self._following is None:
            # After the keys that are held down: they do not wait for what is drawn there.
            self._following = self.set_timer(FOLLOWS_AFTER, self._follow_selection)

    def _follow_selection(self) -> None:
        """Show the selected pattern in the pane, where there is room for one."""
        self._following = None
        for pane in (self.selected, self.folded):
            if self.view is not None and pane.display:
                pane.show_of(self.view, self.patterns.selected)

    @on(RowTable.Chosen)
    def chosen(self, event: RowTable.Chosen) -> None:
        """Drill into a pattern, filter by a remote IP, or explain a parameter."""
        if isinstance(event.identity, PatternKey):
            self.post_message(PatternAsked(event.identity))
        elif event.table is self.findings and isinstance(event.identity, tuple):
            self.post_message(FindingAsked(event.identity))
        elif event.table is self.remotes and isinstance(event.identity, tuple):
            self._filter_by(parse_filter(f"dst {ip_text(*event.identity)}"))
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

    @property
    def pattern(self) -> PatternKey | None:
        """The selected pattern."""
        key = self.patterns.selected
        return key if isinstance(key, PatternKey) else None

    def action_plan(self) -> None:
        """Open the plan for the selected pattern."""
        if (key := self.outgoing("plans are for those")) is not None:
            self.post_message(PlanAsked(key))

    def action_incoming(self) -> None:
        """Hide the incoming patterns, whose ports are the peers', or show them again."""
        self.patterns.without_incoming = not self.patterns.without_incoming
        self.again()

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
        alone = {f"-only-{name}": name == now for name in PANELS}
        self.update_classes({"-only": now is not None, **alone})
        if now is not None:
            if now == "findings":
                self.findings.styles.height = "1fr"
            # Not by a query: a key may come while the screen is being taken down.
            tables = (self.patterns, self.findings, self.remotes, self.sysctls)
            panel = next((table for table in tables if table.id == now), None)
            if panel is not None and panel.is_attached:
                panel.focus()
        elif before is not None:
            self.patterns.focus()
            self.call_after_refresh(self._make_room)

    def go_back(self) -> None:
        """Leave the maximized panel, else take the filter away, else leave the past."""
        if self.maximized_panel is not None:
            self.maximized_panel = None
        elif self.filter is not None:
            super().go_back()
        elif not self.leave_past():
            self.post_message(PlaceLeft())
