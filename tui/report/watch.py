"""One moment of a place that is watched, as plain data: a line of `twtop watch`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, cast

from tui.analysis.doubts import doubts
from tui.analysis.frame import Frame
from tui.analysis.trends import Trends
from tui.report.records import finite, head, pattern_record, states_record

if TYPE_CHECKING:
    from tui.records import WatchJson, WatchPatternRecord

SCHEMA = "twtop.watch/1"


def watch_record(
    frame: Frame, trends: Trends, top: int, seconds_left: Callable[[int], float | None]
) -> WatchJson:
    """Return a frame and its trends as plain data, with the ``top`` fullest patterns.

    ``seconds_left`` says how long a pattern's clients have ports, as View.seconds_left. Rates are
    per second; what is not known yet is None. A record's ``seconds_left`` is None but where its
    ``outlook`` is "runs_out".
    """
    patterns: list[WatchPatternRecord] = []
    closing = finite(trends.closing)
    sure = not doubts(frame)
    for index in range(min(len(frame.patterns), top)):
        record = cast("WatchPatternRecord", pattern_record(frame, index, trends.holders.get(index)))
        tracked = index < len(trends.growth)
        record["growth"] = finite(trends.growth[index]) if tracked else None
        left = seconds_left(index) if tracked else None
        record["seconds_left"] = None if left is None else finite(left)
        record["outlook"] = _outlook(left, trends.growth[index], sure) if tracked else "untracked"
        patterns.append(record)
    return {
        **cast("WatchJson", head(frame, SCHEMA, looked=True)),
        "states": states_record(frame),
        "time_wait": {
            "count": trends.time_wait_count,
            "growth": finite(trends.time_wait),
            "closing": closing,
            "freed_next_second": int(frame.time_wait.freed_per_second[0]),
            "reused": finite(trends.rates.get("TWRecycled")),
            "overflowed": finite(trends.rates.get("TCPTimeWaitOverflow")),
            "closing_per_second": closing,
        },
        "patterns": patterns,
    }


def _outlook(
    left: float | None, growth: float, sure: bool
) -> Literal["runs_out", "never", "unknown"]:
    """Return what comes of a pattern: an end, none, or what nobody can tell.

    Of one look at it, or of a table of which something is missing, it is not known that nothing
    comes.
    """
    if left is None:
        return "unknown"
    if math.isfinite(left):
        return "runs_out"
    return "never" if sure and math.isfinite(growth) else "unknown"
