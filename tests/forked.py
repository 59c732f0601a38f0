"""twtop as a process of its own that begins as a copy of this one: no interpreter has to start.

Most of what a short command takes is the start of an interpreter with its libraries. Where a test
is about what the command says of the namespace it is in, a copy of the process that is there
already says the same. It has no thread but the one that asks for it, no open file but its three
streams, and none of this process's handlers of signals. What is about starting, stopping or
another user starts the command as a user does; tests/e2e and tests/test_name.py do so throughout.
"""

import gc
import os
import select
import signal
import sys
import traceback
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple, NoReturn

from tests.patience import limit
from tui.cli import asked, cli, start

FAILED = 1
"""How an interpreter ends on what nobody catches."""


class Ended(NamedTuple):
    """What a command returned and wrote."""

    code: int
    out: str
    err: str


def twtop(*arguments: str) -> Ended:
    """Run it here, with nobody to ask. Raises TimeoutError where it does not end."""
    command = cli.commands.get(asked(arguments) or "")
    if command is not None:
        getattr(command, "load", object)()  # here, and once: a copy has it already
    with TemporaryFile() as out, TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            _run(arguments, out, err)
        code = _code_of(pid)
        said = []
        for file in (out, err):
            file.seek(0)
            said.append(file.read().decode())
    return Ended(code, *said)


def _run(arguments: tuple[str, ...], *streams: IO[Any]) -> NoReturn:
    code: object = FAILED
    try:
        gc.freeze()
        for number in (signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nobody = os.open(os.devnull, os.O_RDONLY)
        for stream, fd in enumerate((nobody, *(file.fileno() for file in streams))):
            os.dup2(fd, stream)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - they are for as long as it lasts
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        sys.argv = ["twtop", *arguments]
        start()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else FAILED)


def _code_of(pid: int) -> int:
    """Wait for its end."""
    ends, poll = os.pidfd_open(pid), select.poll()  # select() knows no number above 1,023
    poll.register(ends)
    try:
        if not poll.poll(1000 * limit()):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise TimeoutError(f"twtop did not end in {limit():.0f} s")
    finally:
        os.close(ends)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
