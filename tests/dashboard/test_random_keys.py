"""Whatever is typed and clicked, and however fast, the dashboard goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import chain
from pathlib import Path
from random import Random

import pytest
from textual import events
from textual.binding import Binding
from textual.dom import DOMNode
from textual.geometry import Size
from textual.keys import _character_to_key

from tests.dashboard.scene import Stage, busy, stage
from tui.dashboard.app import TwtopApp
from tui.dashboard.keymap import OTHERS, PANELS, TOGETHER
from tui.dashboard.keys import own
from tui.dashboard.polling import Sampled
from tui.dashboard.replay_app import ReplayApp
from tui.findings.config import Config
from tui.recording.files import open_recording
from tui.recording.recorder import Recorder
from tui.recording.replay import Replay
from tui.watching.watch import Watch

BINDERS: set[type[DOMNode]] = {TwtopApp, ReplayApp, *PANELS, *OTHERS, *chain(*TOGETHER)}
BOUND = {key.key for node in BINDERS for key in Binding.make_bindings(own(node))}
TYPED = {_character_to_key(one): one for one in "123456789jkgGnNprvxyzIHQ?/\\+-=<>%.: ^[]{}()é€🙂"}
OTHER = ("delete", "ctrl+home", "ctrl+end", "ctrl+a", "ctrl+w", "ctrl+k", "alt+x", "f2", "f12")
KEYS = sorted({*BOUND, *TYPED, *OTHER} - {"q", "f10", "ctrl+q"})
"""Ctrl-C ends it often enough."""
LIKELY = ("ctrl+p", "enter", "escape", "pageup", "pagedown", "down", "question_mark", "slash")
"""What opens and closes screens: where two of these meet, things go wrong."""
SIZES = ((120, 40), (80, 24), (200, 60), (20, 5), (100, 16), (61, 33))
KEYS_A_RUN = 700


@pytest.mark.parametrize(
    ("seed", "count", "sizes"),
    [
        *((seed, 150, SIZES) for seed in range(2)),
        *(pytest.param(n, KEYS_A_RUN, SIZES, marks=pytest.mark.fuzz) for n in range(100, 120)),
        *(
            pytest.param(n, KEYS_A_RUN, (size,), marks=pytest.mark.fuzz)
            for n in range(200, 203)
            for size in ((80, 24), (40, 12))
        ),
    ],
)
async def test_random_keys(
    seed: int,
    count: int,
    sizes: tuple[tuple[int, int], ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some of it saves files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    await _type(lambda: stage(busy(), size=sizes[0]), seed, count, sizes)


@pytest.mark.parametrize(
    ("seed", "count"),
    [(0, 50), *(pytest.param(n, KEYS_A_RUN, marks=pytest.mark.fuzz) for n in range(300, 304))],
)
async def test_random_keys_over_a_recording(
    seed: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a load that comes and goes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    recorder, watch = Recorder(tmp_path / "r.twtop"), Watch()
    for second in range(60):
        recorder.take(watch.take(busy(60 * (second % 16), at=float(second)).reading))
    recorder.close()

    @asynccontextmanager
    async def replayed() -> AsyncIterator[Stage]:
        replay = Replay(open_recording(tmp_path / "r.twtop"), Config())
        app = ReplayApp(replay, place="web-1")
        # It is polled by what is done to it alone: by the clock, what plays would change faster
        # than a busy machine draws it, and each pause would last to the recording's end.
        app._cycle.work = app._cycle.stop
        async with app.run_test(size=SIZES[0], notifications=True) as pilot:
            app.post_message(Sampled(replay, replay.poll()))
            yield Stage(app, pilot)

    await _type(replayed, seed, count, SIZES)


async def _type(
    opened: Callable[[], AbstractAsyncContextManager[Stage]],
    seed: int,
    count: int,
    sizes: tuple[tuple[int, int], ...],
) -> None:
    """Type so many keys; some of them, and one of the palette's commands, end the app."""
    random, left = Random(seed), count
    while left > 0:
        async with opened() as on:
            while left > 0 and on.app.is_running and not on.app._exit:
                left -= await _gesture(on, random, count - left, sizes)


async def _gesture(
    on: Stage, random: Random, number: int, sizes: tuple[tuple[int, int], ...]
) -> int:
    """Do one thing, or the same twice or thrice at once, and say how many keys that was."""
    post, times = on.app.post_message, random.choice((1, 1, 1, 2, 3))
    match random.randrange(12):
        case 0 | 1:
            x, y = random.randrange(on.app.size.width), random.randrange(on.app.size.height)
            for _ in range(times):
                for kind in (events.MouseMove, events.MouseDown, events.MouseUp):
                    post(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
        case 2:
            size = Size(*random.choice(sizes))
            on.app._driver._size = size  # type: ignore[union-attr]
            post(events.Resize(size, size))
        case 3:
            if isinstance(on.app, ReplayApp):
                view = on.app.replay.poll()
            else:
                frame = busy(random.choice((0, 60, 600, 900)), at=float(number))
                view = on.app.watched.take(frame.reading)
                on.app.keep(view, on.app.memory)
            post(Sampled(on.app.poller, view))
        case _:
            for _ in range(times):
                key = random.choice(KEYS if random.random() < 0.6 else LIKELY)
                post(events.Key(key, TYPED.get(key, key if len(key) == 1 else None)))
    match random.randrange(4):
        case 0:
            await on.pilot.pause()
        case 1:
            await asyncio.sleep(random.uniform(0, 0.03))
        case 2:
            await asyncio.sleep(0)
    return times
