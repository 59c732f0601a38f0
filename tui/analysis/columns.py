"""The sockets as columns of what they mean: for tables of more rows than dicts are good for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tui.analysis.filter import parse_filter
from tui.analysis.frame import Frame
from tui.kernel.processes import Process
from tui.kernel.sockets import Array, State, Timer

if TYPE_CHECKING:
    import pandas
    import pyarrow

TIMERS = {
    Timer.RETRANSMIT: "retransmit",
    Timer.KEEPALIVE: "keepalive",
    Timer.TIME_WAIT: "time-wait",
    Timer.PROBE: "probe",
}
STATE_NAMES = np.array(["", *(state.name for state in State)], object)
TIMER_NAMES = np.array([TIMERS.get(timer) for timer in Timer], object)


@dataclass(frozen=True, slots=True)
class SocketColumns:
    """Quadruplets as equally long arrays, under the names that a record of one has.

    Text is Python's own str in arrays of objects. What a record has None for is NaN in columns of
    numbers, and None in those of text. The arrays are new ones: they may be changed.
    """

    local_ip: Array
    local_port: Array
    remote_ip: Array
    remote_port: Array
    state: Array
    """The kernel's names: ``TIME_WAIT``."""
    timer: Array
    """What the kernel waits for; None for nothing."""
    remaining_seconds: Array
    """Until that timer runs out, float64; NaN without a timer."""
    age_seconds: Array
    """Since it went into TIME-WAIT, float64; NaN in any other state."""
    rx_queue: Array
    tx_queue: Array
    uid: Array
    inode: Array
    process: Array
    """name[pid] of who holds it; None where that is not known."""

    def __len__(self) -> int:
        return len(self.state)

    def to_dict(self) -> dict[str, Array]:
        """Return the columns by name, in their order: what most libraries make a table of."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def to_pandas(self) -> pandas.DataFrame:
        """Return a DataFrame with these columns. Raises ImportError where pandas is missing."""
        return _library("pandas").DataFrame(self.to_dict())

    def to_arrow(self) -> pyarrow.Table:
        """Return a pyarrow Table, null for NaN. Raises ImportError where pyarrow is missing."""
        arrow = _library("pyarrow")
        return arrow.table(
            {name: arrow.array(values, from_pandas=True) for name, values in self.to_dict().items()}
        )


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        text = f"{name} is not installed, which twtop does without: pip install {name}"
        raise ImportError(text, name=name) from None


def chosen_rows(frame: Frame, matching: str | None = None) -> Array:
    """Return the rows of the table that are no listeners, of those that a filter lets pass.

    Raises FilterError for a filter that cannot be read.
    """
    mask = frame.table.state != State.LISTEN
    if matching is not None and (chosen := parse_filter(matching)) is not None:
        mask = mask & chosen.rows(frame)
    return np.flatnonzero(mask)


def columns(frame: Frame, rows: Array, owners: Mapping[int, Process]) -> SocketColumns:
    """Return these rows of the table; ``owners`` are processes by inode."""
    table, hold = frame.table, frame.rules.time_wait_ms
    ip = np.array([table.ip(address) for address in range(len(table.address_lo))], object)
    state, timer, inode = table.state[rows], table.timer[rows], table.inode[rows]
    remaining = table.remaining_ms[rows].astype(np.int64)
    age = np.maximum(hold - remaining, 0) / 1000
    process = np.full(len(rows), None, object)
    if owners:
        for row in np.flatnonzero(inode).tolist():
            if (owner := owners.get(int(inode[row]))) is not None:
                process[row] = str(owner)
    return SocketColumns(
        local_ip=ip[table.local_ip[rows]],
        local_port=table.local_port[rows],
        remote_ip=ip[table.remote_ip[rows]],
        remote_port=table.remote_port[rows],
        state=STATE_NAMES[state],
        timer=TIMER_NAMES[np.minimum(timer, Timer.PROBE)],
        remaining_seconds=np.where(timer != Timer.NONE, remaining / 1000, np.nan),
        age_seconds=np.where(state == State.TIME_WAIT, age, np.nan),
        rx_queue=table.rx_queue[rows],
        tx_queue=table.tx_queue[rows],
        uid=table.uid[rows],
        inode=inode,
        process=process,
    )
