"""What people read has the reader's time, which names its zone where a date stands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tables import NOW
from tui.acting.keeping import Goal, Kept
from tui.acting.sentences import kept_text
from tui.kernel.places import Place
from tui.kernel.refusals import Counted, Refused
from tui.report.refusals import lines_text
from tui.writing.words import local

GOAL = Goal(None, "10.0.0.9", 5432, 80.0, 1000)
REFUSED = Refused("connect", 7, None, 1, "10.0.0.5", "10.0.0.9", 5432)


@pytest.fixture(autouse=True)
def _far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_all_clocks_are_of_one_zone() -> None:
    assert local(NOW + 0.9) == "2023-11-15 07:13:20 JST"
    counted = Counted(NOW - 1, NOW, {REFUSED: 3})
    for line in (
        kept_text(GOAL, Kept(NOW, 800, 1000, 0, 0)),
        *lines_text(counted, Place(Path("/proc"), "web-1", "host", 1)),
    ):
        assert line.startswith("07:13:20 ")
