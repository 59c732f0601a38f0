"""Places made by hand, and an app to show them in: no kernel, nothing that changes by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.dashboard.scene import NOON, Stage, StillPoller
from tests.tables import rules
from tui.analysis.frame import Frame, judge
from tui.dashboard.places_app import PlacesApp
from tui.kernel.glance import Glance
from tui.kernel.places import HERE, Place
from tui.watching.outlook import Outlook
from tui.watching.overview import Identity, Overview
from tui.watching.watch import Watch

HOME = Place(Path("/proc"), "web-1", "host", 1, HERE, key=1, pid=1, words=("host",))


def place(number: int, name: str, kind: Any = "pod", **more: Any) -> Place:
    """Return a place that is none of this machine's."""
    root = Path(f"/no/{number}")
    return Place(root, name, kind, number, root / "ns/net", key=number, pid=number, **more)


class Machine(Overview):
    """A machine whose places and tables are given."""

    def __init__(self) -> None:
        super().__init__(cpu_share=1e9)
        self.glances: dict[Place, Glance] = {}
        self.frames: dict[Place, Frame] = {}
        """Of those that are dumped."""
        self._taken: dict[int, Frame] = {}  # kept, or another would get its number

    def put(self, where: Place, sockets: int | None, frame: Frame | None = None) -> None:
        """Have a place with so many sockets, dumped where there is a frame."""
        ports = rules(32_768, 33_767) if frame is None else frame.rules
        self.glances[where] = Glance(where, sockets, sockets, ports)
        self.frames.pop(where, None)
        if frame is not None:
            self.frames[where] = judge(replace(frame.reading, place=where))

    def poll(self) -> tuple[Outlook, ...]:
        """Return them all, as they are at NOON."""
        return tuple(replace(one, time=NOON + 3) for one in super().poll())

    def _look(self, now: float) -> list[Glance]:
        return list(self.glances.values())

    def _dump(self, glances: Iterable[Glance], now: float) -> set[Identity]:
        for where, frame in self.frames.items():
            if not self.is_sampled(where) and id(frame) not in self._taken:
                self._taken[id(frame)] = frame
                self._follow(where).watch.take(frame.reading)
        return set()


class PlacesStage(Stage):
    """The app under test, its pilot and its machine."""

    app: PlacesApp
    machine: Machine

    async def look(self) -> None:
        """Let the app look around once more."""
        before = self.app._newest
        self.app._look_around()
        await self.until(lambda: self.app._newest is not before, "a look around")
        await self.pilot.pause()


def app_of(machine: Machine, **more: Any) -> PlacesApp:
    """Return the app that begins in HOME; its threads never poll by themselves."""
    app = PlacesApp(
        StillPoller(),
        Watch(),
        home=HOME,
        around=machine,
        open_poller=lambda *_: StillPoller(),
        **more,
    )
    app._around.start = lambda: None  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def places_stage(
    machine: Machine, *frames: Frame, size: tuple[int, int] = (120, 40), **more: Any
) -> AsyncIterator[PlacesStage]:
    """Run the app in a terminal of this size, showing these frames of its own place."""
    app = app_of(machine, **more)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        on = PlacesStage(app, pilot)
        on.machine = machine
        await on.show(*(judge(replace(frame.reading, place=HOME)) for frame in frames))
        await on.look()
        yield on
