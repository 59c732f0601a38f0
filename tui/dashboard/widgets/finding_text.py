"""One finding as lines to read: what, since when, what it means, its numbers, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest

from tui.analysis.patterns import Direction, PatternKey
from tui.dashboard.widgets.addresses import pattern_text
from tui.dashboard.widgets.document import Line, paragraph
from tui.dashboard.widgets.findings import MARKS, ROLES, headline, severity_text
from tui.dashboard.widgets.gauge import gauge
from tui.dashboard.widgets.styles import Run
from tui.findings.cases import Case
from tui.findings.codes import LEVELS
from tui.findings.finding import Evidence, Finding
from tui.watching.view import View
from tui.writing.words import floored, short, span

WIDEST = 100
"""Cells of text: longer lines are hard to read."""
GAP = 4
"""Blanks between two columns of evidence."""
LEAST_BESIDE = 40
"""Cells beside the text from which the evidence stands there."""
STATE_NAMES = {"time_wait": "TIME-WAIT", "close_wait": "CLOSE-WAIT", "syn_recv": "SYN-RECV"}
NAMES_NOT_COUNTS = frozenset({"port", "low", "high"})
"""Evidence that is a port number: written without a thousands separator."""

Item = PatternKey | str
"""What can be picked in the text: the pattern to jump to, or a command to copy."""


def items_of(finding: Finding, view: View) -> list[Item]:
    """Return what can be picked, in the order in which it stands in the text."""
    commands = [remedy.command for remedy in finding.remedies if remedy.command is not None]
    pattern = present_pattern(finding, view)
    return [*([] if pattern is None else [pattern]), *commands]


def present_pattern(finding: Finding, view: View) -> PatternKey | None:
    """Return the finding's pattern if it is in the frame."""
    key = finding.pattern
    return key if key is not None and view.frame.patterns.find(key) is not None else None


def finding_lines(case: Case, view: View, width: int, *, later: float | None = None) -> list[Line]:
    """Return the lines; what can be picked is numbered as in ``items_of``.

    Where the view is of before it began, ``later`` is of when its figures are (Unix time).
    """
    beside = width - WIDEST - 2 * GAP
    width = min(width, WIDEST)
    finding = case.finding
    if later is not None:
        lines = [_not_yet(case, later, width), Line()]
    else:
        heir = None if case.gone is None else view.cases.heir(case)
        lines = [_status(case, heir, view.frame.time, width), *_milder(case), Line()]
    is_there = later is None and case.gone is None
    lines += paragraph(finding.message, width, role="figure" if is_there else "gone")
    lines += [Line(), *paragraph(finding.meaning, width)]
    item = 0
    if (key := present_pattern(finding, view)) is not None:
        lines += [Line(), *_pattern(key, view, width)]
        item = 1
    evidence: list[Line] = []
    if finding.evidence:
        room = beside if beside >= LEAST_BESIDE else width
        evidence = [Line([("Evidence", "dim")]), *_evidence(finding.evidence, room)]
    if beside < LEAST_BESIDE:
        lines += [Line(), *evidence] if evidence else []
    if finding.remedies:
        lines += [Line(), Line([("What to do", "dim")])]
    for number, remedy in enumerate(finding.remedies, 1):
        label = f"{number}. " if len(finding.remedies) > 1 else ""
        indent = " " * len(label)
        lines += paragraph(f"{remedy.what}.", width, label=label)
        if remedy.unless:
            lines += paragraph(f"Not if: {remedy.unless}.", width, label=indent, role="dim")
        if remedy.command is not None:
            for row in remedy.command.splitlines():
                lines += paragraph(row, width, label=f"{indent}$ ", role="command", item=item)
            item += 1
    return lines if beside < LEAST_BESIDE else _side_by_side(lines, evidence)


def _side_by_side(lines: Sequence[Line], others: Sequence[Line]) -> list[Line]:
    """Return lines of text with others to their right."""
    found = []
    for line, other in zip_longest(lines, others, fillvalue=Line()):
        gap = " " * (WIDEST + 2 * GAP - sum(len(text) for text, _ in line.runs))
        runs = [*line.runs, (gap, ""), *other.runs] if other.runs else line.runs
        found.append(Line(runs, line.item))
    return found


def _not_yet(case: Case, later: float, width: int) -> Line:
    text = f"NOT THERE YET; this is what it said at {_clock(later)}"
    mark = MARKS[case.finding.severity]
    return Line([(f"{mark} ", "dim"), (short(text, width - 2), "figure")])


