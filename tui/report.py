"""One Frame as text or as JSON (the schema is report.schema.json beside this file)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tui.analysis.frame import Frame
from tui.analysis.owners import holders
from tui.analysis.patterns import NO_PORT, Direction, endpoint
from tui.analysis.ports import SLOW_CONNECT
from tui.analysis.timewait import SECONDS
from tui.kernel.processes import Owners
from tui.kernel.sockets import State

SCHEMA = "twtop.report/1"
TEXT_ROWS = 20
"""How many patterns, and remote IPs, the text shows; JSON has them all."""

Paint = Callable[[str, str], str]
"""Gives a text one of the colours "red", "yellow", "green" or "bold", or leaves it plain."""


def to_json(frame: Frame, owners: Owners) -> str:
    """Return the report as one JSON object in a line, the contract's keys in its order."""
    return json.dumps(to_dict(frame, owners), ensure_ascii=False)


def to_dict(frame: Frame, owners: Owners) -> dict[str, Any]:
    """Return the report as plain Python data."""
    table, ports, reading = frame.table, frame.ports, frame.reading
    return {
        "schema": SCHEMA,
        "time": datetime.fromtimestamp(frame.time, UTC).isoformat(),
        "source": {
            "kind": reading.kind,
            "complete": table.complete,
            "duplicates": table.duplicates,
            "bad_lines": table.bad_lines,
            "read_seconds": round(reading.read_seconds, 6),
        },
        "states": {state.name: int(frame.states[state]) for state in State},
        "ephemeral": {
            "low": ports.low,
            "high": ports.high,
            "reserved": ports.reserved,
            "excluded": ports.excluded,
            "capacity": ports.capacity,
        },
        "time_wait": {
            "count": frame.time_wait.count,
            "closed_per_second": frame.time_wait.closed_per_second.tolist(),
            "freed_per_second": frame.time_wait.freed_per_second.tolist(),
            "reuse": {
                "mode": frame.rules.reuse_mode,
                "delay_ms": frame.rules.reuse_delay_ms,
                "timestamps": frame.rules.timestamps,
            },
        },
        "patterns": list(_patterns(frame, owners)),
        "remote_ips": list(_remotes(frame)),
        "listeners": list(_listeners(frame, owners)),
        "sysctls": [
            {
                "name": parameter.name,
                "value": parameter.value,
                "default": parameter.default,
                "meaning": parameter.meaning,
            }
            for parameter in reading.parameters
        ],
        "counters": dict(frame.counters),
    }


def _patterns(frame: Frame, owners: Owners) -> Iterator[dict[str, Any]]:
    held = holders(frame.table, frame.patterns, owners.by_inode, len(frame.patterns))
    for index in range(len(frame.patterns)):
        yield pattern_record(frame, index, held.get(index))


def pattern_record(frame: Frame, index: int, process: object | None) -> dict[str, Any]:
    """Return one pattern with the contract's keys, in its order."""
    patterns = frame.patterns
    local_port, remote_port = patterns.local_port.item(index), patterns.remote_port.item(index)
    states = patterns.states[index].tolist()
    in_use, capacity = patterns.in_use.item(index), patterns.capacity.item(index)
    reusable = patterns.reusable.item(index)
    return {
        "direction": Direction(patterns.direction.item(index)).name.lower(),
        "local_ip": frame.table.ip(patterns.local_ip[index]),
        "local_port": None if local_port == NO_PORT else local_port,
        "remote_ip": frame.table.ip(patterns.remote_ip[index]),
        "remote_port": None if remote_port == NO_PORT else remote_port,
        "states": _nonzero(states),
        "time_wait": states[State.TIME_WAIT],
        "in_use": in_use,
        "capacity": capacity,
        "free": capacity - in_use,
        "reusable": reusable,
        "connectable": capacity - in_use + reusable,
        "utilization": round(in_use / capacity, 6) if capacity else 1.0,
        "process": None if process is None else str(process),
    }


def _remotes(frame: Frame) -> Iterator[dict[str, Any]]:
    ip = _addresses(frame)
    remotes = frame.remotes
    for address, total, states in zip(
        remotes.ip.tolist(), remotes.total.tolist(), remotes.states.tolist(), strict=True
    ):
        yield {"ip": ip[address], "total": total, "states": _nonzero(states)}


