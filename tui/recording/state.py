"""A reading's smaller parts as plain data, and what changed in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from tui.kernel.parameters import Parameter
from tui.kernel.places import Place, PlaceKind
from tui.kernel.printable import printable
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import STATE_SLOTS, Array, SocketTable
from tui.kernel.source import Reading

Sections = dict[str, dict[str, Any]]
"""Named parts, each with keys of its own, in terms of JSON."""
OF_TABLE = ("bound_known", "complete", "duplicates", "bad_lines", "byte_order")
OF_READING = ("kind", "read_seconds", "table_time", "time", "hz", "second_ms")


def sections(reading: Reading, owners: Owners) -> Sections:
    """Return everything but the rows of the table."""
    return reading_sections(reading) | owner_sections(owners)


def reading_sections(reading: Reading) -> Sections:
    """Return all of a reading but the rows of its table."""
    place, table = reading.place, reading.table
    return {
        "reading": {name: getattr(reading, name) for name in OF_READING}
        | {"made": reading.made}
        | {"addresses": sorted(reading.addresses)}
        | {"host_range": reading.host_range and list(reading.host_range)},
        "table": {name: getattr(table, name) for name in OF_TABLE}
        | {"bound_ports": table.bound_ports.tolist(), "complete_known": table.complete_known}
        | {"device_known": table.device_known},
        "place": {name: getattr(place, name) for name in ("name", "kind", "id")}
        | {"root": str(place.root), "words": list(place.words)},
        "parameters": {p.name: [p.value, p.default, p.meaning] for p in reading.parameters},
        "counters": dict(reading.counters),
    }


def owner_sections(owners: Owners) -> Sections:
    """Return who holds which socket, which is long where many are open."""
    return {
        "owners": {str(inode): [p.pid, p.name] for inode, p in owners.by_inode.items()},
        "held": {
            ",".join(map(str, map(int, key))): [p.pid, p.name] for key, p in owners.held.items()
        },
        "looked": {
            "denied": owners.denied,
            "skipped": owners.skipped,
            "complete": owners.complete,
        },
    }


def changed(before: Sections, now: Sections) -> dict[str, Any]:
    """Return for each section what is new or different, and under a "-" what is no more.

    Of counters that were there under a "+" by how much they are greater: that is shorter.
    """
    told: dict[str, Any] = {}
    for section, values in now.items():
        old = before.get(section, {})
        if old is values:
            continue
        new = {key: value for key, value in values.items() if key not in old or old[key] != value}
        if section == "counters" and (sums := {key: new.pop(key) for key in old if key in new}):
            told[f"+{section}"] = {key: value - old[key] for key, value in sums.items()}
        if new or section not in before:
            told[section] = new
        if gone := [key for key in old if key not in values]:
            told[f"-{section}"] = gone
    return told


def applied(before: Sections, told: Mapping[str, Any]) -> Sections:
    """Return the sections that changed() was given as ``now``."""
    now = dict(before)
    for section, keys in told.items():
        if section.startswith("-"):
            section = section[1:]
            now[section] = {k: v for k, v in now.get(section, {}).items() if k not in set(keys)}
        elif section.startswith("+"):
            old = now[section[1:]]
            now[section[1:]] = old | {key: old[key] + more for key, more in keys.items()}
    for section, new in told.items():
        if section[0] not in "+-":
            now[section] = {**now.get(section, {}), **new}
    return now


def restored(now: Sections, columns: dict[str, Array], table: SocketTable | None) -> Reading:
    """Return the reading; its table is the one given, where that has not changed.

    Raises KeyError, TypeError or ValueError where something is missing or of another kind.
    """
    told, of_reading = now["table"], now["reading"]
    read = {name: of_reading[name] for name in OF_READING}
    read |= {name: float(read[name]) for name in ("read_seconds", "table_time", "time")}
    counters, texts = now["counters"], now["parameters"].values()
    if not all(isinstance(count, int) for count in counters.values()):
        raise TypeError("a counter is no number")
    if not all(isinstance(text, str | None) for one in texts for text in one):
        raise TypeError("a parameter is no text")
    if table is None:
        if columns["state"].max(initial=0) >= STATE_SLOTS:
            raise ValueError("there is no such state")
        kept: dict[str, Any] = {**columns, **{name: told[name] for name in OF_TABLE}}
        kept["bound_ports"] = np.array(told["bound_ports"], np.uint16)
        # Not in older recordings: these had no devices.
        kept["complete_known"] = bool(told.get("complete_known", True))
        kept["device_known"] = bool(told.get("device_known", False))
        table = SocketTable(**kept)
    return Reading(
        place=restored_place(now),
        table=table,
        parameters=tuple(Parameter(name, *rest) for name, rest in now["parameters"].items()),
        counters=counters,
        made=of_reading.get("made"),
        addresses=frozenset(of_reading["addresses"]),
        host_range=(of_reading.get("host_range") and tuple(of_reading["host_range"])) or None,
        **read,
    )


def restored_place(now: Sections) -> Place:
    """Return where it was read; there is no way in any more."""
    told = now["place"]
    if not isinstance(told["id"], int | None):
        raise TypeError("a place's number is none")
    kind: PlaceKind = told["kind"] if told["kind"] in get_args(PlaceKind) else "process"
    words = tuple(map(str, told.get("words", ())))
    return Place(Path(told["root"]), printable(str(told["name"])), kind, told["id"], words=words)


def restored_owners(now: Sections) -> Owners:
    """Return who held which socket."""
    by_inode = {int(inode): _process(*who) for inode, who in now["owners"].items()}
    held = {
        tuple(map(int, key.split(","))): _process(*who) for key, who in now.get("held", {}).items()
    }
    return Owners(by_inode, held=held, **now["looked"])


def _process(pid: int, name: str) -> Process:
    return Process(pid, printable(name))
