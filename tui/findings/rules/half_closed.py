"""CLOSE-WAIT: the peer has closed, the program here has not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from tui.analysis.patterns import PatternKey
from tui.analysis.trends import Growth
from tui.findings.finding import Finding, Remedy, Severity
from tui.findings.situation import Situation
from tui.kernel.processes import Process
from tui.kernel.sockets import Array, State
from tui.writing.words import plural

LEAST_GROWTH = 5
"""CLOSE-WAITs more than before, at least: less is noise."""


def close_wait_held(situation: Situation) -> Iterator[Finding]:
    """Find who holds many CLOSE-WAITs: a program, an unseen one's user, or an accept queue."""
    frame, least = situation.frame, situation.config.close_wait.count
    if frame.states[State.CLOSE_WAIT] < least:
        return
    rows = np.flatnonzero(frame.table.state == State.CLOSE_WAIT)
    growth = None if situation.trends is None else situation.trends.close_wait
    for finding in (
        *_of_programs(situation, rows, growth),
        *_not_accepted(situation, rows, growth),
    ):
        if finding.evidence["close_wait"] >= least:  # type: ignore[operator]
            yield finding


def _of_programs(situation: Situation, rows: Array, growth: Growth | None) -> Iterator[Finding]:
    """Tell of each program by name, all of its processes together: workers share a fault.

    What no visible process holds is told by user.
    """
    table = situation.frame.table
    rows = rows[table.inode[rows] > 0]
    holders: list[Process | None] = list(
        map(situation.owners.by_inode.get, table.inode[rows].tolist())
    )
    unseen = np.array([holder is None for holder in holders], bool)
    by_name: dict[str, list[int]] = defaultdict(list)
    pids: dict[str, dict[int, int]] = defaultdict(dict)
    for row, holder in zip(rows.tolist(), holders, strict=True):
        if holder is not None:
            by_name[holder.name].append(row)
            counts = pids[holder.name]
            counts[holder.pid] = counts.get(holder.pid, 0) + 1
    for name, held in sorted(by_name.items(), key=lambda item: -len(item[1])):
        of_pid = pids[name]
        pid = max(of_pid, key=of_pid.__getitem__)
        who = f"{name}[{pid}]" if len(of_pid) == 1 else f"{name} ({len(of_pid):,} processes)"
        shown = ",".join(map(str, sorted(of_pid)[:20]))
        yield _held(
            situation,
            np.array(held),
            growth,
            subject=name,
            who=who,
            look=f"lsof -nP -a -p {shown} -i TCP -s TCP:CLOSE_WAIT",
            pid=pid,
            processes=len(of_pid),
        )
    users, of_user = np.unique(table.uid[rows[unseen]], return_inverse=True)
    for index, uid in enumerate(users.tolist()):
        yield _held(
            situation,
            rows[unseen][of_user == index],
            growth,
            subject=f"uid {uid}",
            who=f"a program of uid {uid}",
            look="sudo ss -tnpe state close-wait",
            uid=uid,
        )


def _held(
    situation: Situation,
    rows: Array,
    growth: Growth | None,
    *,
    subject: str,
    who: str,
    look: str,
    **evidence: int,
) -> Finding:
    grown = _is_growing(situation, rows, growth)
    return Finding(
        code="close-wait-held",
        severity=Severity.CRITICAL if grown else Severity.WARNING,
        subject=subject,
        message=f"{who} holds {plural(len(rows), 'CLOSE-WAIT')}{grown}",
        meaning="The peers have closed, and the program has not closed its side: the kernel waits "
        "for close() without limit. Each holds a descriptor, its buffers and its port, until "
        "accept() or open() fails with EMFILE.",
        evidence=_numbers(situation, rows, growth) | evidence,
        remedies=(
            Remedy(
                "See which connections they are, then mend the program: when a read returns 0 it "
                "must close, on its error paths as well",
                look,
                "it goes on sending to peers that have shut down their sending side only",
            ),
            Remedy(
                "Until then restart the program before its descriptors run out: no sysctl ends "
                "CLOSE-WAIT, neither tcp_fin_timeout nor tcp_keepalive_time",
                unless="it stops growing by itself: a pool may close its idle connections late",
            ),
        ),
        pattern=_main_pattern(situation, rows),
    )


def _not_accepted(situation: Situation, rows: Array, growth: Growth | None) -> Iterator[Finding]:
    """Tell of connections that the peer gave up before accept().

    A CLOSE-WAIT without an inode is always one of these: after close() it would be LAST-ACK.
    """
    table = situation.frame.table
    rows = rows[table.inode[rows] == 0]
    ports, of_port = np.unique(table.local_port[rows], return_inverse=True)
    for index, port in enumerate(ports.tolist()):
        held = rows[of_port == index]
        grown = _is_growing(situation, held, growth)
        yield Finding(
            code="close-wait-held",
            severity=Severity.CRITICAL if grown else Severity.WARNING,
            subject=f"accept queue of port {port}",
            message=f"{plural(len(held), 'connection')} to port {port} were given up by the peer "
            f"before accept(){grown}",
            meaning="They wait in the accept queue, and belong to no descriptor yet: the program "
            "that listens there is stuck or too slow. Those who still wait behind them will time "
            "out as well.",
            evidence=_numbers(situation, held, growth) | {"port": port},
            remedies=(
                Remedy(
                    "See what the listening program does instead of calling accept(): a thread "
                    "blocked, its descriptors used up (EMFILE), its CPU at 100 %",
                    f"sudo ss -tlnp sport = :{port}",
                ),
            ),
            pattern=_main_pattern(situation, held),
        )


def _is_growing(situation: Situation, rows: Array, growth: Growth | None) -> str:
    """Return the words that say so where these sockets must be the ones that grow, else nothing.

    The trends know the CLOSE-WAITs of the whole table only: those who hold half are meant.
    """
    total = int(situation.frame.states[State.CLOSE_WAIT])
    if growth is None or 2 * len(rows) < total:
        return ""
    if growth.rise < max(LEAST_GROWTH, total / 20):
        return ""
    return f", {growth.per_minute:,.0f} more a minute"


def _numbers(
    situation: Situation, rows: Array, growth: Growth | None
) -> dict[str, int | float | str]:
    numbers: dict[str, int | float | str] = {
        "close_wait": len(rows),
        "close_wait_of_all": int(situation.frame.states[State.CLOSE_WAIT]),
    }
    if growth is not None:
        numbers["growth_of_all_per_minute"] = round(growth.per_minute, 1)
    return numbers


def _main_pattern(situation: Situation, rows: Array) -> PatternKey:
    """Return the pattern that most of these sockets are in."""
    patterns = situation.frame.patterns
    return patterns.key(int(np.bincount(patterns.member[rows]).argmax()))
