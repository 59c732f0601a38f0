"""A process that runs functions, each in a network namespace of its own."""

import gc
import os
import pickle
import resource
import subprocess
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from tests.lab import namespace

P = ParamSpec("P")
T = TypeVar("T")

ROOT = Path(__file__).parents[2]
CALL_SECONDS = 120
OPEN_FILES = 60_000


class Unavailable(Exception):  # noqa: N818 - a state of the machine, not a mistake
    """Private network namespaces cannot be had here; the message says why."""


class Lab:
    """Runs functions in private network namespaces; everything made there ends with them.

    The functions must be importable, and they, their arguments and results go through pickle.
    """

    def __init__(self, user_namespace: bool = False) -> None:
        """`user_namespace` takes the rootless way in even where root needs none."""
        self._user_namespace = user_namespace
        self._worker: _Worker | None = None

    def __enter__(self) -> Self:
        try:
            self.call(_nothing)
        except (OSError, subprocess.SubprocessError) as error:
            self.__exit__()
            raise Unavailable(f"no private network namespace here: {error}") from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The function's result, called in a fresh namespace; what it raises is raised here."""
        if self._worker is None or not self._worker.alive:
            self.__exit__()
            self._worker = _Worker()
            self._worker.ask(namespace.gain_privileges, self._user_namespace)
        result: T = self._worker.ask(_privately, function, *args, **kwargs)
        return result


class _Worker:
    """The process and the line to it."""

    def __init__(self) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            fd = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.lab", str(fd), str(os.getpid())],
                pass_fds=[fd],
                cwd=ROOT,
                # NumPy's thread pool would only get in the way of unshare and fork.
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            )

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, function: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        self._connection.send((function, args, kwargs))
        if not self._connection.poll(CALL_SECONDS):
            self._process.kill()
            raise TimeoutError(f"{function} did not return in {CALL_SECONDS} s")
        try:
            result, error, trace = self._connection.recv()
        except EOFError:
            raise RuntimeError(f"the lab ended with {self._process.wait()}") from None
        if error is not None:
            error.add_note(trace)
            raise error
        return result

    def stop(self) -> None:
        self._connection.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def serve(fd: int, parent: int) -> None:
    """Answer calls until the other end closes or the parent dies."""
    namespace.die_with(parent)
    _raise_file_limit()
    with Connection(fd) as connection:
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


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, max(hard, OPEN_FILES)))
    except (OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
