"""Who holds a pattern's sockets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from tui.analysis.patterns import Direction, Patterns
from tui.analysis.trends import Holder
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import SocketTable

Holders = dict[int, Holder]
"""By a pattern's index."""


def holders(
    table: SocketTable, patterns: Patterns, by_inode: Mapping[int, Process], first: int
) -> dict[int, Process]:
    """Return, for those of the ``first`` patterns that have one, the process with most sockets.

    Only open sockets have an inode, so a pattern that is all TIME-WAIT has no holder, unless it
    is an incoming one: then it is the process that listens on its port.
    """
    if not by_inode:
        return {}
    listeners = _listeners(table, by_inode)
    incoming = np.flatnonzero(patterns.direction[:first] == Direction.INCOMING)
    found = {
        index: listeners[port]
        for index, port in zip(
            incoming.tolist(), patterns.local_port[incoming].tolist(), strict=True
        )
        if port in listeners
    }
    rows = np.flatnonzero((table.inode > 0) & (patterns.member < first) & (patterns.member >= 0))
    known = np.fromiter(by_inode, np.uint64, len(by_inode))
    rows = rows[np.isin(table.inode[rows], known)]
    seen: dict[int, Counter[Process]] = {}
    for pattern, inode in zip(
        patterns.member[rows].tolist(), table.inode[rows].tolist(), strict=True
    ):
        seen.setdefault(pattern, Counter())[by_inode[inode]] += 1
    return found | {pattern: counts.most_common(1)[0][0] for pattern, counts in seen.items()}


def known_holders(patterns: Patterns, table: SocketTable, owners: Owners, first: int) -> Holders:
    """Return the holders, and those remembered of patterns that nobody is seen to hold."""
    seen = holders(table, patterns, owners.by_inode, first)
    known = {index: Holder(process, remembered=False) for index, process in seen.items()}
    for index in range(min(first, len(patterns)) if owners.held else 0):
        process = owners.held.get(patterns.key(index))
        if process is not None and index not in known:
            known[index] = Holder(process, remembered=not patterns.live[index])
    return known


def _listeners(table: SocketTable, by_inode: Mapping[int, Process]) -> dict[int, Process]:
    """Return who listens on which port, without the ports that several processes listen on."""
    by_port: dict[int, set[Process]] = {}
    rows = table.listeners
    for port, inode in zip(
        table.local_port[rows].tolist(), table.inode[rows].tolist(), strict=True
    ):
        if inode in by_inode:
            by_port.setdefault(port, set()).add(by_inode[inode])
    return {port: next(iter(found)) for port, found in by_port.items() if len(found) == 1}
