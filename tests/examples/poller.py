"""Tell when a destination runs short of ports, once, and when it has enough again.

python poller.py [PROC [MOMENTS]]
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice

from twtop import Moment, patterns, watch
from twtop.records import PatternRecord

LEVEL = 0.4
"""The part of its ports from which a destination is told of."""


def short_of_ports(found: Iterable[PatternRecord]) -> dict[str, PatternRecord]:
    """Return the outgoing patterns above the level, by destination."""
    return {
        f"{one['remote_ip']}:{one['remote_port']}": one
        for one in found
        if one["direction"] == "outgoing" and one["locked"] > LEVEL * one["capacity"]
    }


def tell(moments: Iterable[Moment]) -> None:
    """Print what changes."""
    told: set[str] = set()
    for moment in moments:
        frame, now = moment.frame, short_of_ports(patterns(moment.frame))
        if not frame.table.complete or frame.assumed:
            print("not all could be read: what is told is the least", file=sys.stderr)
        for name in sorted(now.keys() - told):
            one = now[name]
            waits = one["states"].get("TIME_WAIT", 0)
            print(f"{name}: {one['connectable']} ports left, {waits} in TIME-WAIT")
        if frame.table.complete:
            for name in sorted(told - now.keys()):
                print(f"{name}: enough again")
            told = set()
        told |= now.keys()


def main(proc: str = "/proc", moments: str = "") -> None:
    """Watch for so many moments, or for ever."""
    seen = watch(5, proc=proc)
    tell(islice(seen, int(moments)) if moments else seen)


if __name__ == "__main__":
    main(*sys.argv[1:])
