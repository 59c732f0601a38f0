"""Processes of the lab: each runs one function, and ends with whoever started it."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from tui.lab import namespace

P = ParamSpec("P")
T = TypeVar("T")

OPEN_FILES = 60_000
STOP_SECONDS = 2


class ChildError(Exception):
    """A process of the lab failed or ended; the message says how."""


class Child:
    """A process that runs `function(connection, *args)` in this process's namespaces.

    The function must be importable, and it and its arguments go through pickle. The process is
    killed when the thread that made it ends, so make it in one that lasts. `connection` is this
    end of the line between the two.
    """

    def __init__(
        self,
        function: Callable[Concatenate[Connection, P], None],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> None:
        self.name = function.__name__
        """What to call it in a message; may be set."""
        self.connection, theirs = Pipe()
        with theirs:
            fd = theirs.fileno()
            own = __name__.rpartition(".")[0]  # twtop.lab where it was loaded as that
            self.process = subprocess.Popen(
                # -P: whatever lies in the current directory is not to be run, least by root.
                [sys.executable, "-P", "-m", own, str(fd), str(os.getpid())],
                pass_fds=[fd],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is for the one who started this
                # NumPy's thread pool would only get in the way of unshare.
                env=os.environ
                | {
                    "OPENBLAS_NUM_THREADS": "1",
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )
        self.connection.send((function, args, kwargs))

    def receive(self) -> Any:
        """What it sends next. Raises ChildError when it failed, ended or was killed."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            code = self.process.wait()
            how = (
                f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
            )
            raise ChildError(f"{self.name} {how}") from None
        if isinstance(message, ChildError):
            raise ChildError(f"{self.name} failed: {message}")
        return message

    def kill(self) -> None:
        """End it at once, and with it all that it started."""
        self.process.kill()
        self.process.wait()
        self.connection.close()

    def stop(self) -> None:
        """Hang up, give it a moment to end, and then kill it."""
        self.connection.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def run(fd: int, parent: int) -> None:
    """Be the child: do what the first message says."""
    namespace.die_with(parent)
    with Connection(fd) as connection:
        function, args, kwargs = connection.recv()
        try:
            function(connection, *args, **kwargs)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return  # nobody listens any more
        except Exception as error:
            # The terminal belongs to whoever started this, so nothing may be printed there.
            with suppress(OSError):
                connection.send(ChildError(str(error) or repr(error)))
            sys.exit(1)


def raise_file_limit() -> None:
    """Allow this process OPEN_FILES open files, or as many as it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, max(hard, OPEN_FILES)))
        except (OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
