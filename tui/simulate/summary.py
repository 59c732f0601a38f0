"""What is coming, and what came of it, as text and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tui.analysis.ports import PortSpace
from tui.simulate.expectation import Expectation
from tui.simulate.held import server_time_waits, total
from tui.simulate.kept import find_kept
from tui.simulate.parameters import parameter_lines
from tui.simulate.surroundings import Evidence, Surroundings
from tui.simulate.wall import find_wall
from tui.writing.layout import Paint
from tui.writing.words import joined, measured, plural

SCHEMA = "twtop.simulate/1"
EVENTS = (
    "TWRecycled",
    "TCPTimeWaitOverflow",
    "TCPSynRetrans",
    "ListenOverflows",
    "ListenDrops",
    "TCPReqQFullDrop",
)
"""Counters whose rise is told."""
MOST_NAMED = 5
"""Sources that are named one by one."""


def preamble(situation: Surroundings, expected: Expectation, paint: Paint, width: int) -> str:
    """Return what decides the outcome, what is coming, and what is expected."""
    target = situation.target
    sources = _sources(situation.sources)
    named = f" ({target.name})" if target.name != target.ip else ""
    title = f"twtop simulate · {sources} → {target}{named}, {target.place.value}"
    lines = parameter_lines(situation)
    names, values = (max(len(line[column]) for line in lines) for column in (0, 1))
    values = min(values, 15)
    table = [f"  {name:<{names}}  {value:<{values}}  {note}" for name, value, note in lines]
    return "\n".join(
        [
            _wrapped(title, width, paint, "bold"),
            *(line if len(line) <= width else line[: width - 1] + "…" for line in table),
            _labelled("Coming", _coming(situation), width),
            _labelled("Expected", expected_text(expected), width),
        ]
    )


def _sources(sources: Sequence[str | None]) -> str:
    """Name the sources, or the first where they are too many to read."""
    names = [source or "any address" for source in sources]
    return joined(names) if len(names) <= MOST_NAMED else f"{names[0]} … ({len(names):,} sources)"


def _coming(situation: Surroundings) -> str:
    plan, ports, turns = situation.plan, situation.frame.ports.capacity, len(situation.sources)
    sources = f" × {plural(turns, 'source')}" if turns > 1 else ""
    whole = situation.loops * ports * turns
    of = f"{plural(situation.loops, 'loop')} × {plural(ports, 'port')}{sources}"
    if situation.planned < whole:
        of = f"of {whole:,}: {of}"
    manner = "held open" if situation.hold else "closed first by this side"
    pace = "as fast as possible" if plan.rate is None else f"{plan.rate:,.6g}/s"
    bound = "" if plan.seconds is None else f", for {measured(plan.seconds)} at most"
    return (
        f"{plural(situation.planned, 'connection')} ({of}), {manner}; {plan.concurrency:,} at a "
        f"time, {pace}{bound}"
    )


def no_ports_text(ports: PortSpace) -> str:
    """Say what has taken all ephemeral ports."""
    return (
        f"of ip_local_port_range = {ports.low}–{ports.high}, ip_local_reserved_ports excludes "
        f"{ports.reserved:,}, and bound sockets take {ports.excluded:,} more"
    )


def expected_text(expected: Expectation) -> str:
    """Return the expectation in a sentence."""
    slow = (
        f"; connect() gets slow from connection {expected.slow_from:,} on, with half the ports "
        "taken"
        if expected.slow_from is not None
        else ""
    )
    if expected.error is None:
        return f"no wall: {expected.because}{slow}"
    return f"{expected.error} at about connection {expected.connection:,}: {expected.because}{slow}"


def exit_code(evidence: Evidence) -> int:
    """Return 1 where a wall was hit, 0 where none was."""
    return int(evidence.outcome.first_failure is not None)


def to_text(evidence: Evidence, paint: Paint, width: int) -> str:
    """Return what came of it, for people."""
    wall = find_wall(evidence)
    if wall is None:
        title, colour, why = "No wall was hit.", "green", find_kept(evidence).why
    else:
        about = "" if wall.exact else "about "
        title = (
            f"Wall: {wall.error} from {wall.call}() at {about}connection "
            f"{wall.connection:,}, after {measured(wall.seconds)}."
        )
        colour, why = "red", wall.why
    if evidence.stopped_by is not None and evidence.stopped_by not in why:
        title += f" {evidence.stopped_by} stopped it early."
    return "\n".join(
        [
            _wrapped(title, width, paint, colour),
            textwrap.fill(why, width, break_on_hyphens=False),
            _labelled("Made", _made(evidence), width),
            *([_labelled("Slow", slow, width)] if (slow := _slow(evidence)) else []),
            *([_labelled("Kernel", said, width)] if (said := kernel_text(evidence)) else []),
            _labelled("Left behind", left_behind(evidence), width),
        ]
    )


def _made(evidence: Evidence) -> str:
    outcome = evidence.outcome
    parts = [
        f"{plural(evidence.connected, 'connection')} in {measured(evidence.seconds)}",
        f"{evidence.rate:,.0f}/s",
    ]
    if (latency := outcome.overall) is not None:
        parts.append(
            f"connect() p50 {measured(latency.p50)}, p99 {measured(latency.p99)}, "
            f"longest {measured(latency.longest)}"
        )
    parts += [f"{name} × {number:,}" for name, number in outcome.errors.items()]
    return " · ".join(parts)


def _slow(evidence: Evidence) -> str:
    """Say what made connections wait for a second and more, if something did."""
    again = evidence.events.get("TCPSynRetrans", 0)
    if again <= 0:
        return ""
    text = (
        f"{plural(again, 'SYN')} got no answer at first and went out again a second or more later"
    )
    overflows = (evidence.server_events or {}).get("ListenOverflows", 0)
    if overflows > 0:
        text += f": the server's accept queue was full {overflows:,} times (ListenOverflows)"
    return text


def kernel_text(evidence: Evidence) -> str:
    """Say whether the kernel's own count of refused connects is what clients got and twtop says.

    Nothing where it could not be had, and of bind(), whose refusals are not counted.
    """
    refused, situation = evidence.kernel_refused, evidence.situation
    if refused is None or situation.plan.bind_first:
        return ""
    got = evidence.outcome.errors.get("EADDRNOTAVAIL", 0)
    said = f"found no port for {plural(refused, 'connect()', 'connect()s')}"
    if refused != got:
        return f"{said}, but clients got EADDRNOTAVAIL × {got:,}: ports were not the only problem"
    if refused and all(held.use.connectable > 0 for held in situation.held(evidence.frame)):
        return f"{said}, as clients say; by now ports are available again"
    return f"{said}: kernel, clients and twtop agree"


def left_behind(evidence: Evidence) -> str:
    """Say what sockets there are now that were not there before."""
    situation, held = evidence.situation, evidence.ports
    before = total(situation.held(situation.frame))
    time_waits = min(held.use.time_wait, evidence.connected)
    half_closed = max(held.fin_wait2 - before.fin_wait2, 0)
    others = max(held.others - before.others, 0)
    parts = []
    if time_waits:
        longest = situation.frame.hold_with(reuse=False).longest
        parts.append(f"{plural(time_waits, 'TIME-WAIT')}, gone within {longest:.0f} s")
    if half_closed:
        parts.append(
            f"{half_closed:,} in FIN-WAIT-2, not closed by the server, gone "
            f"{situation.fin_timeout:.0f} s after our close"
        )
    if others:
        parts.append(f"{plural(others, 'connection')} not closed by the server yet")
    if there := server_time_waits(evidence.frame, situation.target):
        parts.append(f"{plural(there, 'TIME-WAIT')} on the server's port, where they block nobody")
    return "; ".join(parts) or "nothing"


def _labelled(label: str, text: str, width: int) -> str:
    first = f"{label}: "
    return textwrap.fill(
        first + text, width, subsequent_indent=" " * len(first), break_on_hyphens=False
    )


def _wrapped(text: str, width: int, paint: Paint, colour: str) -> str:
    return "\n".join(
        paint(line, colour) for line in textwrap.wrap(text, width, break_on_hyphens=False)
    )


def to_dict(evidence: Evidence, expected: Expectation) -> dict[str, Any]:
    """Return all of it as plain data; times in seconds."""
    situation = evidence.situation
    target, plan = situation.target, situation.plan
    return {
        "target": {
            "name": target.name,
            "ip": target.ip,
            "port": target.port,
            "place": target.place.name.lower(),
        },
        "sources": list(situation.sources),
        "plan": {
            "loops": situation.loops,
            "rate": plan.rate,
            "concurrency": plan.concurrency,
            "seconds": plan.seconds,
            "hold": situation.hold,
            "bind_first": plan.bind_first,
            "keep_going": plan.keep_going,
            "timeout": plan.timeout,
        },
        "parameters": {p.name: p.value for p in situation.frame.reading.parameters},
        "limits": asdict(situation.limits),
        "planned": situation.planned,
        "expected": asdict(expected),
        "result": _result(evidence),
        "exit_code": exit_code(evidence),
    }


def _result(evidence: Evidence) -> dict[str, Any]:
    outcome, ports, latency = evidence.outcome, evidence.ports, evidence.outcome.overall
    wall = find_wall(evidence)
    return {
        "wall": None if wall is None else asdict(wall),
        "kept_by": asdict(find_kept(evidence)) if wall is None else None,
        "stopped_by": evidence.stopped_by,
        "connected": outcome.connected,
        "attempted": outcome.attempted,
        "errors": dict(outcome.errors),
        "seconds": round(evidence.seconds, 6),
        "rate": round(evidence.rate, 3),
        "latency": (
            None
            if latency is None
            else {"p50": latency.p50, "p99": latency.p99, "max": latency.longest}
        ),
        "ports": {
            "capacity": ports.use.capacity,
            "in_use": ports.use.in_use,
            "utilization": round(ports.use.utilization, 6),
        },
        "time_wait": ports.use.time_wait,
        "fin_wait2": ports.fin_wait2,
        "server_time_wait": server_time_waits(evidence.frame, evidence.situation.target),
        "resets": outcome.resets,
        "closed_by_server": outcome.closed_by_server,
        "looked_at": outcome.looked_at,
        "counters": {name: evidence.events[name] for name in EVENTS if evidence.events.get(name)},
        "kernel_refused": evidence.kernel_refused,
        "left_behind": left_behind(evidence),
    }
