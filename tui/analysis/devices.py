"""Sockets that are bound to devices: each device has the ports of a tuple to itself.

connect() takes a port that no socket of the same tuple holds, and only those count that are bound
to its own device or to none (net/ipv4/inet_hashtables.c, __inet_check_established, inet_match;
measured on Linux 6.18): with 100 ports, 100 sockets of one device leave all 100 to another one, and
to those that are bound to none; and 100 of the latter leave none to anybody. A VRF is a device as
well. Who is in one does not meet sockets outside of it (inet_sk_bound_dev_eq, but for
tcp_l3mdev_accept); which devices are VRFs cannot be told from here, so its ports may be more than
are counted where both have the same tuple.
"""

from __future__ import annotations

import numpy as np

from tui.kernel.sockets import Array, SocketTable


def of_other_devices(table: SocketTable, rows: Array, group: Array, spare: Array) -> Array:
    """Return those of the rows that do not count where their groups' ports are counted.

    ``group``: for each row of the table the tuple that it is of; ``spare``: does tcp_tw_reuse give
    its port to connect() now? Of each tuple the device is counted that has the fewest ports left,
    with the sockets bound to none, each port once. Nothing is left out where all sockets of a tuple
    are bound to the same device, or to none.
    """
    rows = rows[np.argsort(group[rows], kind="stable")]
    code, device = group[rows], table.device[rows]
    begins = np.flatnonzero(np.diff(code, prepend=-1))
    if not len(begins):
        return rows
    mixed = np.minimum.reduceat(device, begins) != np.maximum.reduceat(device, begins)
    ends = np.append(begins[1:], len(rows))
    left_out = [
        _not_counted(table, rows[begin:end], spare)
        for begin, end in zip(begins[mixed].tolist(), ends[mixed].tolist(), strict=True)
    ]
    return np.concatenate([rows[:0], *left_out])


def _not_counted(table: SocketTable, rows: Array, spare: Array) -> Array:
    """Return which of one tuple's rows are not the fullest device's, or hold a port once more."""
    # Of two sockets at one port that one counts that keeps it longer.
    rows = rows[np.lexsort((-table.remaining_ms[rows].astype(np.int64), spare[rows]))]
    device, port = table.device[rows], table.local_port[rows]
    fullest, most = rows[:0], (-1, -1)
    for one in np.unique(device).tolist():
        seen = np.flatnonzero((device == one) | (device == 0))
        held = rows[seen[np.unique(port[seen], return_index=True)[1]]]
        full = len(held) - int(np.count_nonzero(spare[held])), len(held)
        if full > most:
            fullest, most = held, full
    return rows[~np.isin(rows, fullest)]
