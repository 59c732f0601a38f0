"""The remote IPs panel."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tui.dashboard.widgets.addresses import COMPARED, address_text, long_addresses
from tui.dashboard.widgets.panel import hint
from tui.dashboard.widgets.styles import Run
from tui.dashboard.widgets.table import Column, RowTable, TableRows, first_row
from tui.kernel.sockets import Array, State
from tui.watching.view import View

COLUMNS = (
    Column("ip", "Remote IP", 15, "left", stretch=1, most=45),
    Column("total", "Sockets", 8),
    Column("time_wait", "TIME-WAIT", 9),
    Column("established", "ESTAB", 7, rank=1),
    Column("close_wait", "CLOSE-WAIT", 10, rank=2),
    Column("other", "Other", 6, rank=3),
)
LOOKED_AT = 20
"""How many addresses say how wide their column has to be."""
NAMED = (State.TIME_WAIT, State.ESTABLISHED, State.CLOSE_WAIT)
"""The states with a column of their own."""


class RemoteRows(TableRows):
    """The remote IPs of a view, sorted."""

    def __init__(self, view: View, sort: str, inverted: bool) -> None:
        self.table = view.frame.table
        self.remotes = view.frame.remotes
        order = self._order(sort)
        self.order = self.items = order[::-1] if inverted else order

    def _order(self, sort: str) -> Array:
        """Return the remotes' numbers in the order that a column sorts them, greatest first."""
        if sort == "ip":
            ip = self.remotes.ip
            return np.lexsort((self.table.address_lo[ip], self.table.address_hi[ip]))
        return np.argsort(-self._counts(sort), kind="stable")

    def _counts(self, column: str) -> Array:
        """Return a column, shape (remotes,)."""
        total, states = self.remotes.total, self.remotes.states
        if column == "total":
            return total
        if column == "other":
            other: Array = total - states[:, list(NAMED)].sum(axis=1)
            return other
        of_state: Array = states[:, State[column.upper()]]
        return of_state

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that have to be told apart when shortened."""
        return long_addresses(self.table, self.remotes.ip[:COMPARED])

    def ip(self, row: int) -> str:
        """Return the whole address of a row."""
        return self.table.ip(int(self.remotes.ip[self.order[row]]))

    def needs(self) -> Mapping[str, int]:
        """Return how wide the addresses are."""
        first = range(min(len(self), LOOKED_AT))
        return {"ip": max((len(self.ip(row)) for row in first), default=0)}

    def identity(self, row: int) -> Hashable:
        """Return the address of a row as its two halves."""
        address = int(self.remotes.ip[self.order[row]])
        return int(self.table.address_hi[address]), int(self.table.address_lo[address])

    def find(self, identity: Any) -> int | None:
        """Return the row of an address."""
        hi, lo = identity
        address = np.flatnonzero((self.table.address_hi == hi) & (self.table.address_lo == lo))
        return first_row(np.isin(self.remotes.ip[self.order], address))

    def cell(self, row: int, column: str, width: int) -> str | Sequence[Run]:
        """Return one cell's content."""
        index = int(self.order[row])
        if column == "ip":
            return address_text(self.ip(row), width, self.addresses)
        count = int(self._counts(column)[index])
        return [(f"{count:,}", "" if count else "dim")]


class RemotesPanel(RowTable):
    """Sockets by remote IP."""

    columns = COLUMNS
    sortable = ("total", "time_wait", "established", "close_wait", "other", "ip")
    ascending = ("ip",)
    sort = "total"

    def show(self, view: View) -> None:
        """Show a view."""
        self.empty = "no remote IPs"
        self.entitle(f"⁴ Remote IPs · {len(view.frame.remotes):,}", hint(("⏎", "filters")))
        upwards = (self.sort in self.ascending) != self.inverted
        self.show_rows(RemoteRows(view, self.sort, self.inverted), sorted_by=(self.sort, upwards))


def remotes_line(view: View) -> str:
    """Return the remote IPs in one line, for a short screen."""
    remotes, table = view.frame.remotes, view.frame.table
    first = range(min(len(remotes), 3))
    parts = [f"{table.ip(int(remotes.ip[i]))} {remotes.total[i]:,}" for i in first]
    more = f" · {len(remotes) - 3:,} more" if len(remotes) > 3 else ""
    return "Remote IPs  " + (" · ".join(parts) + more if parts else "none")
