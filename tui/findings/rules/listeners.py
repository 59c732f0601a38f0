"""Listening sockets: new ones, and those that stand among the ephemeral ports."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tui.analysis.patterns import endpoint
from tui.findings.baseline import Listener, listeners
from tui.findings.finding import Finding, Remedy, Severity, known, tell_each
from tui.findings.situation import Situation
from tui.kernel.sockets import State
from tui.planning.widening import reserve_command
from tui.writing.words import percent, plural, ratio


def listener_in_range(situation: Situation) -> Iterator[Finding]:
    """Find the listeners on ports that a client could hold when their daemon restarts."""
    ports = situation.frame.ports
    if not ports.excluded:
        return
    reserved = situation.frame.rules.reserved
    exposed = [
        listener
        for listener in listeners(situation.frame)
        if ports.low <= listener[1] <= ports.high
        and not any(first <= listener[1] <= last for first, last in reserved)
    ]
    yield from tell_each(exposed, lambda one: _exposed(situation, one), "listeners")


def _exposed(situation: Situation, listener: Listener) -> Finding:
    ports, name = situation.frame.ports, endpoint(*listener)
    process = _process(situation, listener)
    return Finding(
        code="listener-in-range",
        severity=Severity.INFO,
        subject=name,
        message=f"Listener {name} is inside the ephemeral range {ports.low}–{ports.high}",
        meaning="While it is open, connect() leaves the port alone. But while the daemon is down, "
        "any client may be given the port, and the daemon then fails to start with "
        "EADDRINUSE.",
        evidence=known(port=listener[1], low=ports.low, high=ports.high, process=process),
        remedies=(
            Remedy(
                "Reserve the port: connect() then never chooses it, and bind() still gets it",
                reserve_command(situation.frame.rules, [listener[1]]),
                "the kernel chose the port, as for a daemon that listens on port 0: its next "
                "start gets another one",
            ),
        ),
    )


def bound_ports_cost(situation: Situation) -> Iterator[Finding]:
    """Tell of bound ports that take a noticeable part of every destination's ports.

    Reserving a bound port brings none back, so a reserved one counts as well; but where the
    others are few, somebody has chosen it so, and it is no alarm.
    """
    frame, least = situation.frame, situation.config.ports.bound_cost
    ports, table = frame.ports, frame.table
    most = ports.excluded + ports.reserved
    if 100 * most < least * (ports.capacity + most):
        return
    listening = np.unique(table.local_port[table.listeners])
    taken = np.union1d(listening, table.bound_ports)
    listened, cost = (
        int(((found >= ports.low) & (found <= ports.high)).sum()) for found in (listening, taken)
    )
    possible, reserved = ports.capacity + cost, cost - ports.excluded
    if not cost or 100 * cost < least * possible:
        return
    unreserved_costs = ports.excluded > 0 and 100 * ports.excluded >= least * possible
    kept = f" {reserved:,} of them are reserved too." if reserved else ""
    leave = ", and then out of ip_local_reserved_ports" if reserved else ""
    yield Finding(
        code="bound-ports-cost",
        severity=Severity.WARNING if unreserved_costs else Severity.INFO,
        subject="net.ipv4.ip_local_port_range",
        message=f"Bound sockets take {plural(cost, 'port')} of the range away from every "
        f"destination, {percent(cost, possible)} of it",
        meaning=f"{listened:,} are taken by listening, {cost - listened:,} by binding without "
        f"connecting.{kept} connect() never chooses a port that is bound anywhere in the "
        "namespace, whatever the address.",
        evidence={
            "taken": cost,
            "excluded": ports.excluded,
            "reserved": reserved,
            "listening": listened,
            "bound": cost - listened,
            "capacity": ports.capacity,
            "share": ratio(cost, possible),
        },
        remedies=(
            Remedy(
                "See who has bound them. Sockets that are bound but not connected belong to "
                "clients that should set IP_BIND_ADDRESS_NO_PORT",
                "sudo ss -tlnp; sudo ss -tanp state bound-inactive",
                "ss is too old to know bound-inactive",
            ),
            Remedy(
                f"Move the listeners below the range{leave}: only that brings their ports back. "
                "Reserving the ports protects a daemon that is down from clients, but frees none",
                unless="they are all meant to be short-lived",
            ),
        ),
    )


def new_listener(situation: Situation) -> Iterator[Finding]:
    """Find the listeners that were not there when the user saved them."""
    if situation.baseline is None:
        return
    saved = situation.baseline.listeners
    new = [one for one in listeners(situation.frame) if one not in saved]
    yield from tell_each(new, lambda one: _new(situation, one, len(saved)), "listeners")


def _new(situation: Situation, listener: Listener, saved: int) -> Finding:
    name, process = endpoint(*listener), _process(situation, listener)
    return Finding(
        code="new-listener",
        severity=Severity.WARNING,
        subject=name,
        message=f"New listener {name}"
        + (f" by {process}" if process else "")
        + ", not there when the listeners were saved",
        meaning="A daemon was added or moved, or something is listening that should not be. Treat "
        "it as a door you did not open until you know.",
        evidence=known(port=listener[1], saved_listeners=saved, process=process),
        remedies=(
            Remedy(
                "See who is listening; if that is intended, save the listeners again",
                f"sudo ss -tlnpe sport = :{listener[1]}",
                "the kernel chose its port: silence it with * in the subject",
            ),
        ),
    )


def listener_gone(situation: Situation) -> Iterator[Finding]:
    """Find the saved listeners that are gone and cannot come back: a client has their port.

    bind() fails with EADDRINUSE then, with SO_REUSEADDR too, whether the client's socket is open
    or in TIME-WAIT (measured on Linux 6.18). What the listener had accepted is in nobody's way;
    it is told apart by the far ports: those of a client's own range, or several of one address.
    """
    if situation.baseline is None:
        return
    frame, table = situation.frame, situation.frame.table
    ports, open_ = frame.ports, table.state != State.LISTEN
    held = []
    for listener in sorted(situation.baseline.listeners - {*listeners(frame)}):
        ip, port = listener
        rows = np.flatnonzero(open_ & (table.local_port == port))
        far, remote = table.remote_port[rows], table.remote_ip[rows]
        if not ports.low <= port <= ports.high or len(np.unique(remote)) < len(rows):
            continue
        found = rows[(far < ports.low) | (far > ports.high)].tolist()
        row = next((r for r in found if _overlap(ip, table.ip(int(table.local_ip[r])))), None)
        if row is not None:
            held.append((listener, row))
    yield from tell_each(held, lambda one: _gone(situation, *one), "listeners")


def _overlap(bound: str, local: str) -> bool:
    """Say whether a listener's address is also that of a socket, so that they need two ports."""
    return bound in (local, "::") or (bound == "0.0.0.0" and ":" not in local)


