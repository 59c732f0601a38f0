"""twtop check --fleet: one line about all hosts that a Prometheus knows of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter

from tui.analysis.judgement import Level
from tui.findings.config import Ports
from tui.findings.finding import Severity
from tui.fleet.client import Address, Prometheus
from tui.fleet.fleet import Fleet, FleetPlace, Silence
from tui.fleet.reader import Reader
from tui.report.answer import CRITICAL, GRAVITY, NAMED, OK, UNKNOWN, WARNING, Answer
from tui.writing.words import digits_beside, duration, floored, joined, plural, written

SOON_SECONDS = 60 * Ports().exhausts_within_minutes
"""So near is an exhaustion that is told, unless configured otherwise."""


def check_fleet(
    address: Address,
    warning: float,
    critical: float,
    *,
    findings: bool = False,
    allow_gone: bool = False,
    within: float = SOON_SECONDS,
) -> Answer:
    """Ask, and judge; see judge_fleet. Raises FleetError."""
    fleet = Reader(Prometheus(address), raw=True).read()
    return judge_fleet(
        fleet, warning, critical, findings=findings, allow_gone=allow_gone, within=within
    )


def judge_fleet(
    fleet: Fleet,
    warning: float,
    critical: float,
    *,
    findings: bool = False,
    allow_gone: bool = False,
    within: float = SOON_SECONDS,
) -> Answer:
    """Judge the worst tuple of all hosts; what is not known is never OK.

    ``warning`` and ``critical`` are percentages of capacity that is locked. With ``findings``
    those of all hosts count as well. ``allow_gone``: hosts that were there an hour ago and are
    not scraped any more are no reason for UNKNOWN. What will be full ``within`` so many seconds is
    told.
    """
    codes, said = [OK], []
    worst = fleet.places[0] if fleet.places else None
    use = None if worst is None else worst.use
    if worst is not None and use is not None:
        level = worst.level(critical, warning)
        codes.append({Level.FINE: OK, Level.SLOW: WARNING}.get(level, CRITICAL))
        said.append(_worst(worst, level))
        said += _soonest(fleet, within)
    elif not fleet.hosts:
        said.append("no host reports anything: does this Prometheus scrape twtop metrics?")
    for why in unknown_of(fleet, allow_gone=allow_gone):
        codes.append(UNKNOWN)
        said.append(why)
    if not fleet.hosts:
        codes.append(UNKNOWN)
    if findings:
        found = [(one, place) for place in fleet.places for one in place.findings]
        found.sort(key=lambda pair: pair[0], reverse=True)
        codes += [CRITICAL if one.severity is Severity.CRITICAL else WARNING for one, _ in found]
        texts = [f"{one.severity.label} {one.code}: {place.name}" for one, place in found]
        said.append(f"audit finds {_few(texts)}" if texts else "no finding above information")
    digits = digits_beside(warning, critical, least=2)
    part = 0 if worst is None or worst.locked is None else worst.locked
    perfdata = (
        f"locked={floored(round(part * 1e6), 1e6, digits):.{digits}f}%;"
        f"{written(warning)};{written(critical)};0;100 "
        f"hosts={fleet.hosts};;;0 silent={len(fleet.silent)};;;0"
    )
    said.append(f"{plural(fleet.hosts, 'host')} seen")
    return Answer(max(codes, key=GRAVITY.index), "; ".join(said), perfdata)


def unknown_of(fleet: Fleet, *, allow_gone: bool) -> list[str]:
    """Return why the fleet cannot be judged as a whole, a sentence each."""
    silent = [one for one in fleet.silent if one.why is Silence.DOWN or not allow_gone]
    doubted = [one for one in fleet.places if one.doubt is not None]
    whys = []
    if silent:
        hosts = [f"{one.name} {one.why}" for one in silent]
        whys.append(f"{plural(len(silent), 'host')} silent: {_few(hosts)}")
    if doubted:
        texts = [f"{one.name}: {one.doubt}" for one in doubted]
        whys.append(f"{plural(len(doubted), 'place')} uncertain: {_few(texts)}")
    mute = [one.name for one in fleet.places if one.locked is None and one.doubt is None]
    if mute and not fleet.cut:
        whys.append(f"no data on the ports of {_few(mute)}")
    elif fleet.blind:
        whys.append("no data on any ports")
    if fleet.partial:
        whys.append(f"Prometheus's answer is incomplete: {_few(list(fleet.partial))}")
    return whys


def _worst(place: FleetPlace, level: Level) -> str:
    use = place.use
    assert use is not None
    percent = floored(use.locked, use.capacity)
    if place.worst is None:
        return f"{place.name}: no tuple has more than {percent}% of its ports locked"
    text = f"{place.name}: {place.worst} has {percent}% of {use.capacity:,} ports locked"
    if level is Level.EXHAUSTED:
        return f"{text}: EXHAUSTED, connect() fails"
    return f"{text}, {use.connectable:,} connectable"


def _soonest(fleet: Fleet, within: float) -> Iterator[str]:
    """Say what will be full first, if anything will so soon: it need not be the worst now."""
    soon = [one for one in fleet.places if 0 < one.seconds_left <= within]
    if soon:
        first = min(soon, key=attrgetter("seconds_left"))
        own = first.worst is not None and first.worst.seconds_left <= first.seconds_left + 1
        which = str(first.worst) if own else "a tuple"
        yield f"{first.name}: {which} will be full in {duration(first.seconds_left)}"


def _few(texts: Sequence[str]) -> str:
    more = len(texts) - NAMED
    return joined([*texts[:NAMED], *([f"{more:,} more"] if more > 0 else [])])
