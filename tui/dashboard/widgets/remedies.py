"""The table of a plan: today, each remedy, combinations, and what not to do."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from tui.analysis.judgement import PortUse
from tui.dashboard.widgets.document import Line, paragraph
from tui.dashboard.widgets.gauge import gauge
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, RowTable, TableRows
from tui.planning.remedies import Option, Plan, Refusal
from tui.planning.setting import Fit
from tui.report.plan import share_text, short_number
from tui.writing.words import short

COLUMNS = (
    Column("name", "Change", 24, "left", stretch=2, most=48),
    Column("needed", "Needed", 7),
    Column("capacity", "Ports", 7),
    Column("use", "Use", 14, "left", stretch=1, most=110),
    Column("fast_rate", "Fast to", 7, rank=2),
    Column("sustainable_rate", "At most", 7, rank=1),
    Column("verdict", "", 8, "left"),
)
VERDICTS = {
    Fit.WORKS: ("✓ works", "good"),
    Fit.SLOW: ("~ slow", "warn"),
    Fit.FAILS: ("! fails", "alarm"),
}
"""The marks are those of the patterns: ~ slow, ! alarm."""
WIDEST = 110


class OptionRows(TableRows):
    """A plan's rows."""

    items: tuple[Option | Refusal, ...]

    def __init__(self, plan: Plan) -> None:
        self.items = (plan.today, *plan.options, *plan.refused)

    def identity(self, row: int) -> Hashable:
        """Return the row's code."""
        return self.items[row].code

    def role(self, row: int) -> str:
        """Show what is not to be done as such."""
        return "dim" if isinstance(self.items[row], Refusal) else ""

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        one = self.items[row]
        if isinstance(one, Refusal):
            if column == "name":
                return f"✗ {one.name}"
            said = "works, but unsafe" if one.is_unsafe else "does not help"
            return short(said, width) if column == "use" else ""
        outcome = one.outcome
        verdict = VERDICTS[outcome.verdict]
        match column:
            case "name":
                return [(short(one.name, width), "figure" if one.code == "today" else "")]
            case "use":
                return _use(outcome.needed, outcome.capacity, width, verdict[1])
            case "verdict":
                return [verdict]
            case _:
                return short_number(getattr(outcome, column))


def _use(needed: int, capacity: int, width: int, role: str) -> list[Run]:
    percent = f"{share_text(needed / max(capacity, 1)):>5}"
    bar = gauge(PortUse(capacity, live=min(needed, capacity)), width - len(percent) - 1, 100)
    runs = [(text, kind if kind in ("free", "mark", "passed") else role) for text, kind in bar]
    return [*runs, (f" {percent}", role)]


class OptionsPanel(RowTable):
    """What becomes of the load today and under each change."""

    BORDER_TITLE = "What would be enough"
    BORDER_SUBTITLE = "✓ ≤ half of the ports · ~ more · ! too few · rates per second"
    columns = COLUMNS

    @property
    def chosen(self) -> Option | Refusal | None:
        """The selected row."""
        if not isinstance(self.rows, OptionRows) or self.cursor >= len(self.rows):
            return None
        return self.rows.items[self.cursor]


def enough(plan: Plan) -> int:
    """Return the row of the first change that is enough; where none is, or none is needed, 0."""
    if plan.today.outcome.verdict is Fit.WORKS:
        return 0
    rows = (plan.today, *plan.options)
    return next((n for n, one in enumerate(rows) if one.outcome.verdict is Fit.WORKS), 0)


def summary_lines(plan: Plan | None, width: int) -> Iterator[Line]:
    """Yield what the whole plan comes to: what would be enough, and what does not help."""
    if plan is None:
        return
    works = [one.name for one in plan.options if one.outcome.verdict is Fit.WORKS]
    fails = [one.name for one in plan.options if one.outcome.verdict is Fit.FAILS]
    lines = [
        ("enough    ", works or ["nothing here on its own"]),
        ("no help   ", [*fails, *(one.name for one in plan.refused if not one.is_unsafe)]),
        ("unsafe    ", [one.name for one in plan.refused if one.is_unsafe]),
    ]
    for label, names in lines:
        yield from paragraph(" · ".join(names), width, label=label)


def option_lines(chosen: Option | Refusal | None, plan: Plan | None, width: int) -> Iterator[Line]:
    """Yield what is to be done for a row, what that needs, and when it is wrong."""
    width = min(width, WIDEST)
    if chosen is None:
        return
    if isinstance(chosen, Refusal):
        yield from paragraph(chosen.why, width, label="why not   ")
        return
    for command in chosen.commands:
        label, role = ("  ", "dim") if command.startswith("#") else ("$ ", "command")
        yield from paragraph(command, width, label=label, role=role)
    if chosen.code == "today":
        word = {Fit.WORKS: "enough", Fit.SLOW: "enough, but slow", Fit.FAILS: "too few"}
        text = f"As things are, the ports are {word[chosen.outcome.verdict]}."
        yield from paragraph(text, width)
        yield Line()
        yield from summary_lines(plan, width)
    for label, text in (
        ("needs     ", chosen.requires),
        ("wrong if  ", chosen.wrong_when),
        ("less      ", chosen.note),
    ):
        if text:
            yield from paragraph(text, width, label=label)
