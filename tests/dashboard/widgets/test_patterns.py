"""The rows of the patterns panel: their order, and that each costs no more than itself."""

from __future__ import annotations

from typing import NoReturn

import pytest
from hypothesis import given

from tests.dashboard.scene import busy, frame_of, opened, stage, waits
from tests.tables import Sock, crossing, frame, steady
from tui.analysis.frame import Frame
from tui.analysis.judgement import port_use
from tui.analysis.patterns import Patterns
from tui.dashboard.widgets.patterns import COLUMNS, PatternRows, process_text
from tui.kernel.processes import Owners, Process
from tui.watching.view import View
from tui.watching.watch import Watch

WHOLE = ("total", "live", "free", "locked", "connectable", "utilization")


def view_of(frame: Frame) -> View:
    return Watch().take(frame.reading)


@given(crossing)
@steady
def test_by_name_is_by_key(found: list[Sock]) -> None:
    rows = PatternRows(view_of(frame(*found)), "pattern", inverted=False)
    keys = [rows.identity(row) for row in range(len(rows))]
    patterns = rows.view.frame.patterns
    assert keys == sorted(patterns.key(index) for index in range(len(patterns)))


@given(crossing)
@steady
def test_a_rows_numbers_are_those_of_the_columns(found: list[Sock]) -> None:
    view = view_of(frame(*found))
    patterns = view.frame.patterns
    for index in range(len(patterns)):
        use = port_use(patterns, index)
        for name in ("in_use", "capacity", "reusable", "free", "locked", "connectable"):
            assert getattr(use, name) == getattr(patterns, name)[index], name
        assert use.utilization == patterns.utilization[index]
        assert patterns.time_wait_of(index) == patterns.time_wait[index]
        assert patterns.live_of(index) == patterns.live[index]


def test_a_cell_is_drawn_from_its_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = PatternRows(view_of(busy()), "use", inverted=False)

    def whole(_: Patterns) -> NoReturn:
        raise AssertionError("a column of all patterns was computed")

    for name in WHOLE:
        monkeypatch.setattr(Patterns, name, property(whole))
    for row in range(len(rows)):
        for column in COLUMNS:
            assert rows.cell(row, column.id, 40) is not None


CLIENTS = Process(11958, "twtop-clients")
REMOTE = "10.188.100.2:5432"
OF_CLIENTS = Owners({40000 + n: CLIENTS for n in range(5)})
BOTH = [
    frame_of([*opened(5, REMOTE), *waits(800, REMOTE), *waits(20, "10.0.0.7:80")]),
    frame_of([*waits(800, REMOTE), *waits(20, "10.0.0.7:80")], at=1),
]


@pytest.mark.parametrize(
    ("width", "process"), [(80, "was twtop-c…"), (120, "was twtop-"), (140, f"was {CLIENTS}")]
)
async def test_names_come_before_the_gauges_stretch(width: int, process: str) -> None:
    async with stage(*BOTH, size=(width, 24), owners=OF_CLIENTS) as on:
        row = on.line(f"→ {REMOTE} ")
        assert process in row
        assert "10.0.0.5 →" in row or width == 80


async def test_a_word_finds_the_process_that_is_shown() -> None:
    async with stage(*BOTH, owners=OF_CLIENTS) as on:
        await on.press("slash")
        await on.type("TOP-cli")
        assert f"→ {REMOTE}" in on.text()
        assert "→ 10.0.0.7:80" not in on.text()
        await on.type(" and dport 80")
        assert "nothing matches" in on.text()
        await on.press("escape", "slash")
        await on.type("not twtop")
        assert "→ 10.0.0.7:80" in on.text()
        assert f"→ {REMOTE}" not in on.line("→ ")


def test_a_process_without_room_for_its_pid_is_still_named() -> None:
    assert process_text(CLIENTS, 12, "was ") == "was twtop-c…"
    assert process_text(CLIENTS, 12) == "twto…[11958]"
    assert process_text(Process(7, "nc"), 12, "was ") == "was nc[7]"


@pytest.mark.parametrize("width", [13, 16, 30])
def test_the_curves_title_is_not_read_on_from_full_in(width: int) -> None:
    rows = PatternRows(view_of(busy()), "use", inverted=False)
    (recent,) = (column for column in COLUMNS if column.id == "recent")
    title = rows.title(recent, width)
    assert len(title) <= width
    assert "60 s" in title
    assert not title.startswith("60 s")
    assert "≤10/s" in title or "≤20/s" in title
