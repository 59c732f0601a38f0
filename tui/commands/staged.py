"""The dashboard over a load that a stage plays, for demo and simulate.

They load it once the stage's processes are starting: Textual takes a third of a second, and so
do they. NumPy and Textual start threads besides, and a process with threads may not enter a user
namespace.
"""

from __future__ import annotations

from functools import partial

from tui.commands.configuration import on_screen
from tui.commands.dashboard import places_app
from tui.commands.options import Settings
from tui.commands.output import USAGE, fail
from tui.commands.reading import open_source, source_of
from tui.dashboard.neighbours_app import NeighboursApp
from tui.dashboard.polling import Poller
from tui.dashboard.stage_app import StageApp
from tui.dashboard.widgets.titlebar import describe_place
from tui.findings.config import Config, ConfigError, config_path
from tui.kernel.find_place import find_place
from tui.kernel.places import LIVE, tables_number
from tui.kernel.processes import find_owners
from tui.kernel.refusals import count_if_permitted
from tui.stage.neighbours import Neighbours
from tui.stage.stage import Stage
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch


def stage_app(
    stage: Stage,
    settings: Settings,
    config: Config,
    *,
    most_rate: float,
    watch: str = "",
) -> StageApp:
    """Return the dashboard of a stage that is ready, in the network namespace of its load.

    ``most_rate`` is what the keys ask for at most, in connections per second; ``watch`` says
    what to watch for where the stage plays no scenario.
    """

    def open_poller(watched: Watch) -> tuple[Poller, str]:
        source = open_source(on_screen(settings, config))
        return Sampler(source, watched.take), describe_place(source.place)

    try:
        return StageApp(
            stage,
            open_poller,
            most_rate=most_rate,
            config=config,
            find_owners=lambda: find_owners(settings.proc),
            watch=watch,
            refusals=count_if_permitted(),
        )
    except ConfigError as error:
        stage.close()
        fail(f"{config_path()}: {error}", USAGE)


def neighbours_app(neighbours: Neighbours, settings: Settings, config: Config) -> NeighboursApp:
    """Return the dashboard of several stages that play, from within the first one's namespace."""
    pids = [stage.pid for stage in neighbours.stages.values()]
    first, *_ = neighbours.stages
    chosen = on_screen(settings, config)
    watch = Watch(config)
    sampler = Sampler(source_of(find_place(first), chosen, one_shot=False), watch.take)
    keys = {tables_number(LIVE / str(pid)) for pid in pids}  # of the places that have names here
    make = partial(NeighboursApp, neighbours)
    try:
        return places_app(
            sampler,
            watch,
            chosen,
            config,
            make=make,
            of=lambda found: [one for one in found.places if one.key in keys],
            find_owners=lambda: find_owners(settings.proc),
        )
    except ConfigError as error:
        neighbours.close()
        fail(f"{config_path()}: {error}", USAGE)
