"""The names of what JSON, CSV and exports have of a thing, in their order.

Apart from the records themselves, so that a help text need not load NumPy.
"""

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
    "states",
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
"""Of a pattern; ``states`` is a mapping."""
