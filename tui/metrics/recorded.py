"""Recording rules: what a screen of a whole fleet asks for, kept flat beforehand.

The expressions are also what `twtop fleet` asks for itself where these rules are not loaded.
"""

from __future__ import annotations

from typing import Literal

TOP = 2500
"""Places that are told one by one; of more, those with the most ports locked."""
TOP_TUPLES = 500
"""Tuples that are told beside each place's worst."""
OLD_SECONDS = 300
"""Age from which on a reading tells nothing of now any more."""
OF_PATTERN = "direction, local_ip, remote_ip, remote_port"
"""The labels that tell one pattern of a place from another."""

LOCKED = "twtop_patterns_locked_max_ratio"
RATIO = "twtop_pattern_ports_locked / twtop_pattern_ports_capacity"
WORST = f"topk({TOP}, topk without ({OF_PATTERN}) (1, {RATIO})) or topk({TOP_TUPLES}, {RATIO})"
SIZES = (
    "twtop_pattern_ports_in_use",
    "twtop_pattern_ports_capacity",
    "twtop_pattern_ports_locked",
    "twtop_pattern_exhaustion_seconds",
)
"""What is told of the worst tuples: in series of these names, or in rules made from them."""
INFO = "twtop_pattern_info"

LOADED = "fleet:twtop_rules:loaded"
"""Is there, with 1, where these rules are."""
FLEET_WORST = "fleet:twtop_pattern_locked:worst_ratio"

DOUBTS = (
    "(twtop_reading_success < 1) * 0 + 1\n"
    f"or (time() - twtop_reading_timestamp_seconds > {OLD_SECONDS}) * 0 + 2\n"
    "or (twtop_reading_complete < 1) * 0 + 3\n"
    "or (twtop_sysctls_assumed > 0) * 0 + 4\n"
    f"or (twtop_reading_success unless {LOCKED}) * 0 + 5"
)
"""Places that are not seen whole: 1 not read, 2 not read anew, 3 in part, 4 sysctls assumed, 5 read
without a word on their ports.
"""
BEFORE = "twtop_reading_success offset 1h"
SILENT = (
    "(up == 0) * 0 + 1 and on (job) "
    f"(count by (job) (twtop_reading_success) or count by (job) ({BEFORE}))\n"
    f"or max by (job, instance) ({BEFORE}) * 0 + 2 unless on (job, instance) twtop_reading_success"
)
"""Hosts that tell nothing: 1 Prometheus cannot scrape them, 2 they are gone within the hour."""


def worst_locked(label: str) -> str:
    """Return what asks for the greatest part of locked ports in each group."""
    return f"max by ({label}) ({LOCKED})"


def hosts(label: str) -> str:
    """Return what counts the hosts of each group that tell something."""
    return f"count by ({label}) (max without (place) (twtop_reading_success))"


def findings(label: str) -> str:
    """Return what counts the findings of each group, by severity."""
    return f'sum by ({label}, severity) (twtop_findings{{severity!="info"}})'


Asked = Literal["locked", "left", "findings", "doubts", "silent", "groups", "hosts", "counts"]
"""What `twtop fleet` asks for in one expression each."""

RULES: dict[Asked, tuple[str, str]] = {
    "locked": ("fleet:twtop_patterns_locked:top_ratio", f"topk({TOP}, {LOCKED})"),
    "left": (
        "fleet:twtop_patterns_exhaustion:first_seconds",
        f"bottomk({TOP}, twtop_patterns_exhaustion_min_seconds < +Inf)",
    ),
    "findings": (
        "fleet:twtop_findings:top",
        f'topk({TOP}, twtop_findings{{severity="critical"}})\n'
        f'or topk({TOP}, twtop_findings{{severity="warning"}})',
    ),
    "doubts": ("fleet:twtop_reading:doubts", f"bottomk({TOP}, {DOUBTS})"),
    "silent": ("fleet:twtop_hosts:silent", f"bottomk({TOP}, {SILENT})"),
    "groups": ("job:twtop_patterns_locked:max_ratio", worst_locked("job")),
    "hosts": ("job:twtop_hosts:count", hosts("job")),
    "counts": ("job:twtop_findings:sum", findings("job")),
}
"""By what is asked for: the name that the rule records, and the expression."""


def recorded_size(name: str) -> str:
    """Return the name under which a size of the worst tuples is recorded."""
    return f"fleet:{name}:worst"


RECORDED = (
    (
        "instance:twtop_patterns_locked:max_ratio",
        f"max by (job, instance) ({LOCKED})",
    ),
    (
        "instance:twtop_patterns_exhaustion:min_seconds",
        "min by (job, instance) (twtop_patterns_exhaustion_min_seconds)",
    ),
    ("job:twtop_sockets:sum", "sum by (job, state) (twtop_sockets)"),
    *RULES.values(),
    (FLEET_WORST, WORST),
    *((recorded_size(name), f"{name} and {FLEET_WORST}") for name in SIZES),
    (recorded_size(INFO), f"{INFO} and ignoring (process) {FLEET_WORST}"),
    (LOADED, "vector(1)"),
)
"""Names and expressions; a group of rules is evaluated in its order."""
