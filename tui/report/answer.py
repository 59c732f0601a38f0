"""The line of a monitoring plugin: of one frame, with what audit finds, and of several places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.analysis.bind_first import find_bound_first
from tui.analysis.doubts import doubts, of_devices, surely_fine, unlisted, unproven
from tui.analysis.frame import Frame
from tui.analysis.judgement import Level, PortUse, port_use
from tui.findings.config import BindFirst
from tui.kernel.sockets import Array
from tui.writing.words import digits_beside, floored, joined, written

if TYPE_CHECKING:
    from tui.findings.finding import Finding

OK, WARNING, CRITICAL, UNKNOWN = range(4)
NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
GRAVITY = (OK, UNKNOWN, WARNING, CRITICAL)
"""What is known to be bad is so whatever else is unknown; what is unknown is never OK."""
NAMED = 3
"""Findings that a line names: it is for a pager."""
OF_THE_READING = {"incomplete-table", "sysctls-assumed", "bound-ports-unknown", "reuse-unproven"}
"""Findings of what is not known: as an answer that is UNKNOWN, and no WARNING; its text says so."""


class Answer(NamedTuple):
    """A plugin's answer."""

    code: int
    text: str
    perfdata: str

    @property
    def line(self) -> str:
        """`TWTOP STATUS - text | perfdata`, by the Monitoring Plugins Development Guidelines."""
        # `|` ends the text for Nagios.
        return f"TWTOP {NAMES[self.code]} - {self.text.replace('|', '/')} | {self.perfdata}"


def judge_fullest(
    frame: Frame,
    candidates: Array,
    warning: float,
    critical: float,
    limits: BindFirst = BindFirst(),
    none: str = "no outgoing connections",
    *,
    must_exist: bool = False,
) -> Answer:
    """Judge the fullest of the candidates, indices of outgoing patterns, by its locked ports.

    ``warning`` and ``critical`` are percentages of capacity; ``none`` is what to say without a
    candidate, which is no answer where one ``must_exist``. Fullest is the one with the fewest
    ports left to connect(): two with all ports in use look alike, while one of them may still
    take over its TIME-WAITs. Where a client binds first, all destinations of a local IP together
    have the ports of one, and those are judged if fewer are left: also for a destination that
    nobody is connected to, since connect() passes over bound ports.
    """
    patterns, subject, fails = frame.patterns, "", "connect() fails"
    use = PortUse(frame.ports.capacity)
    if len(candidates):
        left = patterns.capacity[candidates] - patterns.locked[candidates]
        index = int(candidates[left.argmin()])
        use = port_use(patterns, index)
        subject = str(patterns.key(index))
        if beside := patterns.beside.item(index):
            subject += (
                f" (not counting {beside:,} connections from ports that connect() does not choose)"
            )
        if apart := patterns.apart.item(index):
            subject += (
                f" (by one device; {apart:,} sockets bound to another one have ports of their own)"
            )
    # Whatever its own address, connect() takes no port that another socket has bound.
    bound = next(iter(find_bound_first(frame, limits.destinations, limits.use)), None)
    if bound is not None and bound.use.connectable < use.connectable:
        use, fails = bound.use, "bind() fails" if subject else "bind() and connect() fail"
        subject = (
            f"{'' if subject else f'{none}; '}{frame.table.ip(bound.address)} to all of its "
            f"{bound.destinations} destinations (the client seems to bind() first)"
        )
    if subject:
        text = f"{subject} uses {floored(use.in_use, use.capacity)}% of {use.capacity:,} ports"
    else:
        text = none if use.capacity else "no ephemeral ports at all"
    level = use.level(critical, warning)
    code = {Level.FINE: OK, Level.SLOW: WARNING}.get(level, CRITICAL)
    if subject and level is Level.EXHAUSTED:
        text += f": EXHAUSTED, {fails}"
    elif subject:
        text += f"{_reuse(use)}, {use.connectable:,} connectable"
    sure = surely_fine(frame, use.locked, use.capacity, min(warning, critical))
    trusted = unproven(frame, min(warning, critical), candidates)
    why = doubts(frame)
    if code != OK and (devices := of_devices(frame, min(warning, critical), candidates)):
        code = UNKNOWN
        why += () if devices in why else (devices,)
    if code == OK and (not sure or trusted or (must_exist and not len(candidates))):
        code = UNKNOWN
        unseen = "" if sure else unlisted(frame)
        why += tuple(one for one in (unseen, trusted) if one and one not in why)
    if why:
        text += f" ({'; '.join(why)})"
    digits = digits_beside(warning, critical, least=2)
    perfdata = (
        f"use={floored(use.in_use, use.capacity, digits):.{digits}f}%;;;0;100 "
        f"locked={floored(use.locked, use.capacity, digits):.{digits}f}%;"
        f"{written(warning)};{written(critical)};0;100 "
        f"in_use={use.in_use};;;0;{use.capacity} "
        f"connectable={use.connectable};;;0;{use.capacity} "
        f"time_wait={frame.time_wait.count};;;0"
    )
    return Answer(code, text, perfdata)


def _reuse(use: PortUse) -> str:
    """Return what a use is worth of which not all is locked."""
    if not use.reusable:
        return ""
    return f", {floored(use.locked, use.capacity)}% locked" if use.locked else ", all reusable"


def with_findings(answer: Answer, findings: Sequence[Finding], uncounted: Sequence[str]) -> Answer:
    """Return the worst of an answer and of the findings, which are the gravest first.

    ``uncounted`` names the files of counters that could not be read: what they would tell is
    unknown.
    """
    codes = [UNKNOWN if one.code in OF_THE_READING else int(one.severity) for one in findings]
    worst = max([answer.code, *[UNKNOWN] * bool(uncounted), *codes], key=GRAVITY.index)
    bad = [one for one in findings if one.severity and one.code not in OF_THE_READING]
    said = [f"{one.severity.label} {one.code}: {one.subject}" for one in bad[:NAMED]]
    if more := len(bad) - len(said):
        said.append(f"{more:,} more")
    parts = [f"audit finds {joined(said)}"] if said else []
    if uncounted:
        parts.append(f"{joined(list(uncounted))} could not be read, so findings may be missing")
    if not parts:
        parts.append("no finding above information")
    # What decides comes first: a pager shows the beginning.
    parts.insert(0 if answer.code == worst else len(parts), answer.text)
    return Answer(worst, "; ".join(parts), answer.perfdata)


def worst_of(answers: list[Answer], *, fine: int, count: int) -> Answer:
    """Return the worst answer of ``count`` places, of which so many more are ``fine``."""
    perfdata = f"places={count};;;0"
    answers.sort(key=lambda one: GRAVITY.index(one.code), reverse=True)
    counts = Counter(one.code for one in answers) + Counter({OK: fine})
    summary = ", ".join(
        f"{counts[code]} {NAMES[code]}" for code in reversed(GRAVITY) if counts[code]
    )
    if not answers:
        text = f"{summary}: no place has enough sockets to be short of ports"
        return Answer(OK, text, perfdata)
    worst = answers[0]
    text = f"{worst.text} (of all places: {summary})"
    return Answer(worst.code, text, f"{worst.perfdata} {perfdata}".strip())
