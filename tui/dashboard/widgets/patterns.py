"""The patterns panel: who is eating the ports."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from tui.analysis.forecast import NEVER
from tui.analysis.judgement import Level, pattern_level, port_use
from tui.analysis.patterns import ARROWS, NO_PORT, Direction, PatternKey, Patterns, endpoint
from tui.analysis.timewait import TRACKED
from tui.dashboard.widgets.arranged import ArrangedRows, ArrangedTable
from tui.dashboard.widgets.gauge import gauge
from tui.dashboard.widgets.sparkline import resample, sparkline
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, first_row
from tui.kernel.sockets import Array
from tui.report.records import PATTERN_FIELDS, pattern_record
from tui.watching.view import View
from tui.writing.export import Sheet
from tui.writing.words import floored, plural, short, signed, span

COLUMNS = (
    Column("pattern", "Pattern", 26, "left", stretch=2, most=72),
    Column("time_wait", "TIME-WAIT", 9, rank=2),
    Column("live", "Live", 6, rank=5),
    Column("use", "Use", 17, "left", stretch=2, most=60),
    Column("connectable", "Connectable", 11, rank=7),
    Column("growth", "Growth/s", 8, rank=4),
    Column("left", "Full in", 8, rank=1),
    Column("recent", "Last 60 s", 12, "left", stretch=1, most=30, rank=6),
    Column("process", "Process", 12, "left", stretch=3, most=30, rank=3),
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


class PatternRows(ArrangedRows):
    """The patterns of a view, filtered and sorted; then those that have just vanished."""

    def __init__(self, view: View, sort: str, inverted: bool) -> None:
        self.view = view
        patterns = view.frame.patterns
        order = _order(view, sort)
        if inverted:
            order = order[::-1]
        if view.filter is not None:
            order = order[view.filter.patterns(view.frame)[order]]
        self.order = order
        self.gone = view.trends.gone if view.filter is None else ()
        self.total = len(patterns)
        self.tracked = min(self.total, TRACKED)
        if denied := view.owners.denied:
            self.note = f"{plural(denied, 'process', 'processes')} not looked into"

    def __len__(self) -> int:
        return len(self.order) + len(self.gone)

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
                return pattern_text(key, width)
            return f"gone (had {total:,})" if column == "use" else ""
        index = int(self.order[row])
        if column in OF_TRACKED and index >= self.tracked:
            return [("–", "dim")]
        return CELLS[column](self.view, index, width)

    def sheet(self) -> Sheet:
        """Return the patterns with the report's fields."""
        frame, holders = self.view.frame, self.view.trends.holders
        records = [pattern_record(frame, i, holders.get(i)) for i in self.order.tolist()]
        return Sheet(frame.time, PATTERN_FIELDS, records)


