"""Every metric there is, and what it means: the one table that output, README and tests go by."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Named(NamedTuple):
    """One metric."""

    name: str
    """As Prometheus stores it: base units, ratios from 0 to 1, `_total` on counters alone."""
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    """None that Prometheus or Kubernetes adds by itself (instance, job, pod, namespace …)."""
    meaning: str
    """A sentence: its HELP text."""


PLACE = ("place",)
PATTERN = ("place", "direction", "local_ip", "remote_ip", "remote_port")
"""No local port and no pid: each would be a series of its own with each connection or restart."""

METRICS = (
    Named("twtop_sockets", "gauge", ("place", "state"), "Sockets in each state."),
    Named(
        "twtop_time_wait_sockets",
        "gauge",
        PLACE,
        "Sockets in TIME-WAIT now: newer than twtop_sockets where the table is spaced out.",
    ),
    Named(
        "twtop_time_wait_hold_seconds",
        "gauge",
        PLACE,
        "How long a TIME-WAIT keeps its port where tcp_tw_reuse does not give it to connect().",
    ),
    Named(
        "twtop_closings_per_second",
        "gauge",
        PLACE,
        "Connections that this side closed first, per second, of late: by the timers.",
    ),
    Named(
        "twtop_ports_capacity",
        "gauge",
        PLACE,
        "Ports that one tuple (local IP, remote IP, remote port) can have at most.",
    ),
    Named(
        "twtop_ports_reserved",
        "gauge",
        PLACE,
        "Ports of the range that ip_local_reserved_ports takes out.",
    ),
    Named(
        "twtop_ports_excluded",
        "gauge",
        PLACE,
        "Further ports of the range that connect() never takes, since a socket is bound to them.",
    ),
    Named(
        "twtop_patterns",
        "gauge",
        ("place", "band"),
        "Outgoing patterns by the share of their ports that connect() cannot have.",
    ),
    Named(
        "twtop_patterns_utilization_max_ratio",
        "gauge",
        PLACE,
        "Ports in use of the outgoing pattern that uses the most of its own.",
    ),
    Named(
        "twtop_patterns_locked_max_ratio",
        "gauge",
        PLACE,
        "The same without the TIME-WAITs that connect() may take over: at 1 it fails.",
    ),
    Named(
        "twtop_patterns_exhaustion_min_seconds",
        "gauge",
        PLACE,
        "Until the first outgoing pattern has no port left, +Inf where nothing brings that.",
    ),
    Named(
        "twtop_patterns_left_out",
        "gauge",
        PLACE,
        "Patterns full enough for series of their own that have none: 50 have.",
    ),
    Named(
        "twtop_pattern_ports_in_use",
        "gauge",
        PATTERN,
        "Ports that the pattern's sockets hold, in whatever state.",
    ),
    Named("twtop_pattern_ports_capacity", "gauge", PATTERN, "Ports that the pattern can have."),
    Named(
        "twtop_pattern_ports_locked",
        "gauge",
        PATTERN,
        "Ports in use that connect() cannot take over: all of the capacity is EADDRNOTAVAIL.",
    ),
    Named(
        "twtop_pattern_exhaustion_seconds",
        "gauge",
        PATTERN,
        "Until the pattern has no port left, 0 where that is now, +Inf where nothing brings it.",
    ),
    Named(
        "twtop_pattern_info",
        "gauge",
        (*PATTERN, "process"),
        "Who holds the pattern's sockets, or held them last, where that is known: always 1.",
    ),
    Named(
        "twtop_findings",
        "gauge",
        ("place", "code", "severity"),
        "What twtop audit finds, by code; no series for what it does not find.",
    ),
    Named(
        "twtop_sysctl",
        "gauge",
        ("place", "name", "index"),
        "Kernel parameters around ports and TIME-WAIT, each of their numbers.",
    ),
    Named("twtop_place_info", "gauge", ("place", "kind"), "What kind of place it is: always 1."),
    Named(
        "twtop_place_utilization_bound_ratio",
        "gauge",
        PLACE,
        "With -N all: no tuple uses more of its ports, by sockstat; an idle place has no more.",
    ),
    Named(
        "twtop_places_complete",
        "gauge",
        (),
        "Whether every place that was asked for could be found: at 0 some may be missing.",
    ),
    Named(
        "twtop_reading_success",
        "gauge",
        PLACE,
        "Whether the kernel's tables could be read: at 0 nothing else is known of the place.",
    ),
    Named(
        "twtop_reading_complete",
        "gauge",
        PLACE,
        "Whether the last reading saw the whole table: at 0 counts are minimums, or old.",
    ),
    Named(
        "twtop_readings_incomplete_total",
        "counter",
        PLACE,
        "Readings that were cut short, or that failed.",
    ),
    Named(
        "twtop_sysctls_assumed",
        "gauge",
        PLACE,
        "Kernel parameters that decide on ports and could not be read: defaults stand in.",
    ),
    Named(
        "twtop_reading_timestamp_seconds",
        "gauge",
        PLACE,
        "When the socket table was read, Unix time.",
    ),
    Named(
        "twtop_scrape_duration_seconds",
        "gauge",
        (),
        "What the reading and judging behind these metrics took.",
    ),
)
"""In the order of the output."""

BANDS = ((0.0, "below_10"), (0.1, "from_10"), (0.5, "from_50"), (0.8, "from_80"), (1.0, "full"))
"""Values of the label `band`, each with the locked share of the ports from which on it holds."""
