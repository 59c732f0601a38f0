"""What else than ports can run out: descriptors, TIME-WAIT buckets, conntrack entries."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass

from tui.kernel.source import Reading
from tui.lab.workload import MOST_PENDING

SPARE_FILES = 64
"""For what is not a connection."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many there may be, and how many there are; None where the kernel does not say."""

    files: int
    """RLIMIT_NOFILE, soft: the descriptors that this process may have."""
    files_hard: int
    files_open: int = 0
    buckets: int | None = None
    """tcp_max_tw_buckets."""
    time_waits: int = 0
    """TIME-WAITs of the namespace, FIN_WAIT2 mini-sockets among them, as the kernel counts."""
    conntrack: int | None = None
    conntrack_max: int | None = None


def read_limits(reading: Reading) -> Limits:
    """Return the limits of this process and of the place that was read."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    counters = reading.counters
    return Limits(
        files=_finite(soft),
        files_hard=_finite(hard),
        files_open=len(os.listdir("/proc/self/fd")) - 1,  # noqa: PTH208 - and one to list it
        buckets=reading.number("net.ipv4.tcp_max_tw_buckets"),
        time_waits=counters.get("tw", 0),
        conntrack=counters.get("nf_conntrack_count"),
        conntrack_max=counters.get("nf_conntrack_max"),
    )


def allow_files(held: int, clients: int) -> None:
    """Raise the soft limit as far as the connections need it, and as the hard one lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = held + clients * MOST_PENDING + SPARE_FILES
    if _finite(soft) < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, _finite(hard)), hard))


def most_pending(limits: Limits, clients: int) -> int:
    """Return how many descriptors each client may have, so that theirs do not run out first."""
    room = limits.files - limits.files_open - SPARE_FILES
    return max(1, min(MOST_PENDING, room // clients))


def _finite(limit: int) -> int:
    """RLIM_INFINITY is -1; fs.nr_open bounds RLIMIT_NOFILE to some 2 to the power of 30."""
    return 1 << 30 if limit == resource.RLIM_INFINITY else limit
