"""Numbers as the findings write them."""

from __future__ import annotations

import math


def percent(part: float, whole: float) -> str:
    """Return a part as a percentage, rounded down: 100 % is said of nothing less."""
    if whole <= 0:
        return "100 %"
    tenths = math.floor(1000 * part / whole + 1e-9)
    return f"{tenths // 10} %" if tenths % 10 == 0 else f"{tenths / 10} %"


def ratio(part: float, whole: float) -> float:
    """Return part / whole to four places, 1 where there is no whole at all."""
    return round(part / whole, 4) if whole > 0 else 1.0


def duration(seconds: float) -> str:
    """Return a time to come as people say it: 45 s, 3 min 20 s."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def plural(count: int, one: str, many: str = "") -> str:
    """Return the count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
