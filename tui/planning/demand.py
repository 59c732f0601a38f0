"""The load on one tuple: how many connections a second, and how long each is open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tui.analysis.bind_first import bound_first_at
from tui.analysis.frame import Frame
from tui.analysis.judgement import port_use
from tui.analysis.patterns import Direction
from tui.analysis.timewait import RECENT, time_waits
from tui.kernel.sockets import Array, State, ip_halves
from tui.writing.words import plural

STUCK = [
    State.SYN_SENT,
    State.FIN_WAIT1,
    State.CLOSE_WAIT,
    State.LAST_ACK,
    State.CLOSING,
]
"""States in which a port is held for no load: until the program closes (CLOSE-WAIT), or until a
peer answers or is given up (tcp_syn_retries, tcp_orphan_retries)."""

RateFrom = Literal["given", "last seconds", "busiest seconds", "none closes"]
LifetimeFrom = Literal["given", "live", "assumed"]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a tuple has to bear, on average; bursts need more."""

    rate: float
    """New connections per second, ≥ 0."""
    lifetime: float
    """Seconds from a connection's start to its close, ≥ 0; its TIME-WAIT not counted."""
    held: int = 0
    """Ports that today's connections hold besides, and no rate explains: those that nobody closes,
    that a dead peer leaves half closed, or that wait for an answer."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one frame shows of an outgoing pattern's load."""

    rate: float
    """Connections closed per second, of the last RECENT seconds; 0 where none was."""
    busiest: float
    """The same of the busiest RECENT seconds of the last minute: a floor, as TIME-WAITs that
    tcp_tw_reuse took over are gone."""
    live: int
    """Connections that are open now, or closing."""
    connectable: int
    """How many more would find a port now."""
    stuck: int = 0
    """Of the live ones, those in a state that only a program or a peer can end."""
    sharing: int = 1
    """Destinations that have the ports of one together: more than 1 where the client seems to bind
    before it connects."""

    @property
    def is_scarce(self) -> bool:
        """Would the busiest seconds take all the ports that are left?

        Then the last seconds show what gets through, and not what is wanted: also while the first
        ports come back after there was none.
        """
        return self.connectable <= self.busiest * RECENT


@dataclass(frozen=True, slots=True)
class Estimate:
    """A load, and where its figures come from."""

    load: Demand
    rate_from: RateFrom
    lifetime_from: LifetimeFrom
    notes: tuple[str, ...]
    """What whoever reads the figures has to know, a sentence each."""


def outgoing(
    frame: Frame, local_ip: str | None, remote_ip: str | None, remote_port: int | None
) -> Array:
    """Return the outgoing patterns with these ends, by ports in use; None for an end means any."""
    table, patterns = frame.table, frame.patterns
    candidates: Array = patterns.direction == Direction.OUTGOING
    for wanted, column in ((local_ip, patterns.local_ip), (remote_ip, patterns.remote_ip)):
        if wanted is not None:
            hi, lo = ip_halves(wanted)
            same = np.flatnonzero((table.address_hi == hi) & (table.address_lo == lo))
            candidates &= np.isin(column, same)
    if remote_port is not None:
        candidates &= patterns.remote_port == remote_port
    return np.flatnonzero(candidates)


def hottest(
    frame: Frame, local_ip: str | None, remote_ip: str | None, remote_port: int | None
) -> int | None:
    """Return the pattern with the most ports of those that ``outgoing`` does, or None.

    One that closes connections goes before one that only holds them.
    """
    found = outgoing(frame, local_ip, remote_ip, remote_port)
    closing = found[frame.patterns.time_wait[found] > 0]
    best = closing if len(closing) else found
    return int(best[0]) if len(best) else None


