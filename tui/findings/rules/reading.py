"""What was not read cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.situation import Situation
from tui.writing.words import duration, plural

NETLINK = Remedy(
    "Read by netlink, which takes a third of the time and misses nothing",
    "twtop --source sock_diag",
    "the table is that of another container's /proc, or a saved one",
)
LONGER = Remedy("Give a read more time: it may take half of the interval", "twtop -i 2")


LASTS_SECONDS = 5.0
"""For how long reads must have been cut short before it is told, where an older table stands in:
one that was cut, on a busy machine, is made good by the next."""


def incomplete_table(situation: Situation) -> Iterator[Finding]:
    """Tell that counts are minimums, or old, and that alarms may be missing."""
    table, reading = situation.frame.table, situation.frame.reading
    cut_for = 0.0 if situation.trends is None else situation.trends.cut_short_seconds
    floors = "All counts are minimums: what is told is true, but a finding can be missing."
    if not table.complete:
        message = "The socket table was cut short"
        meaning = (
            f"{len(table):,} sockets were read from {reading.kind}, and there are more. {floors}"
        )
    elif cut_for >= LASTS_SECONDS:
        message = f"No socket table was read whole for {duration(cut_for)}"
        meaning = (
            f"Every read since then was cut short. The {len(table):,} sockets shown are those of "
            f"the last whole one, {duration(situation.frame.age)} ago; what came since is missing."
        )
    elif table.bad_lines:
        message = (
            f"The socket table is not whole: {plural(table.bad_lines, 'line')} could not be read"
        )
        meaning = (
            f"{len(table):,} sockets were read from {reading.kind}, and not those of the lines "
            f"left out. {floors}"
        )
    else:
        return
    whole = table.complete and cut_for < LASTS_SECONDS
    yield Finding(
        code="incomplete-table",
        severity=Severity.INFO if whole else Severity.WARNING,
        subject="the socket table",
        message=message,
        meaning=meaning,
        evidence={
            "sockets": len(table),
            "bad_lines": table.bad_lines,
            "complete": int(whole),
            "table_age_seconds": round(situation.frame.age, 1),
        },
        remedies=(NETLINK,) if reading.kind == "proc" else (LONGER,),
    )