def _order(view: View, sort: str) -> Array:
    """Return the pattern indices in the order a column sorts them."""
    patterns = view.frame.patterns
    count = len(patterns)
    if sort == "pattern":
        return _by_name(patterns)
    values: dict[str, Callable[[], Array]] = {
        "use": lambda: -patterns.in_use,
        "time_wait": lambda: -patterns.time_wait,
        "live": lambda: -patterns.live,
        "connectable": lambda: np.where(
            patterns.direction == Direction.OUTGOING, patterns.connectable, 1 << 20
        ),
        "growth": lambda: -np.nan_to_num(_padded(view.trends.growth, count, 0.0)),
        "left": lambda: _padded(view.trends.seconds_left, count, NEVER),
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


@lru_cache(maxsize=1024)
def pattern_text(key: PatternKey, width: int) -> str:
    """Return a pattern's name in a width: the local side gives way before the remote one."""
    local = endpoint(key.local_ip, key.local_port)
    remote = endpoint(key.remote_ip, key.remote_port)
    arrow = f" {ARROWS[key.direction]} "
    room = width - len(arrow) - len(remote)
    if room < len(local):
        # what identifies an address or a port stands at its end
        local = "…" + local[len(local) - max(room - 1, 4) :]
    whole = f"{local}{arrow}{remote}"
    if len(whole) > width and key.remote_port != NO_PORT:
        port = f":{key.remote_port}"
        return short(f"{local}{arrow}{remote}", width - len(port)) + port
    return short(whole, width)


def use_role(level: Level) -> str:
    """Return how a level of use is drawn: "alarm", "warn" or ""."""
    return {Level.FINE: "", Level.SLOW: "warn"}.get(level, "alarm")


def _role(view: View, index: int) -> str:
    return use_role(pattern_level(view.frame.patterns, index, view.threshold))


def _pattern(view: View, index: int, width: int) -> list[Run]:
    text = pattern_text(view.frame.patterns.key(index), width)
    return [(text, _role(view, index))]


def _use(view: View, index: int, width: int) -> list[Run]:
    patterns = view.frame.patterns
    if patterns.direction[index] == Direction.OTHER:
        return [("no ephemeral ports"[:width], "dim")]
    use = port_use(patterns, index)
    percent = f"{floored(use.in_use, use.capacity):5.1f}%"
    mark = {"alarm": "!", "warn": "~"}.get(_role(view, index), " ")
    bar = gauge(use, width - len(percent) - 1, view.threshold)
    if patterns.direction[index] == Direction.INCOMING:  # the peer's ports: no alarm of ours
        bar = [(text, "dim") for text, _ in bar]
    return [*bar, (percent + mark, _role(view, index))]


def _connectable(view: View, index: int, width: int) -> list[Run]:
    patterns = view.frame.patterns
    if patterns.direction[index] != Direction.OUTGOING:
        return [("–", "dim")]
    return [(f"{port_use(patterns, index).connectable:,}", _role(view, index))]


def _growth(view: View, index: int, width: int) -> list[Run]:
    value = float(view.trends.growth[index])
    return [(signed(value), "" if abs(value) >= 0.05 else "dim")]


def _left(view: View, index: int, width: int) -> list[Run]:
    left = float(view.trends.seconds_left[index])
    if left == 0:
        return [("FULL", "alarm")]
    if left == NEVER and view.trends.was_full[index]:
        return [("was full", "warn")]
    return [(span(left), "dim" if left == NEVER else "alarm" if left < 60 else "warn")]


def _recent(view: View, index: int, width: int) -> list[Run]:
    closings = view.frame.time_wait.closings_of(index)[::-1].tolist()
    newest = int(view.frame.reading.table_time)
    return [(sparkline(resample(closings, width, newest), width), "locked")]


def _process(view: View, index: int, width: int) -> list[Run]:
    holder = view.trends.holders.get(index)
    if holder is None:
        return [("", "")]
    if holder.remembered:
        return [(short(f"was {holder.process}", width), "dim")]
    return [(short(str(holder.process), width), "")]


CELLS: dict[str, Callable[[View, int, int], list[Run]]] = {
    "pattern": _pattern,
    "time_wait": lambda view, index, _: [(f"{view.frame.patterns.time_wait_of(index):,}", "")],
    "live": lambda view, index, _: [(f"{view.frame.patterns.live_of(index):,}", "")],
    "use": _use,
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
    nothing = "no connections here"
    sortable = tuple(SORT_NAMES)
    ascending = ("connectable", "left", "pattern")
    sort = "use"
    rows_class: type[PatternRows] = PatternRows
    """What its rows are made by."""

    def title(self, count: str, sort: str) -> str:
        """Return how many there are, and by what they are sorted."""
        return f"¹ Patterns · {count} · by {SORT_NAMES[sort]}"

    def show(self, view: View) -> None:
        """Show a view."""
        frame, chosen = view.frame, view.filter
        count = len(frame.patterns) if chosen is None else len(frame.table)
        self.show_when_ready(partial(self.rows_class, view), chosen, count)
