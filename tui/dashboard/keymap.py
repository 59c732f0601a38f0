"""All keys there are, by where they work: what the help lists, and what the settings can change."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import chain

from textual.dom import DOMNode

from tui.dashboard.keys import own, pressed
from tui.dashboard.screens.acting import PatternActs, RemedyActs
from tui.dashboard.screens.asking import AskScreen
from tui.dashboard.screens.book import BookScreen
from tui.dashboard.screens.finding import FindingScreen
from tui.dashboard.screens.help import HelpScreen
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.places import PlacesScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.dashboard.screens.table_screen import TableScreen
from tui.dashboard.screens.view_screen import ViewScreen
from tui.dashboard.time_app import TimeApp
from tui.dashboard.widgets.prompt import Prompt
from tui.dashboard.widgets.table import RowTable
from tui.findings.config import ConfigError

IN_THE_PAST, IN_PLACES = "In the past", "In the places"
SCREENS: Mapping[str, tuple[type[DOMNode], ...]] = {
    "On the dashboard": (Dashboard, TableScreen, PatternActs, ViewScreen),
    IN_THE_PAST: (TimeApp,),
    "In a pattern": (PatternScreen,),
    "In a finding": (FindingScreen, RemedyActs),
    "In a plan": (PlanScreen, RemedyActs),
    IN_PLACES: (PlacesScreen,),
}
PANELS: tuple[type[DOMNode], ...] = (RowTable,)
"""A Document has the same keys."""
OTHERS: tuple[type[DOMNode], ...] = (HelpScreen, BookScreen, AskScreen, Prompt)
TOGETHER: tuple[tuple[type[DOMNode], ...], ...] = (
    (ViewScreen, PatternActs, TableScreen, Dashboard),
    (ViewScreen, PatternActs, TableScreen, PatternScreen),
    (ViewScreen, RemedyActs, FindingScreen),
    (ViewScreen, RemedyActs, PlanScreen),
    (TimeApp,),
    (ViewScreen, PatternActs, TableScreen, PlacesScreen),
)
"""Whose keys work at the same time, beside the app's and the panels'."""
KEY = re.compile(r"(?:(?:ctrl|shift|alt|super)\+)*(?:[a-z0-9_]+|\S)|[A-Z]")

OF_SOME_APPS = ("load.", "places.", "replay.", "fleet.", "place.")
"""What the ids of the keys begin with that not every app has."""


def by_heading(
    apps: tuple[type[DOMNode], ...], first: str, special: type[DOMNode], *, past: bool, places: bool
) -> Mapping[str, tuple[type[DOMNode], ...]]:
    """Return whose keys the help lists, in its order: ``first`` those of a special app.

    In the ``past`` those that go through time follow; ``places`` says whether there are several.
    """
    screens = {title: nodes for title, nodes in SCREENS.items() if places or title != IN_PLACES}
    here, *others = screens.items()
    groups = [here, ("Everywhere", apps), ("In a panel", PANELS), *others]
    if past:
        groups.insert(0, (IN_THE_PAST, SCREENS[IN_THE_PAST]))  # it is not listed again
    return dict([(first, (special,)), *groups] if first else groups)


def checked(
    keys: Mapping[str, str],
    apps: Sequence[type[DOMNode]],
    together: Sequence[Sequence[type[DOMNode]]] = TOGETHER,
    elsewhere: Sequence[type[DOMNode]] = (),
) -> Mapping[str, str]:
    """Return the user's keys for these apps, whose screens' keys work ``together`` with them.

    Keys of what is ``elsewhere`` are known here, but take none away. Raises ConfigError where the
    user's cannot be meant so.
    """
    every = chain(apps, elsewhere, PANELS, OTHERS, *TOGETHER, *together)
    known = {one.id for one in chain.from_iterable(map(own, every)) if one.id}
    for name, value in keys.items():
        if name not in known and not name.startswith(OF_SOME_APPS):
            near = get_close_matches(name, known, n=1)
            guess = (
                f"did you mean {near[0]}?" if near else f"choose from {', '.join(sorted(known))}"
            )
            raise ConfigError(f"keys.{name} is not one of twtop's keys; {guess}")
        if wrong := [key for key in value.split(",") if not KEY.fullmatch(key.strip())]:
            raise ConfigError(f'keys.{name} is "{wrong[0]}"; it must be keys such as "ctrl+t,f9"')
    for nodes in together:
        taken: dict[str, str] = {}
        for one in chain.from_iterable(map(own, (*apps, *PANELS, *nodes))):
            for key in pressed(one, keys):
                other = taken.setdefault(key.key, one.id or "")
                if other != one.id and {other, one.id} & keys.keys():
                    raise ConfigError(f"keys: {key.key} cannot be both {other} and {one.id}")
    return keys
