"""What the answers of a refresh say of a fleet, put together."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from tui.analysis.forecast import NEVER
from tui.analysis.judgement import PortUse
from tui.findings.finding import Severity
from tui.fleet.answers import Labels, Sample
from tui.fleet.fleet import (
    PATTERN_LABELS,
    Doubt,
    Fleet,
    FleetPlace,
    FleetTuple,
    Found,
    Group,
    Key,
    Silence,
    Silent,
    host_of,
    key_of,
    share,
    without,
)
from tui.fleet.queries import LOCKED, size_name
from tui.metrics.recorded import INFO, SIZES, Asked

SEVERITIES = {one.label: one for one in Severity if one is not Severity.INFO}
SHOWN = ("instance", "place")
"""What names a place, be there one place only."""
DIGITS = 6
"""To which the part of a place is told."""
Answered = Mapping[Asked, Iterable[Sample]]


def fleet_of(answered: Answered, sizes: Sequence[Sample], time: float, by: str) -> Fleet:
    """Return what the answers say together; of numbers that are none, nothing is known.

    ``sizes`` tell what places have locked as well.
    """
    tuples = _tuples(sizes)
    fullest: dict[Key, FleetTuple] = {}
    for one in tuples:
        fullest.setdefault(key_of(one.labels), one)
    locked = [one for one in sizes if one.labels.get("__name__") in LOCKED]
    labels: dict[Key, Labels] = {}
    values: dict[Asked, dict[Key, float]] = {"locked": {}, "left": {}, "doubts": {}}
    for name, found in values.items():
        for sample in locked if name == "locked" else answered[name]:
            key = _key(sample, labels)
            if not math.isnan(sample.value) and (name == "left" or sample.value < math.inf):
                found[key] = sample.value
    findings: dict[Key, list[Found]] = {}
    for sample in answered["findings"]:
        severity = SEVERITIES.get(sample.labels.get("severity", ""))
        if severity is not None and sample.value > 0:
            one_code = Found(severity, sample.labels.get("code", ""), int(sample.value))
            findings.setdefault(_key(sample, labels), []).append(one_code)
    places = []
    for key, own in labels.items():
        part, worst = _worst(values["locked"].get(key), fullest.get(key))
        left, doubt = values["left"].get(key, NEVER), _doubt(values["doubts"].get(key))
        graded = tuple(sorted(findings.get(key, ()), reverse=True))
        places.append(FleetPlace(own, part, left, worst, graded, doubt))
    silent = [
        Silent(without(one.labels), Silence(int(one.value)))
        for one in answered["silent"]
        if one.value in tuple(Silence)
    ]
    shared = set.intersection(*(set(key) for key in labels)) if labels else set()
    instances = {one.get("instance", "") for one in (*labels.values(), *(s.labels for s in silent))}
    hosts = Counter(map(host_of, instances))
    return Fleet(
        time,
        by,
        int(sum(one.value for one in answered["hosts"] if one.value > 0)),
        tuple(sorted(places, key=attrgetter("order"))),
        tuple(tuples),
        _groups(answered, silent, by),
        tuple(sorted(silent, key=lambda one: (one.why, key_of(one.labels)))),
        common={name: value for name, value in sorted(shared) if name not in SHOWN},
        shared_hosts=frozenset(host for host, ports in hosts.items() if ports > 1),
    )


def _worst(
    locked: float | None, fullest: FleetTuple | None
) -> tuple[float | None, FleetTuple | None]:
    """Return what a place has locked, and the fullest tuple that is told if it is this one.

    A quiet tuple keeps its series for an hour, while a fuller one need not have any.
    """
    if locked is None or fullest is None:
        return locked, fullest
    part = round(share(fullest.use), DIGITS)
    return (part, fullest) if part >= round(locked, DIGITS) else (locked, None)


def _key(sample: Sample, labels: dict[Key, Labels]) -> Key:
    key = key_of(sample.labels)
    labels.setdefault(key, dict(key))
    return key


def _doubt(value: float | None) -> Doubt | None:
    return Doubt(int(value)) if value in tuple(Doubt) and value is not None else None


def _tuples(sizes: Iterable[Sample]) -> list[FleetTuple]:
    """Return the tuples of which all sizes are known, the fullest first."""
    found: dict[tuple[Key, Key], dict[str, float]] = {}
    holders: dict[tuple[Key, Key], str] = {}
    for sample in sizes:
        identity, name = _pattern(sample.labels), size_name(sample.labels.get("__name__", ""))
        if name == INFO:
            holders[identity] = sample.labels.get("process", "")
        else:
            found.setdefault(identity, {})[name] = sample.value
    made = []
    for identity, values in found.items():
        in_use, capacity, locked, left = (values.get(name, math.nan) for name in SIZES)
        if not math.isfinite(in_use + capacity + locked) or capacity < 0:
            continue
        use = PortUse(
            round(capacity), waiting=round(locked), reusable=max(round(in_use - locked), 0)
        )
        place, ends = map(dict, identity)
        process = holders.get(identity, "")
        names = ends["local_ip"], ends["remote_ip"], ends["remote_port"]
        made.append(FleetTuple(place, *names, use, NEVER if math.isnan(left) else left, process))
    return sorted(made, key=lambda one: (-share(one.use), one.seconds_left, str(one)))


def _pattern(labels: Labels) -> tuple[Key, Key]:
    return key_of(labels), tuple((name, labels.get(name, "")) for name in PATTERN_LABELS)


def _groups(answered: Answered, silent: Iterable[Silent], by: str) -> tuple[Group, ...]:
    """Return the groups, that with the worst tuple first."""
    locked, hosts = _by_name(answered["groups"], by), _by_name(answered["hosts"], by)
    mute = Counter(one.labels.get(by, "") for one in silent)
    counts = {
        label: _by_name((s for s in answered["counts"] if s.labels.get("severity") == label), by)
        for label in SEVERITIES
    }
    names = {*locked, *hosts, *mute}
    made = [
        Group(
            name,
            locked.get(name),
            int(hosts.get(name, 0)),
            mute[name],
            *(int(counts[one.label].get(name, 0)) for one in (Severity.CRITICAL, Severity.WARNING)),
        )
        for name in names
    ]
    return tuple(sorted(made, key=lambda one: (-(one.locked or 0), -one.silent, one.name)))


def _by_name(samples: Iterable[Sample], by: str) -> dict[str, float]:
    return {one.labels.get(by, ""): one.value for one in samples if math.isfinite(one.value)}
