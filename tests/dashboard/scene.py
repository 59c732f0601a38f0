"""Frames made by hand, and an app to show them in: no kernel, no clock, no thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from textual.pilot import Pilot

from tests.patience import Patience
from tests.tables import PLACE, Sock, table
from tui.analysis.frame import Frame, judge
from tui.dashboard.app import TwtopApp
from tui.dashboard.polling import Sampled
from tui.findings.baseline import Baseline
from tui.findings.config import Config
from tui.kernel.parameters import Parameter
from tui.kernel.processes import Owners
from tui.kernel.refusals import Refusals
from tui.kernel.sockets import State, TableError, Timer
from tui.kernel.source import Reading
from tui.watching.refused import Counting
from tui.watching.view import View
from tui.watching.watch import Watch

NOON = 1_750_000_000.0
"""The frozen clock."""


def between(
    local: str,
    remote: str,
    state: State = State.ESTABLISHED,
    left: float = 0.0,
    *,
    inode: int = 0,
) -> Sock:
    """Return a socket between two endpoints written ``ip:port``; ``left`` of TIME-WAIT in s."""
    near, near_port = local.rsplit(":", 1)
    far, far_port = remote.rsplit(":", 1)
    return Sock(
        near.strip("[]"),
        int(near_port),
        far.strip("[]"),
        int(far_port),
        state,
        Timer.TIME_WAIT if state is State.TIME_WAIT else Timer.NONE,
        round(left * 1000),
        uid=1000,
        inode=inode,
    )


def frame_of(
    socks: Iterable[Sock],
    *,
    at: float = 0.0,
    ports: str = "32768 33767",
    reuse: int = 0,
    age: float = 0.0,
    **more: object,
) -> Frame:
    """Return the frame of a host with these sockets, ``at`` seconds past noon."""
    found = replace(table(*socks), **more)  # type: ignore[arg-type]
    parameters = (
        Parameter("net.ipv4.ip_local_port_range", ports, "32768 60999", "Ports to choose from."),
        Parameter("net.ipv4.ip_local_reserved_ports", "", "", "Ports never chosen."),
        Parameter("net.ipv4.tcp_timestamps", "1", "1", "Reuse needs them."),
        Parameter("net.ipv4.tcp_tw_reuse_delay", "1000", "1000", "Age before reuse."),
        Parameter("net.ipv4.tcp_tw_reuse", str(reuse), "2", "Reuse of TIME-WAIT by connect()."),
        Parameter("net.ipv4.tcp_fin_timeout", "60", "60", "Not TIME-WAIT's length."),
    )
    waiting = int((found.state == State.TIME_WAIT).sum())
    reading = Reading(
        place=PLACE,
        table=found,
        parameters=parameters,
        counters={"tw": waiting},
        kind="proc",
        read_seconds=0.0123,
        table_time=NOON + at - age,
        time=NOON + at,
    )
    return judge(reading)


def waits(
    count: int, remote: str, *, local: str = "10.0.0.5", first: int = 32768, left: float = 30.0
) -> list[Sock]:
    """Return so many TIME-WAITs toward one destination, from adjacent ports."""
    return [between(f"{local}:{first + n}", remote, State.TIME_WAIT, left) for n in range(count)]


def opened(count: int, remote: str, *, local: str = "10.0.0.5", first: int = 40000) -> list[Sock]:
    """Return so many established sockets, with inodes that are their ports."""
    return [
        between(f"{local}:{first + n}", remote, State.ESTABLISHED, inode=first + n)
        for n in range(count)
    ]


DATABASE, CACHE = "10.0.0.9:5432", "10.0.0.10:6379"


def busy(database: int = 600, cache: int = 90, *, at: float = 0.0, **more: object) -> Frame:
    """Return a proxy: TIME-WAITs toward a database and a cache, and incoming connections."""
    socks = [
        between("0.0.0.0:8443", "0.0.0.0:0", State.LISTEN, inode=1),
        *(
            wait
            for age in range(60)
            for wait in waits(
                database // 60, DATABASE, first=32768 + age * (database // 60), left=59.5 - age
            )
        ),
        *waits(cache, CACHE, left=20.5),
        *opened(12, DATABASE, first=33700),
        *(between("10.0.0.5:8443", f"10.0.0.77:{50000 + n}", inode=9000 + n) for n in range(25)),
        between("[2001:db8::10]:33000", "[2001:db8::20]:9090", State.CLOSE_WAIT, inode=77),
    ]
    return frame_of(socks, at=at, **more)  # type: ignore[arg-type]


class StillPoller:
    """Never polls: frames come from the test."""

    over = threading.Event()
    """Set when a test has ended: a thread that waited on would keep its whole app in memory."""

    def __init__(self) -> None:
        self.interval = 1.0

    def poll(self) -> View:
        """Wait until the test is over, as for a kernel that does not answer."""
        self.over.wait()
        raise TableError("the test is over")


async def settled(pilot: Pilot[None]) -> None:
    """Wait until what was done has come to its end: threads, and the moment that is gone to."""
    turning = True
    while turning:
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        turning = getattr(pilot.app, "_turning", False)


class Stage:
    """The app under test and its pilot."""

    def __init__(self, app: TwtopApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def show(self, *frames: Frame) -> None:
        """Let polls end with these frames, each once the one before is on screen."""
        for frame in frames:
            view = self.app.watched.take(frame.reading)
            self.app.keep(view, self.app.memory)
            self.app.post_message(Sampled(self.app.poller, view))
            await self.pilot.pause()

    async def see(self, *frames: Frame) -> None:
        """Let polls end with these so fast that only the last one comes on screen."""
        for frame in frames[:-1]:
            self.app.keep(self.app.watched.take(frame.reading), self.app.memory)
        await self.show(*frames[-1:])

    async def fail(self, reason: str) -> None:
        """Let a poll fail."""
        self.app.post_message(Sampled(self.app.poller, None, reason))
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys, and let what they cause happen."""
        await self.pilot.press(*keys)
        await settled(self.pilot)

    async def type(self, text: str) -> None:
        """Type a text, character by character."""
        await self.press(*(KEYS.get(character, character) for character in text))

    async def until(self, done: Callable[[], object], what: str) -> None:
        """Wait until this is true. Raises AssertionError, with what was waited for."""
        patience = Patience()
        while not done():
            if patience.is_over:
                raise AssertionError(f"waited {patience} for {what}:\n{self.text()}")
            await self.pilot.pause()
            await asyncio.sleep(0.005)

    @property
    def toasts(self) -> list[tuple[str, str, str]]:
        """The severity, title and text of each toast that is shown."""
        return [(one.severity, one.title, one.message) for one in self.app._notifications]

    def text(self) -> str:
        """Return what stands on the screen, line by line."""
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)

    def line(self, part: str) -> str:
        """Return the line of the screen in which a text stands."""
        for line in self.text().splitlines():
            if part in line:
                return line
        raise AssertionError(f"{part!r} is not on the screen:\n{self.text()}")


KEYS = {
    " ": "space",
    ">": "greater_than_sign",
    "<": "less_than_sign",
    "%": "percent_sign",
    "/": "slash",
    ".": "full_stop",
    ":": "colon",
    "-": "minus",
    "_": "underscore",
    "=": "equals_sign",
}


@asynccontextmanager
async def stage(
    *frames: Frame,
    size: tuple[int, int] = (120, 40),
    owners: Owners | None = None,
    config: Config | None = None,
    baseline: Baseline | None = None,
    start_counting: Callable[[], Counting] = Refusals,
    recordings: Path | None = None,
) -> AsyncIterator[Stage]:
    """Run the app in a terminal of this size, showing these frames one after the other."""
    watch = Watch(config, baseline)
    place = "web-1  netns 4026531840"
    app = TwtopApp(
        StillPoller(), watch, place=place, start_counting=start_counting, recordings=recordings
    )
    if (found := owners) is not None:
        watch.look_for_owners(lambda: found)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        on = Stage(app, pilot)
        await on.show(*frames)
        yield on
