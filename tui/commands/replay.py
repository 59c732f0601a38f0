"""twtop replay: the dashboard over a recording."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from tui.commands.configuration import configured
from tui.commands.lasting import lasting
from tui.commands.options import given, place_option, threshold_option
from tui.commands.output import USAGE, fail, remark
from tui.commands.terminal import require_terminal, run


@click.command(epilog="Exit codes: 0 done, 2 usage, 3 the recording could not be read.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--at", metavar="TIME", help="Start here: 03:12, 2026-11-26T03:12Z, or -90s from the end."
)
@click.option(
    "--speed",
    type=click.IntRange(1, 3600),
    default=1,
    show_default=True,
    help="Play this many times faster.",
)
@click.option(
    "--follow", is_flag=True, help="Keep up with a recording that is still being written."
)
@click.option("--utc", is_flag=True, help="Take and show all times in UTC instead of local time.")
@threshold_option
@place_option
@click.pass_context
def replay(
    context: click.Context,
    /,
    file: Path,
    at: str | None,
    speed: int,
    follow: bool,
    utc: bool,
    **options: Any,
) -> None:
    """Open the dashboard on FILE, a recording or a folder of recordings.

    It starts at --at, or where the first critical finding began, or else at the end. The arrow keys
    step through it, { and } jump between findings, g goes to a time, space plays. Where several
    places were recorded, -N chooses one.

    \b
    twtop replay web-1.twtop --at 03:12
    twtop replay /var/lib/twtop/web-1.twtop --follow
    """
    settings = given(context, options)
    require_terminal()
    if utc:  # not one clock of the screen may be in another zone, nor a time that is typed
        os.environ["TZ"] = "UTC"
        time.tzset()
    from tui.dashboard.replay_app import ReplayApp
    from tui.findings.config import ConfigError, config_path
    from tui.kernel.find_place import PlaceError
    from tui.kernel.sockets import TableError
    from tui.recording.files import open_recording
    from tui.recording.log import RecordingError
    from tui.recording.replay import Replay
    from tui.recording.story import first_critical
    from tui.recording.when import TimeError, parse_time

    try:
        with lasting():
            recording = open_recording(file, settings.place)
        played = Replay(recording, configured(settings), follow=follow)
        played.speed = speed
        first, last = recording.timeline[0].time, recording.timeline[-1].time
        if at is not None:
            played.go_to(parse_time(at, first, last))
            played.playing = False
        elif not follow:
            with suppress(TableError):  # it is damaged: the last that can be read is shown
                played.go_to(first_critical(recording.timeline))
        place = recording.moment(played.index).reading.place
    except TimeError as error:
        raise click.UsageError(f"--at: {error}") from None
    except PlaceError as error:
        raise click.UsageError(f"-N: {error}") from None
    except (RecordingError, TableError) as error:
        fail(str(error))
    notes = [*recording.notes, *filter(None, (played.damage,))]
    for note in notes:
        remark(note)
    try:
        app = ReplayApp(played, place=f"{place.name}  {file.name}", notes=notes)
    except ConfigError as error:
        fail(f"{config_path()}: {error}", USAGE)
    run(app)
