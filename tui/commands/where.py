"""The place that something is done in: -N, and what it cannot be."""

from __future__ import annotations

from pathlib import Path

import click

from tui.commands.options import Settings, places
from tui.commands.output import fail
from tui.kernel.find_place import PlaceError, find_place
from tui.kernel.places import Place, place_at
from tui.kernel.sockets import TableError

place_option = click.option(
    "-N",
    "--place",
    "netns",
    metavar="PLACE",
    shell_complete=places,
    help="Act in this place: a named network namespace, a PID, a path, or a container's or pod's "
    "name or id.  [default: where twtop runs]",
)


def live_place(context: click.Context, netns: str | None) -> Place:
    """Return the place to act in; without one the command ends here.

    Raises click.UsageError for a copy, in which there is nothing to change.
    """
    settings = context.obj if isinstance(context.obj, Settings) else Settings()
    try:
        place = place_at(settings.proc) if netns is None else find_place(netns)
    except PlaceError as error:
        raise click.UsageError(f"-N: {error}") from None
    except TableError as error:
        fail(str(error))
    if settings.proc != Path("/proc") or not place.answers:
        raise click.UsageError(
            f"{place.name} can only be read; changes are made in this network namespace, or the "
            "one that -N names"
        )
    return place
