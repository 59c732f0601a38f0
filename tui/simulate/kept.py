"""No wall: what kept it from happening."""

from __future__ import annotations

from dataclasses import dataclass

from tui.analysis.hold import seconds_text
from tui.simulate.expectation import reuse_rate, reuse_text, time_wait
from tui.simulate.surroundings import Evidence, Surroundings
from tui.writing.words import measured, per_second, plural


@dataclass(frozen=True, slots=True)
class Kept:
    """Why no call failed."""

    by: str
    """"none", "few", "slow" or what ``given_back`` says."""
    why: str


def find_kept(evidence: Evidence) -> Kept:
    """Return what gave the ports back, or that there were too few connections to need it."""
    situation, took, ended = evidence.situation, measured(evidence.seconds), _what_ended(evidence)
    if not evidence.connected:
        return Kept("none", f"Not one connection was made in {took}. {ended}")
    if evidence.connected > situation.free:
        by, number = given_back(evidence)
        return Kept(by, _how_given_back(evidence, number)[by])
    hold = time_wait(situation)
    needed = evidence.rate * hold.longest
    kept_busy = situation.hold or evidence.ports.half_closed
    if evidence.seconds > 0 and needed < situation.free and not kept_busy:
        return Kept(
            "slow",
            f"{evidence.rate:,.1f} connections/s takes {needed:,.0f} ports in the "
            f"{hold.longest:.0f} s that a TIME-WAIT can last, and there were {situation.free:,}: "
            "at this rate the oldest always come back in time. Running out takes more than "
            f"{per_second(hold.sustains(situation.free))}. {ended}",
        )
    return Kept(
        "few",
        f"{plural(evidence.connected, 'connection')} in {took}, and there were ports for "
        f"{situation.free:,}. {ended}",
    )


def _what_ended(evidence: Evidence) -> str:
    plan = evidence.situation.plan
    if evidence.stopped_by is not None:
        return f"{evidence.stopped_by} stopped it."
    if plan.seconds is not None and evidence.seconds >= plan.seconds:
        return f"It ended with --duration, after {measured(plan.seconds)}."
    return "No more were requested."


def given_back(evidence: Evidence) -> tuple[str, int]:
    """Return what made most connections give their port back early, and how many those are.

    That is "reuse", "overflow", "reset", "server", "half_closed", "minute" or "unknown".
    """
    outcome, events, ports = evidence.outcome, evidence.events, evidence.ports
    looked = max(outcome.looked_at, 1)
    shares = {
        "reuse": events.get("TWRecycled", 0),
        "overflow": events.get("TCPTimeWaitOverflow", 0),
        "reset": outcome.resets,
        "server": round(outcome.closed_by_server / looked * evidence.connected),
    }
    ended = evidence.connected - sum(shares.values()) - ports.use.in_use
    if ports.half_closed and evidence.seconds > evidence.situation.fin_timeout:
        shares["half_closed"] = ended
    elif evidence.seconds > time_wait(evidence.situation).seconds:
        shares["minute"] = ended
    by, number = max(shares.items(), key=lambda share: share[1])
    return (by, number) if number > 0 else ("unknown", 0)


def _how_given_back(evidence: Evidence, number: int) -> dict[str, str]:
    """Return the explanation for each of the things that ``given_back`` may say."""
    situation, outcome, ports = evidence.situation, evidence.outcome, evidence.ports
    connections = plural(evidence.connected, "connection")
    buckets = situation.limits.buckets
    limit = "" if buckets is None else f" = {buckets:,}"
    return {
        "reuse": (
            f"{reuse_text(situation)}: {number:,} of {connections} took over a port in TIME-WAIT "
            f"(TWRecycled). That sustains {reuse_rate(situation):,.0f} connections/s, and there "
            f"were {evidence.rate:,.0f}."
        ),
        "overflow": (
            f"tcp_max_tw_buckets{limit} was exceeded: {number:,} of {connections} skipped "
            "TIME-WAIT (TCPTimeWaitOverflow), and their ports were free at once. That is a "
            "danger, not a remedy: late segments can hit new connections."
        ),
        "reset": (
            f"The server reset {number:,} of {connections}. A reset leaves no TIME-WAIT, so their "
            "ports were free at once."
        ),
        "server": (
            f"The server closed first in {outcome.closed_by_server:,} of {outcome.looked_at:,} "
            f"connections checked, about {number:,} of all {evidence.connected:,}. Their "
            "TIME-WAITs are on its port, where they block nobody."
        ),
        "minute": (
            f"It took {measured(evidence.seconds)}, and {number:,} of {connections} finished "
            f"their {seconds_text(situation.frame.rules)} of TIME-WAIT meanwhile: "
            f"{evidence.rate:,.0f} connections/s is too slow to use up "
            f"{plural(situation.free, 'port')}."
        ),
        "half_closed": (
            f"{number:,} of {connections} finished their FIN-WAIT-2 meanwhile. "
            f"{half_closed_text(situation)}"
        ),
        "unknown": (
            f"{connections} left only {ports.use.in_use:,} of {plural(ports.use.capacity, 'port')} "
            "in use. Reuse, overflow, resets or the server closing first do not explain it: "
            "something in between may be answering for the server."
        ),
    }


def half_closed_text(situation: Surroundings) -> str:
    """Say when ports come back that the server holds by never closing."""
    return (
        "The server has not closed its side of the connections: such a port comes back "
        f"tcp_fin_timeout = {situation.fin_timeout:.0f} s after our close, and never by reuse. "
        "Fix the server: it should close what its client has closed."
    )
