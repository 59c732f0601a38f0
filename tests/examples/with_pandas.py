"""Which services' connections are left in TIME-WAIT, and for how long still.

python with_pandas.py [PROC]
"""

from __future__ import annotations

import sys

from twtop import snapshot, time_wait


def main(proc: str = "/proc") -> None:
    """Print how many there are, and a row for each of the ports that have most."""
    frame = snapshot(proc=proc)
    print(f"{time_wait(frame)['count']} in TIME-WAIT; seconds left:")
    waits = frame.sockets("state time-wait").to_pandas()
    left = "remaining_seconds"
    by_port = waits.groupby("remote_port").agg(
        waiting=("state", "size"), first=(left, "min"), last=(left, "max")
    )
    print(by_port.sort_values("waiting", ascending=False).head().to_string())


if __name__ == "__main__":
    main(*sys.argv[1:])
