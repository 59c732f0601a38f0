"""Mounts that nobody else sees, so that network namespaces have names for a while."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from pathlib import Path

from tui.kernel.namespaces import LIBC, system
from tui.lab.refusal import Unavailable, why_refused

CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
COVERED = ("/mnt", "/media", "/srv")
"""Folders that every system has (hier(7)) and few use: one is covered, for this process alone."""


def name_networks(processes: Mapping[str, int]) -> None:
    """Give the network namespaces of these processes names, as `ip netns` does.

    Only this thread and what it starts see them, and they are gone with it: nothing is left, and
    no folder made. Raises Unavailable.
    """
    try:
        folder = next(folder for folder in map(Path, COVERED) if folder.is_dir())
        system("unshare", CLONE_NEWNS)
        _mount("none", "/", "none", MS_REC | MS_PRIVATE)
        _mount("twtop", str(folder), "tmpfs", 0)
        for name, pid in processes.items():
            (folder / name).touch()
            _mount(f"/proc/{pid}/ns/net", str(folder / name), "none", MS_BIND)
    except OSError as error:
        raise Unavailable(why_refused(error)) from error
    except StopIteration:
        raise Unavailable(f"there is none of {', '.join(COVERED)} to put names into") from None


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    flag = ctypes.c_ulong(flags)
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), flag, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"mount: {os.strerror(number)}")
