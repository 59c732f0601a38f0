"""What sockstat alone says of a place: how full its fullest tuple can be at most."""

from __future__ import annotations

from tui.analysis.judgement import SLOW_PERCENT, Level, levels
from tui.kernel.glance import Glance


def utilization_at_most(seen: Glance) -> float | None:
    """Return the greatest part of its ports that one tuple can hold, 0 to 1; None if not known.

    A tuple holds no more ports than there are sockets, and each that is bound or listens instead
    takes one from the capacity: with all in one tuple the part is greatest. Sockets that are only
    bound are not counted (net/ipv4/proc.c), so where a program holds thousands of these it is more.
    """
    if seen.sockets is None:
        return None
    if not seen.sockets:
        return 0.0
    return min(seen.sockets / seen.capacity, 1.0) if seen.capacity > 0 else 1.0


def could_reach(seen: Glance, threshold: float, slow: float = SLOW_PERCENT) -> bool:
    """Say whether a tuple of the place could be slow, or above the threshold; both percentages.

    Where the number of sockets is not known, it could. Sysctls that are assumed are taken for what
    they stand at: whoever says OK must ask for them (`Glance.rules`).
    """
    if seen.sockets is None:
        return True
    level = levels(seen.sockets, seen.capacity, threshold, slow)
    return bool(seen.sockets and level > Level.FINE)
