"""The time that a user means: 03:12, 2026-11-26T03:12Z, or -90s from the end."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from tui.writing.words import local

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
SECOND = 1 - 1e-6
"""From the beginning of a second to its end, which is no part of the next one."""


class TimeError(ValueError):
    """A text is no time; its own text says what would be."""


def parse_duration(text: str) -> float:
    """Return the seconds of ``90``, ``90s``, ``10min``, ``7d`` or ``1h30m``. Raises TimeError."""
    found = re.findall(r"([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)", text.strip())
    written = "".join(number + unit for number, unit in found)
    if not found or written != re.sub(r"\s", "", text) or len(found) > 4:
        raise TimeError(f"{text} is not a duration such as 90s, 10min or 7d")
    try:
        return sum(float(number) * (UNITS[unit] if unit else 1.0) for number, unit in found)
    except KeyError as error:
        raise TimeError(f"{text}: {error.args[0]} is not one of {', '.join(UNITS)}") from None


def parse_time(text: str, begin: float, end: float) -> float:
    """Return the Unix time that is meant in a recording from ``begin`` to ``end``.

    A time in whole seconds is the end of that second: clocks on screen leave the rest away, so a
    moment shown as 03:12:40 is found as that. A time of day without a date is the last one that
    lies in the recording, in the zone of who asks; with a date and no zone it is in that zone too.
    Raises TimeError for what is no time, and for one that lies outside.
    """
    time = _parsed(text.strip(), begin, end)
    if not begin - 1 <= time <= end + 1:
        first, last = (local(edge) for edge in (begin, end))
        raise TimeError(f"the recording runs from {first} to {last}; {text} is outside")
    if not text.strip().startswith("-") and time.is_integer():
        time += SECOND
    return min(max(time, begin), end)


def _parsed(text: str, begin: float, end: float) -> float:
    if text.startswith("-"):
        return end - parse_duration(text[1:])
    if re.fullmatch(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?", text):
        return _of_day(text, begin, end)
    zone = text.rpartition(" ")[2]
    if zone == "UTC":
        text = text.replace(" UTC", "Z")
    elif zone in time.tzname:  # as twtop itself prints it; of the hour that comes twice, which
        text = text.removesuffix(f" {zone}")
    try:
        when = datetime.fromisoformat(text)  # what has no zone is in the reader's
        return when.replace(fold=int(zone == time.tzname[0])).timestamp()
    except (ValueError, OverflowError, OSError):
        raise TimeError(
            f"write the time as 03:12, -90s or 2026-11-26T03:12:00Z; {text} is none of these"
        ) from None


def _of_day(text: str, begin: float, end: float) -> float:
    hour, minute, *second = text.split(":")
    try:
        day = datetime.fromtimestamp(end).replace(
            hour=int(hour), minute=int(minute), second=0, microsecond=0
        )
    except ValueError:
        raise TimeError(f"{text} is not a time of day") from None
    day += timedelta(seconds=float(second[0]) if second else 0.0)
    time = day.timestamp()
    # To the minute is enough to say: 03:12 is in a recording that begins at 03:12:20.
    if time > end or time + 60 < begin:
        time = (day - timedelta(days=1)).timestamp()
    return max(time, begin) if not second and begin < time + 60 else time
