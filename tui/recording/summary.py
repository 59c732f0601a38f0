"""What a timeline shows of each moment, without its sockets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tui.analysis.judgement import Level, pattern_levels
from tui.analysis.patterns import Direction
from tui.findings.codes import level_of
from tui.findings.finding import Severity
from tui.kernel.sockets import STATE_SLOTS
from tui.watching.view import View

FULL_MOST = 5
"""How many full patterns are told of a moment."""


class Told(NamedTuple):
    """A finding as a timeline tells it."""

    identity: tuple[str, str]
    severity: int
    title: str
    code: str = ""
    """Where it is not the identity's."""

    @property
    def grade(self) -> tuple[Severity, int]:
        """How grave it is, as Finding.grade has it."""
        return Severity(self.severity), level_of(self.code)


class Summary(NamedTuple):
    """One moment: a tuple, since a day has 30,000."""

    time: float
    """Unix time."""
    states: tuple[int, ...]
    """Sockets by state, as Frame.states has them."""
    time_wait: int
    worst: float
    """The highest use of an outgoing pattern, from 0 to 1 and above."""
    findings: tuple[Told, ...]
    """Those that are there, the gravest first."""
    full: tuple[str, ...] = ()
    """Outgoing patterns with no port left, FULL_MOST at most; old recordings name none."""
    age: float = 0.0
    """Seconds since the sockets were read that ``states`` counts: more than 0 between spaced-out
    dumps, which old recordings do not tell."""


def summarise(view: View) -> Summary:
    """Return what a timeline shows of this moment."""
    frame = view.frame
    patterns = frame.patterns
    outgoing = patterns.utilization[patterns.direction == Direction.OUTGOING]
    worst = [float(outgoing.max())] if len(outgoing) else [0.0]
    full = pattern_levels(patterns, 100) == Level.EXHAUSTED
    for bound in view.bound_first:
        worst.append(bound.use.utilization)
        if bound.use.connectable <= 0:
            full |= bound.patterns(patterns)
    return Summary(
        time=frame.time,
        states=tuple(frame.states.tolist()),
        time_wait=view.trends.time_wait_count,
        worst=round(max(worst), 4),
        findings=tuple(
            Told(
                case.identity,
                int(case.finding.severity),
                case.finding.message,
                case.finding.code if case.finding.code != case.identity[0] else "",
            )
            for case in view.cases.present
        ),
        full=tuple(str(patterns.key(index)) for index in np.flatnonzero(full)[:FULL_MOST].tolist()),
        age=round(max(frame.time - frame.reading.table_time, 0.0), 3),
    )


def plain(summary: Summary) -> list[Any]:
    """Return a summary in terms of JSON."""
    told = [
        [*found.identity, found.severity, found.title, *([found.code] if found.code else [])]
        for found in summary.findings
    ]
    head = [summary.time, list(summary.states), summary.time_wait, summary.worst, told]
    if summary.age:
        return [*head, list(summary.full), summary.age]
    return [*head, list(summary.full)] if summary.full else head


def from_plain(told: Any) -> Summary:
    """Return what plain() was given. Raises ValueError or TypeError for anything else."""
    time, states, time_wait, worst, findings = told[:5]
    if len(states) != STATE_SLOTS:
        raise ValueError(f"{len(states)} states")
    return Summary(
        float(time),
        tuple(map(int, states)),
        int(time_wait),
        float(worst),
        tuple(
            Told((str(f[0]), str(f[1])), int(f[2]), str(f[3]), str(f[4]) if len(f) > 4 else "")
            for f in findings
        ),
        tuple(map(str, told[5])) if len(told) > 5 else (),
        float(told[6]) if len(told) > 6 else 0.0,
    )
