"""What was not read cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.situation import Situation
from tui.writing.words import plural

NETLINK = Remedy(
    "Read by netlink, which takes a third of the time and misses nothing",
    "twtop --source sock_diag",
    "the table is that of another container's /proc, or a saved one",
)
LONGER = Remedy("Give a read more time: it may take half of the interval", "twtop -i 2")


def incomplete_table(situation: Situation) -> Iterator[Finding]:
    """Tell that the figures are floors, and alarms may be missing."""
    table, reading = situation.frame.table, situation.frame.reading
    if table.complete and not table.bad_lines:
        return
    unreadable = f"{plural(table.bad_lines, 'line')} could not be read"
    yield Finding(
        code="incomplete-table",
        severity=Severity.INFO if table.complete else Severity.WARNING,
        subject="the socket table",
        message=f"The socket table is not whole: {unreadable}"
        if table.complete
        else "The socket table was cut short",
        meaning=f"{len(table):,} sockets were read from {reading.kind}, and not those of the "
        "lines left out. All counts are floors: what is told is true, but a finding can be "
        "missing."
        if table.complete
        else f"{len(table):,} sockets were read from {reading.kind}, and there are more. All "
        "counts are floors: what is told is true, but a finding can be missing.",
        evidence={
            "sockets": len(table),
            "bad_lines": table.bad_lines,
            "complete": int(table.complete),
        },
        remedies=(NETLINK,) if reading.kind == "proc" else (LONGER,),
    )
