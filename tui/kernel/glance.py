"""What is cheap to know of many places: how many sockets, and which ports connect() may take.

A dump walks the hash table of the whole machine, whatever the place holds: 100 empty namespaces
cost 8 to 10 s. Their sockstat files cost a millisecond.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tui.kernel.counters import bound_at_most
from tui.kernel.namespaces import visit
from tui.kernel.parameters import read_parameters
from tui.kernel.places import HERE, Place, number_of, tables_number
from tui.kernel.port_rules import PortRules, port_rules, read_port_rules
from tui.kernel.rootless import parameters_of


@dataclass(frozen=True, slots=True)
class Glance:
    """A place and its sockstat; None where it could not be read."""

    place: Place
    sockets: int | None
    """Those of TCP in any state, IPv4 and IPv6: listening ones too, but none that is only bound."""
    time_wait: int | None
    """TIME-WAITs of these, with FIN-WAIT-2 mini-sockets (net/ipv4/proc.c)."""
    rules: PortRules
    bound: int = 0
    """How many there may be besides that are only bound (`tui.kernel.counters.bound_at_most`)."""

    @property
    def capacity(self) -> int:
        """Ports of the range that are not reserved; those with a bound socket are not known."""
        return self.rules.capacity


class _Counts(NamedTuple):
    """What sockstat says, as a Glance has it."""

    sockets: int | None = None
    time_wait: int | None = None
    bound: int = 0


UNSEEN = _Counts()


def glance(places: Sequence[Place], known: Mapping[Place, PortRules] | None = None) -> list[Glance]:
    """Look at the places, in their order; ``known`` are rules that need not be read again.

    Never raises: what could not be read, or has gone meanwhile, has no sockets that are known.
    """
    rules = dict(known or {})
    entered = [one for one in places if one.network not in (None, HERE)]
    asked = [one for one in entered if one not in rules or one.pid is None]
    answers = visit((one.network, _Look(one, one in rules)) for one in asked if one.network)
    there = {
        place: answer
        for place, answer in zip(asked, answers, strict=True)
        if not isinstance(answer, BaseException)
    }
    return [_glance(place, rules.get(place), there.get(place)) for place in places]


@dataclass(frozen=True, slots=True)
class _Look:
    """What is done inside of a place."""

    place: Place
    is_known: bool

    def __call__(self) -> tuple[_Counts, PortRules | None]:
        if number_of(HERE) != self.place.id:  # another one has taken its name
            return UNSEEN, None
        counts = _sockstat(self.place.tables) if self.place.pid is None else UNSEEN
        return counts, None if self.is_known else read_port_rules(self.place.settings)


def _glance(
    place: Place,
    rules: PortRules | None,
    there: tuple[_Counts, PortRules | None] | None,
) -> Glance:
    counts, read = there or (UNSEEN, None)
    if place.kind == "copy":  # somebody's files: no pipe among them may block
        counts, read = _sockstat(place.tables), port_rules(read_parameters(place.settings))
    elif place.network == HERE:
        counts, read = _sockstat(place.tables), read_port_rules(place.settings)
    elif place.pid is not None:  # a process's files need no way in
        counts = _sockstat(place.root)
        if tables_number(place.root) != place.key:
            counts = UNSEEN
        if rules is None and place.rootless:
            read = port_rules(parameters_of(place.root))
    known = read or rules or port_rules(())
    return Glance(place, counts.sockets, counts.time_wait, known, counts.bound)


def glance_back(place: Place, counters: Mapping[str, int], rules: PortRules) -> Glance:
    """Return the glance at a place whose sockstat was read with all else (`read_counters`)."""
    names = "inuse", "inuse6", "tw", "alloc", "used"
    counts = _counts(*map(counters.get, names))
    return Glance(place, counts.sockets, counts.time_wait, rules, counts.bound)


def _sockstat(root: Path) -> _Counts:
    """Return what the place's sockstat files count; IPv6's may be missing."""
    lines = _lines(root, "sockstat")
    tcp, sockets = lines.get(b"TCP:", []), lines.get(b"sockets:", [])
    inuse6 = _after(_lines(root, "sockstat6").get(b"TCP6:", []), b"inuse")
    inuse, waiting, alloc = (_after(tcp, name) for name in (b"inuse", b"tw", b"alloc"))
    return _counts(inuse, inuse6, waiting, alloc, _after(sockets, b"used"))


def _counts(
    inuse: int | None, inuse6: int | None, waiting: int | None, alloc: int | None, used: int | None
) -> _Counts:
    if inuse is None or waiting is None:
        return UNSEEN
    inuse += inuse6 or 0
    bound = bound_at_most(inuse, alloc, used)
    return UNSEEN if bound is None else _Counts(inuse + waiting, waiting, bound)


def _lines(root: Path, name: str) -> dict[bytes, list[bytes]]:
    """Return the words of each line by the first of them; none where it cannot be read."""
    try:
        fd = os.open(f"{root}/net/{name}", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return {}
    try:
        text = os.read(fd, 4096)
    except OSError:
        return {}
    finally:
        os.close(fd)
    return {words[0]: words[1:] for words in map(bytes.split, text.splitlines()) if words}


def _after(words: list[bytes], name: bytes) -> int | None:
    number = words[words.index(name) + 1 :][:1] if name in words else []
    return int(number[0]) if number and number[0].isdigit() else None
