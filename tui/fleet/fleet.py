"""A fleet at one time: every place by its worst tuple, what is not seen, groups. Frozen data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from tui.analysis.forecast import NEVER
from tui.analysis.judgement import SLOW_PERCENT, Level, PortUse
from tui.analysis.patterns import endpoint
from tui.findings.finding import Severity
from tui.fleet.answers import Labels
from tui.metrics.recorded import OF_PATTERN, TOP

Key = tuple[tuple[str, str], ...]
"""What tells a place or a host from all others: its labels, whatever Prometheus has added."""
PATTERN_LABELS = tuple(OF_PATTERN.split(", "))
NO_IDENTITY = {"__name__", *PATTERN_LABELS, "process", "code", "severity"}
RATIO_PORTS = 1_000_000
"""Stands for a capacity of which only the locked part is known: it is told to six digits."""


class Doubt(IntEnum):
    """Why a place is not seen whole; the values are those of the rule."""

    NOT_READ = 1
    OLD = 2
    IN_PART = 3
    ASSUMED = 4
    NOT_TOLD = 5

    def __str__(self) -> str:
        return {
            Doubt.NOT_READ: "its tables cannot be read",
            Doubt.OLD: "no new data for over 5 min",
            Doubt.IN_PART: "its table was only partly read",
            Doubt.ASSUMED: "its sysctls are assumed",
            Doubt.NOT_TOLD: "no data on its ports",
        }[self]


class Silence(IntEnum):
    """Why a host tells nothing; the values are those of the rule."""

    DOWN = 1
    GONE = 2

    def __str__(self) -> str:
        return "cannot be scraped" if self is Silence.DOWN else "gone within the last hour"


class Silent(NamedTuple):
    """A host that tells nothing now."""

    labels: Labels
    why: Silence

    @property
    def name(self) -> str:
        """What it is called."""
        return self.labels.get("instance", "?")


class Found(NamedTuple):
    """A finding of a place, and of how much there."""

    severity: Severity
    code: str
    times: int


@dataclass(frozen=True, slots=True)
class FleetTuple:
    """One pattern of a place that has series of its own."""

    labels: Labels
    """Of its place."""
    local_ip: str
    remote_ip: str
    remote_port: str
    use: PortUse
    """What is not reusable counts as waiting: sockets of any state are one figure there."""
    seconds_left: float = NEVER
    process: str = ""

    @property
    def key(self) -> tuple[Key, str]:
        """What tells it from all others."""
        return key_of(self.labels), str(self)

    @property
    def ends(self) -> tuple[str, str, str]:
        """Local IP, remote IP and remote port."""
        return self.local_ip, self.remote_ip, self.remote_port

    @property
    def percent(self) -> float:
        """The part of its ports that is locked."""
        return 100 * share(self.use)

    @property
    def words(self) -> str:
        """All that a word of a filter is looked for in."""
        return "\n".join((str(self), self.process, *self.labels.values())).lower()

    @property
    def destination(self) -> str:
        """Return ``ip:port``."""
        port = self.remote_port
        return endpoint(self.remote_ip, int(port)) if port.isdecimal() else self.remote_ip

    def __str__(self) -> str:
        return f"{self.local_ip} → {self.destination}"


@dataclass(frozen=True, slots=True)
class FleetPlace:
    """A place of a host by what is worst there."""

    labels: Labels
    locked: float | None
    """The part of its ports that the worst tuple has locked; None where nothing is known."""
    seconds_left: float = NEVER
    """Until its first tuple is full: not always the one that is fullest now."""
    worst: FleetTuple | None = None
    """None where no tuple of it has series of its own: all have most of their ports."""
    findings: tuple[Found, ...] = ()
    """Those above information, the gravest first."""
    doubt: Doubt | None = None

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return key_of(self.labels)

    @property
    def ends(self) -> tuple[str, str, str]:
        """Those of its worst tuple."""
        return ("", "", "") if self.worst is None else self.worst.ends

    @property
    def percent(self) -> float:
        """The part of its ports that the worst tuple has locked, NaN where nothing is known."""
        return math.nan if self.locked is None else 100 * self.locked

    @property
    def words(self) -> str:
        """All that a word of a filter is looked for in."""
        found = (*self.labels.values(), *(one.code for one in self.findings), str(self.doubt or ""))
        worst = "" if self.worst is None else f"{self.worst}\n{self.worst.process}"
        return "\n".join((*found, worst)).lower()

    @property
    def use(self) -> PortUse | None:
        """The ports of its worst tuple; of one that is not told, parts of a million."""
        if self.worst is not None:
            return self.worst.use
        if self.locked is None:
            return None
        return PortUse(RATIO_PORTS, waiting=round(self.locked * RATIO_PORTS))

    @property
    def name(self) -> str:
        """What it is called: by its host, and by its own name where that is another."""
        instance, own = self.labels.get("instance", "?"), self.labels.get("place", "")
        return instance if own in ("", host_of(instance)) else f"{instance} {own}"

    def level(self, threshold: float, slow: float = SLOW_PERCENT) -> Level:
        """Judge it; ``threshold`` and ``slow`` are percentages of capacity."""
        if self.locked is None:
            return Level.FINE
        locked = round(self.locked * RATIO_PORTS)
        return PortUse(RATIO_PORTS, waiting=locked).level(threshold, slow)

    @property
    def order(self) -> tuple[float, float, Key]:
        """The worst first: by what is locked, then by the time left."""
        return -1 if self.locked is None else -self.locked, self.seconds_left, self.key


def host_of(instance: str) -> str:
    """Return the host of an ``instance``, which mostly ends in the port that is scraped."""
    host, colon, port = instance.rpartition(":")
    return host if colon and port.isdecimal() and (":" not in host or host[:1] == "[") else instance


class Group(NamedTuple):
    """All hosts that have one value of a label."""

    name: str
    locked: float | None
    """The part of its ports that the worst tuple of all has locked."""
    hosts: int
    """Those that tell something."""
    silent: int
    critical: int
    """Findings."""
    warnings: int


class Cost(NamedTuple):
    """What a refresh asked of Prometheus."""

    requests: int = 0
    seconds: float = 0.0
    samples: int = 0
    """That it read for the answers; 0 where it does not say."""


NOTHING_YET = Cost()


@dataclass(frozen=True, slots=True)
class Fleet:
    """All that is known of a fleet at one time."""

    time: float
    """Prometheus's Unix time of all of it."""
    by: str
    """The label of the groups."""
    hosts: int
    """Those that tell something."""
    places: tuple[FleetPlace, ...] = ()
    """The worst first."""
    tuples: tuple[FleetTuple, ...] = ()
    """The fullest first."""
    groups: tuple[Group, ...] = ()
    silent: tuple[Silent, ...] = ()
    partial: tuple[str, ...] = ()
    """Why there may be more than was answered."""
    is_recorded: bool = False
    """Is it from recording rules, and so as old as their last evaluation?"""
    cost: Cost = NOTHING_YET
    common: Labels = field(default_factory=dict)
    """Labels that all places share: they tell none from another."""
    shared_hosts: frozenset[str] = frozenset()
    """Hosts that are scraped at more than one port."""

    @property
    def cut(self) -> bool:
        """Whether there may be places that are not told one by one."""
        return len(self.places) >= TOP

    @property
    def blind(self) -> bool:
        """Whether hosts tell something, and nothing is known of any place's ports."""
        return self.hosts > 0 and not any(place.locked is not None for place in self.places)

    def host_name(self, labels: Labels) -> str:
        """Return what a host is called: with the port only where another target is called so."""
        instance = labels.get("instance", "?")
        host = host_of(instance)
        return instance if host in self.shared_hosts else host

    def find(self, key: Key) -> FleetPlace | None:
        """Return a place, if it is there."""
        return next((place for place in self.places if place.key == key), None)


def key_of(labels: Labels) -> Key:
    """Return what tells a place from all others."""
    return tuple(sorted(without(labels).items()))


def without(labels: Labels) -> Labels:
    """Return the labels that tell one place from another."""
    return {name: value for name, value in labels.items() if name not in NO_IDENTITY}


def share(use: PortUse) -> float:
    """Return the part of the ports that connect() cannot have; 1 where there is no capacity."""
    return use.locked / use.capacity if use.capacity else 1.0
