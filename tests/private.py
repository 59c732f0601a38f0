"""Functions called in private network namespaces, for tests that ask the kernel."""

from __future__ import annotations

import gc
import pickle
import select
import socket
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from pyroute2 import IPRoute

from tests.copied import copy_processes
from tui.lab import namespace
from tui.lab.namespace import IFA_F_NODAD
from tui.lab.outcome import Outcome
from tui.lab.process import Child, raise_file_limit
from tui.lab.sockets import family
from tui.stage.stage import Stage

P = ParamSpec("P")
T = TypeVar("T")

CALL_SECONDS = 120


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
        if self._child is None or self._child.process.poll() is not None:
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
            raise RuntimeError(f"the lab ended with {self._child.process.wait()}") from None
        if error is not None:
            error.add_note(trace)
            raise error
        return result


def at_once(*calls: Callable[[], T]) -> list[T]:
    """What each returns, called at the same time as the others, each in a namespace of its own.

    For what takes its time in the kernel, and hardly any on the processor. What one of them
    raises is raised here, once all have ended.
    """

    def alone(call: Callable[[], T]) -> T:
        with Lab() as lab:  # its process ends with the thread that started it
            return lab.call(call)

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(alone, calls))


def _answer_calls(connection: Connection) -> None:
    """Answer calls until the other end closes."""
    raise_file_limit()
    copy_processes()
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


def newest(stage: Stage) -> Outcome:
    """The newest outcome of a stage's load, waiting for one."""
    while True:
        message = stage.receive()
        if isinstance(message, Outcome) and not select.select([stage.fileno()], [], [], 0)[0]:
            return message


def has_sysctl(name: str) -> bool:
    """Whether this kernel has net.<name>."""
    return Path("/proc/sys/net", name.replace(".", "/")).exists()


def add_addresses(*addresses: str) -> None:
    """Give lo further addresses."""
    with IPRoute() as links:
        lo = links.link_lookup(ifname="lo")[0]
        for address in addresses:
            kind = {"prefixlen": 128, "flags": IFA_F_NODAD} if ":" in address else {"prefixlen": 32}
            links.addr("add", index=lo, address=address, **kind)


def silence(ip: str) -> None:
    """Have what goes to this address of the veth's network reach a peer that has not got it."""
    with IPRoute() as links:
        near = links.link_lookup(ifname="near")[0]
        links.neigh("add", dst=ip, lladdr=namespace.FAR_MAC, ifindex=near, state="permanent")


def source_of(ip: str) -> str:
    """The address connect() takes for its own when none is bound."""
    with socket.socket(family(ip), socket.SOCK_DGRAM) as probe:
        probe.connect((ip, 9))
        found: str = probe.getsockname()[0]
    return found
