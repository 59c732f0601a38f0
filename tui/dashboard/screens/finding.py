"""One finding: all that is known of it, while it lasts and after."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from tui.analysis.patterns import Direction, PatternKey
from tui.dashboard.keys import bind
from tui.dashboard.screens.acting import RemedyActs
from tui.dashboard.screens.view_screen import PatternAsked, PlanAsked
from tui.dashboard.widgets.document import Document
from tui.dashboard.widgets.finding_text import Item, finding_lines, items_of, present_pattern
from tui.dashboard.widgets.footer import Hint, each
from tui.dashboard.widgets.titlebar import TitleBar
from tui.findings.cases import Case
from tui.watching.view import View


class FindingScreen(RemedyActs):
    """A finding as it is now; when it ends, as it was last."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("finding.back", "escape,backspace", "back", "Back", "Go back"),
        bind("finding.copy", "c", "copy", "Copy command", "Copy the selected command"),
        bind("finding.pattern", "p", "pattern", "Pattern", "Go to the finding's pattern"),
        bind("finding.plan", "l", "plan", "Plan", "See what would give it enough ports"),
        bind("finding.next", "right", "step(1)", "Next", "Go to the next finding"),
        bind("finding.previous", "left", "step(-1)", "Previous", "Go to the previous finding"),
    ]

    hints = (
        *each("finding.back", "finding.copy", "act.apply", "finding.pattern", "finding.plan"),
        Hint(("finding.previous", "finding.next"), "Other findings"),
    )

    def __init__(self, case: Case, *, load: bool = False) -> None:
        self.body = Document(id="finding")
        super().__init__(TitleBar("finding", subject=True), self.body, load=load)
        self.case = case
        self._seen = case.since
        """When it was found last of what was shown here: of then are its figures (Unix time)."""
        self.about = case.identity

    def panels(self) -> ComposeResult:
        """Yield the text."""
        yield self.body

    def show(self, view: View) -> None:
        """Show what has become of the finding."""
        known = view.cases.find(self.case.identity)
        later = None
        if known is not None:
            self.case = known
            self._seen = view.frame.time if known.gone is None else known.gone
        elif view.frame.time < self._seen:  # the user has gone back to before it began
            later = self._seen
        elif self.case.gone is None:  # it ended while nobody looked for it here
            self.case = replace(self.case, gone=view.frame.time)
        self.title_bar.show(view)
        listed = [case.identity for case in view.cases.present]
        at = listed.index(self.about) + 1 if self.about in listed else 0
        subtitle = f"{at} of {len(listed)} · ← →" if at and len(listed) > 1 else ""
        self.body.entitle(self.case.finding.code, subtitle)
        self.body.show(partial(finding_lines, self.case, view, later=later))
        self.refresh_bindings()

    def shows(self, case: Case) -> bool:
        """Say whether it is this finding, or what has become of it."""
        return case.identity == self.about or case.finding.pattern == self.case.finding.pattern

    def _items(self) -> list[Item]:
        return [] if self.view is None else items_of(self.case.finding, self.view)

    def _pattern(self) -> PatternKey | None:
        return None if self.view is None else present_pattern(self.case.finding, self.view)

    def _commands(self) -> list[str]:
        """Return the selected command, or all where none is selected."""
        items = self._items()
        if self.body.cursor < len(items) and isinstance(selected := items[self.body.cursor], str):
            return [selected]
        return [item for item in items if isinstance(item, str)]

    @property
    def remedies(self) -> list[list[str]]:
        """The commands that the key may be about."""
        return [[command] for command in self._commands()]

    @property
    def beneficiary(self) -> PatternKey | None:
        """The finding's pattern."""
        return self._pattern()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Have no keys for what this finding has not."""
        if action == "copy" and not self._commands():
            return False
        if action == "pattern" and self._pattern() is None:
            return False
        if action == "plan":
            key = self._pattern()
            if key is None or key.direction is not Direction.OUTGOING:
                return False
        return super().check_action(action, parameters)

    @on(Document.Chosen)
    def chosen(self, event: Document.Chosen) -> None:
        """Jump to the pattern, or copy the command."""
        items = self._items()
        if event.item < len(items):
            item = items[event.item]
            if isinstance(item, str):
                self.copy(item)
            else:
                self.post_message(PatternAsked(item))

    def action_copy(self) -> None:
        """Copy the selected command, else the first."""
        if commands := self._commands():
            self.copy(commands[0])

    def action_pattern(self) -> None:
        """Jump to the pattern."""
        if (key := self._pattern()) is not None:
            self.post_message(PatternAsked(key))

    def action_plan(self) -> None:
        """Open the plan for the pattern."""
        if (key := self._pattern()) is not None:
            self.post_message(PlanAsked(key))

    def action_step(self, by: int) -> None:
        """Show the next finding (1) or the one before (−1)."""
        present = () if self.view is None else self.view.cases.present
        if not present:
            return
        at = next((i for i, case in enumerate(present) if case.identity == self.about), -(by > 0))
        self.case = present[(at + by) % len(present)]
        self.about = self.case.identity
        self.body.action_edge(-1)
        self.again()
