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
        "Sockets in TIME-WAIT now. twtop_sockets may be older: large tables are read less often.",
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
        "Connections per second that this side recently closed first, by their TIME-WAIT timers.",
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
        "Ports of the range that ip_local_reserved_ports reserves.",
    ),
    Named(
        "twtop_ports_excluded",
        "gauge",
        PLACE,
        "Further ports of the range that connect() never takes, because a socket is bound to them.",
    ),
    Named(
        "twtop_patterns",
        "gauge",
        ("place", "band"),
        "Number of outgoing patterns, by the share of their ports that connect() cannot use.",
    ),
    Named(
        "twtop_patterns_utilization_max_ratio",
        "gauge",
        PLACE,
        "Share of its ports that the fullest outgoing pattern has in use.",
    ),
    Named(
        "twtop_patterns_locked_max_ratio",
        "gauge",
        PLACE,
        "The same without TIME-WAITs that connect() may take over: at 1 connect() fails.",
    ),
    Named(
        "twtop_patterns_exhaustion_min_seconds",
        "gauge",
        PLACE,
        "Seconds until a first outgoing pattern is out of ports, +Inf if no end is in sight.",
    ),
    Named(
        "twtop_patterns_left_out",
        "gauge",
        PLACE,
        "Patterns full enough for series of their own that have none, since at most 50 have.",
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
        "Ports in use that connect() cannot take over: once all are, it fails with EADDRNOTAVAIL.",
    ),
    Named(
        "twtop_pattern_exhaustion_seconds",
        "gauge",
        PATTERN,
        "Seconds until the pattern is out of ports, 0 if it is now, +Inf if no end is in sight.",
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
        "Kernel parameters about ports and TIME-WAIT, a series for each of their numbers.",
    ),
    Named("twtop_place_info", "gauge", ("place", "kind"), "What kind of place it is: always 1."),
    Named(
        "twtop_place_utilization_bound_ratio",
        "gauge",
        PLACE,
        "With -N all: no tuple uses a greater share of its ports. Idle places tell no more.",
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
        "Kernel parameters about ports that could not be read: their defaults are assumed.",
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
        "Seconds it took to read and judge what these metrics tell.",
    ),
)
"""In the order of the output."""

BANDS = ((0.0, "below_10"), (0.1, "from_10"), (0.5, "from_50"), (0.8, "from_80"), (1.0, "full"))
"""Values of the label `band`, each with the locked share of the ports from which on it holds."""
