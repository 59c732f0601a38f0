"""A destination's ports held below a level: its oldest TIME-WAITs end when they are needed.

What several have wished for as a setting, which Linux does not have: the port that did nothing for
longest goes to whom needs one.
"""

from __future__ import annotations

import errno
import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address

import numpy as np

from tui.acting.freeing import age_ms, read
from tui.analysis.judgement import Level, levels
from tui.analysis.patterns import Direction, PatternKey, endpoint
from tui.analysis.ports import PortSpace, reuse_applies
from tui.kernel.below import read_below
from tui.kernel.destroy import (
    LOCAL_WORD,
    REMOTE_WORD,
    Identities,
    address_words,
    destroy,
    identify,
)
from tui.kernel.places import Place
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import Array, State, TableError

LEAST_AGE_MS = 1000
"""No TIME-WAIT younger than that is ended, whatever is asked for."""
LOOK_SECONDS = 10.0
"""Between two looks at the settings and at what is listened on: what decides on the capacity."""
SHORTEST_PAUSE = 0.05
MARK = "twtop-keep/"


class KeepRefusedError(Exception):
    """It is not begun; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be held."""

    local_ip: str | None
    """None means any, each by itself."""
    remote_ip: str
    remote_port: int
    below: float
    """Percent of the capacity."""
    older_than_ms: int

    @property
    def destination(self) -> str:
        """The remote end as text."""
        return endpoint(self.remote_ip, self.remote_port)

    def allowed(self, capacity: int) -> int:
        """Return how many ports may be in use: the most that are judged to be below the level."""
        about = math.ceil(capacity * self.below / 100)  # as floats have it, which is one off or not
        fewer = (about, about - 1, about - 2)
        return max(next(n for n in fewer if levels(n, capacity, self.below) < Level.HOT), 0)

    def covers(self, key: PatternKey) -> bool:
        """Say whether these are ports of an outgoing pattern."""
        same = (self.remote_ip, self.remote_port) == (key.remote_ip, key.remote_port)
        ours = self.local_ip in (None, key.local_ip)
        return same and ours and key.direction is Direction.OUTGOING

    def overlaps(self, other: Goal) -> bool:
        """Say whether both hold the same ports."""
        same = (self.remote_ip, self.remote_port) == (other.remote_ip, other.remote_port)
        return same and (None in (self.local_ip, other.local_ip) or self.local_ip == other.local_ip)


@dataclass(frozen=True, slots=True)
class Kept:
    """What one look found and did; the ports of all local addresses together."""

    time: float
    in_use: int
    """Ports in use afterwards."""
    capacity: int
    freed: int
    short: int = 0
    """How many more would have had to end, and were too young or no TIME-WAITs."""
    room: int = 0
    """Ports above the level, of one local address."""


class Keeper:
    """Holds one goal in one place."""

    def __init__(self, place: Place, goal: Goal) -> None:
        """Raises KeepRefusedError where it would do nothing, and TableError."""
        self.place = place
        self.goal = goal
        self._remote = address_words(goal.remote_ip)
        self._local = None if goal.local_ip is None else address_words(goal.local_ip)
        self._look()

    def _look(self) -> None:
        frame = read(self.place)
        self.rules: PortRules = frame.rules
        self._ports: PortSpace = frame.ports
        self._look_due = time.monotonic() + LOOK_SECONDS
        if reuse_is_on(self.rules, self.goal):
            raise KeepRefusedError(
                f"tcp_tw_reuse={self.rules.reuse_mode} gives connect() these ports after "
                f"{self.rules.reuse_delay_ms / 1000:g} s at no cost: there is nothing to do"
            )

    def step(self) -> Kept:
        """Look once, and end what is needed. Raises KeepRefusedError, DestroyError, TableError."""
        if time.monotonic() >= self._look_due:
            self._look()
        try:
            return self.place.inside(self._step)
        except OSError as error:
            raise TableError(f"{self.place.name}: {error.strerror or error}") from error

    def _step(self) -> Kept:
        sockets, whole = identify(self.goal.remote_port)
        if not whole:  # what is missing may be what is to stay
            raise TableError("sock_diag: the socket table could not be read completely")
        ends = sockets.ends()
        mine = (ends[:, REMOTE_WORD:] == self._remote).all(axis=1)
        mine &= self._ports.usable[sockets.local_port]
        local = ends[:, LOCAL_WORD:REMOTE_WORD]
        if self._local is not None:
            mine &= (local == self._local).all(axis=1)
        rows = np.flatnonzero(mine)
        groups = _groups(local[rows])
        capacity = self._ports.capacity
        allowed = self.goal.allowed(capacity)
        ended = short = 0
        for group in groups:
            over = len(group) - allowed
            if over > 0:
                chosen = self._oldest(sockets[rows[group]], over)
                ended += destroy(chosen).ended
                short += over - len(chosen)
        return Kept(
            time=time.time(),
            in_use=len(rows) - ended,
            capacity=capacity * max(len(groups), 1),
            freed=ended,
            short=short,
            room=capacity - allowed,
        )

    def _oldest(self, sockets: Identities, count: int) -> Identities:
        least = max(self.goal.older_than_ms, LEAST_AGE_MS)
        old = (sockets.state == State.TIME_WAIT) & (age_ms(sockets, self.rules) >= least)
        ripe = sockets[old]
        return ripe[np.argsort(ripe.remaining_ms, kind="stable")[:count]]


