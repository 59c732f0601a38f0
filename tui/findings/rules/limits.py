"""Counts near a limit of the kernel's: orphans, conntrack, descriptors."""

from __future__ import annotations

from collections.abc import Iterator

from tui.findings.config import Levels
from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.situation import Situation
from tui.writing.words import percent, ratio

MAX_ORPHANS = "net.ipv4.tcp_max_orphans"
MAX_CONNTRACK = "net.netfilter.nf_conntrack_max"
MAX_FILES = "fs.file-max"


def orphans(situation: Situation) -> Iterator[Finding]:
    """Tell of orphans, sockets that no process holds any more, near their maximum.

    Both numbers are of the whole host, and namespaces but the first do not see the limit.
    """
    count, limit = situation.frame.counters.get("orphan"), situation.number(MAX_ORPHANS)
    severity = _grade(count, limit, situation.config.orphans)
    if severity is None or count is None or limit is None:
        return
    yield Finding(
        code="orphans-high",
        severity=severity,
        subject=MAX_ORPHANS,
        message=f"{count:,} orphaned sockets on this host, {percent(count, limit)} of "
        f"tcp_max_orphans",
        meaning="They were closed with data that the peer has not taken yet, or has not answered; "
        "TIME-WAITs are not among them. Above the limit, for slow ones from a quarter of it on, "
        "the kernel resets them, and what they still had to send is lost.",
        evidence={"orphans": count, "limit": limit, "share": ratio(count, limit)},
        remedies=(
            Remedy(
                "See to whom they still send",
                "ss -tno state fin-wait-1 state last-ack state closing",
            ),
            Remedy(
                "Give up sooner on peers that do not answer: 2 retries take seconds, the default "
                "acts as 8 and takes minutes",
                "sysctl -w net.ipv4.tcp_orphan_retries=2",
                "your clients are on networks that lose much: their last bytes are lost then",
            ),
            Remedy(
                "Raise the limit",
                f"sysctl -w {MAX_ORPHANS}={2 * limit}",
                "memory is short: an orphan can hold 64 kB that cannot be swapped out",
            ),
        ),
    )


def conntrack(situation: Situation) -> Iterator[Finding]:
    """Tell of a connection tracking table that is nearly full."""
    counters = situation.frame.counters
    count, limit = counters.get("nf_conntrack_count"), counters.get("nf_conntrack_max")
    severity = _grade(count, limit, situation.config.conntrack)
    if severity is None or count is None or limit is None:
        return
    yield Finding(
        code="conntrack-near-max",
        severity=severity,
        subject=MAX_CONNTRACK,
        message=f"conntrack follows {count:,} connections, {percent(count, limit)} of "
        "nf_conntrack_max",
        meaning="When the table is full the first packets of new connections are dropped, both "
        "ways, and the log says “nf_conntrack: table full, dropping packet”. It keeps a closed "
        "connection for 120 s of its own, twice as long as the socket's TIME-WAIT.",
        evidence={"entries": count, "limit": limit, "share": ratio(count, limit)},
        remedies=(
            Remedy(
                "Raise the limit: an entry takes about 0.3 kB; in a container this is set on the "
                "host",
                f"sysctl -w {MAX_CONNTRACK}={2 * limit}",
                "memory is short",
            ),
            Remedy(
                "Let conntrack forget closed connections sooner; the sockets' 60 s and their "
                "ports are not touched by it",
                "sysctl -w net.netfilter.nf_conntrack_tcp_timeout_time_wait=30",
                "most entries are open connections: see conntrack -L -p tcp --state TIME_WAIT",
            ),
            Remedy(
                "Do not track what needs no tracking (chain raw, target NOTRACK)",
                unless="a NAT or a stateful rule needs to know these connections",
            ),
        ),
    )


def descriptors(situation: Situation) -> Iterator[Finding]:
    """Tell of open files near what the whole host may have."""
    open_files = (situation.setting("fs.file-nr") or "").split()
    count = int(open_files[0]) if open_files and open_files[0].isdecimal() else None
    limit = situation.number(MAX_FILES)
    severity = _grade(count, limit, situation.config.descriptors)
    if severity is None or count is None or limit is None:
        return
    yield Finding(
        code="descriptors-near-max",
        severity=severity,
        subject=MAX_FILES,
        message=f"{count:,} files are open on this host, {percent(count, limit)} of fs.file-max",
        meaning="At the limit open(), accept() and socket() fail with ENFILE in every process but "
        "root's. A TIME-WAIT holds no descriptor: it is open and CLOSE-WAIT sockets that count.",
        evidence={"open_files": count, "limit": limit, "share": ratio(count, limit)},
        remedies=(
            Remedy(
                "See who has most of them",
                'for p in /proc/[0-9]*; do echo "$(ls $p/fd 2>/dev/null | wc -l) '
                '$(cat $p/comm)"; done | sort -rn | head',
            ),
            Remedy(
                "Raise the limit",
                f"sysctl -w {MAX_FILES}={2 * limit}",
                "one process leaks them: mend that one, a higher limit only delays the end",
            ),
        ),
    )


def _grade(count: int | None, limit: int | None, levels: Levels) -> Severity | None:
    """Return how grave a count is, None if it is not, or one of the two is not known."""
    if count is None or limit is None or limit <= 0:
        return None
    if 100 * count >= levels.critical * limit:
        return Severity.CRITICAL
    return Severity.WARNING if 100 * count >= levels.warning * limit else None
