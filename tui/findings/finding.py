"""A finding: what is the matter, the numbers that show it, and what to do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, TypeVar

from tui.analysis.patterns import PatternKey
from tui.findings.codes import LEVELS, level_of
from tui.kernel.places import Place
from tui.planning.fitting import acts_here, caution, fitted

Evidence = Mapping[str, int | float | str]


def known(**numbers: float | str | None) -> dict[str, int | float | str]:
    """Return as evidence those of the numbers that are known."""
    return {name: value for name, value in numbers.items() if value is not None}


class Severity(IntEnum):
    """How grave a finding is; the greater the graver."""

    INFO = 0
    """Worth knowing; nothing is wrong."""
    WARNING = 1
    """Something costs already, or will fail if it goes on."""
    CRITICAL = 2
    """Connections fail now, or are about to."""

    @property
    def label(self) -> str:
        """The name in JSON and in the commands' output."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing to do."""

    what: str
    """A sentence without its full stop."""
    command: str | None = None
    """For a shell, as root where it sets something; what is in CAPITALS is to be filled in."""
    unless: str = ""
    """When the advice is wrong, to follow “Not if:”; empty where it never is."""

    def __str__(self) -> str:
        unless = f" Not if: {self.unless}." if self.unless else ""
        command = f" Run: {self.command}" if self.command else ""
        return f"{self.what}.{unless}{command}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule has to say about one subject."""

    code: str
    """Which rule, in kebab-case; never changes."""
    severity: Severity
    subject: str
    """What it is about: a pattern, a listener, a process, a sysctl; the same in each frame."""
    message: str
    """The headline, without a full stop."""
    meaning: str
    """Two sentences."""
    evidence: Evidence
    """The numbers it rests on; each name says its unit unless it is a count."""
    remedies: tuple[Remedy, ...] = ()
    """What to do, the best first."""
    pattern: PatternKey | None = None
    """The pattern to look at, where there is one."""

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it the same story in another frame, where it may be milder or graver."""
        one = self.code in LEVELS and self.pattern is not None  # else a sum over several patterns
        return LEVELS[0] if one else self.code, self.subject

    @property
    def grade(self) -> tuple[Severity, int]:
        """How grave it is within its story; the greater the graver."""
        return self.severity, level_of(self.code)


def fit(finding: Finding, place: Place) -> Finding:
    """Return a finding whose remedies act on the place that it is of."""
    if acts_here(place):
        return finding
    return replace(finding, remedies=tuple(_fit(remedy, place) for remedy in finding.remedies))


def _fit(remedy: Remedy, place: Place) -> Remedy:
    if remedy.command is None:
        return remedy
    unless = ", or ".join(filter(None, (remedy.unless, caution(remedy.command, place))))
    return replace(remedy, command=fitted(remedy.command, place), unless=unless)


def record(finding: Finding) -> dict[str, Any]:
    """Return a finding with the contract's keys, in its order, as plain Python data."""
    many = len(finding.remedies) > 1
    return {
        "code": finding.code,
        "severity": finding.severity.label,
        "subject": finding.subject,
        "message": f"{finding.message}. {finding.meaning}",
        "evidence": {name: _plain(value) for name, value in finding.evidence.items()},
        "advice": "\n".join(
            f"{number}. {remedy}" if many else str(remedy)
            for number, remedy in enumerate(finding.remedies, 1)
        ),
        "remedies": [
            {"what": one.what, "command": one.command, "not_if": one.unless or None}
            for one in finding.remedies
        ],
    }


def _plain(value: float | str) -> int | float | str:
    """Return what JSON can hold: it has no NaN and no infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


NAMED = 20
"""How many subjects a rule names: a text costs some 50 µs, and nobody reads more."""


T = TypeVar("T")


def tell_each(subjects: Sequence[T], tell: Callable[[T], Finding], kind: str) -> Iterator[Finding]:
    """Tell of the first NAMED subjects, the worst first, and sum up the others.

    ``kind`` is the subjects' plural. The sum is as grave as the worst in it, and its own
    subject does not change with their number: it is the same finding in the next frame.
    """
    for subject in subjects[:NAMED]:
        yield tell(subject)
    more = len(subjects) - NAMED
    if more > 0:
        worst = tell(subjects[NAMED])
        yield replace(
            worst,
            subject=f"further {kind}",
            message=f"The same is true of {more:,} more {kind}",
            meaning=f"The worst of them: {worst.message}. The {NAMED} worst are listed separately.",
            evidence={"further": more},
            pattern=None,
        )
