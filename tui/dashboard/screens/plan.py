"""The plan: which changes would give a pattern's load the ports it needs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from tui.analysis.frame import Frame
from tui.analysis.patterns import PatternKey
from tui.dashboard.keys import bind
from tui.dashboard.screens.acting import RemedyActs
from tui.dashboard.widgets.document import Document
from tui.dashboard.widgets.figures import NAMES, FiguresPanel, Shown, Wanted, parsed, stepped
from tui.dashboard.widgets.footer import Hint, each
from tui.dashboard.widgets.remedies import (
    VERDICTS,
    OptionRows,
    OptionsPanel,
    enough,
    option_lines,
)
from tui.dashboard.widgets.table import RowTable
from tui.dashboard.widgets.titlebar import TitleBar
from tui.planning.demand import Observed, estimate, observe
from tui.planning.remedies import Option, Plan, Refusal, plan
from tui.planning.setting import Facts, Fit, gather
from tui.watching.view import View

BORDER, LEAST_ADVICE = 2, 5
"""Lines of a panel's border, and of the selected row's text at least."""
QUESTIONS = {"rate": "New connections per second:", "lifetime": "Seconds each stays open:"}


class PlanScreen(RemedyActs):
    """An outgoing pattern's load, to play with, and what each change would do for it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        bind("plan.back", "escape,backspace", "back", "Back", "Go back"),
        bind("plan.more", "right", "step(1)", "More", "Raise the rate or the lifetime"),
        bind("plan.less", "left", "step(-1)", "Less", "Lower the rate or the lifetime"),
        bind("plan.other", "tab,shift+tab", "other", "Rate, lifetime", "Change the other one"),
        bind("plan.live", "0", "live", "Live", "Return to the live figure"),
        bind("plan.type", "equals_sign", "type", "Type", "Type the figure"),
        *(
            bind(f"plan.type-{digit}", str(digit), f"type('{digit}')", "", f"Type {digit}…")
            for digit in range(1, 10)
        ),
        bind("plan.copy", "c", "copy", "Copy", "Copy the selected row's commands"),
        bind("plan.advice", "m", "advice", "Maximize", "Read the row's full text"),
    ]

    has_own_arrows = True
    hints = (
        *each("plan.back"),
        Hint(("plan.less", "plan.more"), "Change"),
        *each("plan.other", "plan.copy", "act.apply"),
        Hint(("plan.advice",), "Read"),
        *each("plan.live", "plan.type"),
    )

    def __init__(self, key: PatternKey, *, load: bool = False) -> None:
        self.options = OptionsPanel(id="options")
        super().__init__(TitleBar(f"plan  {key}", subject=True), self.options, load=load)
        self.key = self.about = key
        self.wanted = Wanted()
        self.figures = FiguresPanel(id="figures")
        self.advice = Document(id="advice")
        self._observed: Observed | None = None
        self._facts: Facts | None = None
        self._proposes = False
        """Was a row selected for the user, as one that is enough?"""
        self._of: Frame | None = None
        """The frame that both are of: they cost more than a key press should."""

    @property
    def remedies(self) -> list[tuple[str, ...]]:
        """The selected row's commands."""
        chosen = self.options.chosen
        return [chosen.commands] if isinstance(chosen, Option) else []

    @property
    def why_not(self) -> str:
        """What to do where the selected row changes no setting."""
        match self.options.chosen:
            case Option(code="today"):
                return "nothing to apply: this row is how things are now; select a change"
            case Option(commands=[_, *_]):
                return "twtop cannot apply this one: c copies its commands"
            case Refusal():
                return "not to be applied: the text below says why"
        return super().why_not

    @property
    def beneficiary(self) -> PatternKey:
        """The plan's pattern."""
        return self.key

    def panels(self) -> ComposeResult:
        """Lay out figures, table and the selected row's text from top to bottom."""
        yield self.figures
        yield self.options
        yield self.advice

    def on_mount(self) -> None:
        """Follow the selected row."""
        self.watch(self.options, "cursor", self._show_advice)

    def on_resize(self) -> None:
        """Share the room out anew, once the other panels have theirs."""
        self.call_after_refresh(self._make_room)

    def _make_room(self) -> None:
        """Give the table a line for each row, and the selected row's text what is left."""
        if self.has_class("-advice"):
            self.advice.styles.height = "1fr"
        elif self.advice.display:
            room = self.options.outer_size.height + self.advice.outer_size.height
            needs = len(self.options.rows) + self.options.head + BORDER
            self.advice.styles.height = max(room - needs, LEAST_ADVICE)

    def show(self, view: View) -> None:
        """Take the pattern's figures from the view, and plan anew."""
        self.title_bar.show(view)
        key, frame = self.key, view.frame
        index = frame.patterns.find(key)
        if frame is not self._of:
            self._of = frame
            self._facts = gather(frame, key.local_ip, key.remote_ip, key.remote_port)
            if index is not None:
                self._observed = observe(frame, index)
        assert self._facts is not None
        found = estimate(self._observed, self.wanted.rate, self.wanted.lifetime)
        gone = view.now if index is None else ""
        made = plan(found.load, self._facts) if found is not None else None
        self.figures.show(Shown(self.wanted, self._observed, found, made, gone))
        if made is None:
            self.options.show_nothing("the rate is not known yet")
        else:
            self.options.show_rows(OptionRows(made))
            self._propose(made)
            self._make_room()
        self._show_advice()

    def _propose(self, made: Plan) -> None:
        """Select what is enough, as long as the user has not chosen a row."""
        chosen = self.options.chosen
        works = isinstance(chosen, Option) and chosen.outcome.verdict is Fit.WORKS
        if not self._proposes or (not self.options.is_users and not works):
            self.options.select(enough(made))
            self._proposes = True

    def _show_advice(self) -> None:
        chosen = self.options.chosen
        self.advice.show(partial(option_lines, chosen, self.figures.plan))
        title = chosen.name if chosen is not None else ""
        if isinstance(chosen, Option):
            title = f"{title} · {VERDICTS[chosen.outcome.verdict][0]}"
        self.advice.entitle(Content(title))
        self.refresh_bindings()

    def _set(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.again()

    def action_step(self, direction: int) -> None:
        """Step the focused figure up (1) or down (−1)."""
        name, shown = self.wanted.focused, self.figures.shown
        value = shown.value(name) if shown is not None else None
        self._set(self.wanted.with_value(stepped(name, value or 0.0, direction)))

    def action_other(self) -> None:
        """Make the other figure the one that the keys are for."""
        names = list(NAMES)
        at = names.index(self.wanted.focused)
        self._set(replace(self.wanted, focused=names[(at + 1) % len(names)]))

    def action_live(self) -> None:
        """Let the focused figure be the live one again."""
        self._set(self.wanted.with_value(None))

    def action_type(self, begun: str = "") -> None:
        """Ask for the focused figure, of which the first digit may be typed already."""
        self.prompt.ask(QUESTIONS[self.wanted.focused], begun, self._typed, begun=bool(begun))

    def _typed(self, text: str) -> str | None:
        value = parsed(self.wanted.focused, text)
        if isinstance(value, str):
            return value
        self._set(self.wanted.with_value(value))
        return None

    @on(FiguresPanel.Touched)
    def touched(self, event: FiguresPanel.Touched) -> None:
        """Do with the mouse what the keys do."""
        self._set(replace(self.wanted, focused=event.name))
        if event.by:
            self.action_step(event.by)

    def action_copy(self) -> None:
        """Copy the selected row's commands."""
        chosen = self.options.chosen
        if isinstance(chosen, Option) and chosen.commands:
            self.copy("\n".join(chosen.commands))
        else:
            self.notify("nothing to copy: no command for this row", timeout=3)

    @on(RowTable.Chosen)
    def chosen(self) -> None:
        """Read the row's full text."""
        self.action_advice()

    def action_advice(self) -> None:
        """Give the selected row's text the whole screen, or take it back."""
        self.toggle_class("-advice")
        self.call_after_refresh(self._make_room)
        (self.advice if self.has_class("-advice") else self.options).focus()

    def go_back(self) -> None:
        """Restore the panels, else go back."""
        if self.has_class("-advice"):
            self.action_advice()
        else:
            super().go_back()
