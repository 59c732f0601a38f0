"""Which places came and went between polls, and which cannot be read: a line each, and once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.tables import rules
from tui.kernel.glance import Glance
from tui.kernel.places import Place
from tui.watching.outlook import Outlook
from tui.watching.roll import NOBODY, known_of, news

HIDDEN = "/proc hides other users' processes"


def poll(*names: str, broken: Sequence[str] = ()) -> list[Outlook]:
    """Places that a poll found, some of which could not be read."""
    places = [Place(Path("/proc/1"), n, "pod", id=None, network=None, key=ord(n)) for n in names]
    return [
        Outlook(Glance(one, 1, 1, rules()), failure="refused" if one.name in broken else None)
        for one in places
    ]


def lines(*polls: list[Outlook], missing: Sequence[tuple[str, ...]] = ()) -> Iterator[list[str]]:
    known = NOBODY
    for number, found in enumerate(polls):
        before, known = known, known_of(found, missing[number] if missing else (), known)
        yield list(news(before, known))


def test_those_that_come_and_go_are_told_but_not_those_it_begins_with() -> None:
    assert list(lines(poll("a", "b"), poll("b", "c"), poll("b", "c"), poll("a", "b", "c"))) == [
        [],
        ["pod c came", "pod a is gone"],
        [],
        ["pod a came"],
    ]


def test_what_cannot_be_read_is_told_once_unless_it_is_ending() -> None:
    fails = poll("a", "b", broken="a")
    assert list(lines(fails, fails, fails, poll("a", "b"), fails, poll("b"))) == [
        [],
        ["pod a cannot be read: refused"],
        [],
        ["pod a is read again"],
        [],
        ["pod a is gone"],
    ]


def test_why_places_may_be_missing_is_told_once_however_many() -> None:
    refused = [f"the places of {count} processes could not be read" for count in ("7", "1,008")]
    told = lines(*[poll("a")] * 4, missing=[(refused[0],), (refused[1],), (HIDDEN, refused[0]), ()])
    assert list(told) == [[refused[0]], [], [HIDDEN], []]
