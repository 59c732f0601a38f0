"""What is found at one look, and of a recorded one what was found at other moments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tui.commands.reading import Look
from tui.findings.baseline import Baseline
from tui.findings.config import Config
from tui.findings.episode import Episode
from tui.findings.finding import Finding, Severity
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.processes import Owners
from tui.report.findings import episodes_text, findings_text
from tui.report.text import unsound
from tui.writing.layout import Paint, wrapped


@dataclass(frozen=True, slots=True)
class Inspection:
    """A look with its findings."""

    look: Look
    owners: Owners
    found: tuple[Finding, ...]
    episodes: Sequence[Episode]
    """Warnings and critical findings of other moments, the gravest first."""

    @property
    def is_whole(self) -> bool:
        """Was all read, and is it of the moment that was asked for?"""
        return self.look.frame.table.whole and not self.look.doubts

    @property
    def lost(self) -> tuple[str, ...]:
        """What is said of moments that cannot be read."""
        origin = self.look.origin
        return () if origin is None else origin.lost

    def texts(self, paint: Paint, width: int) -> Iterator[str]:
        """Yield the findings in blocks of text, below the moment that they are of."""
        look = self.look
        yield from ("\n".join(wrapped(line, width, "")) for line in look.about)
        yield from unsound(look.frame, paint)
        if look.doubts:
            yield "\n".join(_doubtful(look.doubts, paint, width))
        recorded = look.origin is not None
        yield findings_text(self.found, paint, width, whole=self.is_whole, recorded=recorded)
        yield from self.elsewhere(paint, width)

    def elsewhere(self, paint: Paint, width: int) -> Iterator[str]:
        """Yield what is said of the other moments of a recording."""
        if self.episodes and self.look.origin is not None:
            yield episodes_text(self.episodes, self.look.origin.path, paint, width)
        if more := [one for one in self.lost if one not in self.look.doubts]:
            yield "\n".join(_doubtful(more, paint, width))


def _doubtful(reasons: Sequence[str], paint: Paint, width: int) -> Iterator[str]:
    for reason in reasons:
        yield paint("\n".join(wrapped(f"{reason}.", width, "")), "yellow")


def inspect(look: Look, config: Config, known: Baseline | None = None) -> Inspection:
    """Return what is found at a look; ``known`` are the listeners that were saved."""
    owners = look.owners()
    found = diagnose(Situation(look.frame, owners, look.trends, config, known))
    return Inspection(look, owners, found, _episodes(look, found, config))


def _episodes(look: Look, found: Sequence[Finding], config: Config) -> list[Episode]:
    if look.origin is None:
        return []
    from tui.recording.story import episodes  # who reads no recording does not wait for it

    grades = {one.identity: one.grade for one in found}
    return [
        one
        for one in episodes(look.origin.timeline, grades)
        if one.severity > Severity.INFO and not config.silences(one.code, one.subject)
    ]
