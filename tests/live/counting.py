"""Count one's own refusals, as a process of its own: `python -m tests.live.counting WAY ENDING`.

WAY is "perf", or "tracefs" to have perf_event_open refused; with the ENDING "hold" it goes on until
it is killed. It prints how many were counted, or what keeps them from being counted.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import time

from tests.live.refused import refused
from tui.kernel.namespaces import LIBC
from tui.kernel.perf import NUMBERS
from tui.kernel.refusals import CountingError, Refusals

TIMES = 5


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def forbid(number: int) -> None:
    """Have a system call fail with EPERM in this process, as a container's profile does."""
    code = ctypes.create_string_buffer(
        b"".join(
            struct.pack("HBBI", *one)
            for one in (
                (0x20, 0, 0, 0),  # ld: the call's number
                (0x15, 0, 1, number),
                (0x06, 0, 0, 0x00050001),  # SECCOMP_RET_ERRNO, EPERM
                (0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
            )
        )
    )
    program = _Program(4, ctypes.addressof(code))
    assert LIBC.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert LIBC.prctl(22, 2, ctypes.byref(program), 0, 0) == 0  # PR_SET_SECCOMP


if __name__ == "__main__":
    if sys.argv[1] == "tracefs":
        forbid(NUMBERS[os.uname().machine])
    try:
        with Refusals() as counting:
            refused("127.0.0.1", TIMES)
            if sys.argv[2] == "hold":
                print("counting", flush=True)
                time.sleep(3600)
    except CountingError as error:
        sys.exit(str(error))
    found = counting.take().refused
    print(sum(count for each, count in found.items() if each.pid == os.getpid()))
