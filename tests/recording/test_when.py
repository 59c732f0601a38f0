"""The times that people write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tui.recording.when import SECOND, TimeError, parse_duration, parse_time
from tui.writing.words import local

BEGIN = datetime(2026, 11, 25, 22, 0, 30, tzinfo=UTC).timestamp()
END = datetime(2026, 11, 26, 9, 0, tzinfo=UTC).timestamp()


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.fixture(autouse=True, params=["UTC", "Europe/Berlin"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield str(request.param)
    monkeypatch.undo()
    time.tzset()


def test_a_time_of_day_is_the_readers(zone: str) -> None:
    offset = "+01:00" if zone != "UTC" else "+00:00"
    assert parse_time("03:12", BEGIN, END) == unix(f"2026-11-26T03:12:00{offset}") + SECOND
    assert parse_time("3:12:40.5", BEGIN, END) == unix(f"2026-11-26T03:12:40.5{offset}")
    evening = "23:10" if zone != "UTC" else "22:10"
    assert parse_time(evening, BEGIN, END) == unix("2026-11-25T22:10:00Z") + SECOND


def test_the_minute_in_which_it_begins_is_its_beginning(zone: str) -> None:
    first = "23:00" if zone != "UTC" else "22:00"
    assert parse_time(first, BEGIN, END) == BEGIN + SECOND


def test_with_a_zone_it_is_that(zone: str) -> None:
    assert parse_time("2026-11-26T03:12:00Z", BEGIN, END) == unix("2026-11-26T03:12:00Z") + SECOND
    assert parse_time("-90s", BEGIN, END) == END - 90
    assert parse_time("-1h30m", BEGIN, END) == END - 5400


def test_a_time_that_twtop_printed_can_be_given_back(zone: str) -> None:
    """Also of the hour that comes twice when summer ends."""
    first = unix("2026-10-24T23:00:00Z")
    for when in (first + 1800 * n for n in range(10)):
        told = local(when)
        assert parse_time(told, first, END) == when + SECOND
        assert told.endswith("UTC" if zone == "UTC" else ("CEST", "CET")[when >= first + 7200])
    asked = "2026-10-25 00:30:00 UTC"
    assert parse_time(asked, first, END) == first + 5400 + SECOND


@pytest.mark.parametrize("text", ["03:12:40", "2026-11-26T03:12:40"])
def test_a_moment_is_found_as_its_clock_reads(text: str) -> None:
    """The clock leaves out that it was 0.7 s later, and no later second is meant."""
    shown = unix("2026-11-26T03:12:40") + 0.7
    assert shown <= parse_time(text, BEGIN, END) < shown + 0.3


@pytest.mark.parametrize("text", ["noon", "25:99", "2026-13-01", "-5x", "15:00", "-2d"])
def test_what_is_none_is_said(text: str) -> None:
    with pytest.raises(TimeError, match=text.lstrip("-")[:2]):
        parse_time(text, BEGIN, END)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10min", 600), ("7d", 604_800), ("1h30m", 5400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
