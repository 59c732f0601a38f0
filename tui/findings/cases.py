"""Cases: findings over time. How long one has been there, which are news, which have gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from tui.findings.finding import Finding, Severity

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
    peak: Severity = Severity.INFO
    """The gravest that it has been of late, and when it last was."""
    peak_at: float = 0.0

    @property
    def identity(self) -> tuple[str, str]:
        """What makes it the same case in another frame."""
        return self.finding.identity

    def gone_for(self, now: float) -> float | None:
        """Return for how many seconds it has been gone, None if it is there."""
        return None if self.gone is None else max(now - self.gone, 0.0)

    def _recent_peak(self, now: float) -> Severity:
        return self.peak if now - self.peak_at < FORGET_SECONDS else self.finding.severity

    def found_again(self, finding: Finding, now: float) -> Case:
        """Return the case as it goes on."""
        peak = max(self._recent_peak(now), finding.severity)
        at = now if finding.severity == peak else self.peak_at
        return replace(self, finding=finding, gone=None, peak=peak, peak_at=at)

    def rises_with(self, finding: Finding, now: float) -> bool:
        """Say whether the finding is graver than all that this case has been of late."""
        return finding.severity > self._recent_peak(now)


@dataclass(frozen=True, slots=True)
class Cases:
    """All cases of one moment, with those that ended within FORGET_SECONDS."""

    known: tuple[Case, ...] = ()
    """The gravest first, and of one severity the newest; one that ended keeps its place."""
    looks: int = 0
    """How often they were looked for."""

    @property
    def news(self) -> tuple[Case, ...]:
        """Those that began, or grew graver, with the last look; at the first look none."""
        return self.news_since(self.looks - 1)

    def news_since(self, look: int) -> tuple[Case, ...]:
        """Return those that began, or grew graver, after that look."""
        return tuple(case for case in self.known if case.news is not None and case.news > look)

    @property
    def present(self) -> tuple[Case, ...]:
        """Those that have not ended."""
        return tuple(case for case in self.known if case.gone is None)

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
            if old is None:
                case = Case(finding, now, first, peak=finding.severity, peak_at=now)
            else:
                case = old.found_again(finding, now)
            if not (first or quietly) and (old is None or old.rises_with(finding, now)):
                case = replace(case, news=look)
            cases.append(case)
        for case in before.values():
            if case.gone is None:
                cases.append(replace(case, gone=now))
            elif now - case.gone < FORGET_SECONDS:
                cases.append(case)
        cases.sort(key=lambda case: (-case.finding.severity, -case.since))
        return Cases(tuple(cases), look)


def tally(cases: Iterable[Case]) -> str:
    """Return how many there are of each severity: ``2 critical, 1 warning``; empty for none."""
    count = dict.fromkeys(sorted(Severity, reverse=True), 0)
    for case in cases:
        count[case.finding.severity] += 1
    names = {severity: severity.label for severity in count}
    if count[Severity.WARNING] != 1:
        names[Severity.WARNING] += "s"
    return ", ".join(f"{number:,} {names[which]}" for which, number in count.items() if number)
