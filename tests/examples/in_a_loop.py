"""How many ports to one destination a piece of work takes at most, watched while it runs.

python in_a_loop.py [PROC]
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from twtop import awatch, patterns
from twtop.records import PatternRecord


class Peak:
    """The fullest pattern that was seen."""

    pattern: PatternRecord | None = None

    async def watch(self, proc: str) -> None:
        """Look again and again, until this is cancelled."""
        async for moment in awatch(0.1, proc=proc):
            for one in patterns(moment.frame):
                if self.pattern is None or one["in_use"] > self.pattern["in_use"]:
                    self.pattern = one


async def work(peak: Peak) -> None:
    """Stand for a load test: here it is over when there is something to tell."""
    while peak.pattern is None:
        await asyncio.sleep(0.1)


async def main(proc: str = "/proc") -> None:
    """Work, watch meanwhile, and tell."""
    peak = Peak()
    watching = asyncio.create_task(peak.watch(proc))
    await work(peak)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    if (most := peak.pattern) is not None:
        print(f"{most['remote_ip']}: {most['in_use']} of {most['capacity']} ports")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