def _gone(situation: Situation, listener: Listener, row: int) -> Finding:
    frame, table = situation.frame, situation.frame.table
    name, port = endpoint(*listener), listener[1]
    there = endpoint(table.ip(int(table.remote_ip[row])), int(table.remote_port[row]))
    state = State(int(table.state[row]))
    owner = situation.owners.by_inode.get(int(table.inode[row]))
    pattern = int(frame.patterns.member[row])
    process = str(owner) if owner else situation.holder(pattern)
    return Finding(
        code="listener-gone",
        severity=Severity.CRITICAL,
        subject=name,
        message=f"Listener {name} is gone, and a connection to {there} has taken its port"
        + (f", of {process}" if process else ""),
        meaning="The service cannot start again: its bind() fails with EADDRINUSE for as long as "
        f"that socket exists, which is in {state.label}. The kernel gave the port to "
        "connect() while the service was down and the port was not reserved.",
        evidence=known(port=port, held_to=there, state=state.label, process=process),
        remedies=(
            Remedy(
                "End that connection: restart its program, or kill the connection (if the kernel "
                "has CONFIG_INET_DIAG_DESTROY); then start the service",
                f"sudo ss -K dst {there} sport = :{port}",
                "the listener was removed on purpose: save the listeners again",
            ),
            Remedy(
                "Reserve the port (ip_local_reserved_ports) so that it cannot happen again: "
                "connect() then never chooses it, and bind() still gets it",
                reserve_command(frame.rules, [port]),
            ),
        ),
        pattern=frame.patterns.key(pattern),
    )


def _process(situation: Situation, listener: Listener) -> str | None:
    """Return who holds the listening socket, where that can be seen."""
    table = situation.frame.table
    rows = table.listeners[table.local_port[table.listeners] == listener[1]]
    for row in rows.tolist():
        process = situation.owners.by_inode.get(int(table.inode[row]))
        if process is not None and table.ip(int(table.local_ip[row])) == listener[0]:
            return str(process)
    return None
