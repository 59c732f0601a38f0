"""twtop: the full-screen dashboard."""

from __future__ import annotations

from tui.commands.configuration import configured
from tui.commands.options import Settings
from tui.commands.output import USAGE, fail
from tui.commands.reading import open_source
from tui.commands.terminal import describe_place, run
from tui.dashboard.app import TwtopApp
from tui.findings.baseline import Baseline, BaselineError, baseline_path, load_baseline
from tui.kernel.processes import find_owners
from tui.watching.sampler import Sampler
from tui.watching.watch import Watch


def dashboard(settings: Settings) -> None:
    """Run the full-screen dashboard until the user quits it."""
    source = open_source(settings)
    watch = Watch(configured(settings), saved_listeners())
    run(
        TwtopApp(
            Sampler(source, watch.take),
            watch,
            place=describe_place(source.place),
            find_owners=lambda: find_owners(settings.proc),
        )
    )


def saved_listeners() -> Baseline | None:
    """Return the listeners that the user has saved, None if never.

    A file that cannot be read ends the command: what came since would be missed in silence.
    """
    try:
        return load_baseline(baseline_path())
    except BaselineError as error:
        fail(str(error), USAGE)
