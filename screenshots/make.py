"""Make the screenshots from a real run: real sockets, a real kernel, a private namespace.

    python -m screenshots.make

Needs the test extra, and the right to make a network namespace. Takes about a minute of
load, which the pictures show.
"""

from __future__ import annotations

import asyncio
import re
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import resvg_py

from tests.live.fates import Pair, Server
from tests.private import Lab, add_addresses
from tui.dashboard.app import TwtopApp
from tui.dashboard.stage_app import StageApp
from tui.kernel.places import place_at
from tui.kernel.processes import Owners, find_owners
from tui.kernel.source import Source
from tui.lab.namespace import sysctl
from tui.stage.scenarios import SCENARIOS
from tui.stage.stage import Stage
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch

HERE = Path(__file__).parent
PROC = Path("/proc")
PROXY, DATABASE, CACHE, API, CLIENT = (
    "10.0.0.5",
    "10.0.0.9",
    "10.0.0.10",
    "10.0.0.11",
    "10.0.0.77",
)
SIX, SIX_PEER = "2001:db8::10", "2001:db8::20"
RUN_UP = 50.0
"""Seconds of load before the first picture."""
SHOTS: tuple[tuple[str, tuple[int, int], tuple[str, ...]], ...] = (
    ("dashboard", (120, 40), ()),
    ("pattern", (120, 40), ("enter",)),
    ("small", (80, 24), ("escape",)),
    ("help", (120, 40), ("question_mark",)),
    ("finding", (120, 40), ("escape", "f", "enter")),
    ("plan", (120, 40), ("escape", "f", "l", "down", "down")),
)
DEMO_SECONDS = 26.0
"""When the demo's ports have been gone for a while."""


def _owners() -> Owners:
    """Who holds what, without what a sandbox hides of the machine that the pictures are made on."""
    return replace(find_owners(PROC), denied=0, unreadable=())


def in_namespace(folder: str) -> None:
    """Set a host up, load it, and take the pictures."""
    add_addresses(PROXY, DATABASE, CACHE, API, CLIENT, SIX, SIX_PEER)
    sysctl("ipv4.tcp_tw_reuse", 0)
    sysctl("ipv4.ip_local_port_range", "32768 42767")
    stop = threading.Event()
    load = threading.Thread(target=_load, args=(stop,))
    load.start()
    try:
        asyncio.run(_shoot(Path(folder)))
    finally:
        stop.set()
        load.join()


def _load(stop: threading.Event) -> None:
    """Behave as a proxy in front of a database that it connects to anew for each query."""
    with (
        Server(DATABASE, 5432) as database,
        Server(CACHE, 6379) as cache,
        Server(API, 443) as api,
        Server(PROXY, 8443) as web,
        Server(SIX_PEER, 9090) as six,
    ):
        held: list[Pair] = [database.connect(DATABASE, PROXY) for _ in range(40)]
        held += [api.connect(API, PROXY) for _ in range(12)]
        held += [web.connect(PROXY, CLIENT) for _ in range(80)]
        began, made = time.monotonic(), 0.0
        while not stop.is_set():
            elapsed = time.monotonic() - began
            rate = 120 + elapsed * 4.2
            due = made + rate * 0.02
            for number in range(int(made), int(due)):
                with suppress(OSError):  # out of ports, as the pictures foretell
                    if number % 20 < 15:
                        _query(database.connect(DATABASE, PROXY))
                    elif number % 20 < 17:
                        _query(cache.connect(CACHE, PROXY))
                    elif number % 20 < 18:
                        _query(web.connect(PROXY, CLIENT), server_first=True)
                    elif number % 20 < 19:
                        _query(api.connect(API, PROXY))
                    else:
                        _query(six.connect(SIX_PEER, SIX))
            made = due
            time.sleep(0.02)
        for pair in held:
            pair.client.close()
            pair.server.close()


def _query(pair: Pair, *, server_first: bool = False) -> None:
    first, second = (pair.server, pair.client) if server_first else (pair.client, pair.server)
    first.close()
    second.recv(1)
    second.close()


async def _shoot(folder: Path) -> None:
    watch = Watch()
    app = TwtopApp(
        Sampler(Source(place_at(PROC), "auto", 1.0), watch.take),
        watch,
        place="web-1  netns 4026532008",
        find_owners=_owners,
    )
    async with app.run_test(size=SHOTS[0][1]) as pilot:
        await asyncio.sleep(RUN_UP)
        for name, size, keys in SHOTS:
            await pilot.resize_terminal(*size)
            await pilot.press(*keys)
            await asyncio.sleep(2.5)
            _save(app.export_screenshot(title="twtop"), folder / name)


async def _shoot_demo(stage: Stage, folder: Path) -> None:
    app = StageApp(
        stage,
        lambda watch: (
            Sampler(Source(place_at(PROC), "auto", 1.0), watch.take),
            "web-1  netns 4026532247",
        ),
        most_rate=2000,
        find_owners=_owners,
    )
    async with app.run_test(size=(120, 40)):
        await asyncio.sleep(DEMO_SECONDS)
        _save(app.export_screenshot(title="twtop demo"), folder / "demo")


def demo(folder: str) -> None:
    """Take the picture of the demo, in the namespace that it makes."""
    stage = Stage()
    try:
        stage.play(SCENARIOS["exhaustion"])
        stage.receive()
        stage.enter()
        asyncio.run(_shoot_demo(stage, Path(folder)))
    finally:
        stage.close()


def _save(svg: str, path: Path) -> None:
    """Write the SVG, and a PNG in a font that has every glyph at one width."""
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    svg = re.sub(r"font-family:[^;]*;", "font-family: DejaVu Sans Mono, monospace;", svg)
    path.with_suffix(".svg").write_text(svg)
    png = resvg_py.svg_to_bytes(
        svg_string=svg, font_family="DejaVu Sans Mono", monospace_family="DejaVu Sans Mono"
    )
    path.with_suffix(".png").write_bytes(bytes(png))


if __name__ == "__main__":
    from screenshots import make  # under its own name, which the lab's process can import

    with Lab() as lab:
        lab.call(make.in_namespace, str(HERE))
        lab.call(make.demo, str(HERE))
