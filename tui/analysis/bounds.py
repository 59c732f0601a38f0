"""What sockstat alone says of a place: how full its fullest tuple can be at most."""

from __future__ import annotations

from tui.analysis.judgement import SLOW_PERCENT, Level, levels
from tui.kernel.glance import Glance


def utilization_at_most(seen: Glance) -> float | None:
    """Return the greatest part of its ports that one tuple can hold, 0 to 1; None if not known.

    A tuple holds no more ports than there are sockets, and each that listens or is bound instead
    takes one from the capacity: with all in one tuple, and all the others that can be bound on
    ports of the range, the part is greatest.
    """
    if seen.sockets is None:
        return None
    if not seen.sockets:
        return 0.0
    capacity = seen.capacity - seen.bound
    return min(seen.sockets / capacity, 1.0) if capacity > 0 else 1.0


def could_reach(seen: Glance, threshold: float, slow: float = SLOW_PERCENT) -> bool:
    """Say whether a tuple of the place could be slow, or above the threshold; both percentages.

    So it could where the number of sockets is not known, and where there may be no port at all.
    Sysctls that are assumed are taken for what they stand at: whoever says OK must ask for them
    (`Glance.rules`).
    """
    if seen.sockets is None:
        return True
    return bool(levels(seen.sockets, seen.capacity - seen.bound, threshold, slow) > Level.FINE)
