"""twtop: the full-screen dashboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, TypeVar

import click

from tui.commands.configuration import configured, on_screen
from tui.commands.options import Settings
from tui.commands.output import USAGE, fail
from tui.commands.reading import open_source, source_of
from tui.commands.terminal import run
from tui.dashboard.app import TwtopApp
from tui.dashboard.places_app import PlacesApp
from tui.dashboard.widgets.titlebar import describe_place
from tui.findings.baseline import BaselineError, baseline_path, load_baseline
from tui.findings.config import Config, ConfigError, config_path
from tui.kernel.find_place import ALL
from tui.kernel.places import Place
from tui.kernel.processes import find_owners
from tui.kernel.survey import Survey
from tui.recording.files import SERVICE_FOLDER
from tui.watching.overview import Overview
from tui.watching.sampler import CPU_SHARE, Sampler
from tui.watching.view import View
from tui.watching.watch import Watch


def dashboard(settings: Settings, *, count: bool = False, serves: bool = False) -> NoReturn:
    """Run the full-screen dashboard until the user quits it; ``count`` refusals from the start.

    It ``serves`` somebody in a browser, who may change nothing. For `-N all` it begins with all
    places.
    """
    config = configured(settings)
    every = settings.place == ALL
    own = replace(settings, place=None) if every else settings
    source = open_source(on_screen(own, config))
    if count and source.place.id is None:
        raise click.UsageError(
            "refusals are counted by this machine's own kernel; leave out --proc"
        )
    try:
        baseline = load_baseline(baseline_path())
    except BaselineError as error:  # else what came since would be missed in silence
        fail(str(error), USAGE)
    watch = Watch(config, baseline)
    sampler, owners = Sampler(source, watch.take), partial(find_owners, settings.proc)
    try:
        app: TwtopApp
        if source.place.kind == "copy":
            place = describe_place(source.place)
            app = TwtopApp(sampler, watch, place=place, find_owners=owners, serves=serves)
        else:
            more: dict[str, Any] = {"find_owners": owners, "count": count, "serves": serves}
            more["places_first"] = every
            app = places_app(sampler, watch, settings, config, make=PlacesApp, **more)
    except ConfigError as error:
        fail(f"{config_path()}: {error}", USAGE)
    run(app)


AppT = TypeVar("AppT", bound=PlacesApp)


def places_app(
    sampler: Sampler[View],
    watch: Watch,
    settings: Settings,
    config: Config,
    *,
    make: Callable[..., AppT],
    of: Callable[[Survey], Sequence[Place]] = lambda found: found.places,
    **more: Any,
) -> AppT:
    """Return the dashboard of the sampler's place, with a look at all others beside it.

    ``make`` makes it, and ``of`` chooses from the places that were found. Raises ConfigError.
    """
    proc = settings.proc

    def open_poller(place: Place, watch: Watch) -> Sampler[View]:
        # What was asked for may not speak of other places: then as for all of them.
        choice = settings if place.answers else replace(settings, source="auto")
        return Sampler(source_of(place, choice, one_shot=False), watch.take)

    around = Overview(
        proc.parent if proc.name.isdecimal() else proc,  # it may show one process's place
        config,
        source="auto" if settings.source == "sock_diag" else settings.source,
        cpu_share=CPU_SHARE / 2,
        of=of,
    )
    return make(
        sampler,
        watch,
        home=sampler.source.place,
        around=around,
        open_poller=open_poller,
        recordings=SERVICE_FOLDER,
        **more,
    )
