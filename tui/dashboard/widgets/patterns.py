"""The patterns panel: who is eating the ports."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from textual.content import Content

from tui.analysis.bind_first import BoundFirst
from tui.analysis.forecast import NEVER
from tui.analysis.judgement import Level
from tui.analysis.patterns import Direction, PatternKey, Patterns
from tui.analysis.timewait import SECONDS, TRACKED
from tui.analysis.trends import Holder
from tui.dashboard.widgets.addresses import long_addresses, pattern_text
from tui.dashboard.widgets.arranged import ArrangedRows, ArrangedTable
from tui.dashboard.widgets.gauge import gauge
from tui.dashboard.widgets.panel import hint
from tui.dashboard.widgets.sparkline import resample, scale_of, sparkline
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, first_row
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import Array
from tui.report.records import PATTERN_FIELDS, pattern_record
from tui.watching.view import View
from tui.writing.export import Sheet
from tui.writing.words import floored, plural, short, short_count, signed, span

COLUMNS = (
    Column("pattern", "Pattern", 26, "left", most=93),
    Column("time_wait", "TIME-WAIT", 9, rank=2),
    Column("live", "Live", 6, rank=5),
    Column("use", "Use", 17, "left", stretch=2, most=60),
    Column("connectable", "Connectable", 11, rank=9),
    Column("growth", "Growth/s", 8, rank=4),
    Column("left", "Full in", 8, rank=1),
    Column("recent", "Last 60 s", 13, "left", stretch=1, most=30, rank=6),
    Column("process", "Process", 12, "left", most=30, rank=3),
)
SORT_NAMES = {
    "use": "ports in use",
    "time_wait": "TIME-WAIT",
    "live": "live sockets",
    "connectable": "connectable",
    "growth": "growth",
    "left": "time left",
    "pattern": "name",
}


KEPT = " kept"
"""What stands behind a pattern that some twtop keeps below a level."""
SPAN = 5
"""Seconds that a cell of the narrowest "Last 60 s" stands for."""
READABLE_GAUGE = 24
"""Cells that a gauge and its percentage have before long names have all that they need."""
ORDINARY_NAME = 44
"""Cells of the longest name of IPv4 addresses, kept: up to there names come before gauges."""
LEAST_NAME = 4
"""Cells of a process's name that its pid leaves to it."""
LOOKED_AT = 40
"""How many names say how wide their column has to be."""


