"""Numbers as words, the same wherever twtop prints them."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

CLAUSE_END = re.compile(r"[.;](?= )| (?=\()")
"""Where a sentence may stop: it then says less, but nothing else."""


def utc(seconds: float) -> str:
    """Return a Unix time as ISO 8601 in UTC, in whole seconds, ending in Z.

    Always of one form, which jq's ``fromdateiso8601``, SQLite, pandas and DuckDB take as it is: the
    first knows no fractions, and pandas takes the form of all from the first.
    """
    return datetime.fromtimestamp(math.floor(seconds), UTC).isoformat().replace("+00:00", "Z")


def local(seconds: float) -> str:
    """Return a Unix time in the reader's zone, which it names: ``2026-11-26 03:12:41 CET``.

    What people read is written so; what programs read, as utc() has it.
    """
    return f"{datetime.fromtimestamp(math.floor(seconds)).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def floored(part: float, whole: float, digits: int = 1) -> float:
    """Return a part as a percentage, rounded down, 100 where there is no whole at all.

    Never up: 100 % is said of nothing less, and what is below a threshold on paper is below it.
    """
    if whole <= 0:
        return 100.0
    scale = 10**digits
    return float(math.floor(100 * scale * part / whole + 1e-7) / scale)


def percent(part: float, whole: float, beside: float = 0.0) -> str:
    """Return a part as a percentage, rounded down, as sentences write it.

    ``beside`` is a percentage that stands next to it: this one then has as many digits, so that
    whoever compares the two reads what was judged.
    """
    return f"{written(floored(part, whole, digits_beside(beside)))} %"


def digits_beside(*percentages: float, least: int = 1) -> int:
    """Return how many digits a percentage needs to be compared with these by eye."""
    return max(least, *(len(written(one).partition(".")[2]) for one in percentages))


def written(percentage: float) -> str:
    """Return a percentage with all the digits that it was given with."""
    return f"{percentage:.12g}"


def ratio(part: float, whole: float) -> float:
    """Return part / whole to four places, rounded down, 1 where there is no whole at all."""
    return round(floored(part, whole, 2) / 100, 4)


def per_second(rate: float) -> str:
    """Return a rate that can be borne, rounded down: more is not promised."""
    if math.isinf(rate):
        return "any number"
    return f"{math.floor(rate):,}/s" if rate >= 10 else f"{math.floor(10 * rate) / 10:g}/s"


def duration(seconds: float) -> str:
    """Return a length of time as people say it: under 1 s, 45 s, 3 min 20 s, 2 h 5 min, 3 days."""
    whole = round(seconds)
    if whole < 1:
        return "under 1 s"
    units = (("day", 86400), ("h", 3600), ("min", 60), ("s", 1))
    first = next(place for place, (_, size) in enumerate(units) if whole >= size)
    said = []
    for unit, size in units[first : first + 2]:
        count, whole = divmod(whole, size)
        if count:
            said.append(plural(count, unit) if unit == "day" else f"{count} {unit}")
    return " ".join(said)


def plural(count: int, one: str, many: str = "") -> str:
    """Return the count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


DASH = "–"


def signed(value: float | None) -> str:
    """Return a change per second: ``+312``, ``−4.2``, ``0``; a dash where it is unknown."""
    if value is None or math.isnan(value):
        return DASH
    if abs(value) < 0.05:
        return "0"
    digits = 0 if abs(value) >= 10 else 1
    return f"{value:+,.{digits}f}".replace("-", "−")


def span(seconds: float) -> str:
    """Return a span of time in its two-figure unit: ``45 s``, ``3 min``, ``2 h``."""
    if math.isinf(seconds):
        return DASH
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def short(text: str, width: int) -> str:
    """Cut a text to a width, with an ellipsis where something was cut."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…" if width > 0 else ""


def whole_clauses(text: str, width: int) -> str:
    """Cut a text where a sentence or a clause ends; in the middle only if none is short enough."""
    if len(text) <= width:
        return text
    ends = [found.start() for found in CLAUSE_END.finditer(text) if found.start() <= width]
    return text[: ends[-1]] if ends else short(text, width)


def short_count(value: float) -> str:
    """Return a number in at most six characters: ``327``, ``14.2k``, ``1.2M``."""
    if value < 10_000:
        return f"{value:,.0f}"
    if value < 1_000_000:
        return f"{value / 1000:.1f}k"
    return f"{value / 1_000_000:.1f}M"


def measured(seconds: float) -> str:
    """Return a time to two or three figures: "18 µs", "1.9 ms", "41 s"."""
    for unit, size in (("µs", 1e-6), ("ms", 1e-3)):
        if round(seconds / size) < 1000:
            return f"{_figures(seconds / size)} {unit}"
    return f"{_figures(seconds)} s"


def _figures(number: float) -> str:
    return f"{number:.1f}" if 0 < number < 9.95 else f"{number:,.0f}"


def joined(parts: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def byte_size(count: int) -> str:
    """Return a number of bytes as people say it: ``4.4 kB``, ``92 MB``."""
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
