"""The process of a scenario that keeps a destination's ports below a level."""

from __future__ import annotations

from collections import deque
from multiprocessing.connection import Connection
from pathlib import Path

from tui.acting.keeping import Goal, Keeper, alone, keep
from tui.kernel.places import place_at
from tui.lab.server import set_name
from tui.stage.scenarios import KEPT_AGE_MS, KEPT_BELOW

INTERVAL = 0.5


def reap(connection: Connection, ip: str, port: int) -> None:
    """Keep until the other end of the connection closes."""
    set_name("twtop-keep")
    place = place_at(Path("/proc"))
    goal = Goal(None, ip, port, KEPT_BELOW, KEPT_AGE_MS)
    with alone(place, goal):
        deque(keep(Keeper(place, goal), INTERVAL, connection.poll), maxlen=0)
