"""Socket inode → process, through psutil.

The walk over every /proc/PID/fd is the costliest thing a monitor can do, so it is never part
of a poll. A TIME-WAIT has no inode and so no owner.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

SOCKET_LINK = "socket:["


@dataclass(frozen=True, slots=True)
class Process:
    """A process that holds a socket."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name}[{self.pid}]"


@dataclass(frozen=True, slots=True)
class Owners:
    """Who holds which socket, as far as could be seen."""

    by_inode: Mapping[int, Process]
    denied: int = 0
    """Processes whose descriptors this user may not read: others', when not root."""
    complete: bool = True
    """False when the deadline ended the walk."""


def find_owners(root: Path, *, deadline: float = float("inf")) -> Owners:
    """Walk the descriptors of every process under ``root``, until a time.monotonic() deadline.

    Of several processes that share a socket the one with the lowest pid is named. Never
    raises: processes come and go, and those of other users are counted as denied.
    """
    before, psutil.PROCFS_PATH = psutil.PROCFS_PATH, str(root)
    try:
        return _walk(root, deadline)
    finally:
        psutil.PROCFS_PATH = before


def _walk(root: Path, deadline: float) -> Owners:
    owners: dict[int, Process] = {}
    denied = 0
    for pid in _pids():
        if time.monotonic() > deadline:
            return Owners(owners, denied, complete=False)
        try:
            inodes = _socket_inodes(f"{root}/{pid}/fd")
            if inodes:
                process = Process(pid, _printable(psutil.Process(pid).name()))
                for inode in inodes:
                    owners.setdefault(inode, process)
        except (PermissionError, psutil.AccessDenied):
            denied += 1
        except (OSError, psutil.Error):
            continue
    return Owners(owners, denied)


def _pids() -> list[int]:
    try:
        return sorted(psutil.pids())
    except (OSError, IndexError):  # psutil takes the first of a procfs without processes
        return []


def _printable(name: str) -> str:
    """Replace what a terminal would act on or could not show: anyone can name a process so."""
    return "".join(character if character.isprintable() else "?" for character in name)


def _socket_inodes(directory: str) -> list[int]:
    inodes = []
    for descriptor in os.listdir(directory):  # noqa: PTH208 (hot: no object per descriptor)
        try:
            link = os.readlink(f"{directory}/{descriptor}")  # noqa: PTH115
        except FileNotFoundError:
            continue
        if link.startswith(SOCKET_LINK):
            inodes.append(int(link[len(SOCKET_LINK) : -1]))
    return inodes
