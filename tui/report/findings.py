"""Findings as text for people."""

from __future__ import annotations

from collections.abc import Sequence

from tui.findings.finding import Finding, Severity
from tui.writing.layout import Paint, wrapped


def findings_text(
    findings: Sequence[Finding], paint: Paint, width: int = 100, *, whole: bool = True
) -> str:
    """Return the findings, each with its meaning, its numbers and what to do.

    ``whole`` says whether all sockets were read: where not, no finding means little.
    """
    if not findings and not whole:
        text = (
            "No findings in what could be read. Nothing is known about the rest: ports may be "
            "exhausted there."
        )
        return paint("\n".join(wrapped(text, width, "")), "yellow")
    if not findings:
        return paint("No findings.", "green")
    return "\n\n".join(_finding(finding, paint, width) for finding in findings)


UNBROKEN = "\N{NO-BREAK SPACE}"
"""Between a name and its figure; a terminal gets a plain space."""
_COLOURS = {Severity.CRITICAL: "red", Severity.WARNING: "yellow", Severity.INFO: "bold"}


def _finding(finding: Finding, paint: Paint, width: int) -> str:
    label = finding.severity.label.upper()
    evidence = " · ".join(
        f"{name}{UNBROKEN}{_figure(value)}" for name, value in finding.evidence.items()
    )
    lines = [
        f"{paint(label, _COLOURS[finding.severity])} {finding.code} · {finding.subject}",
        *wrapped(f"{finding.message}.", width, "  "),
        *wrapped(finding.meaning, width, "  "),
        *(line.replace(UNBROKEN, " ") for line in wrapped(evidence, width, "  ")),
    ]
    for remedy in finding.remedies:
        unless = f" Not if: {remedy.unless}." if remedy.unless else ""
        lines += wrapped(f"{remedy.what}.{unless}", width, "  - ", "    ")
        if remedy.command:
            lines.append(f"    $ {remedy.command}")
    return "\n".join(lines)


def _figure(value: float | str) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.4f}".rstrip("0").rstrip(".")
    return value if isinstance(value, str) else f"{value:,}"
