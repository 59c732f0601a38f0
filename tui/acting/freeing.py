"""Ports given back: which sockets that would end, what it brings, doing it, what came of it.

Three steps, so that whoever asks a user stands between them: ``find`` lists sockets and touches
none, ``foretell`` says in numbers what ending them means, ``free`` ends those that were listed and
still are what they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tui.analysis.filter import Filter
from tui.analysis.frame import Frame, judge
from tui.analysis.judgement import PortUse, port_use
from tui.analysis.patterns import PatternKey
from tui.kernel.destroy import Identities, destroy, identify, names_of
from tui.kernel.places import Place
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import ROW_TYPES, Array, State, TableError
from tui.kernel.source import Source
from tui.planning.demand import outgoing

TIME_WAITS = frozenset({State.TIME_WAIT})
NEVER = frozenset({State.LISTEN, State.CLOSE})
"""Not connections: to end a listener is to end a service."""
COLUMNS = (
    "local_ip",
    "remote_ip",
    *(name for name in ROW_TYPES if not name.endswith(("_hi", "_lo"))),
)
"""Of a table, one value a socket."""
SAFE_AGE_MS = 10_000
"""Age in milliseconds below which a TIME-WAIT is left alone unless told: most late segments have
come by then."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which sockets to end; None for an end means any."""

    local_ip: str | None
    remote_ip: str | None
    remote_port: int | None
    states: frozenset[State] = TIME_WAITS
    older_than_ms: int = SAFE_AGE_MS
    """Of TIME-WAITs; how old another socket is the kernel does not tell."""
    most: int | None = None
    filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """Sockets that may be ended, and the ports as they were."""

    choice: Choice
    frame: Frame
    sockets: Identities
    """TIME-WAITs first, the oldest of them first."""
    keys: tuple[PatternKey, ...]
    """Their patterns, or where there are none all that lead there, by ports in use."""
    matched: int
    """As many as could be ended but for ``Choice.most``."""
    too_young: int
    """TIME-WAITs that are younger than chosen."""

    @property
    def live(self) -> int:
        """How many of them are connections and no TIME-WAITs."""
        return int(np.count_nonzero(self.sockets.state != State.TIME_WAIT))

    @property
    def use(self) -> PortUse:
        """The ports of all these patterns together."""
        return use_of(self.frame, self.keys)

    def ages(self) -> Array:
        """Return the ages of the TIME-WAITs among them in seconds, in their order."""
        waiting = self.sockets[self.sockets.state == State.TIME_WAIT]
        return age_ms(waiting, self.frame.rules) / 1000


@dataclass(frozen=True, slots=True)
class Forecast:
    """What ending them brings."""

    connectable: int
    """How many connect() calls would find a port then."""
    gained: int
    """How many of those find none now."""


@dataclass(frozen=True, slots=True)
class Freed:
    """What came of it."""

    freed: int
    """Sockets that were ended."""
    gone: int
    """Sockets that were listed, and had ended or changed before their turn came."""
    frame: Frame
    """All as it is afterwards."""
    use: PortUse
    """The ports of the listing's patterns in it."""


def age_ms(waiting: Identities, rules: PortRules) -> Array:
    """Return how long ago each of these TIME-WAITs was closed, in milliseconds.

    A stray segment starts its time anew, and then it counts as young again.
    """
    age: Array = rules.time_wait_ms - waiting.remaining_ms.astype(np.int64)
    return age


def read(place: Place) -> Frame:
    """Read a place by sock_diag, which has the bound ports too, and judge it. Raises TableError."""
    return judge(Source(place, "sock_diag", interval=1, one_shot=True).read())


def use_of(frame: Frame, keys: Sequence[PatternKey]) -> PortUse:
    """Return the ports of these patterns together; one without sockets has all of its own free."""
    use = PortUse(0)
    for key in keys:
        index = frame.patterns.find(key)
        free = PortUse(frame.ports.capacity)
        use += free if index is None else port_use(frame.patterns, index)
    return use if keys else PortUse(frame.ports.capacity)


def find(place: Place, choice: Choice) -> Listing:
    """List what would be ended. Raises TableError, also where the table could not be read whole."""
    frame = read(place)
    sockets, whole = _identify(place, choice.remote_port)
    if not (whole and frame.table.complete):
        raise TableError("sock_diag: the socket table could not be read completely: try again")
    patterns = outgoing(frame, choice.local_ip, choice.remote_ip, choice.remote_port)
    member = frame.patterns.member
    chosen = np.isin(member, patterns) & np.isin(frame.table.state, list(choice.states - NEVER))
    if choice.filter is not None:
        chosen &= choice.filter.rows(frame)
    rows = np.flatnonzero(chosen)
    listed = sockets[np.isin(sockets.names(), names_of(frame.table, rows))]
    listed = listed[np.isin(listed.state, list(choice.states))]
    old = listed[_old_enough(listed, choice, frame.rules)]
    held = np.unique(member[rows]) if len(rows) else patterns
    return Listing(
        choice=choice,
        frame=frame,
        sockets=_oldest_first(old, choice.most),
        keys=tuple(frame.patterns.key(index) for index in held.tolist()),
        matched=len(old),
        too_young=len(listed) - len(old),
    )


def _identify(place: Place, remote_port: int | None) -> tuple[Identities, bool]:
    try:
        return place.inside(lambda: identify(remote_port or 0))
    except OSError as error:
        raise TableError(f"{place.name}: {error.strerror or error}") from error


def _old_enough(sockets: Identities, choice: Choice, rules: PortRules) -> Array:
    live = sockets.state != State.TIME_WAIT
    old: Array = live | (age_ms(sockets, rules) >= choice.older_than_ms)
    return old


def _oldest_first(sockets: Identities, most: int | None = None) -> Identities:
    live = sockets.state != State.TIME_WAIT
    return sockets[np.lexsort((sockets.remaining_ms, live))[:most]]


def foretell(listing: Listing) -> Forecast:
    """Say what ending the listed sockets would bring: the frame is judged without them.

    So one outside of the range, or that tcp_tw_reuse gives out anyhow, brings nothing.
    """
    frame, table = listing.frame, listing.frame.table
    names = names_of(table, np.arange(len(table)))
    stays = ~np.isin(names, listing.sockets.names()) | (table.state == State.LISTEN)
    rest = replace(table, **{name: getattr(table, name)[stays] for name in COLUMNS})
    connectable = use_of(judge(replace(frame.reading, table=rest)), listing.keys).connectable
    return Forecast(connectable, connectable - listing.use.connectable)


def free(place: Place, listing: Listing) -> Freed:
    """End the listed sockets, and look at the ports again.

    They are read anew just before: what has changed its state, or become younger than chosen,
    stays; and the kernel compares each cookie. Raises DestroyError and TableError.
    """
    now, _ = _identify(place, listing.choice.remote_port)
    same = now[np.isin(now.keys(), listing.sockets.keys())]
    same = same[np.isin(same.state, list(listing.choice.states))]
    same = _oldest_first(same[_old_enough(same, listing.choice, listing.frame.rules)])
    ended = place.inside(lambda: destroy(same)).ended
    after = read(place)
    return Freed(ended, len(listing.sockets) - ended, after, use_of(after, listing.keys))
