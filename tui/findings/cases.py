"""Cases: findings over time. How long one has been there, which are news, which have gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tui.findings.codes import LEVELS
from tui.findings.finding import Finding, Severity
from tui.writing.words import plural

Grade = tuple[Severity, int]
"""Finding.grade: how grave a finding is."""
FORGET_SECONDS = 60.0
"""What comes back, or grows as grave again, this soon is no news: it only flickers."""


@dataclass(frozen=True, slots=True)
class Case:
    """A finding and its story; times are those of frames."""

    finding: Finding
    """As it was when last found."""
    since: float
    """When it was found first."""
    from_start: bool = False
    """Was it there at the very first look? Then nobody knows how long it had been."""
    gone: float | None = None
    """When it was found no more, None while it is there."""
    news: int | None = None
    """With which look it began, or grew graver than it had been of late; None for what was there
    at the very first one and has not grown since."""
    peak: Grade = (Severity.INFO, 0)
    """The gravest that it has been of late, as Finding.grade, and when it last was."""
    peak_at: float = 0.0
    grades: tuple[tuple[Grade, float], ...] = ()
    """What it grew to and has not come down from, ascending, and since when."""

    @property
    def as_grave(self) -> float:
        """Since when it has been at least as grave as it is."""
        return self.grades[-1][1] if self.grades else self.since

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it the same case in another frame."""
        return self.finding.identity

    def gone_for(self, now: float) -> float | None:
        """Return for how many seconds it has been gone, None if it is there."""
        return None if self.gone is None else max(now - self.gone, 0.0)


@dataclass(frozen=True, slots=True)
class Begun:
    """What is told of a finding's beginning, and its end, by somebody who has looked before."""

    since: float
    """When it was found first."""
    from_start: bool
    """As of a case."""
    gone: float | None = None
    """As of a case."""
    grade: tuple[Grade, float] | None = None
    """How grave it was at last, and since when it was at least that."""


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases of one moment, with those that ended within FORGET_SECONDS."""

    known: tuple[Case, ...] = ()
    """The gravest first. Of one severity what fails already, then the weightiest of each pattern
    before what else is found of it, each the newest first; one that ended keeps its place."""
    looks: int = 0
    """How often they were looked for."""
    begun: Mapping[tuple[str, str], Begun] = field(default_factory=dict)
    """By identity: when those began that are yet to be found, and ended, as far as somebody
    knows."""

    def news_since(self, look: int) -> tuple[Case, ...]:
        """Return those that began, or grew graver, after that look; with the first look none do."""
        return tuple(case for case in self.known if case.news is not None and case.news > look)

    @property
    def present(self) -> tuple[Case, ...]:
        """Those that have not ended."""
        return tuple(case for case in self.known if case.gone is None)

    def heir(self, ended: Case) -> Case | None:
        """Return what is as grave as an ended case and about the same pattern, if there is one.

        It is not over then: a forecast has come true, or gave way to something worse.
        """
        about, severity = ended.finding.pattern, ended.finding.severity
        if about is None:
            return None
        return next(
            (
                case
                for case in self.present
                if case.finding.pattern == about and case.finding.severity >= severity
            ),
            None,
        )

    def find(self, identity: tuple[str, str]) -> Case | None:
        """Return the case of this identity, if it is known."""
        return next((case for case in self.known if case.identity == identity), None)

    def then(self, findings: Iterable[Finding], now: float, *, quietly: bool = False) -> Cases:
        """Return the cases after another look; ``findings`` are in the order of their weight.

        ``quietly`` makes no news of it, as when the user has changed what counts.
        """
        before = {case.identity: case for case in self.known}
        first, look = self.looks == 0, self.looks + 1
        cases = []
        for finding in findings:
            old = before.pop(finding.identity, None)
            grade = finding.grade
            told = self.begun.get(finding.identity)
            later = told is not None and told.since > now and not first
            case = old or Case(finding, now, first, peak=grade, peak_at=now)
            if told is not None and not later:  # as whoever has looked at each moment knows it
                case = replace(case, since=told.since, from_start=told.from_start)
            peak = case.peak if now - case.peak_at < FORGET_SECONDS else case.finding.grade
            grades = tuple(one for one in case.grades if one[0] <= grade)
            if told is not None and told.grade is not None and told.grade[0] == grade:
                grades = (*(one for one in grades if one[0] < grade), told.grade)
            elif not grades or grades[-1][0] < grade:
                grades += ((grade, now if old else case.since),)
            is_news = not (first or quietly) and (old is None or grade > peak)
            cases.append(
                replace(
                    case,
                    finding=finding,
                    gone=None,
                    news=look if is_news else case.news,
                    peak=max(peak, grade),
                    peak_at=now if grade >= peak else case.peak_at,
                    grades=grades,
                )
            )
        for case in before.values():
            if case.gone is None:
                told = self.begun.get(case.identity)
                gone = now if told is None or told.gone is None else min(told.gone, now)
                case = replace(case, gone=gone)
            if case.gone is not None and now - case.gone < FORGET_SECONDS:
                cases.append(case)
        follows, seen = set(), set()
        for case in cases:
            if (about := case.finding.pattern) is not None and about in seen:
                follows.add(case.identity)
            seen.add(about)
        cases.sort(
            key=lambda case: (
                -case.finding.severity,
                case.finding.code != LEVELS[-1],
                case.identity in follows,
                -case.since,
            )
        )
        return Cases(tuple(cases), look, self.begun)


def tally(findings: Iterable[Finding]) -> str:
    """Return how many there are of each severity: ``2 critical, 1 warning``; empty for none."""
    count = Counter(one.severity for one in findings)
    return ", ".join(
        plural(count[which], which.label, "" if which is Severity.WARNING else which.label)
        for which in sorted(count, reverse=True)
    )
