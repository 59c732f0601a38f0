"""A frame's parts as plain Python data, and their fields: what JSON, CSV and the API give."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from tui.analysis.columns import columns
from tui.analysis.doubts import unseen_bound
from tui.analysis.frame import Frame
from tui.analysis.judgement import port_use
from tui.analysis.owners import known_holders
from tui.analysis.patterns import NO_PORT, Direction
from tui.kernel.places import HERE, Place
from tui.kernel.port_rules import PortRules
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import STATE_SLOTS, UNKNOWN_LIMIT, Array, State
from tui.writing.export import Counts
from tui.writing.words import utc

if TYPE_CHECKING:
    from tui.records import (
        EphemeralRecord,
        ListenerRecord,
        NonzeroStatesRecord,
        PatternRecord,
        PlaceRecord,
        PortRecord,
        RemoteRecord,
        SocketRecord,
        StatesRecord,
        TimeWaitRecord,
    )

STATES = Counts("states", tuple(state.name for state in State))
"""Sockets by state."""
OTHER_STATES = Counts("states", tuple(name for name in STATES.names if name != "TIME_WAIT"))
"""The same beside a field ``time_wait``, which is the one left out."""
SOCKET_FIELDS = (
    "local_ip",
    "local_port",
    "remote_ip",
    "remote_port",
    "state",
    "timer",
    "remaining_seconds",
    "age_seconds",
    "rx_queue",
    "tx_queue",
    "uid",
    "inode",
    "process",
)
"""Of a quadruplet."""
PATTERN_FIELDS = (
    "direction",
    "local_ip",
    "local_port",
    "remote_ip",
    "remote_port",
    OTHER_STATES,
    "time_wait",
    "in_use",
    "capacity",
    "free",
    "reusable",
    "locked",
    "connectable",
    "utilization",
    "process",
    "on_other_devices",
)
"""Of a pattern."""


def bare_head(
    schema: str, time: float | None, place: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what every JSON object begins with; ``source`` is None where it is of no one reading.

    ``time`` is None where nobody knows it, ``place`` where it is of several, or of none.
    """
    when = None if time is None else utc(time)
    return {"schema": schema, "time": when, "place": place, "source": None}


def head(frame: Frame, schema: str, *, looked: bool = False) -> dict[str, Any]:
    """Return what every JSON object begins with that is of one reading: of when, and read how.

    With ``looked`` it is one of a series, and its time that of the look, also at a copy.
    """
    table, reading = frame.table, frame.reading
    time = frame.time if looked else frame.as_of
    return {
        **bare_head(schema, time, place_record(reading.place)),
        "source": {
            "kind": reading.kind,
            "directory": _directory(reading.place),
            "complete": table.complete,
            "complete_known": table.complete_known,
            "duplicates": table.duplicates,
            "bad_lines": table.bad_lines,
            "read_seconds": round(reading.read_seconds, 6),
            "table_age_seconds": round(frame.age, 3),
            "byte_order": table.byte_order,
            "bound_ports_known": table.bound_known,
            "bound_ports_unseen": unseen_bound(frame),
            "devices_known": table.device_known,
            "unix_time": finite(time),
        },
        "assumed": list(frame.assumed),
    }


def place_record(place: Place) -> PlaceRecord:
    """Return which place something is of."""
    return {"name": place.name, "kind": place.kind, "id": place.id}


def finite(value: float | None) -> float | None:
    """Return a number as JSON can write it, to three places."""
    return None if value is None or not math.isfinite(value) else round(value, 3)


def _directory(place: Place) -> str | None:
    """Return what was read, as the user named it; None for this namespace's own procfs."""
    if place.network == HERE:
        return None
    return str(place.where) if place.unpacked is None else place.name


def states_record(frame: Frame) -> StatesRecord:
    """Return the count of every state, also of those that no socket is in."""
    counts = {state.name: int(frame.states[state]) for state in State}
    return cast("StatesRecord", counts)


def ephemeral_record(frame: Frame) -> EphemeralRecord:
    """Return the ports that one tuple can have."""
    ports, names = frame.ports, ("low", "high", "reserved", "excluded", "capacity")
    return cast("EphemeralRecord", {name: getattr(ports, name) for name in names})


def time_wait_record(frame: Frame) -> TimeWaitRecord:
    """Return the TIME-WAITs by age and by remaining time, in whole seconds."""
    mode: Any = frame.rules.reuse_mode  # of a Literal's values
    return {
        "count": frame.time_wait.count,
        "hold_seconds": frame.rules.time_wait_ms / 1000,
        "closing_per_second": round(frame.time_wait.closing_per_second, 3),
        "closed_per_second": frame.time_wait.closed_per_second.tolist(),
        "freed_per_second": frame.time_wait.freed_per_second.tolist(),
        "reuse": {
            "mode": mode,
            "delay_ms": frame.rules.reuse_delay_ms,
            "timestamps": frame.rules.timestamps,
        },
    }


def by_time(time_wait: TimeWaitRecord) -> Iterator[dict[str, int]]:
    """Yield a row for each second of a time_wait_record: closed so long ago, freed so soon."""
    columns = time_wait["closed_per_second"], time_wait["freed_per_second"]
    for second, (closed, freed) in enumerate(zip(*columns, strict=True)):
        yield {"second": second, "closed_per_second": closed, "freed_per_second": freed}


