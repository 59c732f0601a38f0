"""Frame after frame with what they say together: for programs that watch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tui.analysis.frame import Frame
from tui.kernel.processes import Owners
from tui.report.records import head, pattern_record, states_record
from tui.watching.history import History, Trends, current_time_wait
from tui.watching.sampler import Sampler

SCHEMA = "twtop.watch/1"


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame, and what it and those before it say together."""

    frame: Frame
    trends: Trends
    history: History
    """All so far; it goes on with the next moment."""


OWNER_SECONDS = 30.0
"""Between two walks over the processes: they are dear, and owners change slowly."""


def moments(sampler: Sampler, find_owners: Callable[[], Owners] | None = None) -> Iterator[Moment]:
    """Yield a moment for each poll, as often as one is asked for.

    ``find_owners`` is called at the first and then every OWNER_SECONDS; the history remembers
    what it found. Raises TableError when the kernel's tables could not be read.
    """
    history = History()
    due = time.monotonic()
    while True:
        frame = sampler.poll()
        history.add(frame)
        if find_owners is not None and time.monotonic() >= due:
            history.note_owners(frame, find_owners())
            due = time.monotonic() + OWNER_SECONDS
        yield Moment(frame, history.trends(frame), history)


def moment_record(moment: Moment, top: int) -> dict[str, Any]:
    """Return a moment as plain data, with the ``top`` fullest patterns.

    Rates are per second; what is not known yet, or never comes, is None.
    """
    frame, trends = moment.frame, moment.trends
    patterns = []
    for index in range(min(len(frame.patterns), top)):
        record = pattern_record(frame, index, moment.history.holder(frame, index))
        tracked = index < len(trends.growth)
        record["growth"] = _number(trends.growth[index]) if tracked else None
        record["seconds_left"] = _number(trends.seconds_left[index]) if tracked else None
        patterns.append(record)
    return {
        **head(frame, SCHEMA),
        "states": states_record(frame),
        "time_wait": {
            "count": current_time_wait(frame),
            "growth": _number(trends.time_wait),
            "closing": _number(trends.closing),
            "freed_next_second": int(frame.time_wait.freed_per_second[0]),
            "reused": _number(trends.reused),
            "overflowed": _number(trends.overflowed),
        },
        "patterns": patterns,
    }


def _number(value: float | None) -> float | None:
    """Return a number as JSON can write it."""
    return None if value is None or not math.isfinite(value) else round(float(value), 3)
