"""The places panel: every network namespace, the worst first; and the title line above it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any

from rich.text import Text
from textual.content import Content

from tui.analysis.bounds import utilization_at_most
from tui.analysis.filter import Filter
from tui.analysis.patterns import endpoint
from tui.dashboard.widgets.arranged import ArrangedRows, ArrangedTable
from tui.dashboard.widgets.findings import MARKS, ROLES
from tui.dashboard.widgets.panel import hint
from tui.dashboard.widgets.patterns import (
    LOOKED_AT,
    READABLE_GAUGE,
    left_runs,
    use_runs,
)
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column
from tui.dashboard.widgets.titlebar import TitleBar, kind_word
from tui.findings.finding import Severity
from tui.kernel.places import Place
from tui.report.places import PLACE_FIELDS, place_row
from tui.watching.outlook import Outlook, Urgency, seen
from tui.watching.overview import identity_of
from tui.watching.view import View
from tui.writing.export import Sheet
from tui.writing.words import plural, short, span

COLUMNS = (
    Column("name", "Place", 15, "left", stretch=1, most=40),
    Column("kind", "Kind", 9, "left", rank=7),
    Column("sockets", "Sockets", 8, rank=6),
    Column("time_wait", "TIME-WAIT", 9, rank=4),
    Column("worst", "Worst tuple", 19, "left", stretch=1, most=60),
    Column("use", "Use", 16, "left", stretch=1, most=40),
    Column("left", "Full in", 8, rank=1),
    Column("ports", "Ports", 7, rank=5),
    Column("reuse", "Reuse", 5, rank=8),
    Column("findings", "Findings", 8, "left", rank=2),
    Column("age", "Read", 5, rank=3),
)
SORT_NAMES = {
    "worst": "what is worst",
    "name": "name",
    "kind": "kind",
    "sockets": "sockets",
    "time_wait": "TIME-WAIT",
    "left": "time left",
    "findings": "findings",
    "age": "age of the table",
}


@dataclass(frozen=True, slots=True, eq=False)  # columns of numbers cannot be compared as one
class Places:
    """All places at one look."""

    outlooks: tuple[Outlook, ...] = ()
    """The worst first."""
    notes: tuple[str, ...] = ()
    """What must be known of them."""
    missing: bool = False
    """May there be others? The notes say why."""
    failure: str | None = None
    """Why they could not be looked for; the others are empty then."""


ORDERS: Mapping[str, Callable[[Outlook], Any]] = {
    "worst": lambda one: tuple(-part for part in one.gravity),
    "name": lambda one: (one.place.name, one.place.kind),
    "kind": lambda one: (one.place.kind, one.place.name),
    # What is not known may be more than all that is.
    "sockets": lambda one: -_or_more(one.glance.sockets),
    "time_wait": lambda one: -_or_more(one.glance.time_wait),
    "left": lambda one: one.seconds_left,
    "findings": lambda one: [
        -sum(found.severity is which for found in (one.verdict.findings if one.verdict else ()))
        for which in sorted(Severity, reverse=True)
    ],
    "age": lambda one: (one.view is None, one.age),
}
"""By what a column sorts them."""


def _or_more(count: int | None) -> float:
    return float("inf") if count is None else count


class PlaceRows(ArrangedRows):
    """Places, filtered and sorted."""

    def __init__(self, places: Places, chosen: Filter | None, sort: str, inverted: bool) -> None:
        found = sorted(places.outlooks, key=ORDERS[sort], reverse=inverted)
        self.total = len(found)
        if chosen is not None:
            found = [one for one in found if passes(one, chosen)]
        self.items: Sequence[Outlook] = found
        self.note = " · ".join(places.notes)

    def needs(self) -> Mapping[str, int]:
        """Return how wide names and tuples are."""
        first = self.items[:LOOKED_AT]
        tuples = (sum(len(text) for text, _ in _worst(one, 400)) for one in first)
        return {
            "name": max((len(name_of(one.place)) for one in first), default=0),
            "worst": max(tuples, default=0),
            "use": READABLE_GAUGE,
        }

    def identity(self, row: int) -> Hashable:
        """Return what makes it the same place at the next look."""
        return identity_of(self.items[row].place)

    def place(self, identity: Hashable) -> Place | None:
        """Return the place of this identity, None where it has gone."""
        row = self.find(identity)
        return None if row is None else self.items[row].place

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        return CELLS[column](self.items[row], width)

    def sheet(self) -> Sheet:
        """Return the places with the keys of `twtop places`."""
        time = max((one.time for one in self.items), default=0.0)
        return Sheet(time, PLACE_FIELDS, [place_row(seen(one)) for one in self.items])


def passes(one: Outlook, chosen: Filter) -> bool:
    """Say whether a place's name or kind has the text of a filter, or one of its sockets passes.

    Of a place whose table was not read only the name is known.
    """
    words = (kind_word(one.place), name_of(one.place), *one.place.words)
    if any(chosen.text.lower() in word.lower() for word in words):
        return True
    return one.view is not None and bool(chosen.rows(one.view.frame).any())


def name_of(place: Place) -> str:
    """Return a place's name with the containers that share it."""
    others = place.containers if place.kind in ("pod", "container") else ()
    shown = ", ".join(other for other in others if other != place.name)
    return f"{place.name} ({shown})" if shown else place.name


