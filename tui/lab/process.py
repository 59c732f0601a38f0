"""Processes of the lab: each runs one function, and ends with whoever started it."""

import gc
import os
import pickle
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from tui.lab import namespace

P = ParamSpec("P")
T = TypeVar("T")

CALL_SECONDS = 120
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
            self._process = subprocess.Popen(
                # -P: whatever lies in the current directory is not to be run, least by root.
                [sys.executable, "-P", "-m", "tui.lab", str(fd), str(os.getpid())],
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

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Its exit code, once it has ended; negative for the signal that killed it."""
        return self._process.wait()

    def receive(self) -> Any:
        """What it sends next. Raises ChildError when it failed, ended or was killed."""
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            raise ChildError(f"{self.name} {_ending(self.wait())}") from None
        if isinstance(message, _Crash):
            raise ChildError(f"{self.name} failed: {message.text}") from None
        return message

    def kill(self) -> None:
        """End it at once, and with it all that it started."""
        self._process.kill()
        self._process.wait()
        self.connection.close()

    def stop(self) -> None:
        """Hang up, give it a moment to end, and then kill it."""
        self.connection.close()
        try:
            self._process.wait(STOP_SECONDS)
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
                connection.send(_Crash(str(error) or repr(error)))
            sys.exit(1)


@dataclass(frozen=True, slots=True)
class _Crash:
    text: str


def _ending(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


class Lab:
    """Runs functions in private network namespaces; everything made there ends with them.

    with Lab() as lab:
        verdict = lab.call(exhaust_a_small_range)

    The functions must be importable, and they, their arguments and results go through pickle.
    Entering raises Unavailable where namespaces are refused.
    """

    def __init__(self, user_namespace: bool = False) -> None:
        """`user_namespace` takes the rootless way in even where root needs none."""
        self._user_namespace = user_namespace
        self._child: Child | None = None

    def __enter__(self) -> Self:
        try:
            self.call(_nothing)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None:
            self._child.stop()
            self._child = None

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result, called in a fresh namespace; what it raises is raised here."""
        if self._child is None or not self._child.alive:
            self.__exit__()
            self._child = Child(_answer_calls)
            self._ask(namespace.gain_privileges, self._user_namespace)
        result: T = self._ask(_privately, function, *args, **kwargs)
        return result

    def _ask(self, function: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        assert self._child is not None
        connection = self._child.connection
        connection.send((function, args, kwargs))
        if not connection.poll(CALL_SECONDS):
            self._child.kill()
            raise TimeoutError(f"{function} did not return in {CALL_SECONDS} s")
        try:
            result, error, trace = connection.recv()
        except EOFError:
            raise RuntimeError(f"the lab ended with {self._child.wait()}") from None
        if error is not None:
            error.add_note(trace)
            raise error
        return result


def _answer_calls(connection: Connection) -> None:
    """Answer calls until the other end closes."""
    raise_file_limit()
    while True:
        try:
            call = connection.recv_bytes()
        except EOFError:
            return
        try:
            function, args, kwargs = pickle.loads(call)
            answer = pickle.dumps((function(*args, **kwargs), None, ""))
        except Exception as error:
            answer = _pickled_error(error, traceback.format_exc())
        connection.send_bytes(answer)


def _privately(function: Callable[..., T], *args: object, **kwargs: object) -> T:
    namespace.unshare_network()
    try:
        namespace.bring_up()
        return function(*args, **kwargs)
    finally:
        gc.collect()  # sockets in a reference cycle would hold on to the namespace
        namespace.unshare_network()  # and so would this process


def _nothing() -> None:
    pass


def _pickled_error(error: Exception, trace: str) -> bytes:
    try:
        pickle.loads(answer := pickle.dumps((None, error, trace)))
    except Exception:
        return pickle.dumps((None, RuntimeError(repr(error)), trace))
    return answer


OPEN_FILES = 60_000


def raise_file_limit(wanted: int = OPEN_FILES) -> int:
    """Allow this process as many open files as wanted, or as it may have; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
        except (OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
