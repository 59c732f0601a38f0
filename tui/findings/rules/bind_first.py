"""Clients that bind a port before they connect, as tui.analysis.bind_first tells them."""

from __future__ import annotations

from collections.abc import Iterator

from tui.analysis.bind_first import BoundFirst
from tui.analysis.judgement import Level
from tui.findings.advice import NO_PORT_OPTION, POOL
from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.situation import Situation
from tui.planning.setting import gather
from tui.planning.widening import range_commands, widened, widest
from tui.writing.words import percent, ratio

ONE_EACH = (
    "A port bound before connect() without IP_BIND_ADDRESS_NO_PORT serves one destination only"
)
BIND_FAILS = (
    "When they run out, bind() fails with EADDRINUSE although no single destination is full."
)


def bind_before_connect(situation: Situation) -> Iterator[Finding]:
    """Find local IPs whose ports are shared between destinations far less than by chance."""
    for bound in situation.bound_first:
        yield _finding(situation, bound)


def _serve(shared: float | str) -> str:
    if not shared:
        return "none serves"
    return "1 serves" if shared == 1 else f"{shared:,} serve"


def _finding(situation: Situation, bound: BoundFirst) -> Finding:
    distinct, capacity = bound.distinct, bound.capacity
    ip = situation.frame.table.ip(bound.address)
    evidence = {
        "destinations": bound.destinations,
        "in_use": bound.in_use,
        "distinct_ports": distinct,
        "shared_ports": bound.shared,
        "shared_by_chance": round(bound.by_chance),
        "capacity": capacity,
        "utilization": ratio(distinct, capacity),
        # bind() takes first the parity that connect() takes last, so this tells as well.
        "ports_of_the_other_parity": bound.other_parity,
    }
    hot = bound.use.level(situation.config.ports.threshold) >= Level.HOT
    facts = gather(situation.frame, ip, None, None)
    low, high = widest(facts)
    remedies = [NO_PORT_OPTION]
    if wider := widened(facts):
        remedies.append(
            Remedy(
                f"Widen the range to {low}–{high}: {wider.ports:,} ports for all destinations "
                f"together instead of {capacity:,}",
                " && ".join(range_commands(facts, low, high)),
                "a daemon that is not running now has its fixed port in the new part",
            )
        )
    return Finding(
        code="bind-before-connect",
        severity=Severity.CRITICAL if hot else Severity.WARNING,
        subject=ip,
        message="{}: a client seems to bind before it connects: it has {distinct_ports:,} ports "
        "for {destinations:,} destinations, and {few} two destinations; about "
        "{shared_by_chance:,} would by chance".format(
            ip, few=_serve(evidence["shared_ports"]), **evidence
        ),
        meaning=f"{ONE_EACH}: {percent(distinct, capacity)} of the ports that all destinations "
        f"share are taken. {BIND_FAILS}",
        evidence=evidence,
        remedies=(*remedies, POOL),
    )
