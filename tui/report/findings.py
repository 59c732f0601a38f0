"""Findings as text for people, and as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tui.analysis.frame import Frame
from tui.findings.episode import Episode
from tui.findings.finding import Finding, Severity, record
from tui.report.records import bare_head, head, place_record
from tui.writing.layout import Paint, wrapped
from tui.writing.words import local, plural, utc

SCHEMA = "twtop.audit/1"
Audited = Sequence[tuple[Frame, tuple[Finding, ...]]]


def audit_record(
    every: Audited, *, placed: bool = False, episodes: Sequence[Sequence[Episode]] | None = None
) -> dict[str, Any]:
    """Return the findings of one frame as plain data, or those of several places.

    With ``placed`` each finding says of which place it is, and ``readings`` has the time, place and
    source of all that were looked at, also of those without a finding. ``episodes`` are what was
    found at other moments of a recording, for each of the frames.
    """
    others: dict[str, Any] = {}
    if episodes is not None:
        frames = [frame for frame, _ in every]
        others["at_other_times"] = episode_records(zip(frames, episodes, strict=True))
    if not placed:
        ((frame, found),) = every
        return {**head(frame, SCHEMA), "findings": [record(one) for one in found], **others}
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
        **others,
    }


def findings_text(
    findings: Sequence[Finding],
    paint: Paint,
    width: int = 100,
    *,
    whole: bool = True,
    recorded: bool = False,
) -> str:
    """Return the findings, each with its meaning, its numbers and what to do.

    ``whole`` says whether all sockets were read: where not, no finding means little. ``recorded``
    says that they are of one moment of a recording, of whose others nothing is said by it.
    """
    if not findings and not whole:
        text = (
            "No findings in what could be read. Nothing is known about the rest: ports may be "
            "exhausted there."
        )
        return paint("\n".join(wrapped(text, width, "")), "yellow")
    if not findings:
        return paint("No findings at this moment." if recorded else "No findings.", "green")
    return "\n\n".join(_finding(finding, paint, width) for finding in findings)


MOST_EPISODES = 5
"""So many are told in text, the gravest first."""


def episodes_text(every: Sequence[Episode], path: object, paint: Paint, width: int = 100) -> str:
    """Return what was found at other moments of a recording, and how to see it.

    ``every`` is not empty, and has the gravest first.
    """
    example = local(every[0].at)[:19]
    lines = [paint(f"Found at other times in {path}:", "bold")]
    for one in every[:MOST_EPISODES]:
        label = paint(one.severity.label.upper(), _COLOURS[one.severity])
        times = "" if one.spells == 1 else f", {plural(one.spells, 'time')}"
        lines.append(f"{label} {one.code} · {one.subject}")
        lines.append(f"  {local(one.since)} to {local(one.until)}{times}")
        lines += wrapped(f"{one.message}.", width, "  ")
    if (rest := len(every) - MOST_EPISODES) > 0:
        lines.append(f"and {rest:,} more")
    lines.append(f"To see one: --at '{example}', or twtop replay {path}")
    return "\n".join(lines)


def episode_records(every: Iterable[tuple[Frame, Sequence[Episode]]]) -> list[dict[str, Any]]:
    """Return the same as plain data, each with its place."""
    return [
        {
            "place": place_record(frame.reading.place),
            "code": one.code,
            "severity": one.severity.label,
            "subject": one.subject,
            "message": one.message,
            "time": utc(one.at),
            "since": utc(one.since),
            "until": utc(one.until),
            "spells": one.spells,
        }
        for frame, found in every
        for one in found
    ]


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
