"""Which places are there from poll to poll: those that came and went, and what cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tui.watching.outlook import Outlook
from tui.watching.overview import Identity, identity_of


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of all places at one poll."""

    names: Mapping[Identity, str]
    """The kind and the name of each that is there."""
    failures: Mapping[Identity, str]
    """Why some of these could not be read, in a line with the cure."""
    unreadable: Mapping[Identity, str]
    """The same of those that could not be read at the poll before either: the others may just be
    ending."""
    missing: tuple[str, ...]
    """Why others may be missing."""


NOBODY = Known({}, {}, {}, ())


def known_of(outlooks: Sequence[Outlook], missing: tuple[str, ...], before: Known) -> Known:
    """Return what a poll tells of its places, after what was known ``before`` it."""
    named = {identity_of(one.place): one for one in outlooks}
    failures = {key: one.failure for key, one in named.items() if one.failure is not None}
    return Known(
        {key: one.place.called for key, one in named.items()},
        failures,
        {key: why for key, why in failures.items() if key in before.failures},
        missing,
    )


def news(before: Known, now: Known) -> Iterator[str]:
    """Yield a line for each place that came, went, or cannot be read since the poll ``before``.

    After NOBODY none has come: they are those that it begins with.
    """
    told = {_kind(why) for why in before.missing}
    yield from (why for why in now.missing if _kind(why) not in told)
    for key, name in now.names.items():
        if key not in before.names and before is not NOBODY:
            yield f"{name} came"
        if (why := now.unreadable.get(key)) is not None and before.unreadable.get(key) != why:
            yield f"{name} cannot be read: {why}"
        elif why is None and key in before.unreadable:
            yield f"{name} is read again"
    yield from (f"{name} is gone" for key, name in before.names.items() if key not in now.names)


def _kind(why: str) -> str:
    """Return a reason without how many it is about, which changes with each process."""
    return re.sub(r"[0-9,]+", "", why)
