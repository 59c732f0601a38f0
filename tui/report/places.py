"""Places as plain data and as text: one row each (schemas/places.schema.json)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, cast

from tui.analysis.bind_first import BoundFirst, find_bound_first, shared_at
from tui.analysis.bounds import utilization_at_most
from tui.analysis.frame import Frame
from tui.analysis.judgement import Level, pattern_level, port_use
from tui.findings.cases import tally
from tui.findings.finding import Finding, Severity
from tui.kernel.glance import Glance
from tui.report.records import bare_head, pattern_record
from tui.report.shared import shared_words
from tui.writing.layout import Paint, table
from tui.writing.words import floored, written

if TYPE_CHECKING:
    from tui.records import PlaceRowFindingsRecord, PlaceRowRecord

SCHEMA = "twtop.places/1"
PLACE_FIELDS = (
    "id",
    "kind",
    "name",
    "container",
    "pid",
    "sockets",
    "time_wait",
    "dumped",
    "low",
    "high",
    "reuse_mode",
    "assumed",
    "worst",
    "utilization_at_most",
    "findings",
)
"""Of a place."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A place as far as it was looked at."""

    glance: Glance
    frame: Frame | None = None
    """That of its last dump; None if it was not dumped."""
    worst: int | None = None
    """The index of the frame's pattern that is nearest to its end."""
    owner: object | None = None
    """Who holds that one, if known."""
    failure: str | None = None
    """Why it could not be dumped."""
    findings: tuple[Finding, ...] | None = None
    """What the rules found in that dump; None where there was none to look into."""


def places_record(places: Sequence[Seen], time: float, missing: Sequence[str]) -> dict[str, Any]:
    """Return all places as plain data; ``missing`` says why there may be others."""
    return {
        **bare_head(SCHEMA, time),
        "missing": list(missing),
        "places": [place_row(one) for one in places],
    }


def place_row(seen: Seen) -> PlaceRowRecord:
    """Return a place with PLACE_FIELDS for keys; what is not known is None.

    ``utilization_at_most`` is that of its fullest tuple where it was dumped, or of the ports that
    clients who bind first share for all of their destinations, else an upper bound;
    ``findings`` are counts by severity, and None where nothing was looked into.
    """
    glance, frame = seen.glance, seen.frame
    place, rules = glance.place, glance.rules
    mode: Any = rules.reuse_mode  # of a Literal's values
    worst = None
    if frame is not None and seen.worst is not None:
        worst = pattern_record(frame, seen.worst, seen.owner)
    at_most = at_most_of(seen)
    return {
        "id": place.id,
        "kind": place.kind,
        "name": place.name,
        "container": ", ".join(place.containers) or None,
        "pid": place.pid,
        "sockets": glance.sockets,
        "time_wait": glance.time_wait,
        "dumped": frame is not None,
        "low": rules.low,
        "high": rules.high,
        "reuse_mode": mode,
        "assumed": list(rules.assumed),
        "worst": worst,
        "utilization_at_most": None if at_most is None else ceil(at_most * 1e6) / 1e6,
        "findings": None if seen.findings is None else by_severity(seen.findings),
    }


def by_severity(findings: Iterable[Finding]) -> PlaceRowFindingsRecord:
    """Return how many there are of each severity, the gravest first; 0 where there are none."""
    count = Counter(one.severity for one in findings)
    counts = {which.label: count[which] for which in sorted(Severity, reverse=True)}
    return cast("PlaceRowFindingsRecord", counts)


def at_most_of(seen: Seen) -> float | None:
    """Return how full its fullest tuple is, or can be where that is not known exactly."""
    if seen.frame is None or not seen.frame.table.complete:
        return utilization_at_most(seen.glance)
    patterns = seen.frame.patterns
    alone = float(patterns.utilization[patterns.outgoing].max(initial=0.0))
    shared = _shared(seen)
    return alone if shared is None else max(alone, shared.use.in_use / shared.use.capacity)


def places_text(
    places: Sequence[Seen], missing: Sequence[str], threshold: float, paint: Paint
) -> str:
    """Return the places for people, a row each, and below what could not be seen."""
    rows, colours = [], []
    for one in places:
        shared = _shared(one)
        level = _level(one, shared, threshold)
        rows.append(_row(one, shared, level, threshold))
        colours.append({Level.FINE: "", Level.SLOW: "yellow"}.get(level, "red"))
    counted = (">sockets", ">TIME-WAIT", ">ports", ">reuse", ">in use")
    heads = ("", "", *counted, "worst", "", "findings")
    notes = [*missing, *_notes(places)]
    shown = table("Places", heads, rows, paint, colours)
    return "\n\n".join([shown, *(paint(note, "yellow") for note in notes)])


def _shared(seen: Seen) -> BoundFirst | None:
    """Return what the worst tuple's ports are shared with; None where it has them itself."""
    if seen.frame is None or seen.worst is None:
        return None
    return shared_at(find_bound_first(seen.frame), seen.frame.patterns, seen.worst)


def _level(seen: Seen, shared: BoundFirst | None, threshold: float) -> Level:
    if seen.frame is None or seen.worst is None:
        return Level.FINE
    if shared is not None:
        return shared.use.level(threshold)
    return pattern_level(seen.frame.patterns, seen.worst, threshold)


SAID = {
    Level.FINE: "",
    Level.SLOW: "slow connect()",
    Level.HOT: "≥ {threshold} %",
    Level.EXHAUSTED: "connect() fails",
}


def _row(seen: Seen, shared: BoundFirst | None, level: Level, threshold: float) -> tuple[str, ...]:
    glance, frame = seen.glance, seen.frame
    place, rules = glance.place, glance.rules
    mark = "?" if rules.assumed else ""
    use, worst, said = "", "", SAID[level].format(threshold=written(threshold))
    if frame is not None and seen.worst is not None:
        ports = port_use(frame.patterns, seen.worst)
        use = f"{floored(ports.in_use, ports.capacity)}%"
        worst = str(frame.patterns.key(seen.worst))
    elif frame is None and glance.sockets:
        use = f"≤ {ceil(1000 * (at_most_of(seen) or 0.0)) / 10:.1f}%"
        worst = "not read: too few sockets"
    if shared is not None:
        said = shared_words(shared, threshold, said)
    if seen.failure is not None:
        said = seen.failure
    elif frame is None and glance.sockets is None:
        said = "cannot be read"
    found = "" if glance.sockets == 0 else "?"
    if seen.findings is not None:
        found = tally(seen.findings) or "none"
    name = place.name
    if place.kind in ("pod", "container") and place.containers not in ((), (name,)):
        name += f" ({', '.join(place.containers)})"
    return (
        place.kind,
        name,
        "?" if glance.sockets is None else f"{glance.sockets:,}",
        "?" if glance.time_wait is None else f"{glance.time_wait:,}",
        f"{glance.capacity:,}{mark}",
        f"{rules.reuse_mode}{mark}",
        use,
        worst,
        said,
        found,
    )


def _notes(places: Sequence[Seen]) -> list[str]:
    """Return what of the table is not as sure as it looks."""
    notes = []
    if assumed := sum(1 for one in places if one.glance.rules.assumed):
        notes.append(
            f"The sysctls of {assumed:,} could not be read: ports and reuse marked ? are the "
            "kernel's defaults. Entering a namespace takes CAP_SYS_ADMIN: run twtop as root."
        )
    if unread := sum(1 for one in places if one.frame is None and one.glance.sockets is None):
        notes.append(f"{unread:,} could not be read at all: nothing is known about their ports.")
    return notes
