"""Sockets by remote IP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.kernel.sockets import STATE_SLOTS, Array, SocketTable, State


@dataclass(frozen=True, slots=True)
class Remotes:
    """Every remote address with its sockets, as columns, most sockets first."""

    ip: Array
    """Index into the table's addresses."""
    total: Array
    states: Array
    """Sockets by state, shape (remotes, STATE_SLOTS)."""

    def __len__(self) -> int:
        return len(self.ip)


def count_remotes(table: SocketTable) -> Remotes:
    """Count every socket but the listeners under its remote address."""
    slots = len(table.address_lo) * STATE_SLOTS
    code = table.remote_ip * STATE_SLOTS + table.state
    states = np.bincount(code, minlength=slots).reshape(-1, STATE_SLOTS)
    states[:, State.LISTEN] = 0
    total = states.sum(axis=1)
    order = np.argsort(-total, kind="stable")
    order = order[total[order] > 0]
    return Remotes(ip=order.astype(np.int32), total=total[order], states=states[order])