def _role(one: Outlook) -> str:
    return {Urgency.FINE: "", Urgency.SLOW: "warn"}.get(one.urgency, "alarm")


def _count(count: int | None) -> list[Run]:
    return [("?", "warn")] if count is None else [(f"{count:,}", "" if count else "dim")]


def _worst(one: Outlook, width: int) -> list[Run]:
    """Return its worst tuple, or what is known where its table was not read."""
    if one.failure is not None:
        return [(short(one.failure, width), "warn")]
    if one.glance.sockets is None:
        return [(short("cannot be read", width), "warn")]
    if one.view is None:
        if not one.glance.sockets:
            return [(short("no sockets", width), "dim")]
        return [(short("table not read", width), "dim")]
    cut = "" if one.view.frame.table.complete else " · cut short"
    if (index := one.worst) is None:
        return [(short("nothing outgoing", width - len(cut)), "dim"), (cut, "warn")]
    key = one.view.frame.patterns.key(index)
    tuple_ = f"→ {endpoint(key.remote_ip, key.remote_port)}"
    return [(short(tuple_, width - len(cut)), _role(one)), (cut, "warn")]


def _use(one: Outlook, width: int) -> list[Run]:
    if one.view is None and one.glance.sockets:
        percent = ceil(1000 * (utilization_at_most(one.glance) or 0.0)) / 10
        return [(short(f"at most {percent:.1f}%", width), "dim")]
    if one.view is None or one.worst is None:
        return []
    return use_runs(one.view, one.worst, width)


def _left(one: Outlook) -> list[Run]:
    if one.urgency is Urgency.FULL:
        return [("FULL", "alarm")]
    if one.view is None and one.glance.sockets != 0:
        return [("?", "dim")]  # nobody has looked
    if one.urgency is Urgency.SOON and not one.seconds_left:
        return [("by now", "alarm")]  # as was foretold; nobody has looked since
    return left_runs(one.seconds_left)


def _ports(one: Outlook) -> list[Run]:
    rules, view = one.glance.rules, one.view
    capacity = one.glance.capacity
    if view is not None and one.worst is not None:
        capacity = view.frame.patterns.capacity.item(one.worst)
    return [(f"{capacity:,}{'?' if rules.assumed else ''}", "warn" if rules.assumed else "")]


def _reuse(one: Outlook) -> list[Run]:
    rules = one.glance.rules
    return [(f"{rules.reuse_mode}{'?' if rules.assumed else ''}", "warn" if rules.assumed else "")]


def _findings(one: Outlook) -> list[Run]:
    """Return how many there are of each severity, the gravest first; information is left out."""
    if one.verdict is None:
        return [("?", "dim")] if one.glance.sockets != 0 else [("–", "dim")]
    count = Counter(found.severity for found in one.verdict.findings)
    shown = [which for which in (Severity.CRITICAL, Severity.WARNING) if count[which]]
    return [(f"{MARKS[which]}{count[which]} ", ROLES[which]) for which in shown] or [("–", "dim")]