def observe(frame: Frame, pattern: int) -> Observed:
    """Return the load that the frame shows of one pattern."""
    bound = bound_first_at(frame, frame.patterns.key(pattern).local_ip)
    use = port_use(frame.patterns, pattern) if bound is None else bound.use
    return Observed(
        rate=frame.time_wait.closing.item(pattern),
        # Of older seconds tcp_tw_reuse has taken over most.
        busiest=max(busiest(frame, pattern), frame.time_wait.closing.item(pattern)),
        live=frame.patterns.live_of(pattern),
        connectable=use.connectable,
        stuck=int(frame.patterns.states[pattern, STUCK].sum()),
        sharing=1 if bound is None else bound.destinations,
    )


def busiest(frame: Frame, pattern: int) -> float:
    """Return a pattern's closings per second in the busiest RECENT seconds of the last minute.

    That, not the present rate, is what ports are wanted for: where none is left, the present rate
    is only what gets through.
    """
    if pattern < len(frame.time_wait.by_pattern):
        closings = frame.time_wait.closings_of(pattern)
    else:
        alone = np.where(frame.patterns.member == pattern, 0, 1)
        hold = frame.patterns.hold[[pattern, pattern]]
        holding, length = frame.patterns.holding, frame.rules.time_wait_ms
        closings = time_waits(frame.table, alone, holding, hold, length).closings_of(0)
    return float(np.convolve(closings, np.ones(RECENT), "valid").max() / RECENT)


def estimate(
    observed: Observed | None, rate: float | None, lifetime: float | None
) -> Estimate | None:
    """Return the load to plan for, or None where nothing tells the rate.

    What is given goes before what was observed. The lifetime follows from Little's law: open
    connections = rate × lifetime. Open connections that this does not explain come on top.
    """
    seen = observed or Observed(0, 0, 0, 1)
    open_, flow = seen.live - seen.stuck, seen.busiest if seen.is_scarce else seen.rate
    rate_from: RateFrom = "given"
    if rate is None:
        rate, rate_from = (
            (seen.rate, "last seconds")
            if seen.rate and not seen.is_scarce
            else (seen.busiest, "busiest seconds")
        )
        if not rate:
            if not seen.live:
                return None
            rate_from = "none closes"
    lifetime_from: LifetimeFrom = "given"
    if lifetime is None:
        # While ports are scarce, none may be open now: that says nothing of the busiest seconds.
        told = seen.rate and (open_ > 0 or not seen.is_scarce)
        lifetime, lifetime_from = (open_ / flow, "live") if told else (0.0, "assumed")
    held = seen.stuck + max(math.floor(open_ - flow * lifetime + 1e-6), 0)
    notes = []
    if rate_from == "none closes":
        notes.append(
            "Nothing closed in the last minute, so the rate is unknown: set the one you want with "
            "--rate."
        )
    elif rate_from != "given" and seen.connectable <= 0:
        notes.append(
            "No port is left now, so the rate is what gets through, not what is wanted: set the "
            "one you want with --rate."
        )
    elif rate_from == "busiest seconds" and seen.rate:
        notes.append(
            f"Few ports are left, so the last seconds show what gets through. The rate is that of "
            f"the busiest {RECENT} seconds of the last minute: set the one you want with --rate."
        )
    elif rate_from == "last seconds" and seen.busiest > 1.2 * seen.rate:
        notes.append(
            f"The busiest {RECENT} seconds of the last minute saw {seen.busiest:,.0f}/s: try "
            f"--rate {seen.busiest:.0f}."
        )
    if seen.sharing > 1:
        notes.append(
            f"The client seems to bind before it connects: its {seen.sharing:,} destinations "
            "share the ports of one, and tcp_tw_reuse gives none back. The figures are its part "
            "of them: the others are taken to want as much more as it does."
        )
    if lifetime_from == "assumed" and rate:
        notes.append(
            "How long connections stay open is unknown and counted as 0 s; set it with --lifetime."
        )
    if held:
        notes.append(
            f"{plural(held, 'port is', 'ports are')} held now by connections that do not close; "
            f"add them to what the rate needs. {seen.connectable:,} are connectable now."
        )
    return Estimate(Demand(rate, lifetime, held), rate_from, lifetime_from, tuple(notes))
