"""Counts near a limit of the kernel's: orphans, conntrack, descriptors."""

from __future__ import annotations

from collections.abc import Iterator

from tui.findings.config import Levels
from tui.findings.finding import Finding, Remedy, Severity, known
from tui.findings.held import give_up_sooner
from tui.findings.situation import Situation
from tui.findings.sysctl_remedy import to_lower, to_raise
from tui.writing.words import percent, plural, ratio

MAX_ORPHANS = "net.ipv4.tcp_max_orphans"
USUAL_MAX_ORPHANS = 65_536
"""Of a host with 16 GB (net/ipv4/tcp.c, tcp_init)."""
ABORTS, PRESSURES = "TCPAbortOnMemory", "TCPMemoryPressures"
MAX_CONNTRACK = "net.netfilter.nf_conntrack_max"
MAX_FILES = "fs.file-max"
EARLY_DROPS = "nf_conntrack_early_drop"
PREFIX = "net.netfilter."
TIMEOUT = f"{PREFIX}nf_conntrack_tcp_timeout_"
CLOSED_TIMEOUT, IDLE_TIMEOUT = f"{TIMEOUT}time_wait", f"{TIMEOUT}established"

TABLE_FULL = (
    "When the table is full, the first packets of new connections are dropped in both directions, "
    "and the kernel logs “nf_conntrack: table full, dropping packet”."
)
NO_TRACKING = Remedy(
    "Do not track connections that need no tracking (chain raw, target NOTRACK)",
    unless="NAT or a stateful rule depends on these connections",
)


def reset_as_orphans(situation: Situation) -> int:
    """Return how many connections the kernel has reset because too many had no process any more.

    TCPAbortOnMemory counts those and the ones that found no memory (net/ipv4/tcp.c,
    tcp_check_oom): without any TCPMemoryPressures memory was never short.
    """
    counters = situation.frame.counters
    return counters.get(ABORTS, 0) if counters.get(PRESSURES) == 0 else 0


def orphans(situation: Situation) -> Iterator[Finding]:
    """Tell of orphans, sockets that no process holds any more, at or near their maximum.

    Both numbers are of the whole host, and namespaces but the first do not see the limit.
    """
    count, limit = situation.frame.counters.get("orphan"), situation.number(MAX_ORPHANS)
    severity = _grade(count, limit, situation.config.orphans)
    reset, rate = reset_as_orphans(situation), situation.rate(ABORTS)
    if reset and rate:
        severity = Severity.CRITICAL
    elif reset and severity is None:
        severity = Severity.INFO
    if severity is None or count is None:
        return
    happened = f"; {plural(reset, 'connection was', 'connections were')} reset so far"
    share = f", {percent(count, limit)} of tcp_max_orphans" if limit else ""
    yield Finding(
        code="orphans-high",
        severity=severity,
        subject=MAX_ORPHANS,
        message=f"{plural(count, 'orphaned socket')} on this host{share}"
        + (happened if reset else ""),
        meaning="They were closed while the peer had not yet taken or acknowledged all data; "
        "TIME-WAITs are not counted. Above the limit (slow ones from a quarter of it) the "
        "kernel resets them, and their unsent data is lost.",
        evidence=known(
            orphans=count,
            limit=limit,
            share=ratio(count, limit) if limit else None,
            TCPAbortOnMemory=reset or None,
            TCPAbortOnMemory_per_second=round(rate, 2) if reset and rate else None,
        ),
        remedies=(
            Remedy(
                "See which peers they are still sending to",
                "ss -tno state fin-wait-1 state last-ack state closing",
            ),
            *give_up_sooner(situation),
            *to_raise(
                MAX_ORPHANS,
                limit,
                2 * (limit or USUAL_MAX_ORPHANS),
                "Raise the limit",
                "memory is short: each orphan can hold 64 kB that cannot be swapped out",
            ),
        ),
    )