def _groups(addresses: Array) -> list[Array]:
    """Return the indices of equal rows, a group each."""
    if not len(addresses) or (addresses == addresses[0]).all():
        return [np.arange(len(addresses))] if len(addresses) else []
    _, code = np.unique(addresses, axis=0, return_inverse=True)
    return [np.flatnonzero(code == number) for number in range(int(code.max()) + 1)]


def reuse_is_on(rules: PortRules, goal: Goal) -> bool:
    """Say whether tcp_tw_reuse gives connect() the goal's ports already."""
    ends = [ip for ip in (goal.local_ip, goal.remote_ip) if ip]
    loopback = any(ip_address(ip).is_loopback for ip in ends)
    return bool(reuse_applies(rules, np.array([loopback]))[0])


def keep(keeper: Keeper, interval: float, stopped: Callable[[float], bool]) -> Iterator[Kept]:
    """Yield what was done in each interval, in seconds, until ``stopped(pause)`` says so.

    Where ports go so fast that the room above the level would not last, it looks sooner.
    """
    freed, before, told = 0, None, -math.inf
    while True:
        began = time.monotonic()
        kept = keeper.step()
        freed += kept.freed
        pause = interval if before is None else _pause(before, kept, interval)
        before = kept
        if pause >= interval or began - told >= interval:
            yield replace(kept, freed=freed)
            freed, told = 0, began
        if stopped(pause - (time.monotonic() - began)):
            return


def _pause(before: Kept, now: Kept, interval: float) -> float:
    """Return the seconds until half of the room above the level will be taken, at most interval."""
    taken = (now.in_use + now.freed - before.in_use) / max(now.time - before.time, 1e-3)
    if taken * interval * 2 <= now.room:
        return interval
    return min(max(now.room / (2 * taken), SHORTEST_PAUSE), interval)


@contextmanager
def alone(place: Place, goal: Goal) -> Iterator[None]:
    """Be the only one that keeps these ports, for as long as this lasts.

    The mark is an abstract socket of the place, which the kernel takes away with the process.
    Raises KeepRefusedError where somebody else keeps them.
    """

    def bind() -> socket.socket:
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind("\0" + _mark(goal))
        except BaseException:
            mark.close()
            raise
        return mark

    try:
        mark = place.inside(bind)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise KeepRefusedError(
                f"another twtop is already keeping ports to {goal.destination} free"
            ) from None
        raise
    with mark:
        others = [one for one in kept_in(place) if one != goal and one.overlaps(goal)]
        if others:
            raise KeepRefusedError(
                f"another twtop is already keeping {goal.destination} below {others[0].below:g} %"
            )
        yield


def _mark(goal: Goal) -> str:
    ends = (goal.local_ip or "*", goal.remote_ip, goal.remote_port)
    return MARK + "/".join(map(str, (*ends, f"{goal.below:g}", goal.older_than_ms)))


def kept_in(place: Place) -> tuple[Goal, ...]:
    """Return what is kept in a place, by whatever twtop; none where that cannot be read."""
    try:
        lines = place.inside(lambda: read_below(place.tables, "net/unix")).decode(errors="replace")
    except OSError:
        return ()
    return tuple(
        goal
        for line in lines.splitlines()
        if (goal := _goal(line.rpartition(f" @{MARK}")[2])) is not None and f" @{MARK}" in line
    )


def _goal(text: str) -> Goal | None:
    """Read a mark; None for what is none, for anybody may have made it."""
    try:
        local, remote, port, below, older = text.split("/")
        return Goal(
            None if local == "*" else str(ip_address(local)),
            str(ip_address(remote)),
            int(port),
            float(below),
            int(older),
        )
    except ValueError:
        return None
