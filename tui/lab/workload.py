"""What a load of TCP connections is to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

MOST_PENDING = 1024
"""Half-closed connections at most, unless told: beyond it the oldest is closed without an answer.
"""


class Closing(Enum):
    """Who closes first, and so who gets the TIME-WAIT."""

    CLIENT = "the client"
    SERVER = "the server"
    NOBODY = "nobody: connections are held"


@dataclass(frozen=True, slots=True)
class Workload:
    """What to do, and when to stop."""

    targets: tuple[tuple[str, int], ...]
    """Where to: addresses and ports, in turn."""
    sources: tuple[str | None, ...] = (None,)
    """Where from, in turn."""
    rate: float | None = None
    """Connections per second of all clients together; None is as fast as they can."""
    concurrency: int = 1
    """Clients, a thread each."""
    most: int | None = None
    """Connections to try."""
    seconds: float | None = None
    """Time to go on for."""
    closing: Closing = Closing.CLIENT
    hold_seconds: float | None = None
    """How long a connection is open before the client closes it. None is not at all, or to the
    end where nobody closes."""
    bind_first: bool = False
    """Have bind() choose the port, as clients do that do not know IP_BIND_ADDRESS_NO_PORT."""
    keep_going: bool = False
    """Go on after a failure."""
    fall_back: bool = False
    """Where one tuple has no port left, try the next before calling it a failure."""
    timeout: float = 3.0
    """Seconds for a connect()."""
    pending: int = MOST_PENDING
    """Descriptors that each client has at most for what it makes and what is half-closed."""
