"""A fleet as plain data (schema: `twtop schema fleet`)."""

from __future__ import annotations

import math
from typing import Any

from tui.analysis.judgement import PortUse
from tui.fleet.fleet import Fleet, FleetPlace, FleetTuple, Group
from tui.writing.words import ratio, utc

SCHEMA = "twtop.fleet/1"
PLACE_FIELDS = (
    "labels",
    "locked_ratio",
    "exhaustion_seconds",
    "worst",
    "findings",
    "doubt",
)
"""Of a place."""
TUPLE_FIELDS = (
    "labels",
    "local_ip",
    "remote_ip",
    "remote_port",
    "in_use",
    "capacity",
    "reusable",
    "locked",
    "connectable",
    "utilization",
    "exhaustion_seconds",
    "process",
)
"""Of a tuple."""
GROUP_FIELDS = ("name", "locked_ratio", "hosts", "silent", "critical", "warnings")
"""Of a group."""


def fleet_record(fleet: Fleet, address: str) -> dict[str, Any]:
    """Return the fleet as plain data; ``address`` is where it is from."""
    return {
        "schema": SCHEMA,
        "time": utc(fleet.time),
        "place": None,
        "source": {
            "address": address,
            "recorded": fleet.is_recorded,
            "partial": list(fleet.partial),
            "requests": fleet.cost.requests,
            "seconds": round(fleet.cost.seconds, 3),
            "samples": fleet.cost.samples or None,
        },
        "hosts": fleet.hosts,
        "cut": fleet.cut,
        "silent": [
            {"labels": dict(one.labels), "why": one.why.name.lower()} for one in fleet.silent
        ],
        "places": [place_record(one) for one in fleet.places],
        "tuples": [tuple_record(one) for one in fleet.tuples],
        "by": fleet.by,
        "groups": [group_record(one) for one in fleet.groups],
    }


def place_record(place: FleetPlace) -> dict[str, Any]:
    """Return a place with PLACE_FIELDS for keys; what is not known is None."""
    return {
        "labels": dict(place.labels),
        "locked_ratio": place.locked,
        "exhaustion_seconds": _seconds(place.seconds_left),
        "worst": None if place.worst is None else tuple_record(place.worst),
        "findings": [
            {"code": one.code, "severity": one.severity.label, "times": one.times}
            for one in place.findings
        ],
        "doubt": None if place.doubt is None else place.doubt.name.lower(),
    }


def tuple_record(one: FleetTuple) -> dict[str, Any]:
    """Return a tuple with TUPLE_FIELDS for keys."""
    return {
        "labels": dict(one.labels),
        "local_ip": one.local_ip,
        "remote_ip": one.remote_ip,
        "remote_port": int(one.remote_port) if one.remote_port.isdecimal() else None,
        **_ports(one.use),
        "exhaustion_seconds": _seconds(one.seconds_left),
        "process": one.process or None,
    }


def _ports(use: PortUse) -> dict[str, Any]:
    return {
        "in_use": use.in_use,
        "capacity": use.capacity,
        "reusable": use.reusable,
        "locked": use.locked,
        "connectable": use.connectable,
        "utilization": ratio(use.in_use, use.capacity) if use.capacity else 1.0,
    }


def group_record(group: Group) -> dict[str, Any]:
    """Return a group with GROUP_FIELDS for keys."""
    values = group.name, group.locked, group.hosts, group.silent, group.critical, group.warnings
    return dict(zip(GROUP_FIELDS, values, strict=True))


def _seconds(left: float) -> float | None:
    """Return the time left; None where nothing brings an end."""
    return left if math.isfinite(left) else None
