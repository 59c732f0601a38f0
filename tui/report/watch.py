"""One moment of a place that is watched, as plain data: a line of `twtop watch`."""

from __future__ import annotations

from typing import Any

from tui.analysis.frame import Frame
from tui.analysis.trends import Trends
from tui.report.records import finite, head, pattern_record, states_record

SCHEMA = "twtop.watch/1"


def watch_record(frame: Frame, trends: Trends, top: int) -> dict[str, Any]:
    """Return a frame and its trends as plain data, with the ``top`` fullest patterns.

    Rates are per second; what is not known yet, or never comes, is None.
    """
    patterns = []
    for index in range(min(len(frame.patterns), top)):
        record = pattern_record(frame, index, trends.holders.get(index))
        tracked = index < len(trends.growth)
        record["growth"] = finite(trends.growth[index]) if tracked else None
        record["seconds_left"] = finite(trends.seconds_left[index]) if tracked else None
        patterns.append(record)
    return {
        **head(frame, SCHEMA),
        "states": states_record(frame),
        "time_wait": {
            "count": trends.time_wait_count,
            "growth": finite(trends.time_wait),
            "closing": finite(trends.closing),
            "freed_next_second": int(frame.time_wait.freed_per_second[0]),
            "reused": finite(trends.rates.get("TWRecycled")),
            "overflowed": finite(trends.rates.get("TCPTimeWaitOverflow")),
        },
        "patterns": patterns,
    }
