"""Socket inode → process.

The walk over every /proc/PID/fd is the costliest thing a monitor can do, so it is never part
of a poll. A TIME-WAIT has no inode and so no owner.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tui.kernel.below import read_below
from tui.kernel.printable import printable

SOCKET_LINK = "socket:["
LIVE = "/proc"
MOST_DIGITS = 20
"""An inode has 64 bits at most."""
LONGEST_NAME = 64
"""A program's is cut at 15 (include/linux/sched.h, TASK_COMM_LEN), a kernel worker's here."""
GONE = (errno.ENOENT, errno.ESRCH)


@dataclass(frozen=True, slots=True)
class Process:
    """A process that holds a socket."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name}[{self.pid}]"


NAMED = 3
"""How many unreadable processes are named: without root nearly all there are would be."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Who holds which socket, as far as could be seen."""

    by_inode: Mapping[int, Process]
    denied: int = 0
    """Processes whose descriptors this user may not read: others', when not root."""
    skipped: int = 0
    """Processes that were there, and whose files could not be read for another reason."""
    complete: bool = True
    """False when the deadline ended the walk."""
    held: Mapping[tuple[int, ...], Process] = field(default_factory=dict)
    """Who was seen to hold which pattern (PatternKey), by this walk or by those before it: its
    TIME-WAITs have no inode any more. Empty where nobody has looked before."""
    unreadable: tuple[Process, ...] = ()
    """The first few of the ``denied``."""


def find_owners(root: Path, *, deadline: float = float("inf")) -> Owners:
    """Walk the descriptors of every process under ``root``, until a time.monotonic() deadline.

    Of several processes that share a socket the one with the lowest pid is named. Never
    raises: processes come and go, and those of other users are counted as denied. It changes
    nothing that other threads could see, and a copy of a procfs has no processes.
    """
    owners: dict[int, Process] = {}
    denied = skipped = 0
    unreadable: list[Process] = []
    for pid in _pids(root):
        if time.monotonic() > deadline:
            return Owners(owners, denied, skipped, False, unreadable=tuple(unreadable))
        try:
            inodes = _socket_inodes(f"{root}/{pid}/fd")
            if inodes:
                process = Process(pid, process_name(root, pid))
                for inode in inodes:
                    owners.setdefault(inode, process)
        except PermissionError:
            denied += 1
            if denied <= NAMED:
                unreadable.append(Process(pid, process_name(root, pid)))
        except OSError as error:
            skipped += error.errno not in GONE
    return Owners(owners, denied, skipped, unreadable=tuple(unreadable))


def _pids(root: Path) -> list[int]:
    """Return the processes there are, the lowest pid first.

    psutil is asked of the live /proc alone: it has one procfs for the whole program, which
    belongs to whoever uses psutil besides us.
    """
    if str(root) == LIVE:
        import psutil  # takes longer to load than a short walk does

        if psutil.PROCFS_PATH == LIVE:
            return sorted(psutil.pids())
    try:
        return sorted(int(name) for name in os.listdir(root) if name.isdecimal())  # noqa: PTH208
    except OSError:
        return []


def process_name(root: Path, pid: int) -> str:
    """Return a process's name as the kernel has it. Raises OSError when it cannot be told.

    Not its command line, though that has longer names: programs write there what they are doing,
    passwords among it.
    """
    comm = read_below(f"{root}/{pid}", "comm", LONGEST_NAME + 1).removesuffix(b"\n")
    return printable(os.fsdecode(comm))


def _socket_inodes(directory: str) -> list[int]:
    inodes = []
    for descriptor in os.listdir(directory):  # noqa: PTH208 (hot: no object per descriptor)
        try:
            link = os.readlink(f"{directory}/{descriptor}")  # noqa: PTH115
        except FileNotFoundError:
            continue
        number = link[len(SOCKET_LINK) : -1]
        if link.startswith(SOCKET_LINK) and number.isdecimal() and len(number) < MOST_DIGITS:
            inodes.append(int(number))
    return inodes
