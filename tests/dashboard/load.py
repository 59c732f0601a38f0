"""A load that never was, for an app to show and to steer."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from tests.dashboard.scene import Stage as Scene
from tests.dashboard.scene import StillPoller
from tui.dashboard.polling import Poller
from tui.dashboard.stage_app import StageApp
from tui.lab.outcome import Latency, Outcome
from tui.lab.process import ChildError
from tui.lab.workload import Workload
from tui.stage.scenarios import SCENARIOS, Scenario
from tui.stage.stage import Ready, Stage
from tui.watching.watch import Watch

CALM = Outcome(
    0.0,
    8.0,
    attempted=412,
    connected=412,
    connected_per_second=50.0,
    latency=Latency(18e-6, 41e-6, 50e-6),
    overall=Latency(18e-6, 41e-6, 50e-6),
    rate=50,
    tuples=((None, ("127.0.0.1", 5432)),),
)


class FakeStage(Stage):
    """Says what the test wants, and notes what it is told."""

    def __init__(self, name: str | None = "exhaustion") -> None:
        super().__init__()
        self.scenario = None if name is None else SCENARIOS[name]
        self.told: list[object] = []
        self._messages: deque[Ready | Outcome | ChildError] = deque()
        self._read, self._write = os.pipe()

    @property
    def pid(self) -> int:
        return 4711

    @property
    def unheard(self) -> int:
        """How much of what it said nobody has taken yet."""
        return len(self._messages)

    def say(self, message: Ready | Outcome | ChildError) -> None:
        """Let the load say something."""
        self._messages.append(message)
        os.write(self._write, b"!")

    def play(self, scenario: Scenario) -> None:
        self.close()
        self._read, self._write = os.pipe()
        self._messages.clear()
        self.scenario = scenario
        self.told.append(scenario.name)

    def run(self, plan: Workload) -> None:
        raise NotImplementedError

    def fileno(self) -> int:
        return self._read

    def receive(self) -> Ready | Outcome:
        os.read(self._read, 1)
        message = self._messages.popleft()
        if isinstance(message, ChildError):
            raise message
        return message

    def enter(self) -> None:
        self.told.append("enter")

    def steer(self, setting: Literal["rate", "paused"], value: float | None) -> None:
        self.told.append((setting, value))

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


class Theatre(Scene):
    """A scene with a load."""

    def __init__(self, scene: Scene, load: FakeStage) -> None:
        super().__init__(scene.app, scene.pilot)
        self.load = load

    async def hear(self, *messages: Ready | Outcome | ChildError) -> None:
        """Let the load say this."""
        for message in messages:
            self.load.say(message)
            await self.until(lambda: not self.load.unheard, f"the load's {message} to be heard")
        await self.pilot.pause()


def open_poller(watch: Watch) -> tuple[Poller, str]:
    return StillPoller(), "web-1  netns 4026531840"


@asynccontextmanager
async def theatre(
    load: FakeStage | None = None, *, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Theatre]:
    """Run the app over a load in a terminal of this size."""
    load = load or FakeStage()
    app = StageApp(load, open_poller, most_rate=2000)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        yield Theatre(Scene(app, pilot), load)
    load.close()
