"""Ports of connections that this side has closed and the peer has not: FIN-WAIT-2 without a file.

tcp_tw_reuse never takes them over; they come back tcp_fin_timeout after the close, which here,
and only here, decides how long a port is held (measured with 5: back after 5 s, Linux 6.18).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.findings.finding import Remedy
from tui.findings.situation import Situation
from tui.kernel.sockets import State, Timer

TIMEOUT = "net.ipv4.tcp_fin_timeout"
SUBSTANTIAL = 0.1
"""The part of a pattern's ports from which they are told of."""
STOPGAP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Unclosed:
    """Those of one pattern."""

    count: int
    soon: int
    """How many of them come back within the seconds asked for, at least."""
    timeout: int | None
    """tcp_fin_timeout in seconds, None where it could not be read."""
    port: int
    """The server's."""

    @property
    def meaning(self) -> str:
        """What they are, as a sentence."""
        seconds = "" if self.timeout is None else f" = {self.timeout} s"
        return (
            f"{self.count:,} are in FIN-WAIT-2: closed here, but the peer has not closed its "
            "side; connect() cannot take these ports over, and they come back "
            f"tcp_fin_timeout{seconds} after the close."
        )

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """What brings them back, the best first."""
        mend = Remedy(
            "Mend the server: it must close its side when a read returns 0; on its host these "
            "connections are in CLOSE-WAIT, and no sysctl there ends that",
            f"sudo ss -tnp state close-wait sport = :{self.port}",
        )
        if self.timeout is not None and self.timeout <= STOPGAP_SECONDS:
            return (mend,)
        return (
            mend,
            Remedy(
                f"Until then have the ports come back after {STOPGAP_SECONDS} s: tcp_fin_timeout "
                "is how long such a FIN-WAIT-2 lasts (not TIME-WAIT), of what is closed from "
                "then on",
                f"sysctl -w {TIMEOUT}={STOPGAP_SECONDS}",
                "a peer closes its side, only later than that: its FIN is then answered with a "
                "reset",
            ),
        )


def unclosed(situation: Situation, index: int, soon_seconds: int) -> Unclosed | None:
    """Return those of a pattern; None where they are no substantial part of its ports.

    One with a descriptor is not among them: the program has only shut down its sending side,
    and holds the port for as long as it likes.
    """
    table, patterns = situation.frame.table, situation.frame.patterns
    least = max(SUBSTANTIAL * int(patterns.in_use[index]), 1)
    if patterns.states[index, State.FIN_WAIT2] < least:
        return None
    rows = np.flatnonzero((patterns.member == index) & (table.state == State.FIN_WAIT2))
    rows = rows[(table.inode[rows] == 0) & situation.frame.ports.usable[table.local_port[rows]]]
    if len(rows) < least:
        return None
    ends = (table.timer[rows] == Timer.TIME_WAIT) & (table.remaining_ms[rows] < soon_seconds * 1000)
    return Unclosed(
        count=len(rows),
        soon=int(ends.sum()),
        timeout=situation.number(TIMEOUT),
        port=int(patterns.remote_port[index]),
    )