def conntrack(situation: Situation) -> Iterator[Finding]:
    """Tell of a connection tracking table that is nearly full, and of what keeps entries long."""
    counters = situation.frame.counters
    count, limit = counters.get("nf_conntrack_count"), counters.get("nf_conntrack_max")
    severity = _grade(count, limit, situation.config.conntrack)
    early, rate = counters.get(EARLY_DROPS, 0), situation.rate(EARLY_DROPS)
    if severity is None and early:  # it is not full now, and has been
        severity = Severity.WARNING if rate else Severity.INFO
    if severity is None or count is None or limit is None:
        return
    waiting = situation.number(CLOSED_TIMEOUT)
    long = _long_timeouts(situation)
    kept = "".join(
        f" {name.removeprefix(PREFIX)} is {now:,} s (default {default:,} s), so such entries pile "
        "up."
        for name, (now, default) in long.items()
    )
    if waiting is not None:
        kept += (
            f" conntrack keeps a closed connection for {waiting:,} s, independently of the "
            "socket's TIME-WAIT."
        )
    yield Finding(
        code="conntrack-near-max",
        severity=severity,
        subject=MAX_CONNTRACK,
        message=f"conntrack tracks {count:,} connections, {percent(count, limit)} of "
        "nf_conntrack_max"
        + (f", and has evicted {early:,} entries for lack of room so far" if early else ""),
        meaning=TABLE_FULL + kept,
        evidence=known(
            entries=count,
            limit=limit,
            share=ratio(count, limit),
            early_drop=early or None,
            early_drop_per_second=round(rate, 2) if rate else None,
            **{name.removeprefix(PREFIX): now for name, (now, _) in long.items()},
        ),
        remedies=(
            *(
                remedy
                for name, (now, default) in long.items()
                for remedy in to_lower(
                    name,
                    now,
                    default,
                    f"Set {name.removeprefix(PREFIX)} back to the kernel's default",
                    "it was raised for connections that must survive long silences",
                )
                if name not in (CLOSED_TIMEOUT, IDLE_TIMEOUT)
            ),
            *to_raise(
                MAX_CONNTRACK,
                limit,
                2 * limit,
                "Raise the limit: an entry takes about 0.3 kB. For a container, set it on the host",
                "memory is short",
            ),
            *to_lower(
                CLOSED_TIMEOUT,
                waiting,
                30,
                "Let conntrack forget closed connections sooner; this does not affect the "
                "sockets' TIME-WAIT or their ports",
                "most entries are open connections: see conntrack -L -p tcp --state TIME_WAIT",
            ),
            *to_lower(
                IDLE_TIMEOUT,
                situation.number(IDLE_TIMEOUT),
                86_400,
                "Let conntrack forget connections that have been idle for a day",
                "some stay idle longer without keep-alives: these are then cut off",
            ),
            NO_TRACKING,
        ),
    )


def _long_timeouts(situation: Situation) -> dict[str, tuple[int, int]]:
    """Return which states conntrack keeps longer than the kernel would: seconds, and its own."""
    found = {}
    for parameter in situation.frame.reading.parameters:
        if parameter.name.startswith(TIMEOUT) and parameter.default is not None:
            now, default = situation.number(parameter.name), int(parameter.default)
            if now is not None and now > default:
                found[parameter.name] = (now, default)
    return found


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
        message=f"{count:,} files open on this host, {percent(count, limit)} of fs.file-max",
        meaning="At the limit, open(), accept() and socket() fail with ENFILE for everyone but "
        "root. TIME-WAITs hold no descriptors; open and CLOSE-WAIT sockets do.",
        evidence={"open_files": count, "limit": limit, "share": ratio(count, limit)},
        remedies=(
            Remedy(
                "See which processes have the most",
                'for p in /proc/[0-9]*; do echo "$(ls $p/fd 2>/dev/null | wc -l) '
                '$(cat $p/comm)"; done | sort -rn | head',
            ),
            *to_raise(
                MAX_FILES,
                limit,
                2 * limit,
                "Raise the limit",
                "one process leaks them: fix that; a higher limit only delays the failure",
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
