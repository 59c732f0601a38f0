"""Where loads run that somebody watches: in a process of their own, over a line to it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal

from tui.kernel import namespaces
from tui.lab import namespace
from tui.lab.load import Load
from tui.lab.outcome import Outcome
from tui.lab.process import Child, ChildError, raise_file_limit
from tui.lab.refusal import Unavailable, why_refused
from tui.lab.server import serve, set_name
from tui.lab.workload import Workload
from tui.stage.scenarios import Scenario, Step

TICK_SECONDS = 0.25
"""Between two outcomes."""
CLIENTS = "twtop-clients"
"""What the process of the clients is called."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The load begins now."""


class Stage:
    """A load that runs in another process, seen and steered from this one.

    Its methods are for one thread, and one that lasts: the load ends with it.
    """

    def __init__(self) -> None:
        self.scenario: Scenario | None = None
        """What is played, None for a load against a server of the user's."""
        self._child: Child | None = None

    def play(self, scenario: Scenario) -> None:
        """End what is played, and begin a scenario in a new network namespace; Ready follows."""
        self._start(Child(_play, scenario))
        self.scenario = scenario

    def run(self, plan: Workload) -> None:
        """Run a load in this network namespace; Ready follows."""
        self._start(Child(_run, plan))

    def _start(self, child: Child) -> None:
        self.close()
        child.name = "the process of the clients"
        self._child = child

    def fileno(self) -> int:
        """The descriptor that is readable when there is something to receive."""
        assert self._child is not None
        return self._child.connection.fileno()

    @property
    def pid(self) -> int:
        """The process of the clients."""
        assert self._child is not None
        return self._child.process.pid

    def receive(self) -> Ready | Outcome:
        """Return what the load says next. Raises ChildError when it cannot go on."""
        assert self._child is not None
        return self._child.receive()  # type: ignore[no-any-return]

    def enter(self) -> None:
        """Move this thread into the network namespace of the scenario.

        Raises ChildError when that has ended.
        """
        assert self._child is not None
        try:
            network = namespaces.open_network(self.pid)
        except OSError as error:
            raise ChildError(f"{self._child.name} ended: {error.strerror}") from None
        try:
            namespaces.enter(network)
        finally:
            os.close(network)

    def steer(self, setting: Literal["rate", "paused"], value: float | None) -> None:
        """Set how many connections the load makes per second (None: all it can), or halt it."""
        assert self._child is not None
        with suppress(OSError):  # it has ended, which receive() is about to say
            self._child.connection.send((setting, value))

    def close(self) -> None:
        """End the load, and with it all processes and namespaces of its own."""
        if self._child is not None:
            self._child.kill()
            self._child = None


def _play(connection: Connection, scenario: Scenario) -> None:
    """Be the process of a scenario: set the scene, start the server, and be the clients."""
    set_name(CLIENTS)
    raise_file_limit()
    with ExitStack() as scene:
        try:
            namespace.unshare_network()
            namespace.bring_up()
            _set(scenario.sysctls)
        except OSError as error:
            raise Unavailable(why_refused(error)) from error
        far = scene.enter_context(namespace.peer()).inside() if scenario.far else nullcontext()
        with far:
            server = scene.enter_context(Child(serve, scenario.service))
        server.name = "the server's process"
        server.receive()
        reaper = None
        if scenario.kept is not None:
            from tui.stage.reaper import reap  # loads NumPy, for this scenario alone

            reaper = scene.enter_context(Child(reap, *scenario.kept))
            reaper.name = "the process that keeps ports free"
        load = Load(scenario.plan)
        steps = _Steps(load, scenario.steps)
        for _ in _ticks(connection, load):
            steps.follow()
            for child in (server, reaper):
                if child is not None and child.connection.poll():
                    child.receive()


def _run(connection: Connection, plan: Workload) -> None:
    """Be the process of a load against somebody's server."""
    set_name(CLIENTS)
    for _ in _ticks(connection, Load(plan)):
        pass


def _ticks(connection: Connection, load: Load) -> Iterator[None]:
    """Run the load, tell what comes of it, do as told; yields between."""
    connection.send(Ready())
    load.start()
    due = time.monotonic()
    while True:
        connection.send(load.outcome())
        yield
        due = max(due + TICK_SECONDS, time.monotonic())
        while connection.poll(max(due - time.monotonic(), 0)):
            setattr(load, *connection.recv())


class _Steps:
    """The scenario's changes, each made when it is due."""

    def __init__(self, load: Load, steps: tuple[Step, ...]) -> None:
        self._load = load
        self._steps = list(steps)
        self._last = time.monotonic()
        self._said = ""

    def follow(self) -> None:
        load, now = self._load, time.monotonic()
        if load.paused:
            self._last += TICK_SECONDS
        while self._steps and now - self._last >= self._steps[0].after:
            step = self._steps.pop(0)
            self._last += step.after
            _set(step.sysctls)
            load.tuples = tuple(
                (source, target)
                for target in step.targets or dict.fromkeys(to for _, to in load.tuples)
                for source in step.sources or dict.fromkeys(by for by, _ in load.tuples)
            )
            self._said = step.note
        note = self._said
        if self._steps:
            left = max(self._steps[0].after - (now - self._last), 0)
            note += f"{' · ' * bool(note)}in {left:.0f} s: {self._steps[0].note}"
        load.note = note


def _set(sysctls: Mapping[str, object]) -> None:
    for name, value in sysctls.items():
        namespace.sysctl(name, value)
