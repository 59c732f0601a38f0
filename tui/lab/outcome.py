"""What the clients of a load really got: the half that no kernel counter shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate

STEPS = 8
"""Parts that each power of two is cut into: a latency is known to 1/8 of itself."""
SLOTS = 64 * STEPS

Tuple = tuple[str | None, tuple[str, int]]
"""Source address, or None for what the kernel chooses, and destination."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long connect() took, in seconds, each to an eighth of itself."""

    p50: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Failure:
    """The first call that failed."""

    number: int
    """Which connection it was, counted from 1: one more than had been made."""
    elapsed: float
    """Seconds since the load began."""
    call: str
    """"socket", "bind" or "connect"."""
    error: str
    """The errno's name, such as EADDRNOTAVAIL."""
    source: str | None
    target: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that came of a load up to one moment; rates are those since the outcome before."""

    time: float
    """Unix time."""
    elapsed: float
    """Seconds since the load began, pauses included."""
    worked: float = 0.0
    """The same, but to the last connection: what is open is closed after it."""
    attempted: int = 0
    connected: int = 0
    errors: Mapping[str, int] = field(default_factory=dict)
    """Failed calls by errno name, since the beginning."""
    connected_per_second: float = 0.0
    errors_per_second: Mapping[str, float] = field(default_factory=dict)
    latency: Latency | None = None
    """Of the connects since the outcome before that succeeded; None if there were none."""
    overall: Latency | None = None
    """Of all connects that succeeded."""
    first_failure: Failure | None = None
    held: int = 0
    """Connections open now."""
    closed_by_server: int = 0
    """Connections that the server closed before the client did, of those looked at."""
    looked_at: int = 0
    """Connections of which it was looked who closed first."""
    resets: int = 0
    """Connections that ended with a reset instead of a FIN."""
    rate: float | None = None
    """Connections per second asked for; None is as many as there can be."""
    paused: bool = False
    ended: bool = False
    tuples: tuple[Tuple, ...] = ()
    """What is connected between."""
    in_turn: bool = False
    """Each of the tuples gets its share, also one that is full; else the next one is tried."""
    note: str = ""
    """What has just been changed around the load, and what comes next."""


def since(before: Outcome, newest: Outcome) -> Outcome:
    """Return the newest outcome with the rates of all the time since the one before."""
    span = max(newest.elapsed - before.elapsed, 1e-6)
    rises = {name: count - before.errors.get(name, 0) for name, count in newest.errors.items()}
    return replace(
        newest,
        connected_per_second=(newest.connected - before.connected) / span,
        errors_per_second={name: rise / span for name, rise in rises.items() if rise > 0},
    )


def slot(nanoseconds: int) -> int:
    """Return which slot of a histogram a latency falls into."""
    power = (nanoseconds | STEPS).bit_length()  # nothing is faster than 8 ns
    return power * STEPS + (nanoseconds >> power - 4) % STEPS


def latency(histogram: Iterable[int]) -> Latency | None:
    """Return the quantiles of a histogram of ``slot`` numbers, shape (SLOTS,)."""
    sums = list(accumulate(histogram))
    total = sums[-1]
    if not total:
        return None
    p50, p99, longest = (
        _seconds(next(index for index, below in enumerate(sums) if below >= total * part))
        for part in (0.5, 0.99, 1.0)
    )
    return Latency(p50, p99, longest)


def _seconds(index: int) -> float:
    """Return the upper end of a slot."""
    power, part = divmod(index, STEPS)
    return ((STEPS + part + 1) << power - 4) / 1e9
