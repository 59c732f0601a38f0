"""The dashboard's keys change what they say, in private namespaces with real sockets."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.acting.scene import HERE, fill, serving, sockets
from tests.acting.test_applying import own_folders
from tests.patience import Patience
from tests.private import Lab
from tui.acting.keeping import kept_in
from tui.acting.settings import RANGE
from tui.analysis.patterns import Direction
from tui.dashboard.app import TwtopApp
from tui.kernel.places import place_at
from tui.kernel.source import Source
from tui.kernel.sysctls import read_value
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch

pytestmark = pytest.mark.live

PROC = Path("/proc")
MADE = 60


def play(steps: Callable[[TwtopApp, Pilot[None]], Awaitable[None]]) -> None:
    """Run the dashboard of this namespace, and have these steps use it."""

    async def run() -> None:
        watch = Watch()
        source = Source(place_at(PROC), "auto", 1)
        app = TwtopApp(Sampler(source, watch.take), watch)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, lambda: app.view is not None, "a view")
            await steps(app, pilot)

    asyncio.run(run())


async def until(pilot: Pilot[None], done: Callable[[], object], what: str) -> None:
    patience = Patience()
    while not done():
        assert not patience.is_over, what
        await pilot.pause(0.02)


async def agree(app: TwtopApp, pilot: Pilot[None]) -> None:
    """Say yes to what is asked, and close the page when it is done."""
    for stage, key in (("asking", "y"), ("ended", "escape")):
        await until(pilot, lambda stage=stage: getattr(app.screen, "stage", "") == stage, stage)  # type: ignore[misc]
        await pilot.press(key)


async def select(app: TwtopApp, pilot: Pilot[None]) -> None:
    """Select the outgoing pattern."""
    assert app.view is not None
    patterns = app.view.frame.patterns
    for index in range(len(patterns)):
        if patterns.direction[index] == Direction.OUTGOING:
            app.dashboard.patterns.select(
                app.dashboard.patterns.rows.find(patterns.key(index)) or 0
            )
    await pilot.pause()


def freed() -> tuple[int, set[str], bool]:
    """Sockets there were, those that are left, and whether they were before."""
    with serving() as server:
        fill(server, HERE, MADE)
        server.connect(HERE)
        before = sockets()

        async def steps(app: TwtopApp, pilot: Pilot[None]) -> None:
            await select(app, pilot)
            await pilot.press("F", "0", "enter")
            await agree(app, pilot)

        play(steps)
        after = sockets()
        return len(before - after), {line.split()[2] for line in after}, after <= before


def test_free_ends_the_time_waits_of_the_pattern_alone(lab: Lab) -> None:
    assert lab.call(freed) == (MADE, {"01", "0A"}, True)


def kept() -> tuple[list[float], int, list[float]]:
    """What is kept while the dashboard keeps it, what is left, and what is kept after its end."""
    below = 10  # percent of 400 ports
    during: list[float] = []
    with serving() as server:
        fill(server, HERE, MADE)

        async def steps(app: TwtopApp, pilot: Pilot[None]) -> None:
            await select(app, pilot)
            await pilot.press("K", *str(below), "enter")
            await agree(app, pilot)
            during.extend(goal.below for goal in kept_in(place_at(PROC)))
            await until(pilot, lambda: app.view is not None and app.view.kept, "its mark")
            assert app.view is not None
            during.extend(goal.below for goal in app.view.kept)

        play(steps)
        left = len(sockets())
        patience = Patience()
        while kept_in(place_at(PROC)) and not patience.is_over:
            pass
        return during, left, [goal.below for goal in kept_in(place_at(PROC))]


def test_keep_is_seen_by_all_and_ends_with_the_dashboard(lab: Lab) -> None:
    """None is ended: all are younger than ten seconds."""
    assert lab.call(kept) == ([10.0, 10.0], MADE + 1, [])


def applied() -> list[str | None]:
    """The range before, when it was applied from a plan, and when it was undone."""
    with own_folders(), serving() as server:
        fill(server, HERE, MADE)
        values = [read_value(PROC, RANGE)]

        async def steps(app: TwtopApp, pilot: Pilot[None]) -> None:
            await select(app, pilot)
            await pilot.press("l")
            await until(pilot, lambda: hasattr(app.screen, "options"), "the plan")
            while getattr(app.screen, "options").chosen.code != "range":  # noqa: B009
                await pilot.press("down")
            await pilot.press("a")
            await agree(app, pilot)
            values.append(read_value(PROC, RANGE))
            await pilot.press("u")
            await agree(app, pilot)
            values.append(read_value(PROC, RANGE))

        play(steps)
        return values


def test_apply_and_undo(lab: Lab) -> None:
    before, between, after = lab.call(applied)
    assert before == after
    assert between != before
