"""Outlook: what is known of one place at one poll, and how urgent that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from tui.analysis.bounds import utilization_at_most
from tui.analysis.forecast import NEVER
from tui.analysis.judgement import pattern_levels
from tui.analysis.owners import holders
from tui.findings.config import Config
from tui.findings.finding import Finding, Severity
from tui.kernel.glance import Glance, glance_back
from tui.kernel.places import Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import Array
from tui.kernel.source import Reading
from tui.report.places import Seen
from tui.watching.view import View
from tui.watching.watch import Watch

MINUTE = 60.0
OLD_INTERVALS = 5
"""How many intervals a table may lag behind its place's counters."""


class Urgency(IntEnum):
    """How much a tuple wants to be looked at; the greater the more."""

    FINE = 0
    SLOW = 1
    HOT = 2
    SOON = 3
    """It will have no port within the time that `exhausts-soon` looks ahead."""
    FULL = 4


OF_LEVEL = np.array([Urgency.FINE, Urgency.SLOW, Urgency.HOT, Urgency.FULL])
"""By Level."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a view says of its place in a few words."""

    worst: int | None
    """The index of the pattern that is nearest to its end; None where none is outgoing."""
    urgency: Urgency
    """That of the worst; FINE without one."""
    how: float
    """How urgent among those of one Urgency, below 1."""
    seconds_left: float
    """Until the worst has no port, as foretold then; NEVER if at no time."""
    findings: tuple[Finding, ...]
    """What the rules found, the gravest first."""

    @property
    def severity(self) -> Severity:
        """That of the gravest finding; INFO where there is none."""
        return max((one.severity for one in self.findings), default=Severity.INFO)


def verdict_of(view: View) -> Verdict:
    """Return what a view says of its place."""
    findings = tuple(case.finding for case in view.cases.present)
    outgoing = np.flatnonzero(view.frame.patterns.outgoing)
    if not len(outgoing):
        return Verdict(None, Urgency.FINE, 0.0, NEVER, findings)
    urgency, how = urgencies(view)
    worst = int(outgoing[(urgency + how)[outgoing].argmax()])
    left = view.seconds_left(worst)
    seconds = NEVER if left is None else left
    return Verdict(worst, Urgency(int(urgency[worst])), float(how[worst]), seconds, findings)


@dataclass(frozen=True, slots=True)
class Outlook:
    """One place at one poll."""

    glance: Glance
    view: View | None = None
    """What its last dump showed; None if there was none."""
    verdict: Verdict | None = None
    """What that says in a few words; None if there was none."""
    fresh: bool = False
    """Was it dumped at this very poll?"""
    failure: str | None = None
    """Why its last dump failed; None if it did not."""
    complete: bool = True
    """Did its last dump see the whole table? If not, the view may be of one before."""
    time: float = 0.0
    """When the poll was, Unix time."""
    interval: float = 1.0
    """Seconds between polls."""

    @property
    def place(self) -> Place:
        """Which place it is."""
        return self.glance.place

    @property
    def age(self) -> float:
        """Seconds since its table was read; 0 where it was not."""
        return 0.0 if self.view is None else max(self.time - self.view.frame.reading.table_time, 0)

    @property
    def is_old(self) -> bool:
        """Is its table to be told apart from the counters beside it, which are of this poll?"""
        return self.age > OLD_INTERVALS * self.interval

    @property
    def worst(self) -> int | None:
        """The index of the pattern of the view that is nearest to its end; None without one."""
        return None if self.verdict is None else self.verdict.worst

    @property
    def urgency(self) -> Urgency:
        """That of its worst tuple; FINE where there is none, or it was not dumped."""
        return Urgency.FINE if self.verdict is None else self.verdict.urgency

    @property
    def seconds_left(self) -> float:
        """Until its worst tuple has no port, as foretold at its last dump; NEVER if at no time."""
        return NEVER if self.verdict is None else max(self.verdict.seconds_left - self.age, 0.0)

    @property
    def severity(self) -> Severity:
        """That of its gravest finding; INFO where there is none, or nothing was looked into."""
        return Severity.INFO if self.verdict is None else self.verdict.severity

    @property
    def gravity(self) -> tuple[Urgency, Severity, float]:
        """What places are sorted by: ports first, then what else is found, then how full it is."""
        if self.verdict is not None:
            return self.urgency, self.severity, self.verdict.how
        bound = utilization_at_most(self.glance)
        return self.urgency, self.severity, 2.0 if bound is None else bound  # not known at all


def look_back(reading: Reading, owners: Owners, config: Config) -> Outlook:
    """Return what was known of a place by one recorded reading."""
    watch, table = Watch(config), reading.table
    watch.note_owners(owners)
    view = watch.take(reading)
    return Outlook(
        glance_back(reading.place, reading.counters, view.frame.rules),
        view,
        verdict_of(view),
        fresh=True,
        complete=table.whole,
        time=reading.time,
    )


def urgencies(view: View) -> tuple[Array, Array]:
    """Return the Urgency of every pattern, and below 1 how much of it; shape (patterns,) each."""
    patterns, left = view.frame.patterns, view.seconds_left_of_all()
    urgency = OF_LEVEL[pattern_levels(patterns, view.threshold)]
    how = np.minimum(patterns.locked / patterns.capacity.clip(1), 1.0) * 0.999
    for bound in view.bound_first:
        theirs = bound.patterns(patterns)
        shared = OF_LEVEL[bound.use.level(view.threshold)]
        urgency[theirs] = np.maximum(urgency[theirs], shared)
        how[theirs] = np.maximum(how[theirs], 0.999 * bound.use.locked / bound.capacity)
    within = MINUTE * view.config.ports.exhausts_within_minutes
    soon = (left <= within) & (urgency < Urgency.SOON)
    soon &= patterns.outgoing
    first = np.flatnonzero(soon)
    how[first] = 0.999 / (1.0 + left[first])
    return np.where(soon, Urgency.SOON, urgency), how


def seen(outlook: Outlook, owners: Owners | None = None) -> Seen:
    """Return a place as records and text have it; owners are those that its watch remembers."""
    view, verdict, failure = outlook.view, outlook.verdict, outlook.failure
    if view is None or verdict is None:
        return Seen(outlook.glance, failure=failure)
    worst = verdict.worst
    if worst is None:
        return Seen(outlook.glance, view.frame, failure=failure, findings=verdict.findings)
    holder: object | None = view.trends.holders.get(worst)
    if holder is None and owners is not None:
        frame = view.frame
        held = holders(frame.table, frame.patterns, owners.by_inode, len(frame.patterns))
        holder = held.get(worst)
    return Seen(outlook.glance, view.frame, worst, holder, failure, verdict.findings)
