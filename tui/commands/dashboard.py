"""twtop: the full-screen dashboard."""

from __future__ import annotations

import click

from tui.commands.configuration import configured, on_screen
from tui.commands.options import Settings
from tui.commands.output import USAGE, fail
from tui.commands.reading import open_source
from tui.commands.terminal import describe_place, run
from tui.dashboard.app import TwtopApp
from tui.findings.baseline import BaselineError, baseline_path, load_baseline
from tui.findings.config import ConfigError, config_path
from tui.kernel.processes import find_owners
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch


def dashboard(settings: Settings, *, count: bool = False) -> None:
    """Run the full-screen dashboard until the user quits it; ``count`` refusals from the start."""
    config = configured(settings)
    source = open_source(on_screen(settings, config))
    if count and source.place.id is None:
        raise click.UsageError(
            "refusals are counted by this machine's own kernel; leave out --proc"
        )
    try:
        baseline = load_baseline(baseline_path())
    except BaselineError as error:  # else what came since would be missed in silence
        fail(str(error), USAGE)
    watch = Watch(config, baseline)
    try:
        app = TwtopApp(
            Sampler(source, watch.take),
            watch,
            place=describe_place(source.place),
            find_owners=lambda: find_owners(settings.proc),
            count=count,
        )
    except ConfigError as error:
        fail(f"{config_path()}: {error}", USAGE)
    run(app)