class PatternRows(ArrangedRows):
    """The patterns of a view, filtered and sorted; then those that have just vanished."""

    def __init__(
        self, view: View, sort: str, inverted: bool, *, without_incoming: bool = False
    ) -> None:
        self.view = view
        patterns = view.frame.patterns
        order = _order(view, sort)
        if without_incoming:
            order = order[patterns.direction[order] != Direction.INCOMING]
        self.total = len(order)
        if inverted:
            order = order[::-1]
        if view.filter is not None:
            names = {index: held.process.name for index, held in view.trends.holders.items()}
            order = order[view.filter.patterns(view.frame, names)[order]]
        self.order = order
        self.gone = () if view.filter is not None or without_incoming else view.trends.gone
        self.tracked = min(len(patterns), TRACKED)

    def __len__(self) -> int:
        return len(self.order) + len(self.gone)

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """The addresses of the fullest patterns that have to be told apart when shortened."""
        patterns = self.view.frame.patterns
        ends = patterns.remote_ip[: self.tracked], patterns.local_ip[: self.tracked]
        return long_addresses(self.view.frame.table, np.concatenate(ends))

    @cached_property
    def fastest(self) -> float:
        """What the full height of "Last 60 s" is in every row, per second."""
        time_wait = self.view.frame.time_wait
        closings = time_wait.by_pattern.copy()
        closings[:, -1] -= time_wait.older_by_pattern
        spans = closings.reshape(len(closings), SECONDS // SPAN, SPAN).mean(axis=2)
        return scale_of(float(spans.max(initial=0)))

    def title(self, column: Column, width: int) -> str:
        """Return what stands over a column: over the curves, their common scale."""
        if column.id != "recent":
            return column.title
        scale = f"≤{short_count(self.fastest)}/s"
        # "Full in" stands before it, and must not be read on into "60 s".
        titles = f"Last 60 s, {scale}", f"  60 s {scale}"
        return next((title for title in titles if len(title) <= width), "Last 60 s")

    def needs(self) -> Mapping[str, int]:
        """Return how wide names and processes are; 0 where nobody's process is known."""
        shown, holders = self.order[:LOOKED_AT].tolist(), self.view.trends.holders
        keys = [self.view.frame.patterns.key(index) for index in shown]
        kept = [len(KEPT) * (self.view.kept_below(key) is not None) for key in keys]
        names = [len(str(key)) + more for key, more in zip(keys, kept, strict=True)]
        held = [_held_width(holders[index]) for index in shown if index in holders]
        pattern, process = max(names, default=0), max(held, default=0)
        if pattern <= ORDINARY_NAME:
            needs = {"pattern": pattern, "process": process}
            lacks = {one.id: needs[one.id] - one.width for one in COLUMNS if one.id in needs}
            first, then = sorted(needs, key=lambda name: lacks[name])  # so that one is whole
            return {first: needs[first], then: needs[then], "use": READABLE_GAUGE}
        return {"use": READABLE_GAUGE, "process": process, "pattern": pattern}

    def identity(self, row: int) -> Hashable:
        """Return the PatternKey of a row."""
        if row >= len(self.order):
            return self.gone[row - len(self.order)][0]
        return self.view.frame.patterns.key(int(self.order[row]))

    def find(self, identity: Any) -> int | None:
        """Return the row of a PatternKey."""
        index = self.view.frame.patterns.find(identity)
        if index is not None:
            return first_row(self.order == index)
        rows = range(len(self.order), len(self))
        return next((row for row in rows if self.identity(row) == identity), None)

    def role(self, row: int) -> str:
        """Mark new and vanished patterns for a moment, and exhausted ones always."""
        if row >= len(self.order):
            return "gone"
        index = int(self.order[row])
        return "new" if index < self.tracked and self.view.trends.new[index] else ""

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        if row >= len(self.order):
            key, total = self.gone[row - len(self.order)]
            if column == "pattern":
                return pattern_text(key, width, self.addresses)
            return f"gone (had {total:,})" if column == "use" else ""
        index = int(self.order[row])
        if column in OF_TRACKED and index >= self.tracked:
            return [("–", "dim")]
        return CELLS[column](self, index, width)

    def sheet(self) -> Sheet:
        """Return the patterns with the report's fields."""
        frame, holders = self.view.frame, self.view.trends.holders
        records = [pattern_record(frame, i, holders.get(i)) for i in self.order.tolist()]
        return Sheet(frame.as_of, PATTERN_FIELDS, records)


def _order(view: View, sort: str) -> Array:
    """Return the pattern indices in the order a column sorts them."""
    patterns = view.frame.patterns
    count = len(patterns)
    if sort == "pattern":
        return _by_name(patterns)

    def shared(name: str) -> Array:
        """Return a figure of all patterns, where clients bind first that of what they share."""
        found: Array = getattr(patterns, name).copy()
        for bound in view.bound_first:
            found[bound.patterns(patterns)] = getattr(bound.use, name)
        return found

    values: dict[str, Callable[[], Array]] = {
        "use": lambda: -shared("in_use"),
        "time_wait": lambda: -patterns.time_wait,
        "live": lambda: -patterns.live,
        "connectable": lambda: np.where(
            patterns.direction == Direction.OUTGOING, shared("connectable"), 1 << 20
        ),
        "growth": lambda: -np.nan_to_num(_padded(view.trends.growth, count, 0.0)),
        "left": view.seconds_left_of_all,
    }
    return np.argsort(values[sort](), kind="stable")


def _by_name(patterns: Patterns) -> Array:
    """Return the pattern indices in the order of their keys, shape (patterns,)."""
    hi, lo = patterns.keys
    rank = np.empty(len(lo), np.intp)
    rank[np.lexsort((lo, hi))] = np.arange(len(lo))
    order: Array = np.lexsort(
        (
            patterns.remote_port,
            rank[patterns.remote_ip],
            patterns.local_port,
            rank[patterns.local_ip],
            patterns.direction,
        )
    )
    return order


def _padded(values: Array, count: int, fill: float) -> Array:
    full = np.full(count, fill)
    full[: len(values)] = values
    return full


def process_text(process: Process, width: int, before: str = "") -> str:
    """Return a process in a width; its pid stays as long as that leaves a name to know it by."""
    pid = f"[{process.pid}]"
    named = f"{before}{process.name}"
    room = width - len(pid)
    if len(named) > room < len(before) + LEAST_NAME:
        return short(named, width)
    return short(named, room) + pid


def unreadable(owners: Owners, room: int = 0) -> str:
    """Return how many processes the user may not look into, and what would help.

    The first of them is named if it is the only one, or where that fits the ``room``.
    """
    cure = ": run as root to see names" if os.geteuid() else ""
    others = owners.denied - 1
    cannot = "cannot see the sockets of"
    counted = f"{cannot} {plural(owners.denied, 'process', 'processes')}{cure}"
    if not owners.unreadable:
        return counted
    more = f" and {others:,} more" if others else ""
    named = f"{cannot} {owners.unreadable[0]}{more}{cure}"
    return named if not others or len(named) <= room else counted


def use_role(level: Level) -> str:
    """Return how a level of use is drawn: "alarm", "warn" or ""."""
    return {Level.FINE: "", Level.SLOW: "warn"}.get(level, "alarm")


def _role(view: View, index: int) -> str:
    return use_role(view.level_of(index))


def _pattern(rows: PatternRows, index: int, width: int) -> list[Run]:
    key = rows.view.frame.patterns.key(index)
    role = _role(rows.view, index)
    if rows.view.kept_below(key) is None:
        return [(pattern_text(key, width, rows.addresses), role)]
    return [(pattern_text(key, width - len(KEPT), rows.addresses), role), (KEPT, "good")]


def use_runs(view: View, index: int, width: int) -> list[Run]:
    """Return the gauge of a pattern's ports in a width, with its percentage."""
    patterns = view.frame.patterns
    if patterns.direction[index] == Direction.OTHER:
        return [("no ephemeral ports"[:width], "dim")]
    use = view.use_of(index)
    percent = f"{floored(use.in_use, use.capacity):5.1f}%"
    mark = {"alarm": "!", "warn": "~"}.get(_role(view, index), " ")
    bar = gauge(use, width - len(percent) - 1, view.threshold)
    if patterns.direction[index] == Direction.INCOMING:  # the peer's ports: no alarm of ours
        bar = [(text, "dim") for text, _ in bar]
    return [*bar, (percent + mark, _role(view, index))]


def _connectable(rows: PatternRows, index: int, width: int) -> list[Run]:
    patterns = rows.view.frame.patterns
    if patterns.direction[index] != Direction.OUTGOING:
        return [("–", "dim")]
    return [(f"{rows.view.use_of(index).connectable:,}", _role(rows.view, index))]


def _growth(rows: PatternRows, index: int, width: int) -> list[Run]:
    value = float(rows.view.trends.growth[index])
    return [(signed(value), "" if abs(value) >= 0.05 else "dim")]


def _left(rows: PatternRows, index: int, width: int) -> list[Run]:
    left = rows.view.seconds_left(index)
    if left == 0:
        return [("FULL", "alarm")]
    if left == NEVER and rows.view.was_full(index):
        return [("was full", "warn")]
    return left_runs(left)


def left_runs(left: float | None) -> list[Run]:
    """Return for how many seconds there are ports yet; None where that is not foretold."""
    left = NEVER if left is None else left
    return [(span(left), "dim" if left == NEVER else "alarm" if left < 60 else "warn")]


def _recent(rows: PatternRows, index: int, width: int) -> list[Run]:
    closings = rows.view.frame.time_wait.closings_of(index)[::-1].tolist()
    newest = int(rows.view.frame.reading.table_time)
    return [(sparkline(resample(closings, width, newest), width, rows.fastest), "locked")]


def shared_with(bound: BoundFirst) -> str:
    """Return what the ports that clients bind first are for, in a clause."""
    return f"client seems to bind() first: {_together(bound)}"


def _together(bound: BoundFirst) -> str:
    return f"{bound.destinations:,} destinations share the ports"


def _shares(rows: ArrangedRows, key: PatternKey) -> str:
    view = rows.view if isinstance(rows, PatternRows) else None
    index = None if view is None else view.frame.patterns.find(key)
    bound = None if view is None or index is None else view.bound_at(index)
    return "" if bound is None else f"· {_together(bound)} "


WAS = "was "


def _held_width(holder: Holder) -> int:
    return len(str(holder.process)) + len(WAS) * holder.remembered


def _process(rows: PatternRows, index: int, width: int) -> list[Run]:
    holder = rows.view.trends.holders.get(index)
    if holder is None:
        return [("", "")]
    if holder.remembered:
        return [(process_text(holder.process, width, WAS), "dim")]
    return [(process_text(holder.process, width), "")]


CELLS: dict[str, Callable[[PatternRows, int, int], list[Run]]] = {
    "pattern": _pattern,
    "time_wait": lambda rows, index, _: [(f"{rows.view.frame.patterns.time_wait_of(index):,}", "")],
    "live": lambda rows, index, _: [(f"{rows.view.frame.patterns.live_of(index):,}", "")],
    "use": lambda rows, index, width: use_runs(rows.view, index, width),
    "connectable": _connectable,
    "growth": _growth,
    "left": _left,
    "recent": _recent,
    "process": _process,
}
OF_TRACKED = ("growth", "left", "recent")
"""The columns that only the first TRACKED patterns have something in."""


class PatternsPanel(ArrangedTable):
    """All patterns, the one with most ports in use first."""

    columns: Sequence[Column] = COLUMNS
    rows_class: type[PatternRows] = PatternRows
    """What its rows are made by."""
    nothing = "no connections here · `twtop demo` shows a host running out of ports"
    empty = "waiting for the first read of the kernel's sockets …"
    sortable = tuple(SORT_NAMES)
    ascending = ("connectable", "left", "pattern")
    sort = "use"
    without_incoming = False
    """Are the incoming patterns left out?"""

    def title(self, count: str, sort: str) -> str:
        """Return how many there are, and by what they are sorted."""
        hidden = " · incoming hidden" if self.without_incoming else ""
        return f"¹ Patterns · {count} · by {SORT_NAMES[sort]}{hidden}"

    def foot(self, rows: ArrangedRows) -> Content:
        """Return the selected pattern's whole name, and the key that opens it."""
        notes: list[Content] = []
        if isinstance(key := self.selected, PatternKey):
            below = rows.view.kept_below(key) if isinstance(rows, PatternRows) else None
            kept = "" if below is None else f"· kept below {below:g} % "
            notes.append(Content(f"{key} {kept}{_shares(rows, key)}") + hint(("⏎", "opens")))
        if isinstance(rows, PatternRows) and rows.view.owners.denied:
            room = self.size.width - sum(one.cell_length for one in notes) - len("    · ")
            notes.insert(0, Content(unreadable(rows.view.owners, room)))
        return Content(" · ").join(notes)

    def watch_cursor(self, before: int, now: int) -> None:
        """Name the pattern that is selected now."""
        super().watch_cursor(before, now)
        if isinstance(self.rows, PatternRows):
            self.entitle(self._titles[0], self.foot(self.rows))

    def show(self, view: View) -> None:
        """Show a view."""
        frame, chosen = view.frame, view.filter
        count = len(frame.patterns) if chosen is None else len(frame.table)
        self.show_when_ready(
            partial(self.rows_class, view, without_incoming=self.without_incoming), chosen, count
        )
