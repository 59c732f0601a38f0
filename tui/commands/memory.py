"""What the C library's allocator keeps of the memory that is free.

NumPy's columns come and go with each dump, in the sampler's thread and beside those of the screen.
glibc has an arena for each thread and gives nothing back but from an arena's end, so over 30,000
churning sockets a dashboard came to hold 15 MB that nothing is in, and a little more each minute.
Columns in pages of their own leave no such holes.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

from tui.watching.sampler import Cycle

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""malloc.h"""
PAGES_FROM = 1 << 16
"""Bytes from which on a block has pages of its own, which go back at once: a column of 30,000
sockets, and nothing that a screen is made of. Left alone, glibc raises it to the greatest yet."""
GIVE_BACK_SECONDS = 10.0
"""Between two times; each takes half a millisecond."""


def keep_little() -> None:
    """Have this process share one arena and give back what is free in it; columns go back at once.

    To be called before there are other threads. Without effect where the C library has no such
    functions, as musl.
    """
    libc = ctypes.CDLL(None)
    with suppress(AttributeError):
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_THRESHOLD, PAGES_FROM)
        trim = libc.malloc_trim
        Cycle(lambda: trim(0), GIVE_BACK_SECONDS, "twtop-memory").start()
