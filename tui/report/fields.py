"""The fields of what JSON, CSV and exports tell of, in their order."""

from __future__ import annotations

from tui.kernel.sockets import State
from tui.writing.export import Counts

STATES = Counts("states", tuple(state.name for state in State))
"""Sockets by state."""
OTHER_STATES = Counts("states", tuple(name for name in STATES.names if name != "TIME_WAIT"))
"""The same beside a field ``time_wait``, which is the one left out."""
SOCKET_FIELDS = (
    "local_ip",
    "local_port",
    "remote_ip",
    "remote_port",
    "state",
    "timer",
    "remaining_seconds",
    "age_seconds",
    "rx_queue",
    "tx_queue",
    "uid",
    "inode",
    "process",
)
"""Of a quadruplet."""
PATTERN_FIELDS = (
    "direction",
    "local_ip",
    "local_port",
    "remote_ip",
    "remote_port",
    OTHER_STATES,
    "time_wait",
    "in_use",
    "capacity",
    "free",
    "reusable",
    "locked",
    "connectable",
    "utilization",
    "process",
)
"""Of a pattern."""
