"""The dashboard over several stages: all places first, each with a load of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from textual.markup import escape

from tui.dashboard.places_app import PlacesApp
from tui.dashboard.stage_app import ENDED
from tui.lab.process import ChildError
from tui.stage.neighbours import Neighbours
from tui.stage.scenarios import Scenario
from tui.stage.stage import Stage


class NeighboursApp(PlacesApp):
    """All places of the demo. It must run in the thread that made the stages' children."""

    def __init__(self, neighbours: Neighbours, *arguments: Any, **more: Any) -> None:
        """Show these, which play already; what else there is, is for PlacesApp."""
        self.neighbours = neighbours
        super().__init__(*arguments, places_first=True, note=told(self.scenarios), **more)

    @property
    def scenarios(self) -> Sequence[Scenario]:
        """What is played."""
        return [one.scenario for one in self.neighbours.stages.values() if one.scenario]

    def on_mount(self) -> None:
        """Listen to the loads: what they say must be taken from them, or they would wait."""
        for stage in self.neighbours.stages.values():
            asyncio.get_running_loop().add_reader(stage.fileno(), self._receive, stage)

    def on_unmount(self) -> None:
        """Listen no more."""
        self._do_not_listen()

    def _do_not_listen(self) -> None:
        for stage in self.neighbours.stages.values():
            asyncio.get_running_loop().remove_reader(stage.fileno())

    def _receive(self, stage: Stage) -> None:
        try:
            stage.receive()
        except ChildError as error:
            self._do_not_listen()
            self.stop_polling()
            self.fatal = str(error)
            self.exit(return_code=ENDED)

    def help_first(self) -> str:
        """Begin the help with what to watch for."""
        lines = [
            f"[b]{one.name} {one.summary}[/b]\n  {escape(one.watch)}" for one in self.scenarios
        ]
        return super().help_first() + "\n".join(lines) + "\n\n"


def told(scenarios: Sequence[Scenario]) -> str:
    """Return in a line what the places do."""
    return ", ".join(f"{one.name} {one.summary}" for one in scenarios)
