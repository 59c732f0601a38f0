"""Alert rules and recording rules for Prometheus; their runbooks are the findings' own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from tui.findings.advice import NO_PORT_OPTION, POOL, SERVER_CLOSES
from tui.findings.config import Ports
from tui.findings.finding import Remedy
from tui.findings.held import close_what_peers_closed
from tui.findings.rules import backlog, bind_first, half_closed, limits, losses, ports, reading
from tui.findings.rules import time_wait as time_waits
from tui.metrics.recorded import OLD_SECONDS, RECORDED

OF_THE_HOST = Remedy("See this host's numbers and what helps here", "twtop audit")
HEAD = """\
# Alerts on ephemeral ports, TIME-WAIT and related trouble: twtop metrics --rules
# They assume a scrape job named twtop; for another name change up{job="twtop"}.
# A critical alert fires beside the warning of the same name: inhibit the warning in Alertmanager.
"""


class Alert(NamedTuple):
    """One alert rule."""

    name: str
    severity: Literal["warning", "critical"]
    lasts: str
    """How long it must hold before it fires, as Prometheus writes it."""
    summary: str
    """One line, with labels as Prometheus's templates have them."""
    expression: str
    finding: str
    """The code of the finding it is about."""
    meaning: str
    remedies: tuple[Remedy, ...] = ()
    critical: str = ""
    """The expression of its critical grade, where the finding has one."""

    @property
    def grades(self) -> tuple[Alert, ...]:
        """The alert, and the critical one of its name, which fires beside it, not in its place: one
        whose severity changed would be another alert, and would first have to last anew.
        """
        if not self.critical:
            return (self,)
        return self, self._replace(severity="critical", expression=self.critical)

    @property
    def runbook(self) -> str:
        """What it means and what to do, a remedy a line."""
        steps = enumerate((*self.remedies, OF_THE_HOST), 1)
        return "\n".join([self.meaning, *(f"{number}. {remedy}" for number, remedy in steps)])


PLACE = "{{ $labels.place }} ({{ $labels.instance }})"
DESTINATION = "{{ $labels.remote_ip }} port {{ $labels.remote_port }}"
LEFT = "twtop_pattern_exhaustion_seconds"
ROOM = (POOL, NO_PORT_OPTION, SERVER_CLOSES)


def _found(*codes: str, severity: str = '!="info"') -> str:
    """Return what is above 0 while twtop finds one of these; what only was so once is no alert."""
    chosen = f'code=~"{"|".join(codes)}"' if len(codes) > 1 else f'code="{codes[0]}"'
    return f"sum without (severity) (twtop_findings{{{chosen},severity{severity}}}) > 0"


def _gravely(code: str) -> str:
    """Return what is above 0 while twtop finds this and calls it critical."""
    return _found(code, severity='="critical"')


