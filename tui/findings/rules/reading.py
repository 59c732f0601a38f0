"""What was not read cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

from tui.analysis.doubts import bound_matters, unseen_bound
from tui.analysis.judgement import SLOW_PERCENT
from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.situation import Situation
from tui.kernel.port_rules import PortRules
from tui.kernel.source import Reading
from tui.writing.words import duration, joined, plural

NETLINK = Remedy(
    "Read through netlink, which takes a third of the time and misses nothing",
    "twtop --source sock_diag",
    "the table comes from another container's /proc, or a saved copy",
)
LONGER = Remedy("Give each read more time: it may take half of the interval", "twtop -i 2")
AGAIN = Remedy(
    "Make a new copy of all files in one go, as twtop bundle does where the sockets are",
    "twtop bundle",
)
FLOORS = "All counts are minimums: what is reported is true, but findings may be missing."
DECISIVE = (
    "They decide whether ports are short, so nothing is judged OK here, and alarms may be false."
)

LASTS_SECONDS = 5.0
"""For how long reads must have been cut short before it is told, where an older table stands in:
one that was cut, on a busy machine, is made good by the next."""


def incomplete_table(situation: Situation) -> Iterator[Finding]:
    """Tell that counts are minimums, or old, and that alarms may be missing."""
    table, reading = situation.frame.table, situation.frame.reading
    cut_for = 0.0 if situation.trends is None else situation.trends.cut_short_seconds
    count = plural(len(table), "socket was", "sockets were")
    if not table.complete:
        message = "The socket table was cut short"
        meaning = f"{count} read from {reading.kind}, but there are more. {FLOORS}"
    elif cut_for >= LASTS_SECONDS:
        message = f"No complete read of the socket table for {duration(cut_for)}"
        meaning = (
            f"Every read since was cut short. The {len(table):,} sockets shown are from the last "
            f"complete one, {duration(situation.frame.age)} ago; newer ones are missing."
        )
    elif table.bad_lines:
        message = (
            f"The socket table is incomplete: {plural(table.bad_lines, 'line')} could not be read"
        )
        meaning = (
            f"{count} read from {reading.kind}, without those on the unreadable lines. {FLOORS}"
        )
    elif not table.complete_known:
        message = "Nothing tells whether the socket table is whole"
        meaning = (
            f"{count} read from a copy without sockstat, which counts the sockets and would show "
            "that lines are missing. Without it counts may be too low, and findings may be missing."
        )
    else:
        return
    whole = table.complete and cut_for < LASTS_SECONDS
    yield Finding(
        code="incomplete-table",
        severity=Severity.WARNING,
        subject="the socket table",
        message=message,
        meaning=meaning,
        evidence={
            "sockets": len(table),
            "bad_lines": table.bad_lines,
            "complete": int(whole),
            "table_age_seconds": round(situation.frame.age, 1),
        },
        remedies=(_cure(reading),),
    )


def _cure(reading: Reading) -> Remedy:
    if reading.place.kind == "copy":
        return AGAIN
    return NETLINK if reading.kind == "proc" else LONGER


def sysctls_assumed(situation: Situation) -> Iterator[Finding]:
    """Tell which sysctls that decide on ports could not be read, and what is taken instead."""
    frame = situation.frame
    if not frame.assumed:
        return
    instead = _instead(frame.rules)
    copy = frame.reading.place.kind == "copy"
    names = [name.rpartition(".")[2] for name in frame.assumed]
    yield Finding(
        code="sysctls-assumed",
        severity=Severity.WARNING,
        subject="sysctls",
        message=f"{joined(names)} could not be read: the kernel's defaults are assumed",
        meaning=f"Assumed: {joined([f'{name} {instead[name]}' for name in names])}. {DECISIVE}",
        evidence={name: instead[name] for name in names},
        remedies=(
            AGAIN
            if copy
            else Remedy(
                "Run twtop where the sysctls are: inside the network namespace, as root, with a "
                "procfs not mounted with subset=pid",
                "sudo nsenter -t PID -n twtop",
            ),
        ),
    )


def _instead(rules: PortRules) -> dict[str, str]:
    """Return what each sysctl that may be assumed stands at, in words."""
    return {
        "ip_local_port_range": f"{rules.low}–{rules.high}",
        "ip_local_reserved_ports": "none",
        "tcp_tw_reuse": str(rules.reuse_mode),
        "tcp_tw_reuse_delay": f"{rules.reuse_delay_ms} ms",
        "tcp_timestamps": "on" if rules.timestamps else "off",
        "tcp_tw_timeout": f"{rules.time_wait_ms // 1000} s",
    }


def bound_ports_unknown(situation: Situation) -> Iterator[Finding]:
    """Tell that bound, unconnected sockets are not seen, which take a port from everybody."""
    frame = situation.frame
    unseen = unseen_bound(frame)
    if unseen == 0:
        return
    matters = bound_matters(frame, min(SLOW_PERCENT, situation.config.ports.threshold))
    # In an empty place they are nobody's loss, and no copy lists them; unless they may be many.
    usual = not len(frame.table) or frame.reading.place.kind == "copy"
    if usual and not matters:
        return
    known = {} if unseen is None else {"bound_at_most": unseen}
    counted = "" if unseen is None else f" There may be up to {unseen:,} of them, by sockstat."
    yield Finding(
        code="bound-ports-unknown",
        severity=Severity.WARNING if matters else Severity.INFO,
        subject="bound sockets",
        message="Sockets that are bound but not connected cannot be seen here"
        + (f": up to {unseen:,}, enough to matter" if matters else ""),
        meaning="Linux lists them since 6.8, and only through netlink. Each takes its port away "
        f"from every destination, so {frame.ports.capacity:,} ports is an upper bound: "
        f"connect() may fail with fewer in use.{counted}",
        evidence={"capacity": frame.ports.capacity, **known},
        remedies=(
            Remedy(
                "Treat the capacity as an upper bound; on Linux 6.8 and newer, look from inside "
                "the network namespace",
                "sudo nsenter -t PID -n twtop",
            ),
        ),
    )