def pattern_records(frame: Frame, owners: Owners) -> Iterator[PatternRecord]:
    """Yield every pattern, by ports in use."""
    held = known_holders(frame.patterns, frame.table, owners, len(frame.patterns))
    for index in range(len(frame.patterns)):
        yield pattern_record(frame, index, held.get(index))


def pattern_record(frame: Frame, index: int, process: object | None) -> PatternRecord:
    """Return one pattern with the contract's keys, in its order."""
    patterns = frame.patterns
    local_port, remote_port = patterns.local_port.item(index), patterns.remote_port.item(index)
    states = patterns.states[index].tolist()
    use = port_use(patterns, index)
    outgoing = patterns.direction[index] == Direction.OUTGOING  # others' ports are not ours
    return {
        "direction": _direction(patterns.direction.item(index)),
        "local_ip": frame.table.ip(patterns.local_ip[index]),
        "local_port": None if local_port == NO_PORT else local_port,
        "remote_ip": frame.table.ip(patterns.remote_ip[index]),
        "remote_port": None if remote_port == NO_PORT else remote_port,
        "states": _nonzero(states),
        "time_wait": states[State.TIME_WAIT],
        "in_use": use.in_use,
        "capacity": use.capacity,
        "free": use.free,
        "reusable": use.reusable,
        "locked": use.locked,
        "connectable": use.connectable if outgoing else None,
        "utilization": round(use.utilization, 6),
        "process": None if process is None else str(process),
        "on_other_devices": patterns.apart.item(index),
    }


def remote_records(frame: Frame) -> Iterator[RemoteRecord]:
    """Yield every remote IP, most sockets first."""
    remotes = frame.remotes
    columns = (column.tolist() for column in (remotes.ip, remotes.total, remotes.states))
    for address, total, states in zip(*columns, strict=True):
        ip = frame.table.ip(address)
        yield {
            "ip": ip,
            "total": total,
            "states": _nonzero(states),
            "remote_ip": ip,
            "sockets": total,
        }


def listener_records(frame: Frame, owners: Owners) -> Iterator[ListenerRecord]:
    """Yield every listening socket, by port."""
    table = frame.table
    rows = table.listeners
    rows = rows[np.lexsort((table.local_ip[rows], table.local_port[rows]))]
    for row in rows.tolist():
        process = owners.by_inode.get(int(table.inode[row]))
        limit, port = int(table.backlog_limit[row]), int(table.local_port[row])
        yield {
            "local_ip": table.ip(int(table.local_ip[row])),
            "port": port,
            "backlog": int(table.rx_queue[row]),
            "backlog_limit": None if limit == UNKNOWN_LIMIT else limit,
            "uid": int(table.uid[row]),
            "process": str(process) if process else None,
            "local_port": port,
        }


def socket_records(
    frame: Frame, rows: Array, owners: Mapping[int, Process]
) -> Iterator[SocketRecord]:
    """Yield the quadruplets of these rows of the table, with SOCKET_FIELDS for keys.

    ``age_seconds`` is that of a TIME-WAIT; ``owners`` are processes by inode.
    """
    found = columns(frame, rows, owners).to_dict()
    text_and_numbers = (column.tolist() for column in found.values())
    for row in zip(*text_and_numbers, strict=True):
        # NaN is all that does not equal itself.
        made = {name: v if v == v else None for name, v in zip(found, row, strict=True)}
        yield cast("SocketRecord", made)


def rows_by_pattern(frame: Frame) -> Array:
    """Return the rows of the table that are no listeners, in the order of their patterns."""
    member = frame.patterns.member
    order = np.argsort(member, kind="stable")
    return order[member[order] >= 0]


def time_wait_age(rules: PortRules, state: int, remaining_ms: int) -> float | None:
    """Return how long a socket has been in TIME-WAIT, in seconds; None for any other."""
    return max(rules.time_wait_ms - remaining_ms, 0) / 1000 if state == State.TIME_WAIT else None


def port_records(frame: Frame) -> Iterator[PortRecord]:
    """Yield the ports of services, most sockets first.

    A service's port is the local one of incoming connections, the remote one of outgoing ones;
    of connections that are neither, the local one is counted.
    """
    patterns, table = frame.patterns, frame.table
    rows = np.flatnonzero(patterns.member >= 0)
    direction = patterns.direction[patterns.member[rows]].astype(np.int64)
    outgoing = direction == Direction.OUTGOING
    port = np.where(outgoing, table.remote_port[rows], table.local_port[rows]).astype(np.int64)
    code, at = np.unique(port << 2 | direction, return_inverse=True)
    states = np.bincount(at * STATE_SLOTS + table.state[rows], minlength=len(code) * STATE_SLOTS)
    states = states.reshape(-1, STATE_SLOTS)
    for index in np.argsort(-states.sum(axis=1), kind="stable").tolist():
        total = int(states[index].sum())
        yield {
            "port": int(code[index] >> 2),
            "direction": _direction(int(code[index] & 3)),
            "total": total,
            "states": _nonzero(states[index].tolist()),
            "sockets": total,
        }


def _direction(code: int) -> Literal["outgoing", "incoming", "other"]:
    return cast(Any, Direction(code).name.lower())  # type: ignore[no-any-return]


def _nonzero(states: list[int]) -> NonzeroStatesRecord:
    counts = {state.name: states[state] for state in State if states[state]}
    return cast("NonzeroStatesRecord", counts)
