"""Who holds a pattern's sockets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np

from tui.analysis.patterns import Patterns
from tui.kernel.processes import Process
from tui.kernel.sockets import SocketTable


def holders(
    table: SocketTable, patterns: Patterns, by_inode: Mapping[int, Process], first: int
) -> dict[int, Process]:
    """Return, for those of the ``first`` patterns that have one, the process with most sockets.

    Only open sockets have an inode; a pattern that is all TIME-WAIT has no holder.
    """
    if not by_inode:
        return {}
    rows = np.flatnonzero((table.inode > 0) & (patterns.member < first) & (patterns.member >= 0))
    known = np.fromiter(by_inode, np.uint64, len(by_inode))
    rows = rows[np.isin(table.inode[rows], known)]
    seen: dict[int, Counter[Process]] = {}
    for pattern, inode in zip(
        patterns.member[rows].tolist(), table.inode[rows].tolist(), strict=True
    ):
        seen.setdefault(pattern, Counter())[by_inode[inode]] += 1
    return {pattern: counts.most_common(1)[0][0] for pattern, counts in seen.items()}
