"""What a look at many places costs, and a watch of them."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tui.kernel.glance import glance
from tui.kernel.places import HERE, Place
from tui.kernel.survey import survey
from tui.watching.overview import Overview

START_SECONDS = 30.0


@contextmanager
def places(count: int) -> Iterator[None]:
    """So many further network namespaces, each with a process and no socket."""
    made = [subprocess.Popen(["unshare", "--net", "sleep", "3600"]) for _ in range(count)]
    end, ours = time.monotonic() + START_SECONDS, HERE.stat().st_ino
    try:
        for one in made:
            file = Path(f"/proc/{one.pid}/ns/net")
            while file.stat().st_ino == ours and time.monotonic() < end:
                time.sleep(0.01)
        yield
    finally:
        for one in made:
            one.kill()
            one.wait()


def looks(turns: int) -> tuple[list[float], list[float]]:
    """The seconds of a look at all places: the first of a process, and each further one."""
    first, further = [], []
    for _ in range(turns):
        began = time.perf_counter()
        found = survey()
        seen = glance(found.places)
        first.append(time.perf_counter() - began)
        known: dict[int, Place] = {one.key: one for one in found.places if one.key}
        rules = {one.place: one.rules for one in seen}
        began = time.perf_counter()
        glance(survey(known=known).places, rules)
        further.append(time.perf_counter() - began)
    return first, further


def share(seconds: float) -> tuple[float, int]:
    """The part of a core that a watch of all places at 1 Hz takes, and how many there are."""
    overview = Overview()
    overview.poll()
    began, cpu, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() < began + seconds:
        tick = time.monotonic()
        count = len(overview.poll())
        time.sleep(max(tick + 1 - time.monotonic(), 0))
    return (time.process_time() - cpu) / (time.monotonic() - began), count
