"""Opening what lies below a procfs root.

A copy of a procfs comes from somebody else, perhaps as part of a ticket, and is read as root: it
may have pipes that block, devices that never end, and links to files that are none of its own.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST = 1 << 20
"""No file but the tables is longer: the longest, a list of reserved ports, takes 191 kB."""
USUAL = 1 << 14
"""Nearly all are shorter. Room for more is dear: this process makes it anew for each read, and the
kernel fills as much with zeros before it answers for a sysctl (fs/proc/proc_sysctl.c)."""


def open_below(root: Path | str, name: str) -> int:
    """Open ``root/name`` for reading, and return its descriptor.

    Raises OSError, also for what is no regular file (all of a procfs are), and for a link that
    leads out of ``root``.
    """
    path = f"{root}/{name}"
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            number, what = (
                (errno.EISDIR, os.strerror(errno.EISDIR))
                if stat.S_ISDIR(mode)
                else (errno.EINVAL, "not a regular file")
            )
            raise OSError(number, what, path)
        if not _path(fd).startswith(_resolved(root)):
            raise OSError(errno.EXDEV, f"a link that leads out of {root}", path)
    except OSError:
        os.close(fd)
        raise
    return fd


def read_below(root: Path | str, name: str, most: int = MOST) -> bytes:
    """Return what ``root/name`` has.

    Raises OSError, also where that is more than ``most`` bytes.
    """
    return _read(open_below(root, name), f"{root}/{name}", most)


def read_of_kernel(path: str, most: int = MOST) -> bytes:
    """Return what a file of a live procfs has, at a third of the cost: no link there is anybody's.

    Raises OSError, also where that is more than ``most`` bytes.
    """
    return _read(os.open(path, os.O_RDONLY | os.O_CLOEXEC), path, most)


def _read(fd: int, path: str, most: int) -> bytes:
    try:
        parts: list[bytes] = []
        left, room = most + 1, USUAL
        while left and (part := os.read(fd, min(left, room))):
            if len(part) == room == USUAL < left and not parts:
                # A sysctl answers one read only, and cuts what is longer: so from the start.
                os.lseek(fd, 0, os.SEEK_SET)
                room = left
            else:
                parts.append(part)
                left -= len(part)
    finally:
        os.close(fd)
    if not left:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
    return b"".join(parts)


def _resolved(root: Path | str) -> str:
    """Return the directory's path without links, ending in a slash."""
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _path(fd).rstrip("/") + "/"
    finally:
        os.close(fd)


def _path(fd: int) -> str:
    """Return the path of an open file as the kernel sees it: links are resolved."""
    return os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 (hot)
