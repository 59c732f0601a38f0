"""What a fleet is asked for: always the same few expressions, however many hosts there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from tui.fleet.answers import Labels
from tui.metrics import recorded
from tui.metrics.recorded import Asked

IS_RECORDED = f"max({recorded.LOADED}) or vector(0)"
"""Are the recording rules there? The answer has the server's time, too."""
GROUPED = {
    "groups": recorded.worst_locked,
    "hosts": recorded.hosts,
    "counts": recorded.findings,
}
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
MOST_ASKED = 60
"""Hosts that one request names at most: its line must stay below 8 kB."""


def expression(asked: Asked, *, is_recorded: bool, by: str) -> str:
    """Return what to ask: a recorded series where there is one, else its expression.

    ``by`` is the label of the groups; only those by job are recorded.
    """
    name, raw = recorded.RULES[asked]
    if asked in GROUPED and by != "job":
        return GROUPED[asked](by)
    return name if is_recorded else raw


LOCKED = {recorded.LOCKED, recorded.RULES["locked"][0]}
"""Names of the series that tell the locked part of a place."""


def sizes(*, is_recorded: bool) -> str:
    """Return what asks for the locked part of each place, all sizes of its fullest tuple and of the
    fleet's fullest, and who holds them.

    One question: a scrape between two would give a place the figure of one moment and the tuple of
    another.
    """
    names = (*recorded.SIZES, recorded.INFO)
    locked_name, locked = recorded.RULES["locked"]
    if is_recorded:
        chosen = "|".join([*map(recorded.recorded_size, names), locked_name])
        return f'{{__name__=~"{chosen}"}}'
    chosen = f'{{__name__=~"{"|".join(names)}"}} and ignoring (process) ({recorded.WORST})'
    return f"{chosen} or {locked}"


def size_name(name: str) -> str:
    """Return the metric that a recorded size is made from."""
    return name.removeprefix("fleet:").removesuffix(":worst")


def locked_of(places: Iterable[Labels]) -> str:
    """Return what asks for the locked part of these places, and maybe of some more."""
    instances = sorted({one.get("instance", "") for one in places})[:MOST_ASKED]
    return f"{recorded.LOCKED}{{instance=~{_quoted('|'.join(map(re.escape, instances)))}}}"


def selector(name: str, labels: Labels) -> str:
    """Return a selector of exactly these labels."""
    matchers = ",".join(f"{label}={_quoted(value)}" for label, value in sorted(labels.items()))
    return f"{name}{{{matchers}}}"


def ratios_of(labels: Labels) -> str:
    """Return what asks for the locked part of each pattern of a place."""
    mine, capacity = (selector(name, labels) for name in recorded.RATIO.split(" / "))
    return f"{mine} / {capacity}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
