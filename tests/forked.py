"""twtop as a process of its own that begins as a copy of this one: no interpreter has to start.

Most of what a short command takes is the start of an interpreter with its libraries. Where a test
is about what the command says of the namespace it is in, a copy of the process that is there
already says the same. It has no thread but the one that asks for it, no open file but its three
streams, and none of this process's handlers of signals. What is about starting, stopping or
another user starts the command as a user does; tests/e2e and tests/test_name.py do so throughout.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from tempfile import TemporaryFile
from typing import NamedTuple

from tests.copied import Copy, close_but
from tests.patience import limit
from tui.cli import asked, cli, start


class Ended(NamedTuple):
    """What a command returned and wrote."""

    code: int
    out: str
    err: str


def twtop(*arguments: str, before: Callable[[], None] | None = None) -> Ended:
    """Run it here, with nobody to ask. Raises TimeoutError where it does not end.

    `before` is done in the copy first, as subprocess has it with preexec_fn.
    """
    command = cli.commands.get(asked(arguments) or "")
    if command is not None:
        getattr(command, "load", object)()  # here, and once: a copy has it already
    with TemporaryFile() as out, TemporaryFile() as err:
        copy = Copy(partial(_run, arguments, before, out.fileno(), err.fileno()))
        try:
            code = copy.wait(limit())
        except subprocess.TimeoutExpired:
            copy.kill()
            copy.wait()
            raise TimeoutError(f"twtop did not end in {limit():.0f} s") from None
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return Ended(code, *said)


def _run(arguments: tuple[str, ...], before: Callable[[], None] | None, out: int, err: int) -> None:
    for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream, fd in enumerate((os.open(os.devnull, os.O_RDONLY), out, err)):
        os.dup2(fd, stream)
    close_but()
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - they are for as long as it lasts
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = ["twtop", *arguments]
    if before is not None:
        before()
    start()
