"""twtop: the full-screen dashboard."""

from __future__ import annotations

from tui.commands.configuration import configured
from tui.commands.options import Settings
from tui.commands.reading import open_source
from tui.commands.screen import describe_place, require_terminal, run, saved_listeners


def dashboard(settings: Settings) -> None:
    """Run the full-screen dashboard until the user quits it."""
    require_terminal()
    source = open_source(settings)
    from tui.app import TwtopApp  # Textual takes a third of a second to load
    from tui.kernel.processes import find_owners
    from tui.sampler import Sampler

    run(
        TwtopApp(
            Sampler(source),
            config=configured(settings),
            baseline=saved_listeners(),
            place=describe_place(settings.proc),
            find_owners=lambda: find_owners(settings.proc),
        )
    )
