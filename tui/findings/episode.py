"""A finding as a recording tells of it: when it was there, and when it was gravest."""

from __future__ import annotations

from dataclasses import dataclass

from tui.findings.finding import Severity


@dataclass(frozen=True, slots=True)
class Episode:
    """What was found at other moments than the one that is judged; times are Unix times."""

    code: str
    """That of when it was gravest, as are the message and the severity."""
    subject: str
    message: str
    severity: Severity
    at: float
    """The first moment at which it was as grave."""
    since: float
    """The first moment at which it was there."""
    until: float
    """The last one."""
    spells: int
    """How often it came; what is back within tui.findings.cases.FORGET_SECONDS had not gone."""
