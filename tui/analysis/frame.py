"""Frame: all that one poll saw, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING

import numpy as np

from tui.analysis.hold import USUAL_HZ, Hold, hold
from tui.analysis.patterns import PatternKey, Patterns, find_patterns
from tui.analysis.ports import PortSpace, port_space
from tui.analysis.remotes import Remotes, count_remotes
from tui.analysis.takeovers import taken_over
from tui.analysis.timewait import TimeWait, time_waits
from tui.kernel.port_rules import PortRules, port_rules
from tui.kernel.sockets import STATE_SLOTS, Array, SocketTable, ip_halves
from tui.kernel.source import Reading

if TYPE_CHECKING:
    from tui.analysis.columns import SocketColumns
    from tui.kernel.processes import Owners


@dataclass(frozen=True, slots=True)
class Frame:
    """One poll, judged. Nothing in it changes, so any thread may hold it."""

    reading: Reading
    rules: PortRules
    ports: PortSpace
    states: Array
    """Sockets by state, shape (STATE_SLOTS,)."""
    patterns: Patterns
    time_wait: TimeWait
    remotes: Remotes
    proven: frozenset[PatternKey] = frozenset()
    """Patterns of which a TIME-WAIT was seen to be taken over, so that tcp_tw_reuse works for them:
    since the first of the frames, each of which was judged with the one before."""
    compared: bool = False
    """Was there one before?"""

    @property
    def table(self) -> SocketTable:
        """The sockets."""
        return self.reading.table

    @property
    def time(self) -> float:
        """When its newest part was read, Unix time: the counters."""
        return self.reading.time

    @property
    def as_of(self) -> float | None:
        """When it was so, Unix time; None of a copy that does not say when it was made."""
        return self.reading.as_of

    @property
    def counters(self) -> Mapping[str, int]:
        """The cheap counters, read at ``time``."""
        return self.reading.counters

    @property
    def assumed(self) -> tuple[str, ...]:
        """Full names of the sysctls that decide on ports and could not be read."""
        return self.rules.assumed

    def owns(self, ip: str) -> bool:
        """Say whether an address is one of the place's own: what goes there does not leave it."""
        if ip_address(ip).is_loopback or ip in self.reading.addresses:
            return True
        if self.reading.addresses:
            return False
        # Not all copies tell, but a socket there does. A transparent proxy's would mislead.
        table, (hi, lo) = self.table, ip_halves(ip)
        same = (table.address_hi == hi) & (table.address_lo == lo)
        return bool(same[table.local_ip].any())

    def sockets(self, matching: str | None = None, owners: Owners | None = None) -> SocketColumns:
        """Return the quadruplets as columns, also those in TIME-WAIT but no listeners.

        ``matching`` is a filter as the dashboard has it. Raises FilterError for one that cannot
        be read.
        """
        from tui.analysis.columns import chosen_rows, columns  # they need this module

        by_inode = {} if owners is None else owners.by_inode
        return columns(self, chosen_rows(self, matching), by_inode)

    @property
    def age(self) -> float:
        """Seconds between the reading of the table and this frame."""
        return self.reading.time - self.reading.table_time

    def hold(self, pattern: int) -> Hold:
        """Return how long a pattern's closed connections keep their ports."""
        return self.hold_with(reuse=bool(self.patterns.reuse[pattern]))

    def hold_with(self, *, reuse: bool) -> Hold:
        """Return how long ports are kept where tcp_tw_reuse applies, or where it does not."""
        return hold(self.rules, reuse=reuse, hz=self.reading.hz or USUAL_HZ)


def judge(reading: Reading, before: Frame | None = None) -> Frame:
    """Draw the conclusions of one reading.

    What follows from the table alone is taken from the frame ``before`` where that has the same
    table and the same rules, as between spaced-out dumps. Only ``proven`` needs one: it is what two
    tables show together.
    """
    table = reading.table
    rules = port_rules(reading.parameters)
    if before is not None and before.table is table and before.rules == rules:
        return replace(before, reading=reading)
    ports = port_space(rules, table)
    patterns = find_patterns(table, ports, rules, reading.second_ms)
    frame = Frame(
        reading=reading,
        rules=rules,
        ports=ports,
        states=np.bincount(table.state, minlength=STATE_SLOTS),
        patterns=patterns,
        time_wait=time_waits(
            table, patterns.member, patterns.holding, patterns.hold, rules.time_wait_ms
        ),
        remotes=count_remotes(table),
    )
    if before is None:
        return frame
    return replace(frame, proven=before.proven | taken_over(before, frame), compared=True)
