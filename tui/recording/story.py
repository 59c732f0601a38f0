"""What the summaries of a recording tell together: where findings began, and when ports ran out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tui.analysis.timewait import SECONDS
from tui.findings.cases import FORGET_SECONDS, Begun, Grade
from tui.findings.codes import level_of
from tui.findings.episode import Episode
from tui.findings.finding import Severity
from tui.recording.summary import Summary

LEAST = Severity.INFO, -1
REMEMBERED = 2400
"""For so many moments before one it is looked up since when its findings are there."""


@dataclass(frozen=True, slots=True)
class Event:
    """A finding began."""

    index: int
    """At which moment."""
    title: str
    severity: int


def events(timeline: Sequence[Summary]) -> list[Event]:
    """Return where findings began, or became graver."""
    found: list[Event] = []
    before: dict[tuple[str, str], int] = {}
    for index, summary in enumerate(timeline):
        found += [
            Event(index, told.title, told.severity)
            for told in summary.findings
            if told.severity > before.get(told.identity, -1)
        ]
        before = {told.identity: told.severity for told in summary.findings}
    return found


@dataclass(frozen=True, slots=True)
class Full:
    """A pattern had no port left, but for BREATHS_SECONDS now and then."""

    name: str
    begin: float
    """Unix time of the first moment at which it was seen so."""
    end: float
    """That of the last."""


BREATHS_SECONDS = 10.0
"""A port that comes back is taken at once: what is full again so soon is one story."""
UNSEEN_SECONDS = 60.0
"""Between two moments so far apart nobody knows."""


def ended(
    timeline: Sequence[Summary], index: int, within: float = FORGET_SECONDS
) -> dict[tuple[str, str], int]:
    """Return at which moment each finding was last that ended in the last ``within`` seconds."""
    found: dict[tuple[str, str], int] = {}
    there = {told.identity for told in timeline[index].findings}
    for at in range(index - 1, -1, -1):
        gone = timeline[at + 1].time
        if timeline[index].time - gone >= within or gone - timeline[at].time > UNSEEN_SECONDS:
            break
        for told in timeline[at].findings:
            if told.identity not in there:
                found.setdefault(told.identity, at)
    return found


def full_at(timeline: Sequence[Summary], index: int) -> dict[str, float]:
    """Return when patterns were last full at moments up to this one, Unix time by their names."""
    found: dict[str, float] = {}
    for at in range(index, -1, -1):
        if timeline[index].time - timeline[at].time >= SECONDS:
            break
        for name in timeline[at].full:
            found.setdefault(name, timeline[at].time)
    return found


def begun(timeline: Sequence[Summary], index: int, within: float) -> dict[tuple[str, str], Begun]:
    """Return when the findings of a moment began, by their identities, and those that have ended.

    What was gone for a moment is the same story, as where it is watched. Of findings that have
    ended, those are told that did so in the last ``within`` seconds.
    """
    last = timeline[index].time
    seen = {told.identity: last for told in timeline[index].findings}
    gone = ended(timeline, index, within)
    seen |= {one: timeline[at].time for one, at in gone.items()}
    going_on = set(seen)
    all_since: float | None = None
    grades = {told.identity: (told.grade, last) for told in timeline[index].findings}
    steady = {one: grade for one, (grade, _) in grades.items()}
    for at in range(index - 1, max(index - 1 - REMEMBERED, -1), -1):
        moment = timeline[at]
        if not going_on or last - moment.time > UNSEEN_SECONDS:
            break
        for told in moment.findings:
            grade = steady.get(told.identity, LEAST)
            if told.severity < grade[0] or (grade[1] > 0 and told.grade < grade):
                grades[told.identity] = steady.pop(told.identity), last
        last = moment.time
        there = {told.identity for told in moment.findings if told.identity in going_on}
        if len(there) == len(going_on):  # as at most moments, of which there are thousands
            all_since = last
            continue
        if all_since is not None:
            seen |= dict.fromkeys(going_on, all_since)
            all_since = None
        seen |= dict.fromkeys(there, last)
        going_on = {one for one in going_on if seen[one] - last < FORGET_SECONDS}
    if all_since is not None:
        seen |= dict.fromkeys(going_on, all_since)
    grades |= {one: (grade, seen[one]) for one, grade in steady.items()}
    return {
        one: Begun(
            since,
            since == last,
            timeline[gone[one] + 1].time if one in gone else None,
            grades.get(one),
        )
        for one, since in seen.items()
    }


def episodes(timeline: Sequence[Summary], known: Mapping[tuple[str, str], Grade]) -> list[Episode]:
    """Return what was found of which nothing as grave is ``known``, the gravest first.

    Of one grade that which began last comes first. There is one of each identity.
    """
    found: dict[tuple[str, str], Episode] = {}
    last: dict[tuple[str, str], int] = {}
    """At which moment each was seen last."""
    for index, summary in enumerate(timeline):
        now = summary.time
        for told in summary.findings:
            code, subject = told.code or told.identity[0], told.identity[1]
            grade = Severity(told.severity)
            new = Episode(code, subject, told.title, grade, now, now, now, 1)
            one = found.get(told.identity)
            if one is not None:
                seen = last[told.identity]
                back = seen != index - 1 and now - one.until >= FORGET_SECONDS
                graver = new if told.grade > _grade(one) else one
                spells = one.spells + back
                new = replace(graver, since=one.since, until=now, spells=spells)
            found[told.identity], last[told.identity] = new, index
    told_of = (one for key, one in found.items() if _grade(one) > known.get(key, LEAST))
    return sorted(told_of, key=lambda one: (*_grade(one), one.since), reverse=True)


def _grade(one: Episode) -> Grade:
    return one.severity, level_of(one.code)


def full_spans(timeline: Sequence[Summary]) -> list[Full]:
    """Return when patterns had no port left, by their beginnings."""
    found: list[Full] = []
    last: dict[str, tuple[int, int]] = {}
    """Which of the spans each pattern had last, and at which moment."""
    for index, summary in enumerate(timeline):
        for name in summary.full:
            number, seen = last.get(name, (len(found), -1))
            gap = summary.time - timeline[seen].time if seen >= 0 else math.inf
            if gap <= (UNSEEN_SECONDS if seen == index - 1 else BREATHS_SECONDS):
                found[number] = replace(found[number], end=summary.time)
            else:
                number = len(found)
                found.append(Full(name, summary.time, summary.time))
            last[name] = number, index
    return found


def first_critical(timeline: list[Summary]) -> float:
    """Return when the first critical finding was there, Unix time; the end where none was."""
    for summary in timeline:
        if any(told.severity >= Severity.CRITICAL for told in summary.findings):
            return summary.time
    return timeline[-1].time