def _status(case: Case, heir: Case | None, now: float, width: int) -> Line:
    severity, gone = case.finding.severity, case.gone_for(now)
    if heir is not None:
        mark, role = MARKS[heir.finding.severity], ROLES[heir.finding.severity]
        return Line([(f"{mark} now: ", role), *headline(heir.finding, width - 7)])
    if gone is not None:
        text = f"GONE for {span(gone)}; this is what it said last"
        return Line([(f"{MARKS[severity]} ", "dim"), (short(text, width - 2), "figure")])
    lasts = span(max(now - case.since, 0.0))
    since = f" · since {_clock(case.since)}, {lasts}"
    if case.from_start:
        since = f" · since {_clock(case.since)} or before, {lasts} at least"
    if case.as_grave > case.since:  # it has begun as something less
        grave = f" · since {_clock(case.as_grave)}, {span(max(now - case.as_grave, 0.0))}"
        since = f"{grave} · began less severe at {_clock(case.since)}"
    return Line([(severity_text(severity), ROLES[severity]), (short(since, width - 10), "dim")])


def _milder(case: Case) -> Iterator[Line]:
    """Yield what it was until it became less severe, if that was of late: its story goes on."""
    (severity, level), now = case.peak, case.finding
    if case.gone is None and case.peak > now.grade:
        code = LEVELS[level] if now.code in LEVELS else now.code
        text = f"Less severe than before: {code} ({severity.label}) until {_clock(case.peak_at)}."
        yield Line([(text, "figure")])


def _clock(time: float) -> str:
    return datetime.fromtimestamp(time).strftime("%H:%M:%S")


def _pattern(key: PatternKey, view: View, width: int) -> Iterator[Line]:
    """Yield the pattern, to be jumped to, and its gauge."""
    name = "Pattern  "
    text = pattern_text(key, width - len(name))
    hint = "   p opens" if len(name) + len(text) + 10 <= width else ""
    yield Line([(name, "dim"), (text, "figure"), (hint, "dim")], 0)
    if key.direction is not Direction.OUTGOING:
        return
    index = view.frame.patterns.find(key)
    assert index is not None
    use = view.use_of(index)
    percent = f" {floored(use.in_use, use.capacity):.1f}%"
    bar = gauge(use, width - len(name) - len(percent), view.threshold)
    yield Line([(" " * len(name), ""), *bar, (percent, "figure")], 0)


def _evidence(evidence: Evidence, width: int) -> Iterator[Line]:
    """Yield the numbers as a small table, in as many columns as fit, read downwards; then words."""
    numbers, words = (
        [
            (evidence_name(name), evidence_text(name, value))
            for name, value in evidence.items()
            if isinstance(value, str) is word
        ]
        for word in (False, True)
    )
    label = max(len(name) for name, _ in (*numbers, *words))
    figure = max((len(text) for _, text in numbers), default=0)
    columns = max(1, min((width + GAP) // (label + 2 + figure + GAP), 3))
    rows = -(-len(numbers) // columns)
    for row in range(rows):
        runs: list[Run] = []
        for name, text in numbers[row::rows]:
            gap = " " * GAP if runs else ""
            runs += [(f"{gap}{name:<{label}}  ", ""), (f"{text:>{figure}}", "figure")]
        yield Line(runs)
    for name, text in words:
        room = max(width - label - 2, 8)
        yield Line([(f"{name:<{label}}  ", ""), (short(text, room), "figure")])


def evidence_name(name: str) -> str:
    """Return a number's name as people write it; its unit goes with the number."""
    if name.startswith("tcp_"):  # a sysctl
        return name
    for ending in ("_per_second", "_percent"):
        name = name.removesuffix(ending)
    for key, label in STATE_NAMES.items():
        name = name.replace(key, label)
    return name.replace("_", " ").replace("seconds left", "time left")


def evidence_text(name: str, value: float | str) -> str:
    """Return a number with its unit."""
    if isinstance(value, str):
        return value
    if name.endswith(("utilization", "share")):
        return f"{floored(float(value), 1):.1f}%"
    digits = f"{value:,.10g}" if isinstance(value, float) else f"{value:,}"
    if name in NAMES_NOT_COUNTS:
        digits = str(value)
    if name.endswith("_per_second"):
        return f"{digits}/s"
    if name.endswith("_percent"):
        return f"{digits} %"
    return f"{digits} s" if "seconds" in name else digits
