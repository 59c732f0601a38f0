"""A monitoring plugin's answer, also where the process that works it out cannot give one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from tui.commands.output import UNKNOWN, unknown


def supervised(work: Callable[[], object]) -> NoReturn:
    """Run ``work``, which ends by SystemExit, in a child, and end with the code that it told.

    A library that ends the process by itself, a lack of memory, or a crash would tell a monitoring
    system WARNING or OK: without a word from the child the answer is UNKNOWN.
    """
    told, tell = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        unknown(f"cannot start: {error.strerror}")
    if not child:
        _work(work, tell)
    os.close(tell)
    code = os.read(told, 1)
    _, status = os.waitpid(child, 0)
    if code:
        os._exit(code[0])
    ended = os.waitstatus_to_exitcode(status)
    by = signal.Signals(-ended).name if ended < 0 else f"exit code {ended}"
    unknown(f"ended by {by} before it could answer")


def _work(work: Callable[[], object], tell: int) -> NoReturn:
    code: object = UNKNOWN
    try:
        work()
    except SystemExit as end:
        code = end.code or 0
    code = code if isinstance(code, int) else UNKNOWN
    try:
        sys.stdout.flush()
        os.write(tell, bytes([code]))
    finally:
        os._exit(code)  # nothing that would run at exit may change it