OF_CODES = (
    Alert(
        "TwtopPortsExhausted",
        "critical",
        "0s",
        f"{PLACE}: no port is left"
        f"{{{{ if $labels.remote_ip }}}} to {DESTINATION}{{{{ else }}}} to "
        "{{ $value }} destinations{{ end }}",
        "twtop_pattern_ports_locked >= twtop_pattern_ports_capacity\n"
        'or (twtop_patterns{band="full"} > 0 unless on (job, instance, place)\n'
        "  twtop_pattern_ports_locked >= twtop_pattern_ports_capacity)",
        "ports-exhausted",
        ports.FAILS,
        ROOM,
    ),
    Alert(
        "TwtopPortsExhaustSoon",
        "warning",
        "0s",
        f"{PLACE}: out of ports to {DESTINATION} in {{{{ $value | humanizeDuration }}}}",
        f"0 < {LEFT} < {60 * Ports().exhausts_within_minutes:g}",
        "exhausts-soon",
        ports.WILL_FAIL,
        ROOM,
        f"0 < {LEFT} < {ports.PRESSING_SECONDS:g}",
    ),
    Alert(
        "TwtopPortsAboveThreshold",
        "critical",
        "1m",
        f"{PLACE}: the ports to {{{{ $value }}}} destinations are nearly used up",
        _found("ports-above-threshold"),
        "ports-above-threshold",
        ports.FEW_LEFT,
        ROOM,
    ),
    Alert(
        "TwtopConnectSlow",
        "warning",
        "2m",
        f"{PLACE}: connect() to {DESTINATION} is slow: half of the ports are taken",
        "twtop_pattern_ports_locked >= 0.5 * twtop_pattern_ports_capacity\n"
        "  < twtop_pattern_ports_capacity",
        "connect-slow",
        f"{ports.SCANS}. {ports.SCAN_COSTS}",
        ROOM,
    ),
    Alert(
        "TwtopBindFirst",
        "warning",
        "5m",
        f"{PLACE}: a client binds its port before it connects",
        _found("bind-before-connect"),
        "bind-before-connect",
        f"{bind_first.ONE_EACH}. {bind_first.BIND_FAILS}",
        (NO_PORT_OPTION, POOL),
        _gravely("bind-before-connect"),
    ),
    Alert(
        "TwtopCloseWaitLeak",
        "warning",
        "10m",
        f"{PLACE}: a program does not close connections its peers have closed",
        _found("close-wait-held"),
        "close-wait-held",
        half_closed.NOT_CLOSED,
        close_what_peers_closed(half_closed.LOOK),
        _gravely("close-wait-held"),
    ),
    Alert(
        "TwtopAcceptQueueFull",
        "warning",
        "2m",
        f"{PLACE}: connections arrive faster than they are accepted",
        _found("listen-queue-full", "listen-overflow"),
        "listen-queue-full",
        backlog.NOT_ACCEPTED,
        (backlog.SEE_QUEUES, backlog.ACCEPT_FASTER),
        _gravely("listen-queue-full"),
    ),
    Alert(
        "TwtopTimeWaitSkipped",
        "warning",
        "5m",
        f"{PLACE}: tcp_max_tw_buckets is reached or nearly reached",
        _found("time-wait-overflow"),
        "time-wait-overflow",
        time_waits.SKIPPED,
        (POOL,),
    ),
    Alert(
        "TwtopConntrackNearMax",
        "warning",
        "2m",
        f"{PLACE}: conntrack's table is nearly full",
        _found("conntrack-near-max"),
        "conntrack-near-max",
        limits.TABLE_FULL,
        (limits.NO_TRACKING,),
        _gravely("conntrack-near-max"),
    ),
    Alert(
        "TwtopNatClashes",
        "warning",
        "5m",
        f"{PLACE}: conntrack drops new connections because their ports clash",
        _found("snat-clashes"),
        "snat-clashes",
        losses.CLASH,
        losses.AGAINST_CLASHES,
    ),
)
"""Those about findings of their own."""


def _codes(alerts: Sequence[Alert]) -> list[str]:
    """Return the codes that these are about."""
    named = (one for alert in alerts for one in re.findall(r'code=~?"([^"]*)"', alert.expression))
    own = {alert.finding for alert in alerts}
    return sorted(own.union(*(codes.split("|") for codes in named)))


STATED = (
    *OF_CODES,
    Alert(
        "TwtopCriticalFinding",
        "critical",
        "2m",
        f"{PLACE}: twtop audit finds {{{{ $labels.code }}}}",
        'twtop_findings{severity="critical",code!~"' + "|".join(_codes(OF_CODES)) + '"} > 0',
        "{{ $labels.code }}",
        "Connections fail, or are about to, for a reason that has no alert of its own.",
    ),
    Alert(
        "TwtopBlind",
        "warning",
        "5m",
        "twtop does not see all of {{ with $labels.place }}{{ . }} on {{ end }}"
        "{{ $labels.instance }}: other alerts may be missing",
        'up{job="twtop"} == 0\n'
        "or twtop_reading_success == 0\n"
        "or twtop_reading_complete == 0\n"
        "or twtop_places_complete == 0\n"
        "or twtop_sysctls_assumed > 0\n"
        f"or time() - twtop_reading_timestamp_seconds > {OLD_SECONDS}",
        "incomplete-table",
        "The tables, part of them or the sysctls could not be read, or not for minutes. "
        f"{reading.FLOORS} On assumed sysctls: {reading.DECISIVE}",
    ),
)
ALERTS = tuple(grade for alert in STATED for grade in alert.grades)


def rules_text() -> str:
    """Return the file of rules, which is YAML."""
    return HEAD + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield from ("groups:", "- name: twtop-recorded", "  rules:")
    for name, expression in RECORDED:
        yield from (f"  - record: {name}", "    expr: |-", *_indented(expression))
    yield from ("- name: twtop", "  rules:")
    for alert in ALERTS:
        yield from (f"  - alert: {alert.name}", "    expr: |-", *_indented(alert.expression))
        if alert.lasts != "0s":
            yield f"    for: {alert.lasts}"
        yield from ("    labels:", f"      severity: {alert.severity}", "    annotations:")
        yield from ("      finding: |-", *_indented(alert.finding), "      summary: |-")
        yield from (*_indented(alert.summary), "      description: |-", *_indented(alert.runbook))


def _indented(text: str) -> Iterator[str]:
    return (f"        {line}" for line in text.splitlines())
