"""No wall: what kept it from happening."""

from __future__ import annotations

from dataclasses import dataclass

from tui.simulate.expectation import reuse_rate, reuse_text, time_wait
from tui.simulate.surroundings import Evidence, Surroundings
from tui.writing.words import measured, per_second, plural


@dataclass(frozen=True, slots=True)
class Kept:
    """Why no call failed."""

    by: str
    """"none", "few", "slow", "reuse", "overflow", "server", "reset", "minute", "half_closed" or
    "unknown"."""
    why: str


def find_kept(evidence: Evidence) -> Kept:
    """Return what gave the ports back, or that there were too few connections to need it."""
    if not evidence.connected:
        return Kept(
            "none",
            f"Not one connection was made in {measured(evidence.seconds)}. {_what_ended(evidence)}",
        )
    if evidence.connected > evidence.situation.free:
        return _what_gave_back(evidence)
    slow = _too_slow(evidence)
    return slow if slow is not None else _too_few(evidence)


def _too_few(evidence: Evidence) -> Kept:
    free = evidence.situation.free
    return Kept(
        "few",
        f"{plural(evidence.connected, 'connection')} in {measured(evidence.seconds)}, and there "
        f"were ports for {free:,}. {_what_ended(evidence)}",
    )


def _what_ended(evidence: Evidence) -> str:
    plan = evidence.situation.plan
    if evidence.stopped_by is not None:
        return f"{evidence.stopped_by} stopped it."
    if plan.seconds is not None and evidence.seconds >= plan.seconds:
        return f"--duration ended it after {measured(plan.seconds)}."
    return "No more were asked for."


def _too_slow(evidence: Evidence) -> Kept | None:
    situation = evidence.situation
    hold = time_wait(situation)
    needed = evidence.rate * hold.longest
    if evidence.seconds <= 0 or needed >= situation.free:
        return None
    if situation.hold or evidence.ports.half_closed:
        return None
    return Kept(
        "slow",
        f"{evidence.rate:,.1f} connections/s take {needed:,.0f} ports in the {hold.longest:.0f} s "
        f"that a TIME-WAIT can last, and there were {situation.free:,}: at this rate the oldest "
        f"always comes back in time. It takes more than "
        f"{per_second(hold.sustains(situation.free))}. {_what_ended(evidence)}",
    )


def _what_gave_back(evidence: Evidence) -> Kept:
    shares = given_back(evidence)
    by = max(shares, key=lambda name: shares[name])
    if shares[by] <= 0:
        by = "unknown"
    return Kept(by, _GAVE_BACK[by](evidence, shares.get(by, 0)))


def given_back(evidence: Evidence) -> dict[str, int]:
    """Return how many of the connections gave their port back early, by what made them."""
    outcome, events = evidence.outcome, evidence.events
    looked = max(outcome.looked_at, 1)
    shares = {
        "reuse": events.get("TWRecycled", 0),
        "overflow": events.get("TCPTimeWaitOverflow", 0),
        "reset": outcome.resets,
        "server": round(outcome.closed_by_server / looked * evidence.connected),
    }
    ports = evidence.ports
    ended = evidence.connected - sum(shares.values()) - ports.use.in_use
    if ports.half_closed and evidence.seconds > evidence.situation.fin_timeout:
        shares["half_closed"] = ended
    elif evidence.seconds > time_wait(evidence.situation).seconds:
        shares["minute"] = ended
    return shares


def _reuse(evidence: Evidence, number: int) -> str:
    situation = evidence.situation
    return (
        f"{reuse_text(situation)}: {number:,} of {plural(evidence.connected, 'connection')} took "
        f"over a port in TIME-WAIT (TWRecycled). That is enough for "
        f"{reuse_rate(situation):,.0f} connections/s, and there were {evidence.rate:,.0f}."
    )


def _overflow(evidence: Evidence, number: int) -> str:
    buckets = evidence.situation.limits.buckets
    limit = "" if buckets is None else f" = {buckets:,}"
    return (
        f"tcp_max_tw_buckets{limit} was exceeded: {number:,} of "
        f"{plural(evidence.connected, 'connection')} skipped TIME-WAIT (TCPTimeWaitOverflow), and "
        "their ports were free at once. That is a danger, not a remedy: segments that are late "
        "can hit new connections."
    )


def _reset(evidence: Evidence, number: int) -> str:
    return (
        f"The server reset {number:,} of {plural(evidence.connected, 'connection')}. A reset "
        "leaves no TIME-WAIT behind, so their ports were free at once."
    )


def _server(evidence: Evidence, number: int) -> str:
    outcome = evidence.outcome
    return (
        f"The server closed first in {outcome.closed_by_server:,} of {outcome.looked_at:,} "
        f"connections looked at, some {number:,} of all {evidence.connected:,}. Their TIME-WAITs "
        "are on its port, where they are in nobody's way."
    )


def _minute(evidence: Evidence, number: int) -> str:
    return (
        f"It took {measured(evidence.seconds)}, and {number:,} of "
        f"{plural(evidence.connected, 'connection')} ended their 60 s of TIME-WAIT meanwhile: "
        f"{evidence.rate:,.0f} connections/s are too slow for "
        f"{plural(evidence.situation.free, 'port')}."
    )


def _half_closed(evidence: Evidence, number: int) -> str:
    return (
        f"{number:,} of {plural(evidence.connected, 'connection')} ended their FIN-WAIT-2 "
        f"meanwhile. {half_closed_text(evidence.situation)}"
    )


def half_closed_text(situation: Surroundings) -> str:
    """Say when ports come back that the server holds by never closing."""
    return (
        "The server has not closed its side of the connections: such a port comes back "
        f"tcp_fin_timeout = {situation.fin_timeout:.0f} s after our close, and never by reuse. "
        "Mend the server, which is to close what its client has closed."
    )


def _unknown(evidence: Evidence, number: int) -> str:
    ports = evidence.ports
    return (
        f"{plural(evidence.connected, 'connection')} left only {ports.use.in_use:,} of "
        f"{plural(ports.use.capacity, 'port')} in use. Neither reuse, overflow, resets nor the "
        "server closing first accounts for it: something between may answer for the server."
    )


_GAVE_BACK = {
    "reuse": _reuse,
    "overflow": _overflow,
    "reset": _reset,
    "server": _server,
    "minute": _minute,
    "half_closed": _half_closed,
    "unknown": _unknown,
}
