"""twtop demo: port exhaustion to watch, with real sockets, in a network namespace of its own."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import Any, NoReturn

import click

from tui.commands.configuration import configured
from tui.commands.options import (
    Settings,
    given,
    interval_option,
    real,
    source_option,
    threshold_option,
)
from tui.commands.output import emit, fail
from tui.commands.terminal import require_terminal, run
from tui.lab.namespace import gain_privileges
from tui.lab.process import ChildError
from tui.lab.refusal import Unavailable
from tui.stage import neighbours
from tui.stage.neighbours import NEIGHBOURS, Neighbours
from tui.stage.scenarios import SCENARIOS, Scenario
from tui.stage.stage import Stage

DEFAULT = "exhaustion"
MOST_RATE = 2_000
"""Some scenarios leave a minute of it in TIME-WAIT, and share the machine's memory."""
EPILOG = (
    "Needs no privileges where the system allows user namespaces, and leaves nothing behind: your "
    "own sockets, ports and sysctls are not touched. Exit codes: 0 done, 1 a process of the demo "
    "died, 2 wrong usage, 3 it could not start."
)


class Demo(click.Command):
    """A command whose help lists the scenarios."""

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the scenarios above the options."""
        with formatter.section("Scenarios"):
            formatter.write_dl(summaries())
        super().format_options(context, formatter)


@click.command(cls=Demo, epilog=EPILOG)
@click.argument(
    "scenario",
    default=DEFAULT,
    shell_complete=lambda context, parameter, begun: [s for s in SCENARIOS if s.startswith(begun)],
)
@click.option(
    "--rate",
    type=click.FloatRange(0, MOST_RATE, min_open=True),
    callback=real,
    metavar="N",
    help="Connections per second at the start.  [default: the scenario's own]",
)
@click.option("--list", "list_only", is_flag=True, help="Print the scenarios and exit.")
@interval_option
@threshold_option
@source_option
@click.pass_context
def demo(
    context: click.Context, /, scenario: str, rate: float | None, list_only: bool, **options: Any
) -> None:
    """Watch ports run out, or hold, in a private network namespace with a real server and clients.

    SCENARIO is one of those below; in the dashboard, n and N switch to the others; in places,
    n lists the places instead.

    \b
    twtop demo
    twtop demo reuse --rate 300
    twtop demo places
    """
    if list_only:
        width = max(len(name) for name, _ in summaries())
        emit("\n".join(f"{name:<{width}}  {summary}" for name, summary in summaries()))
        return
    settings = given(context, options)
    if settings.proc != Settings().proc or settings.place is not None:
        raise click.UsageError("the demo reads its own network namespace; leave out --proc and -N")
    if scenario == neighbours.NAME:
        if rate is not None:
            raise click.UsageError("each of the places has a rate of its own; leave out --rate")
        require_terminal()
        _play_together(settings)
    chosen = _find(scenario)
    require_terminal()
    if rate is not None:
        chosen = replace(chosen, plan=replace(chosen.plan, rate=rate))
    _play(chosen, settings)


def summaries() -> list[tuple[str, str]]:
    """Return each scenario's name and what it is."""
    found = [(scenario.name, scenario.summary) for scenario in SCENARIOS.values()]
    return [*found, (neighbours.NAME, neighbours.SUMMARY)]


def _find(name: str) -> Scenario:
    if name in SCENARIOS:
        return SCENARIOS[name]
    names = [each for each, _ in summaries()]
    close = get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    raise click.UsageError(f"no scenario “{name}”{hint} There are: {', '.join(names)}")


def _play(scenario: Scenario, settings: Settings) -> NoReturn:
    config = configured(settings)
    stage = Stage()
    try:
        gain_privileges()  # while there is one thread only
        stage.play(scenario)
        from tui.commands.staged import stage_app  # see there why not earlier

        stage.receive()
        stage.enter()
    except (Unavailable, ChildError) as error:
        stage.close()
        fail(str(error))
    run(stage_app(stage, settings, config, most_rate=MOST_RATE), stage.close)


def _play_together(settings: Settings) -> NoReturn:
    config = configured(settings)
    places = Neighbours(NEIGHBOURS)
    try:
        gain_privileges()  # while there is one thread only
        places.play()
    except (Unavailable, ChildError) as error:
        places.close()
        fail(str(error))
    from tui.commands.staged import neighbours_app

    run(neighbours_app(places, settings, config), places.close)
