"""Connection after connection, until the wall, the end or a signal."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from tui.analysis.frame import Frame
from tui.lab.load import Load
from tui.lab.outcome import Outcome
from tui.simulate.held import Held, total
from tui.simulate.reading import Reader, server_counters
from tui.simulate.signals import answered
from tui.simulate.surroundings import Evidence, Surroundings, risen
from tui.simulate.target import accept_queues, can_connect_from

TICK_SECONDS = 0.25
"""Between two looks at how it goes."""
STOP_SECONDS = 0.5
"""How long a signal leaves the clients to end what they are at."""
SETTLE_SECONDS = 1.0
"""How long held connections may take to close."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Show = Callable[[Outcome, Sequence[Held]], None]
"""Shows how it goes."""


class StartError(Exception):
    """The clients could not be started; the text says why."""


def run(situation: Surroundings, reader: Reader, show: Show) -> Evidence:
    """Make the connections, for which ``situation`` is as of now, and see what comes of it.

    Raises StartError, and TableError when the kernel's tables cannot be read afterwards.
    """
    target, frame = situation.target, situation.frame
    server_before = server_counters(target)
    load = Load(situation.plan)
    stop = _Stop(load)
    with answered(SIGNALS, stop):
        try:
            load.start()
        except RuntimeError as error:  # "can't start new thread"
            load.stop()
            raise StartError(f"{error}; try a lower --concurrency") from None
        while not (ended := load.ended.wait(TICK_SECONDS)) and stop.name is None:
            frame = reader.read_if_due() or frame
            show(load.outcome(), situation.held(frame))
        if not ended:
            load.ended.wait(STOP_SECONDS)
        return conclude(situation, reader, load.outcome(), server_before, stop.name)


def conclude(
    situation: Surroundings,
    reader: Reader,
    outcome: Outcome,
    server_before: Mapping[str, int],
    stopped_by: str | None,
) -> Evidence:
    """Return what can be seen at the end. Raises TableError."""
    target, root = situation.target, situation.target.server_root
    server_events = None if root is None else risen(server_before, server_counters(target))
    failure, timed_out = outcome.first_failure, "ETIMEDOUT" in outcome.errors
    queues = accept_queues(root, target.port) if root is not None and timed_out else []
    frame = _settled(situation, reader)
    return Evidence(
        situation=situation,
        outcome=outcome,
        frame=frame,
        seconds=outcome.worked,
        events=risen(situation.frame.counters, frame.counters),
        server_events=server_events,
        accept_queue=max(queues, default=None),
        stopped_by=stopped_by,
        sourceless=failure is not None and not can_connect_from(failure.source, target),
    )


def _settled(situation: Surroundings, reader: Reader) -> Frame:
    """Return what is left when held connections, which all close at once, have done so."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        frame = reader.read()
        held = total(situation.held(frame))
        if (
            not situation.hold
            or held.use.in_use == held.use.time_wait
            or time.monotonic() > deadline
        ):
            return frame
        time.sleep(SETTLE_SECONDS / 10)


class _Stop:
    """The signal that asked to stop; a second Ctrl-C does not wait for the summary."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self.name: str | None = None

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.name is not None:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            return
        self.name = signal.Signals(number).name
        self._load.stop()
