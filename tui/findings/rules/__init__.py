"""Every rule there is, by the code of what it finds.

A rule is a function from a Situation to its findings, all of one code. It reads nothing but
the situation, finds with NumPy first, and makes text for what it found alone, since all rules
run once a second over tables of 300,000 sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tui.findings.finding import Finding, fit
from tui.findings.rules import (
    backlog,
    bind_first,
    half_closed,
    limits,
    listeners,
    losses,
    places,
    ports,
    reading,
    refused,
    remotes,
    time_wait,
)
from tui.findings.situation import Situation

Rule = Callable[[Situation], Iterator[Finding]]

RULES: Mapping[str, Rule] = {
    "ports-exhausted": ports.exhausted,
    "refused-with-ports-free": refused.with_ports_free,
    "exhausts-soon": ports.exhausts_soon,
    "ports-above-threshold": ports.above_threshold,
    "exhausted-yet-served": refused.yet_served,
    "bind-before-connect": bind_first.bind_before_connect,
    "connect-slow": ports.slow,
    "listener-gone": listeners.listener_gone,
    "tw-recycle-drops-clients": backlog.recycle_drops,
    "listen-queue-full": backlog.listen_queue_full,
    "listen-overflow": backlog.listen_overflow,
    "syn-recv-spike": backlog.syn_recv_spike,
    "close-wait-held": half_closed.close_wait_held,
    "tcp-memory-pressure": losses.tcp_memory,
    "snat-clashes": losses.snat_clashes,
    "time-wait-overflow": time_wait.overflow,
    "conntrack-near-max": limits.conntrack,
    "descriptors-near-max": limits.descriptors,
    "orphans-high": limits.orphans,
    "remote-share": remotes.remote_share,
    "new-listener": listeners.new_listener,
    "incomplete-table": reading.incomplete_table,
    "sysctls-assumed": reading.sysctls_assumed,
    "host-range-wider": places.host_range,
    "reuse-without-timestamps": time_wait.reuse_without_timestamps,
    "reuse-unproven": time_wait.reuse_unproven,
    "bound-ports-cost": listeners.bound_ports_cost,
    "bound-ports-unknown": reading.bound_ports_unknown,
    "listener-in-range": listeners.listener_in_range,
    "own-source-ports": ports.own_source_ports,
    "time-wait-high": time_wait.harmless,
}
"""In the order in which findings of one severity are told; tui.findings.codes has the same."""


def diagnose(situation: Situation) -> tuple[Finding, ...]:
    """Return all findings that the user has not silenced, the gravest first.

    Those of one severity stand in the order of the rules, and within a rule the worst first.
    """
    here = situation.frame.reading.place
    found = [
        fit(finding, here)
        for rule in RULES.values()
        for finding in rule(situation)
        if not situation.config.silences(finding.code, finding.subject)
    ]
    return tuple(sorted(found, key=lambda finding: -finding.severity))
