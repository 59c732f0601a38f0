"""CLOSE-WAIT: the peer has closed, the program here has not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from tui.findings.finding import Finding, Remedy, Severity, known
from tui.findings.held import close_what_peers_closed
from tui.findings.situation import Situation
from tui.kernel.sockets import Array, State
from tui.writing.words import plural

LEAST_GROWTH = 5
"""CLOSE-WAITs more than before, at least: less is noise."""
NOT_CLOSED = (
    "The peers have closed, but the program has not closed its side, and the kernel waits for "
    "that forever. Each such socket holds a descriptor, buffers and a port, until in the end "
    "accept() or open() fails with EMFILE."
)
LOOK = "sudo ss -tnpe state close-wait"


def close_wait_held(situation: Situation) -> Iterator[Finding]:
    """Find who holds many CLOSE-WAITs: a program, an unseen one's user, or an accept queue."""
    frame, least = situation.frame, situation.config.close_wait.count
    if frame.states[State.CLOSE_WAIT] < least:
        return
    rows = np.flatnonzero(frame.table.state == State.CLOSE_WAIT)
    for finding in (*_of_programs(situation, rows), *_not_accepted(situation, rows)):
        if finding.evidence["close_wait"] >= least:  # type: ignore[operator]
            yield finding


def _of_programs(situation: Situation, rows: Array) -> Iterator[Finding]:
    """Tell of each program by name, all of its processes together: workers share a fault.

    What no visible process holds is told by user.
    """
    table = situation.frame.table
    rows = rows[table.inode[rows] > 0]
    by_name: dict[str, list[tuple[int, int]]] = defaultdict(list)
    unseen = []
    for row, inode in zip(rows.tolist(), table.inode[rows].tolist(), strict=True):
        holder = situation.owners.by_inode.get(inode)
        if holder is None:
            unseen.append(row)
        else:
            by_name[holder.name].append((row, holder.pid))
    for name, held in sorted(by_name.items(), key=lambda item: -len(item[1])):
        pids = Counter(pid for _, pid in held)
        [(pid, _)] = pids.most_common(1)
        shown = ",".join(map(str, sorted(pids)[:20]))
        yield _held(
            situation,
            np.array([row for row, _ in held]),
            subject=name,
            who=f"{name}[{pid}]" if len(pids) == 1 else f"{name} ({len(pids):,} processes)",
            look=f"lsof -nP -a -p {shown} -i TCP -s TCP:CLOSE_WAIT",
            pid=pid,
            processes=len(pids),
        )
    for uid, held_rows in _grouped(np.array(unseen, np.intp), table.uid):
        yield _held(
            situation,
            held_rows,
            subject=f"uid {uid}",
            who=f"a program of uid {uid}",
            look=LOOK,
            uid=uid,
        )


def _held(
    situation: Situation, rows: Array, *, subject: str, who: str, look: str, **evidence: int
) -> Finding:
    return _finding(
        situation,
        rows,
        subject,
        f"{who} holds {plural(len(rows), 'CLOSE-WAIT')}",
        NOT_CLOSED,
        *close_what_peers_closed(look),
        **evidence,
    )


def _not_accepted(situation: Situation, rows: Array) -> Iterator[Finding]:
    """Tell of connections that the peer gave up before accept().

    A CLOSE-WAIT without an inode is always one of these: after close() it would be LAST-ACK.
    """
    table = situation.frame.table
    for port, held in _grouped(rows[table.inode[rows] == 0], table.local_port):
        yield _finding(
            situation,
            held,
            f"accept queue of port {port}",
            f"{plural(len(held), 'connection')} to port {port} abandoned by the peer before "
            "accept()",
            "They sit in the accept queue and have no descriptor yet: the program listening there "
            "is stuck or too slow. The clients waiting behind them will time out too.",
            Remedy(
                "See what the program does instead of calling accept(): a blocked thread, no "
                "descriptors left (EMFILE), CPU at 100 %",
                f"sudo ss -tlnp sport = :{port}",
            ),
            port=port,
        )


def _grouped(rows: Array, column: Array) -> Iterator[tuple[int, Array]]:
    """Yield each value that the column has in these rows, ascending, with its rows."""
    values, of_value = np.unique(column[rows], return_inverse=True)
    for index, value in enumerate(values.tolist()):
        yield value, rows[of_value == index]


def _finding(
    situation: Situation,
    rows: Array,
    subject: str,
    message: str,
    meaning: str,
    *remedies: Remedy,
    **evidence: int,
) -> Finding:
    frame = situation.frame
    total = int(frame.states[State.CLOSE_WAIT])
    growth = None if situation.trends is None else situation.trends.close_wait
    grown = ""
    # The trends know the CLOSE-WAITs of the whole table only: those who hold half are meant.
    if growth and 2 * len(rows) >= total and growth.rise >= max(LEAST_GROWTH, total / 20):
        grown = f", {growth.per_minute:,.0f} more per minute"
    return Finding(
        code="close-wait-held",
        severity=Severity.CRITICAL if grown else Severity.WARNING,
        subject=subject,
        message=message + grown,
        meaning=meaning,
        evidence=known(
            close_wait=len(rows),
            close_wait_of_all=total,
            growth_of_all_per_minute=round(growth.per_minute, 1) if growth else None,
            **evidence,
        ),
        remedies=remedies,
        pattern=frame.patterns.key(int(np.bincount(frame.patterns.member[rows]).argmax())),
    )
