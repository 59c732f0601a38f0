"""All rules over one situation."""

from __future__ import annotations

from tui.findings.finding import Finding
from tui.findings.rules import RULES
from tui.findings.situation import Situation

CODES = tuple(RULES)
"""The codes of all findings there can be."""


def diagnose(situation: Situation) -> tuple[Finding, ...]:
    """Return all findings that the user has not silenced, the gravest first.

    Those of one severity stand in the order of the rules, and within a rule the worst first.
    """
    found = [
        finding
        for rule in RULES.values()
        for finding in rule(situation)
        if not situation.config.silences(finding.code, finding.subject)
    ]
    return tuple(sorted(found, key=lambda finding: -finding.severity))