def _listeners(frame: Frame, owners: Owners) -> Iterator[dict[str, Any]]:
    table = frame.table
    rows = np.flatnonzero(table.state == State.LISTEN)
    rows = rows[np.lexsort((table.local_ip[rows], table.local_port[rows]))]
    for row in rows.tolist():
        process = owners.by_inode.get(int(table.inode[row]))
        yield {
            "local_ip": table.ip(int(table.local_ip[row])),
            "port": int(table.local_port[row]),
            "backlog": int(table.rx_queue[row]),
            "uid": int(table.uid[row]),
            "process": str(process) if process else None,
        }


def _addresses(frame: Frame) -> list[str]:
    return [frame.table.ip(address) for address in range(len(frame.table.address_lo))]


def _nonzero(states: list[int]) -> dict[str, int]:
    return {state.name: states[state] for state in State if states[state]}


def to_text(frame: Frame, owners: Owners, threshold: float, paint: Paint) -> str:
    """Return the report for people; ``threshold`` is a percentage of capacity."""
    blocks = [
        _heading(frame, paint),
        _states_text(frame, paint),
        _time_wait_text(frame, paint),
        _patterns_text(frame, owners, threshold, paint),
        _remotes_text(frame, paint),
        _listeners_text(frame, owners, paint),
        _sysctls_text(frame, paint),
    ]
    if owners.denied:
        cure = "; run as root to see them" if os.geteuid() else ""
        blocks.append(f"Processes whose sockets could not be looked up: {owners.denied:,}{cure}.")
    if not owners.complete:
        blocks.append("There was no time to look at every process: some owners are missing.")
    return "\n\n".join(blocks)


def _heading(frame: Frame, paint: Paint) -> str:
    table, reading = frame.table, frame.reading
    when = datetime.fromtimestamp(frame.time).astimezone()
    lines = [
        paint(f"twtop report · {when:%Y-%m-%d %H:%M:%S %Z}", "bold"),
        f"{len(table):,} sockets from {reading.kind} in {reading.read_seconds * 1000:.0f} ms",
    ]
    if not table.complete:
        lines.append(paint("INCOMPLETE: the table was cut short, counts are floors", "yellow"))
    if table.bad_lines:
        lines.append(paint(f"{table.bad_lines:,} lines unreadable, not counted", "yellow"))
    if table.duplicates:
        lines.append(f"{table.duplicates:,} sockets were seen twice and counted once")
    return "\n".join(lines)


def _states_text(frame: Frame, paint: Paint) -> str:
    counts = [(state.label, int(frame.states[state])) for state in State]
    counts = [(label, count) for label, count in counts if count]
    counts.sort(key=lambda item: -item[1])
    rows = [f"  {label:<12}{count:>10,}" for label, count in counts]
    return "\n".join([paint("States", "bold"), *(rows or ["  no TCP sockets"])])


def _time_wait_text(frame: Frame, paint: Paint) -> str:
    tw, rules, ports = frame.time_wait, frame.rules, frame.ports
    mode = {0: "off", 1: "on", 2: "on loopback only"}.get(rules.reuse_mode, "?")
    reuse = f"tcp_tw_reuse {rules.reuse_mode} ({mode}), after {rules.reuse_delay_ms} ms"
    if not rules.timestamps:
        reuse += ", but timestamps are off: no reuse"
    excluded = f", {ports.excluded:,} bound or listened on" if ports.excluded else ""
    reserved = f", {ports.reserved:,} reserved" if ports.reserved else ""
    per_second = sum(tw.closed_per_second[:5].tolist()) / 5
    return "\n".join(
        [
            paint("TIME-WAIT and ephemeral ports", "bold"),
            f"  {tw.count:,} in TIME-WAIT; {per_second:,.0f}/s closing; "
            f"{int(tw.freed_per_second[0]):,} freed in the next second, "
            f"{int(tw.freed_per_second[:10].sum()):,} in the next 10",
            f"  ports {ports.low}–{ports.high}{reserved}{excluded}: "
            f"{ports.capacity:,} for each (local IP, remote IP, remote port)",
            f"  {reuse}",
            f"  sustainable to one destination: {ports.capacity / SECONDS:,.0f} new connections/s "
            f"without reuse, {ports.capacity * 1000 / rules.reuse_delay_ms:,.0f}/s with it",
        ]
    )


