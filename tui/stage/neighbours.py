"""Three places at once, each with a load of its own: what the overview is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tui.lab.mounts import name_networks
from tui.lab.server import Manner, Service
from tui.stage.scenarios import BASE, CLIENTS, DATABASE, HERE, WEB, Scenario
from tui.stage.stage import Stage

NAME, SUMMARY = (
    "places",
    "three network namespaces on a screen of their own: one fills up, one leaks, one is quiet",
)
NEIGHBOURS = (
    Scenario(
        "search",
        "is quiet",
        "Two connections a second, and all ports of the default range.",
        Service(((HERE, WEB),), name="search-demo"),
        replace(CLIENTS, targets=((HERE, WEB),), rate=2),
        {"ipv4.tcp_tw_reuse": 0},
    ),
    Scenario(
        "shop",
        "fills up",
        "50 connections/s to one database, and 1,000 ports: none is left after 20 s.",
        Service(((HERE, DATABASE),), name="postgres-demo"),
        replace(CLIENTS, rate=50),
        BASE,
    ),
    Scenario(
        "billing",
        "leaks",
        "A server that never closes: CLOSE-WAIT piles up, 20 a second.",
        Service(((HERE, WEB),), Manner.NEVER_CLOSES, name="billing-demo"),
        replace(CLIENTS, targets=((HERE, WEB),), rate=20),
        {"ipv4.tcp_tw_reuse": 0},
    ),
)
"""Each is called as its place; twtop itself is in the first one's."""


class Neighbours:
    """Stages side by side. Its methods are for one thread, and one that lasts."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self.stages = {one.name: Stage() for one in scenarios}
        self._scenarios = scenarios

    def play(self) -> None:
        """Begin all of them, give their places names, and move this thread into the first.

        Raises Unavailable and ChildError.
        """
        for one in self._scenarios:
            self.stages[one.name].play(one)
        for stage in self.stages.values():
            stage.receive()
        name_networks({name: stage.pid for name, stage in self.stages.items()})
        next(iter(self.stages.values())).enter()

    def close(self) -> None:
        """End them, and with them all processes and namespaces of their own."""
        for stage in self.stages.values():
            stage.close()
