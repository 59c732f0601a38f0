"""Whatever is typed and clicked, and however fast, the dashboard goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from textual import events
from textual.geometry import Size

from tests.dashboard.scene import Stage, busy, stage
from tui.dashboard.app import Sampled

KEYS = (
    *("ctrl+p", "enter", "escape", "tab", "shift+tab", "backspace", "delete", "space", "f1"),
    *("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "ctrl+home", "ctrl+end"),
    *"123456789jkgGsIfltmecpr?/+-=<>%.: ^azx0é",
)
LIKELY = ("ctrl+p", "enter", "escape", "pageup", "pagedown", "down", "question_mark", "slash")
"""What opens and closes screens: where two of these meet, things go wrong."""
SIZES = ((120, 40), (80, 24), (200, 60), (20, 5), (100, 16), (61, 33))
KEYS_A_RUN = 700


@pytest.mark.parametrize(
    ("seed", "count"),
    [
        *((seed, 150) for seed in range(2)),
        *(pytest.param(n, KEYS_A_RUN, marks=pytest.mark.fuzz) for n in range(100, 120)),
    ],
)
async def test_random_keys(
    seed: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of it saves files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    random, left = Random(seed), count
    while left > 0:  # one of the palette's commands ends it
        async with stage(busy(), size=SIZES[0]) as on:
            while left > 0 and on.app.is_running and not on.app._exit:
                left -= await _gesture(on, random, count - left)


async def _gesture(on: Stage, random: Random, number: int) -> int:
    """Do one thing, or the same twice or thrice at once, and say how many keys that was."""
    post, times = on.app.post_message, random.choice((1, 1, 1, 2, 3))
    match random.randrange(12):
        case 0 | 1:
            x, y = random.randrange(on.app.size.width), random.randrange(on.app.size.height)
            for _ in range(times):
                for kind in (events.MouseMove, events.MouseDown, events.MouseUp):
                    post(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
        case 2:
            size = Size(*random.choice(SIZES))
            on.app._driver._size = size  # type: ignore[union-attr]
            post(events.Resize(size, size))
        case 3:
            frame = busy(random.choice((0, 60, 600, 900)), at=float(number))
            post(Sampled(on.app.poller, on.app.watched.take(frame.reading)))
        case _:
            for _ in range(times):
                key = random.choice(KEYS if random.random() < 0.6 else LIKELY)
                post(events.Key(key, key if len(key) == 1 else None))
    match random.randrange(4):
        case 0:
            await on.pilot.pause()
        case 1:
            await asyncio.sleep(random.uniform(0, 0.03))
        case 2:
            await asyncio.sleep(0)
    return times
