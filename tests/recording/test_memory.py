"""The last minutes in memory come back as they were, and take no more room than they may."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tests.tables import NOW, reading, table, waiting
from tui.kernel.source import Reading
from tui.recording import memory as module
from tui.recording.memory import CHAPTER_SECONDS, KEEP_SECONDS, Memory
from tui.recording.summary import Summary, Told, summarise
from tui.watching.view import View
from tui.watching.watch import Watch


@pytest.fixture(autouse=True)
def _at_any_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no moment out, however slow the machine is."""
    monkeypatch.setattr(module, "SHARE", float("inf"))


def at(second: float, count: int = 40) -> Reading:
    socks = [waiting(40000 + int(second) % 7 + n, 60_000 - 10 * n) for n in range(count)]
    return reading(table(*socks), time=NOW + second)


def test_moments_come_back_as_they_were() -> None:
    memory, watch = Memory(), Watch()
    readings = [at(4.0 * number) for number in range(40)]
    for one in readings:
        memory.take(watch.take(one))
    moments = memory.recall()
    for index in (39, 3, 20, 14, 15, 0):
        found = moments.moment(index).reading
        assert found.time == readings[index].time
        assert np.array_equal(found.table.local_port, readings[index].table.local_port)
        assert np.array_equal(found.table.remaining_ms, readings[index].table.remaining_ms)


def test_what_is_recalled_does_not_change_any_more() -> None:
    memory, watch = Memory(), Watch()
    for second in range(10):
        memory.take(watch.take(at(second)))
    moments = memory.recall()
    for number in range(1, 40):
        memory.take(watch.take(at(number * CHAPTER_SECONDS)))
    assert len(moments.timeline) == 10
    assert moments.moment(9).reading.time == NOW + 9


def test_it_reaches_back_fifteen_minutes_and_not_much_further() -> None:
    memory, watch = Memory(), Watch()
    for second in range(0, 2 * int(KEEP_SECONDS), 13):
        memory.take(watch.take(at(second, 3)))
        timeline = memory.recall().timeline
        assert timeline[-1].time == NOW + second
        reach = timeline[-1].time - timeline[0].time
        assert min(second, KEEP_SECONDS) <= reach <= KEEP_SECONDS + CHAPTER_SECONDS + 13


def test_there_is_a_bound_whatever_there_is_to_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", 8_000)
    memory, watch = Memory(), Watch()
    chance = np.random.default_rng(1)
    for second in range(0, 800, 20):
        socks = [waiting(int(port)) for port in sorted({*chance.integers(32768, 61000, 50)})]
        memory.take(watch.take(reading(table(*socks), time=NOW + second)))
        assert memory.size <= 8_000, "of chapters of three moments"
    assert 3 <= len(memory.recall().timeline) < 40


def test_what_is_told_of_few_sockets_counts_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Summaries stay unpacked, and tell of each finding in words."""
    most = 500_000
    monkeypatch.setattr(module, "KEPT_BYTES", most)
    monkeypatch.setattr(module, "summarise", _with_a_hundred_findings)
    memory, watch = Memory(), Watch()
    tracemalloc.start()
    for second in range(0, 800, 8):
        memory.take(watch.take(at(second, 3)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert memory.size <= most
    assert held < 2 * most, "what is counted is what is there"
    assert len(memory.recall().timeline) > 3


def _with_a_hundred_findings(view: View) -> Summary:
    words = f"10.0.0.1:443: {view.frame.time} ports are taken, and this is what it means"
    told = (Told((f"code-{n}", f"10.0.0.{n}:443"), 1, f"{n} {words}") for n in range(100))
    return summarise(view)._replace(findings=tuple(told))


def test_what_is_dear_is_kept_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SHARE", 1e-9)
    memory, watch = Memory(), Watch()
    for second in range(20):
        memory.take(watch.take(at(second)))
    assert len(memory.recall().timeline) == 1


def test_a_clock_that_is_set_back_begins_anew() -> None:
    memory, watch = Memory(), Watch()
    for second in (0, 1, 2, -3600, -3599):
        memory.take(watch.take(at(second)))
    assert [told.time - NOW for told in memory.recall().timeline] == [-3600, -3599]
