"""What a frame does not know, and what may not be concluded from it then."""

from __future__ import annotations

import numpy as np

from tui.analysis.frame import Frame
from tui.analysis.judgement import SLOW_PERCENT, Level, levels
from tui.analysis.takeovers import TAKEN_OVER
from tui.kernel.counters import bound_at_most
from tui.kernel.sockets import Array, Timer
from tui.kernel.source import missing
from tui.writing.words import joined, plural

COUNTED = {"net/sockstat": "tw", "net/netstat": "ListenDrops"}
"""Files of counters that findings go by, each with one that it always has."""
UNCOUNTED_COPY = "the copy has no sockstat, so nothing tells whether its table is whole"
MANY_TWICE, PART_TWICE = 20, 0.05
"""So many rows of one tuple and port, and such a part of what a tuple holds, are no sockets that
moved while /proc was read (at most 6 were seen)."""
KERNELS_UIDS = 0, 65534
"""What the kernel's own sockets show: root's uid, and the overflow uid in a user namespace."""


def unread(frame: Frame) -> tuple[str, ...]:
    """Return what of the table was not read, or may not have been, a sentence each.

    All counts are minimums then.
    """
    table, notes = frame.table, []
    if not table.complete:
        notes.append("INCOMPLETE: part of the table is missing, so counts are minimums")
    elif not table.complete_known:
        notes.append(UNCOUNTED_COPY)
    if table.bad_lines:
        notes.append(f"{plural(table.bad_lines, 'line')} unreadable, not counted")
    return tuple(notes)


def assumed(frame: Frame) -> str:
    """Return which sysctls could not be read and what stands in for them; empty if all were."""
    rules = frame.rules
    values = {
        "ip_local_port_range": f"{rules.low}–{rules.high}",
        "ip_local_reserved_ports": "none",
        "tcp_tw_reuse": str(rules.reuse_mode),
        "tcp_tw_reuse_delay": f"{rules.reuse_delay_ms} ms",
        "tcp_tw_timeout": f"{rules.time_wait_ms // 1000} s",
        "tcp_timestamps": "on",
    }
    names = [name.rpartition(".")[2] for name in frame.assumed]
    stand_ins = [f"{name} {values[name]}" for name in names]
    return f"ASSUMED, could not be read: {joined(stand_ins)}" if names else ""


def doubts(frame: Frame) -> tuple[str, ...]:
    """Return all that makes the frame's figures doubtful, a sentence each, the gravest first."""
    bound = unlisted(frame) if bound_matters(frame) else ""
    others = mistaken(frame), assumed(frame), bound, unproven(frame), of_devices(frame)
    return tuple(filter(None, (*unread(frame), *others)))


def mistaken(frame: Frame) -> str:
    """Return whose sockets these are, where a procfs was named to see others; else nothing."""
    place = frame.reading.place
    return (
        f"{place.root} shows the network namespace that twtop is in: for that of its process 1 use "
        f"--proc {place.root}/1"
        if place.seen_from_within
        else ""
    )


def unseen_bound(frame: Frame) -> int | None:
    """Return how many ports sockets may take that are only bound and that nothing lists here.

    None where sockstat says nothing of them.
    """
    table = frame.table
    if table.bound_known:
        return 0
    get = frame.counters.get
    inuse = get("inuse", 0) + get("inuse6", 0)
    # The kernel's own (NFS, iSCSI) have an inode as well, so they are told by root's uid alone:
    # what else shows that, as root's services and what nobody has accepted yet, makes it wider.
    kernels = np.count_nonzero((table.timer != Timer.TIME_WAIT) & np.isin(table.uid, KERNELS_UIDS))
    return bound_at_most(inuse, get("alloc"), get("used"), int(kernels) if table.whole else None)


def unlisted(frame: Frame) -> str:
    """Return how many sockets may be bound that nothing lists; empty if none, or not known."""
    unseen = unseen_bound(frame)
    return (
        f"up to {plural(unseen, 'socket')} may be bound to a port without being listed"
        if unseen
        else ""
    )


def bound_matters(
    frame: Frame, percent: float = SLOW_PERCENT, candidates: Array | None = None
) -> bool:
    """Say whether what is bound and not listed could raise a tuple to a percentage, or to the end.

    The tuples are the ``candidates``, indices of patterns, or all outgoing ones; and one that
    nobody uses yet, for there may be no port for it. The percentage is of capacity.
    """
    patterns = frame.patterns
    if candidates is None:
        candidates = np.flatnonzero(patterns.outgoing)
    locked = np.append(patterns.locked[candidates], 0)
    capacity = np.append(patterns.capacity[candidates], frame.ports.capacity)
    fewer = capacity - (unseen_bound(frame) or 0)
    seen, worst = (levels(locked, ports, percent, percent) for ports in (capacity, fewer))
    return bool((seen != worst).any())


