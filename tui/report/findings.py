"""Findings as text for people, and as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.analysis.frame import Frame
from tui.findings.finding import Finding, Severity, record
from tui.report.records import bare_head, head, place_record
from tui.writing.layout import Paint, wrapped

SCHEMA = "twtop.audit/1"
Audited = Sequence[tuple[Frame, tuple[Finding, ...]]]


def audit_record(every: Audited, *, placed: bool = False) -> dict[str, Any]:
    """Return the findings of one frame as plain data, or those of several places.

    With ``placed`` each finding says of which place it is, and ``readings`` has the time, place and
    source of all that were looked at, also of those without a finding.
    """
    if not placed:
        ((frame, found),) = every
        return {**head(frame, SCHEMA), "findings": [record(one) for one in found]}
    heads = [head(frame, SCHEMA) for frame, _ in every]
    times = [frame.as_of for frame, _ in every if frame.as_of is not None]
    for one in heads:
        del one["schema"]
    return {
        **bare_head(SCHEMA, max(times, default=None)),
        "readings": heads,
        "findings": [
            {"place": place_record(frame.reading.place), **record(one)}
            for frame, found in every
            for one in found
        ],
    }


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