def _age(one: Outlook) -> list[Run]:
    if one.view is None:
        return [("–", "dim")]
    return [(span(one.age), "warn" if one.is_old else "dim")]


CELLS: Mapping[str, Callable[[Outlook, int], list[Run]]] = {
    "name": lambda one, width: [(short(name_of(one.place), width), _role(one))],
    "kind": lambda one, width: [(short(kind_word(one.place), width), "dim")],
    "sockets": lambda one, _: _count(one.glance.sockets),
    "time_wait": lambda one, _: _count(one.glance.time_wait),
    "worst": _worst,
    "use": _use,
    "left": lambda one, _: _left(one),
    "ports": lambda one, _: _ports(one),
    "reuse": lambda one, _: _reuse(one),
    "findings": lambda one, _: _findings(one),
    "age": lambda one, _: _age(one),
}


class PlacesPanel(ArrangedTable):
    """Every place, a row each."""

    columns = COLUMNS
    nothing = "no place is found"
    empty = "looking for every network namespace of this machine …"
    sortable = tuple(SORT_NAMES)
    ascending = ("name", "kind", "left", "age")
    sort = "worst"

    def title(self, count: str, sort: str) -> str:
        """Return how many there are, and by what they are sorted."""
        return f"Places · {count} · by {SORT_NAMES[sort]}"

    def foot(self, rows: ArrangedRows) -> Content:
        """Return what is missing, and the keys."""
        notes = [Content(rows.note)] if rows.note else []
        return Content(" · ").join([*notes, hint(("⏎", "opens"), ("esc", "own place"))])

    def show(self, places: Places, chosen: Filter | None) -> None:
        """Show these."""
        if places.failure is not None:
            self.show_nothing(places.failure)
            return
        rows = 0
        if chosen is not None:
            rows = sum(len(one.view.frame.table) for one in places.outlooks if one.view)
        self.show_when_ready(partial(PlaceRows, places, chosen), chosen, rows)


class PlacesTitle(TitleBar):
    """Names the machine, and says how many of its places are short of ports."""

    def tell(self, places: Places) -> None:
        """Show these."""
        self._places = places
        self.place = f"{self._machine} · {plural(len(places.outlooks), 'place')}"
        self.redraw()

    def __init__(self, machine: str) -> None:
        super().__init__(machine)
        self._machine = machine
        self._places = Places()

    def _details(self, view: View) -> list[Text]:
        """Return how many are short of ports, and whether some may be missing."""
        short_of = sum(one.urgency >= Urgency.HOT for one in self._places.outlooks)
        found = [(" some may be missing ", "warn")] if self._places.missing else []
        if short_of:
            found.append((f" {short_of:,} short of ports ", "warn"))
        return [self.line([run]) for run in found]


def worse_elsewhere(places: Places, own: Callable[[Place], bool]) -> Outlook | None:
    """Return the worst of the other places, if it is worse than the ``own``, and bad enough."""
    others = [one for one in places.outlooks if not own(one.place)]
    mine = next((one for one in places.outlooks if own(one.place)), None)
    if not others:
        return None
    worst = others[0]
    if worst.urgency is Urgency.FINE and worst.severity < Severity.CRITICAL:
        return None
    if mine is None or worst.gravity[:2] > mine.gravity[:2]:
        return worst
    both = worst.urgency is mine.urgency is Urgency.SOON
    return worst if both and worst.seconds_left < mine.seconds_left else None


LONGEST_NAME = 32


def in_a_line(one: Outlook) -> str:
    """Return in a few words what is the matter with a place."""
    what = {
        Urgency.FULL: "FULL",
        Urgency.SOON: f"full in {span(one.seconds_left)}" if one.seconds_left else "full by now",
        Urgency.HOT: "short of ports",
        Urgency.SLOW: "connect() is slow",
    }.get(one.urgency, "a critical finding")
    return f"{kind_word(one.place)} {short(one.place.name, LONGEST_NAME)}: {what}"