def trusted_reuse(
    frame: Frame, percent: float = SLOW_PERCENT, candidates: Array | None = None
) -> list[int]:
    """Return the patterns that are fine only if connect() can take over their TIME-WAITs.

    It can where the peer sent timestamps (net/ipv4/tcp_ipv4.c, tcp_twsk_unique: ts_recent_stamp),
    and no file shows that. So nobody knows while this place has never taken one over (TWRecycled);
    nor once it has, where it can have been another pattern's, until one of this one was seen to be.
    Where that is not counted the sysctls are taken for it. A peer on this host goes by the same
    sysctls. The candidates and the percentage are those of ``bound_matters``.
    """
    patterns, count = frame.patterns, frame.counters.get(TAKEN_OVER)
    reused = np.count_nonzero(patterns.reuse & (patterns.waiting > 0))
    if count is None or (count and reused < 2) or not patterns.reusable.any():
        return []
    if candidates is None:
        candidates = np.flatnonzero(patterns.outgoing)
    capacity = patterns.capacity[candidates]
    hoped, feared = (
        levels(ports[candidates], capacity, percent, percent)
        for ports in (patterns.locked, patterns.in_use)
    )
    return [
        at
        for at in candidates[feared > hoped].tolist()
        if not (_at_home(frame, at) or patterns.key(at) in frame.proven)
    ]


def _at_home(frame: Frame, index: int) -> bool:
    key, loopback = frame.patterns.key(index), frame.rules.reuse_mode == 2
    return loopback or key.local_ip == key.remote_ip or frame.owns(key.remote_ip)


def unproven(frame: Frame, percent: float = SLOW_PERCENT, candidates: Array | None = None) -> str:
    """Return whose ports tcp_tw_reuse may not give back; empty where that would do no harm."""
    found = trusted_reuse(frame, percent, candidates)
    whose = "of this destination" if frame.counters.get(TAKEN_OVER) else "here"
    return (
        f"tcp_tw_reuse was not seen to take over a TIME-WAIT {whose}, so "
        f"{frame.patterns.key(found[0])} may be short of ports: does the peer send timestamps?"
        if found
        else ""
    )


def of_devices(frame: Frame, percent: float = SLOW_PERCENT, candidates: Array | None = None) -> str:
    """Return which alarm may be false as sockets may be bound to devices; empty if none.

    Each device has the ports of a tuple to itself (tui.analysis.devices). Where the table does not
    tell them, as /proc does not, a port that is there twice shows them; without any, a tuple is not
    full before one of its devices is half full. The candidates and the percentage are those of
    ``bound_matters``.
    """
    table, patterns = frame.table, frame.patterns
    if table.device_known or table.duplicates < MANY_TWICE:
        return ""
    if candidates is None:
        candidates = np.flatnonzero(patterns.outgoing)
    locked, capacity = patterns.locked[candidates], patterns.capacity[candidates]
    short = candidates[levels(locked, capacity, percent, percent) > Level.FINE]
    short = short[PART_TWICE * patterns.in_use[short] <= table.duplicates]
    return (
        f"{table.duplicates:,} sockets are listed twice: if they are bound to different devices, "
        f"{frame.patterns.key(int(short[0]))} has more ports than counted; --source sock_diag tells"
        if len(short)
        else ""
    )


def uncounted(frame: Frame) -> tuple[str, ...]:
    """Return the files of counters that every kernel has and that could not be read here."""
    return tuple(name for name, counter in COUNTED.items() if counter not in frame.counters)


def surely_fine(frame: Frame, locked: int, capacity: int, slow: float) -> bool:
    """Say whether so many locked ports of a capacity are fine whatever was not read.

    ``slow`` is a percentage of capacity. Each unreadable line may be one more locked port, and so
    may each socket that is counted by a copy's sockstat and not in its table. Each that is only
    bound, and was not listed, may take a port away.
    """
    table = frame.table
    if not (table.complete and table.complete_known) or frame.assumed or mistaken(frame):
        return False
    capacity -= unseen_bound(frame) or 0
    most = locked + table.bad_lines
    if frame.reading.place.kind == "copy":
        most += sum(missing(table, frame.counters))
    return bool(levels(most, capacity, slow, slow) == Level.FINE)
