"""The quadruplets of one pattern: half a million rows without a stutter."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from tui.analysis.columns import TIMERS
from tui.analysis.filter import Filter
from tui.analysis.frame import Frame
from tui.analysis.patterns import endpoint
from tui.dashboard.widgets.addresses import address_text
from tui.dashboard.widgets.arranged import ArrangedRows, ArrangedTable
from tui.dashboard.widgets.patterns import process_text
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, first_row
from tui.kernel.processes import Process
from tui.kernel.sockets import Array, SocketTable, State, Timer
from tui.report.records import SOCKET_FIELDS, socket_records, time_wait_age
from tui.writing.export import Sheet

COLUMNS = (
    Column("local", "Local", 15, "left", stretch=1, most=47),
    Column("remote", "Remote", 15, "left", stretch=1, most=47),
    Column("state", "State", 11, "left"),
    Column("remaining", "Left", 7),
    Column("age", "Age", 7),
    Column("timer", "Timer", 10, "left", rank=1),
    Column("rx_queue", "Recv-Q", 7, rank=2),
    Column("tx_queue", "Send-Q", 7, rank=2),
    Column("process", "Process", 14, "left", stretch=1, most=30, rank=3),
)


class QuadrupletRows(ArrangedRows):
    """Sockets of a frame by row number of its table, filtered and sorted."""

    def __init__(
        self,
        frame: Frame,
        pattern: int | None,
        owners: Mapping[int, Process],
        chosen: Filter | None,
        sort: str,
        inverted: bool,
    ) -> None:
        self.frame = frame
        self.table = frame.table
        self.owners = owners
        table = frame.table
        mask = np.zeros(len(table), bool) if pattern is None else frame.patterns.member == pattern
        self.total = int(mask.sum())
        if chosen is not None and self.total:
            mask = mask & chosen.rows(frame)
        rows = np.flatnonzero(mask)
        order = rows[np.lexsort((table.local_port[rows], *_keys(table, rows, sort)))]
        self.order = self.items = order[::-1] if inverted else order

    def identity(self, row: int) -> Hashable:
        """Return the 4-tuple, addresses as 128-bit halves."""
        return tuple(int(end[0]) for end in self._ends(self.order[row : row + 1]))

    def find(self, identity: Any) -> int | None:
        """Return the row of a 4-tuple."""
        same = np.ones(len(self), bool)
        for column, value in zip(self._ends(self.order), identity, strict=True):
            same &= column == value
        return first_row(same)

    def _ends(self, rows: Array) -> Iterator[Array]:
        """Yield the columns of these rows' 4-tuples, each address as two of 64 bits."""
        table = self.table
        sides = (table.local_ip, table.local_port), (table.remote_ip, table.remote_port)
        for ip, port in sides:
            address = ip[rows]
            yield table.address_hi[address]
            yield table.address_lo[address]
            yield port[rows]

    def role(self, row: int) -> str:
        """Mark the sockets that have just gone into TIME-WAIT."""
        index = int(self.order[row])
        fresh = self.table.remaining_ms[index] > self.frame.rules.time_wait_ms - 2000
        return "new" if fresh and self.table.state[index] == State.TIME_WAIT else ""

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        table, index = self.table, int(self.order[row])
        match column:
            case "local":
                return _endpoint(table.ip(table.local_ip[index]), table.local_port[index], width)
            case "remote":
                return _endpoint(table.ip(table.remote_ip[index]), table.remote_port[index], width)
            case "state":
                state = State(int(table.state[index]))
                return [(state.label, "locked" if state is State.TIME_WAIT else "")]
            case "remaining":
                return _remaining(int(table.timer[index]), int(table.remaining_ms[index]))
            case "age":
                age = time_wait_age(
                    self.frame.rules, int(table.state[index]), int(table.remaining_ms[index])
                )
                return "" if age is None else f"{age:.1f} s"
            case "timer":
                return TIMERS.get(Timer(min(int(table.timer[index]), Timer.PROBE)), "")
            case "rx_queue" | "tx_queue":
                count = int(getattr(table, column)[index])
                return [(f"{count:,}", "" if count else "dim")]
            case _:
                process = self.owners.get(int(table.inode[index]))
                return [("", "")] if process is None else [(process_text(process, width), "")]

    def sheet(self) -> Sheet:
        """Return the sockets with the report's fields."""
        records = socket_records(self.frame, self.order, self.owners)
        return Sheet(self.frame.as_of, SOCKET_FIELDS, records)


def _keys(table: SocketTable, rows: Array, sort: str) -> tuple[Array, ...]:
    """Return what sorts these rows by a column, the last key first."""
    match sort:
        case "remaining":
            return table.remaining_ms[rows], table.timer[rows] == Timer.NONE
        case "local":
            return (table.local_ip[rows],)
        case "remote":
            return table.remote_port[rows], table.remote_ip[rows]
        case "state":
            return (table.state[rows],)
        case _:
            return (-getattr(table, sort)[rows].astype(np.int64),)


def _endpoint(ip: str, port: int, width: int) -> str:
    """Return ``ip:port`` in a width; what gives way is the middle of the address."""
    text = endpoint(ip, int(port))
    return endpoint(address_text(ip, max(width - len(text) + len(ip), 1)), int(port))


def _remaining(timer: int, milliseconds: int) -> list[Run]:
    if timer == Timer.NONE:
        return [("–", "dim")]
    if timer == Timer.TIME_WAIT and milliseconds == 0:
        return [("expires", "dim")]  # the timer wheel takes up to 2 s more
    return [(f"{milliseconds / 1000:.1f} s", "")]


class QuadrupletsPanel(ArrangedTable):
    """The sockets of one pattern."""

    columns = COLUMNS
    nothing = "no sockets in this pattern now"
    sortable = ("remaining", "local", "remote", "state", "rx_queue", "tx_queue")
    ascending = ("remaining", "local", "remote", "state")
    sort = "remaining"

    def title(self, count: str, sort: str) -> str:
        """Return how many there are."""
        return f"Sockets · {count}"

    def show(
        self,
        frame: Frame,
        pattern: int | None,
        owners: Mapping[int, Process],
        chosen: Filter | None,
    ) -> None:
        """Show a pattern's sockets, None for a pattern that is not in the frame."""
        make = partial(QuadrupletRows, frame, pattern, owners, chosen)
        self.show_when_ready(make, chosen, len(frame.table))
