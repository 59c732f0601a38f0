"""What the user has arranged on the screen: as the settings have it, and as it is now."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from tui.analysis.expressions import FilterError
from tui.analysis.filter import parse_filter
from tui.dashboard.screens.overview import PANELS, Dashboard
from tui.findings.codes import CODES
from tui.findings.config import ConfigError, OnScreen, config_path

if TYPE_CHECKING:
    from tui.dashboard.app import TwtopApp


def arrange(dashboard: Dashboard, wanted: OnScreen, themes: Collection[str]) -> None:
    """Arrange a dashboard that was not shown yet.

    Raises ConfigError where the user's settings cannot be meant so; the theme is the app's to set.
    """
    patterns = dashboard.patterns
    for setting, value, known in (
        ("theme", wanted.theme, themes),
        ("sort", wanted.sort, patterns.sortable),
        ("panel", wanted.panel, PANELS),
    ):
        must_be_known(setting, value, known)
    try:
        dashboard.filter = parse_filter(wanted.filter)
    except FilterError as error:
        raise ConfigError(f"screen.filter: {error}") from None
    patterns.sort = wanted.sort or patterns.sort
    patterns.inverted = wanted.inverted
    patterns.without_incoming = not wanted.incoming
    dashboard.first_panel = wanted.panel or None


def must_be_known(setting: str, value: str, known: Collection[str]) -> None:
    """Raise ConfigError where the setting has a value, and that is none of the known ones."""
    if value and value not in known:
        near = get_close_matches(value, known, n=1)
        guess = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
        raise ConfigError(f'screen.{setting} is "{value}"; {guess}')


def arrangement(app: TwtopApp) -> OnScreen:
    """Return how it is arranged now.

    A filter for the place of a load, or the pace of a recording, are not how the user wants to
    look at this host; nor is a theme that nobody has chosen the user's.
    """
    before, dashboard, patterns = app.watched.config.screen, app.dashboard, app.dashboard.patterns
    chosen = dashboard.filter.text if dashboard.filter is not None else ""
    return OnScreen(
        theme=before.theme if app.theme == app.first_theme else app.theme,
        interval=before.interval if app.replays else app.poller.interval,
        sort=patterns.sort if before.sort or patterns.sort != type(patterns).sort else "",
        inverted=patterns.inverted,
        incoming=not patterns.without_incoming,
        panel=dashboard.maximized_panel or "",
        filter=before.filter if app.plays_load or app.replays else chosen,
    )


def save(screen: OnScreen, threshold: float) -> Path:
    """Write an arrangement into the user's settings, as what to start with; return their file.

    Raises ConfigError where they cannot be written.
    """
    from tui.findings.config_saving import save_arrangement  # most never save

    path = config_path()
    save_arrangement(path, CODES, screen, threshold)
    return path