def _patterns_text(frame: Frame, owners: Owners, threshold: float, paint: Paint) -> str:
    patterns = frame.patterns
    title = paint(f"Patterns · {len(patterns):,}", "bold")
    if not len(patterns):
        return f"{title}\n  no connections"
    held = holders(frame.table, patterns, owners.by_inode, TEXT_ROWS)
    first = range(min(len(patterns), TEXT_ROWS))
    names = [str(patterns.key(index)) for index in first]
    width = max(len("Pattern"), *map(len, names))
    lines = [
        f"  {'Pattern':<{width}} {'TIME-WAIT':>10} {'live':>8} {'in use':>8} "
        f"{'of':>7} {'use':>7} {'connectable':>12}  {'process':<20} verdict"
    ]
    for index in first:
        use, connectable = float(patterns.utilization[index]), int(patterns.connectable[index])
        verdict, colour, room = "", "", "–"
        if patterns.direction[index] == Direction.OUTGOING:  # others' ports are not ours to judge
            verdict, colour = judge_use(use, connectable, threshold)
            room = f"{connectable:,}"
        line = (
            f"  {names[index]:<{width}} {patterns.time_wait[index]:>10,} "
            f"{patterns.live[index]:>8,} {patterns.in_use[index]:>8,} "
            f"{patterns.capacity[index]:>7,} {use:>7.1%} {room:>12}  "
            f"{held.get(index, '')!s:<20} {verdict}"
        ).rstrip()
        lines.append(paint(line, colour) if colour else line)
    if len(patterns) > TEXT_ROWS:
        lines.append(f"  … and {len(patterns) - TEXT_ROWS:,} more; --json has them all")
    return "\n".join([title, *lines])


def judge_use(utilization: float, connectable: int, threshold: float) -> tuple[str, str]:
    """Return the word and the colour for an outgoing pattern's use of its ports.

    ``threshold`` is a percentage of capacity.
    """
    if connectable <= 0:
        return "EXHAUSTED: connect() fails", "red"
    if utilization * 100 >= threshold:
        return f"above {threshold:g} %", "red"
    if utilization >= SLOW_CONNECT:
        return "slow connect()", "yellow"
    return "", ""


def _remotes_text(frame: Frame, paint: Paint) -> str:
    remotes = frame.remotes
    rows = []
    for index in range(min(len(remotes), TEXT_ROWS)):
        states = remotes.states[index]
        parts = ", ".join(f"{state.label} {states[state]:,}" for state in State if states[state])
        rows.append(
            f"  {frame.table.ip(int(remotes.ip[index])):<40}{remotes.total[index]:>10,}  {parts}"
        )
    if len(remotes) > TEXT_ROWS:
        rows.append(f"  … and {len(remotes) - TEXT_ROWS:,} more; --json has them all")
    return "\n".join([paint(f"Remote IPs · {len(remotes):,}", "bold"), *(rows or ["  none"])])


def _listeners_text(frame: Frame, owners: Owners, paint: Paint) -> str:
    rows = [
        f"  {endpoint(item['local_ip'], item['port']):<30} backlog {item['backlog']:>5,}"
        f"  uid {item['uid']:<10}{item['process'] or ''}".rstrip()
        for item in _listeners(frame, owners)
    ]
    return "\n".join([paint(f"Listeners · {len(rows):,}", "bold"), *(rows or ["  none"])])


def _sysctls_text(frame: Frame, paint: Paint) -> str:
    rows = []
    for parameter in frame.reading.parameters:
        value = "–" if parameter.value is None else parameter.value or "(none)"
        if len(value) > 24:
            value = value[:23] + "…"
        rows.append(f"  {parameter.name:<52}{value:<26}{parameter.meaning}")
    return "\n".join([paint("Kernel parameters", "bold"), *rows])
