"""The findings panel: what it all means, the gravest first; and the same folded into one line."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rich.text import Text
from textual import events
from textual.message import Message

from tui.analysis.patterns import endpoint
from tui.dashboard.widgets.panel import TextPanel, hint
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, RowTable, TableRows
from tui.findings.cases import Case, Cases, tally
from tui.findings.finding import Finding, Severity
from tui.watching.view import View
from tui.writing.words import short, span

COLUMNS = (
    Column("severity", "", 10, "left"),
    Column("message", "", 30, "left", stretch=1),
    Column("lasts", "", 10),
)
MARKS = {Severity.CRITICAL: "■", Severity.WARNING: "▲", Severity.INFO: "·"}
"""A shape of its own for each, beside its word: colour alone must not carry a meaning."""
ROLES = {Severity.CRITICAL: "alarm", Severity.WARNING: "warn", Severity.INFO: "dim"}
GONE_SECONDS = 10.0
"""How long one that has ended is still listed, so that nothing vanishes under the reader."""
NONE_FOUND = "none"


class FindingRows(TableRows):
    """The cases of a view: those that are there, and those that have just ended."""

    def __init__(self, cases: Cases, now: float) -> None:
        self.now = now
        gone = [case for case in cases.known if case.gone is not None]
        just = [case for case in gone if (case.gone_for(now) or 0.0) < GONE_SECONDS]
        over = [case for case in just if cases.heir(case) is None]
        self.cases = self.items = (*cases.present, *over)

    def identity(self, row: int) -> Hashable:
        """Return the code and the subject of a row."""
        return self.cases[row].identity

    def role(self, row: int) -> str:
        """Strike out what has ended."""
        return "" if self.cases[row].gone is None else "gone"

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        case = self.cases[row]
        there = case.gone is None
        match column:
            case "severity":
                return [(severity_text(case.finding.severity), ROLES[case.finding.severity])]
            case "message":
                return headline(case.finding, width) if there else case.finding.message
            case _:
                return [(lasts(case, self.now), "dim")]


def severity_text(severity: Severity) -> str:
    """Return a severity's mark and word."""
    return f"{MARKS[severity]} {severity.label}"


def lasts(case: Case, now: float) -> str:
    """Return how long a case has been there, or for how long it has been gone.

    One that was there at the first look is older than that.
    """
    gone = case.gone_for(now)
    if gone is not None:
        return f"gone {span(gone)}"
    return ("≥ " if case.from_start else "") + span(max(now - case.since, 0.0))


def headline(finding: Finding, width: int) -> list[Run]:
    """Return a finding's headline in a width, its subject set off.

    Where there is no room for all of it a pattern is named by its remote side.
    """
    subject, rest = finding.subject, finding.message.removeprefix(finding.subject)
    if rest == finding.message:
        return [(short(finding.message, width), "")]
    key = finding.pattern
    if key is not None and subject == str(key) and len(finding.message) > width:
        subject = endpoint(key.remote_ip, key.remote_port)
    subject = short(subject, width)
    return [(subject, "figure"), (short(rest, width - len(subject)), "")]


class FindingsPanel(RowTable):
    """All findings, a line each."""

    columns = COLUMNS
    head = 0

    def show(self, view: View) -> None:
        """Show a view."""
        self.empty = "nothing found"
        counts = tally(case.finding for case in view.cases.present)
        keys = hint(("f", "here and back"), ("⏎", "opens")) if counts else ""
        self.entitle(f"⁶ Findings · {counts or NONE_FOUND}", keys)
        self.show_rows(FindingRows(view.cases, view.frame.time))


class FindingsLine(TextPanel[View]):
    """The findings in one line: how many, and the headline of the first."""

    class Chosen(Message):
        """It was clicked."""

    def draw(self, view: View) -> Text:
        """Draw the line."""
        return self.line(line_of(view.cases.present, self.size.width))

    def on_click(self, event: events.Click) -> None:
        """Open the findings."""
        if self.shown is not None and self.shown.cases.present:
            self.post_message(self.Chosen())


def line_of(cases: Sequence[Case], width: int) -> list[Run]:
    """Return the line's runs of together at most ``width`` cells."""
    if not cases:
        return [(short(f" Findings  {NONE_FOUND}", width), "dim")]
    worst = cases[0].finding
    counts, key = tally(case.finding for case in cases), "  f: details "
    mark = short(f" {MARKS[worst.severity]} {counts}", width)
    room = width - len(mark) - 2 - len(key)
    if room <= 0:
        return [(mark, ROLES[worst.severity])]
    head = headline(worst, room)
    blank = " " * (room - sum(len(text) for text, _ in head))
    return [(mark, ROLES[worst.severity]), (": ", ""), *head, (blank + key, "dim")]
