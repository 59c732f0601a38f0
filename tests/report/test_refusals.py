"""What was refused, as data and as text: sums close, and what is not known is said."""

from __future__ import annotations

from pathlib import Path

from tui.commands.output import plain
from tui.kernel.places import Place
from tui.kernel.processes import Process
from tui.kernel.refusals import Counted, Refused
from tui.report.refusals import lines_text, refusal_records, sum_text

HERE = Place(Path("/proc"), "web-1", "host", 1)
NGINX = Refused("connect", 7, Process(7, "nginx"), 1, "10.0.0.5", "10.0.0.9", 5432)
POD = Refused("connect", 8, Process(8, "php"), 2, "fd00::5", "fd00::9", 6379)
GONE = Refused("connect", 9, None, None, "10.0.0.5", "10.0.0.9", 5432)
BOUND = Refused("bind", 7, Process(7, "nginx"), 1, None, None, None)
ALL = Counted(100.0, 102.0, {NGINX: 5, POD: 20, GONE: 1, BOUND: 2}, lost=30)


def test_the_counts_of_all_records_are_the_total() -> None:
    records = list(refusal_records(ALL, HERE))
    assert [each["count"] for each in records] == [20, 5, 2, 1, 30]
    assert sum(each["count"] for each in records) == ALL.total == 58
    assert len({tuple(each) for each in records}) == 1
    assert [each["place"] and each["place"]["id"] for each in records] == [2, 1, 1, None, None]
    assert [each["process"] for each in records] == ["php[8]", "nginx[7]", "nginx[7]", None, None]


def test_a_line_each_and_a_sum() -> None:
    assert [int(line.split()[1]) for line in lines_text(ALL, HERE)] == [20, 5, 2, 1, 30]
    text = sum_text(ALL, HERE, plain)
    by_destination, by_process = text.split("By process")
    assert text.startswith("58 calls")
    assert "  6  10.0.0.5 → 10.0.0.9:5432\n" in by_destination
    assert " 20  fd00::5 → [fd00::9]:6379\n" in by_destination
    assert " 20  php[8] in net:[2]" in by_process
    assert "  7  nginx[7]" in by_process
    assert all("30  unknown" in part for part in (by_destination, by_process))


def test_nothing() -> None:
    nothing = Counted(100.0, 102.0, {})
    assert [*refusal_records(nothing, HERE), *lines_text(nothing, HERE)] == []
    assert "Nothing" in sum_text(nothing, HERE, plain)


def test_two_stretches_of_time_add_up() -> None:
    both = ALL + Counted(102.0, 103.0, {NGINX: 1}, lost=2)
    assert (both.since, both.until, both.refused[NGINX], both.lost) == (100.0, 103.0, 6, 32)


def test_a_namespace_of_many() -> None:
    assert ALL.inside(2).refused == {POD: 20}
