"""Processes that begin as copies of the one that starts them: no interpreter has to start.

What a short command, a server or a load takes to be there is mostly the start of an interpreter
with its libraries, which whoever starts it has already. What such a process is by itself is tested
in tests/lab/test_process.py and, with all that the demo starts, in tests/e2e.
"""

import gc
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import pairwise
from multiprocessing.connection import Pipe
from typing import Any, NoReturn

from tui.lab.process import Child, run

FAILED = 1
"""How an interpreter ends on what nobody catches."""


class Copy:
    """A copy of this process that does one thing, with what is used of subprocess.Popen."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _do(work)

    def poll(self) -> int | None:
        """How it ended, as soon as it has."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            ends, poll = os.pidfd_open(self.pid), select.poll()  # select() knows none above 1,023
            try:
                poll.register(ends)
                if not poll.poll(None if timeout is None else 1000 * timeout):
                    raise subprocess.TimeoutExpired("a copy", timeout or 0)
            finally:
                os.close(ends)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


def _do(work: Callable[[], object]) -> NoReturn:
    """Nothing of this process is left to be done by the copy, nor to be collected by it."""
    code: object = FAILED
    try:
        gc.freeze()
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else FAILED)


def close_but(*kept: int) -> None:
    """Close all open files but the three streams and these, as a start of another program does."""
    ends = [2, *sorted(kept), os.sysconf("SC_OPEN_MAX")]
    for low, high in pairwise(ends):
        os.closerange(low + 1, high)


def copy_processes() -> None:
    """Have every Child that this process makes from now on, and any that those make, be a copy."""

    def start(child: Any, function: Any, *args: object, **kwargs: object) -> None:
        child.name = function.__name__
        child.connection, theirs = Pipe()
        with theirs:
            child.process = Copy(partial(_be_child, theirs.fileno(), os.getpid()))
        child.connection.send((function, args, kwargs))

    Child.__init__ = start  # type: ignore[method-assign, assignment]


def _be_child(line: int, parent: int) -> None:
    """What Child asks of a process: a session of its own, no input, its end of the line alone."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    close_but(line)
    run(line, parent)
