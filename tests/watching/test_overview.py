"""Which places are dumped, and when: by what could be full, in turn, and within the budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.tables import NOW, Sock, reading, rules, table
from tui.findings.config import Config
from tui.kernel.glance import Glance
from tui.kernel.places import Place
from tui.kernel.processes import Owners
from tui.kernel.sockets import SocketTable, TableError
from tui.kernel.source import Reading, Source
from tui.kernel.survey import Survey
from tui.watching import overview as module
from tui.watching import watch as watch_module
from tui.watching.outlook import Outlook, Urgency, verdict_of
from tui.watching.overview import TURN_SECONDS, Overview
from tui.watching.watch import Watch

RANGE = rules(40_000, 40_999)


@cache
def established(count: int) -> SocketTable:
    return table(*(Sock(local_port=40_000 + number) for number in range(count)))


class Machine:
    """Places with so many sockets each, a clock, and what was dumped when."""

    def __init__(self, patch: pytest.MonkeyPatch, *sockets: int | None, cost: float = 0.1) -> None:
        self.sockets = {self.place(number): count for number, count in enumerate(sockets, 1)}
        self.cost = cost
        self.now = 1000.0
        self.dumps: list[str] = []
        self.broken: set[str] = set()
        patch.setattr(module, "survey", lambda *_: Survey(tuple(self.sockets)))
        patch.setattr(module, "glance", self.glance)
        clock = SimpleNamespace(
            monotonic=lambda: self.now,
            thread_time=lambda: self.now,
            time=lambda: NOW + self.now,
        )
        for one in (module, watch_module):
            patch.setattr(one, "time", clock)
        patch.setattr(Source, "read", lambda source: self.read(source))

    @staticmethod
    def place(number: int) -> Place:
        root = Path(f"/proc/{number}")
        return Place(root, f"p{number}", "process", number, root / "ns/net", key=number, pid=number)

    def glance(self, places: Sequence[Place], known: object) -> list[Glance]:
        counts = [self.sockets[place] for place in places]
        return [Glance(place, n, n, RANGE) for place, n in zip(places, counts, strict=True)]

    def read(self, source: Source) -> Reading:
        self.dumps.append(source.place.name)
        self.now += self.cost
        if source.place.name in self.broken:
            raise TableError("refused")
        found = replace(established(self.sockets[source.place] or 0))  # a dump of its own
        return replace(reading(found, RANGE, time=NOW + self.now), place=source.place)

    def seconds(self, overview: Overview, count: int) -> tuple[Outlook, ...]:
        found: tuple[Outlook, ...] = ()
        for _ in range(count):
            began = self.now
            found = overview.poll()
            self.now = max(began + 1, self.now)
        return found


Make = Callable[..., Machine]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda *sockets, **more: Machine(monkeypatch, *sockets, **more)


def test_once_only_what_could_be_full_is_dumped(machine: Make) -> None:
    one = machine(0, 499, 500, 900, None)
    found = Overview(one_shot=True).poll()
    assert set(one.dumps) == {"p3", "p4"}
    rows = {outlook.place.name: outlook for outlook in found}
    assert [name for name, row in rows.items() if row.view is None] == ["p5", "p2", "p1"]
    assert next(iter(rows)) == "p4"


def test_all_dumps_together_keep_the_budget(machine: Make) -> None:
    """Twenty full places, each of a tenth of a second: a tenth of a core, and each has its turn."""
    one = machine(*[900] * 20, cost=0.1)
    seconds = 200
    one.seconds(Overview(), seconds)
    assert len(one.dumps) * one.cost <= 0.1 * seconds + 2 * one.cost
    turns = Counter(one.dumps)
    assert len(turns) == 20
    assert max(turns.values()) - min(turns.values()) <= 1


def test_five_hundred_that_are_fine_have_a_turn_and_keep_the_budget(machine: Make) -> None:
    one = machine(*[40] * 500, cost=0.05)
    found = one.seconds(Overview(), 120)
    assert len(one.dumps) * one.cost <= 0.1 * 120 + 2 * one.cost
    assert len(set(one.dumps)) == len(one.dumps)  # nobody twice before all
    assert len(found) == 500


def test_a_fine_one_is_dumped_once_a_turn(machine: Make) -> None:
    one = machine(40, cost=0.001)
    one.seconds(Overview(), int(2 * TURN_SECONDS) + 1)
    assert len(one.dumps) == 2


def test_full_ones_do_not_keep_a_fine_one_from_its_turn(machine: Make) -> None:
    one = machine(*[900] * 20, 40, cost=0.1)
    one.seconds(Overview(), 100)
    assert Counter(one.dumps)["p21"] >= 1


def test_what_is_looked_at_comes_first(machine: Make) -> None:
    one = machine(900, 900, 0, cost=0.1)
    overview = Overview()
    overview.looked_at = lambda place: place.name == "p3"
    one.seconds(overview, 20)
    assert one.dumps[0] == "p3"
    assert Counter(one.dumps)["p3"] >= 10


def test_what_cannot_be_dumped_says_so_and_keeps_no_other_waiting(machine: Make) -> None:
    one = machine(900, 800)
    one.broken = {"p1"}
    found = {row.place.name: row for row in Overview(one_shot=True).poll()}
    assert (found["p1"].failure, found["p1"].view, found["p1"].fresh) == ("refused", None, False)
    assert found["p2"].fresh


def test_what_has_gone_is_forgotten(machine: Make) -> None:
    one = machine(900, 900)
    overview = Overview(cpu_share=1e9)
    one.seconds(overview, 1)
    del one.sockets[one.place(1)]
    assert [row.place.name for row in one.seconds(overview, 1)] == ["p2"]
    assert len(overview._followed) == 1


def test_what_has_a_sampler_is_not_dumped_here_and_its_story_goes_on(machine: Make) -> None:
    one = machine(900, 900)
    overview, first = Overview(cpu_share=1e9), one.place(1)
    watch = overview.sample(first, Watch())
    watch.take(one.read(Source(first, "auto", 1.0)))
    one.dumps.clear()
    rows = {row.place.name: row for row in one.seconds(overview, 5)}
    assert set(one.dumps) == {"p2"}
    assert rows["p1"].view is watch.newest is not None
    second = overview.sample(one.place(2))
    assert second.newest is rows["p2"].view  # it is followed from where it was
    one.dumps.clear()
    one.seconds(overview, 5)
    assert set(one.dumps) == {"p1"}
    assert watch.newest is not rows["p1"].view


def test_what_is_sampled_is_kept_while_nobody_finds_it(machine: Make) -> None:
    """A survey may miss it, and the screen shows it all the same."""
    one = machine(900)
    overview = Overview()
    watch = overview.sample(one.place(1))
    one.sockets.clear()
    one.seconds(overview, 2)
    assert overview.sample(one.place(1)) is watch


def test_a_table_grows_old_until_its_turn(machine: Make) -> None:
    one = machine(*[900] * 20, cost=0.1)
    found = one.seconds(Overview(), 60)
    ages = sorted(row.age for row in found)
    assert ages[0] < 2
    assert 15 < ages[-1] <= 25  # twenty of them, one a second


def test_to_look_at_many_is_paid_for_by_fewer_dumps(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine(*[900] * 5, cost=0.01)
    glance = one.glance

    def slowly(places: Sequence[Place], known: object) -> list[Glance]:
        one.now += 0.05
        return glance(places, known)

    monkeypatch.setattr(module, "glance", slowly)
    one.seconds(Overview(), 100)
    assert 0.05 * 100 + one.cost * len(one.dumps) <= 0.1 * 100 + 0.2
    assert len(one.dumps) > 100


def test_other_settings_hold_for_all(machine: Make) -> None:
    one = machine(300, 900)
    overview = Overview(cpu_share=1e9)
    (row, _) = one.seconds(overview, 1)
    assert row.urgency is Urgency.HOT
    overview.judge_by(Config().with_threshold(95))
    found = {row.place.name: row for row in one.seconds(overview, 1)}
    assert found["p2"].urgency is Urgency.SLOW
    overview.judge_by(Config().with_threshold(20))
    one.seconds(overview, 1)
    assert one.dumps.count("p1") == 2  # beside its turn: it could reach that


def test_one_walk_over_the_processes_is_for_all_and_keeps_its_share(machine: Make) -> None:
    one = machine(*[900] * 5, cost=0.01)
    overview, walks = Overview(cpu_share=1e9), []

    def walk() -> Owners:
        walks.append(one.now)
        one.now += 0.2
        return Owners({})

    for _ in range(60):
        one.seconds(overview, 1)
        overview.note_owners(walk)
    assert 0.2 * len(walks) <= 0.05 * (one.now - 1000) + 0.2
    assert len(walks) >= 2


def test_ports_come_before_all_else_and_what_ends_soon_before_what_is_merely_full(
    machine: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One at 30 % that has a minute left is worse than one that rests at 90 %."""
    one = machine(1000, 900, 600, 300, 40)
    overview = Overview(cpu_share=1e9)
    overview.looked_at = lambda place: True
    found = list(one.seconds(overview, 1))
    assert [row.place.name for row in found] == ["p1", "p2", "p3", "p4", "p5"]
    at = next(index for index, row in enumerate(found) if row.place.name == "p4")
    view = found[at].view
    assert view is not None
    trends = replace(view.trends, seconds_left=np.array([50.0]))
    view = replace(view, trends=trends)
    found[at] = replace(found[at], view=view, verdict=verdict_of(view))
    found.sort(key=lambda row: row.gravity, reverse=True)
    assert [row.place.name for row in found] == ["p1", "p4", "p2", "p3", "p5"]
    assert [int(row.urgency) for row in found] == [4, 3, 2, 1, 0]
    assert replace(found[1], time=found[1].time + 20).seconds_left == pytest.approx(30, abs=1)


def test_where_dumps_are_dear_the_full_one_and_the_fine_ones_take_turns(machine: Make) -> None:
    """Each dump has to last for longer than the time between two of the fine ones."""
    one = machine(900, 40, 40, cost=2.0)
    overview = Overview()
    overview.turn_seconds = 5.0
    one.seconds(overview, 300)
    assert Counter(one.dumps)["p1"] >= len(one.dumps) // 2
    assert {"p2", "p3"} <= set(one.dumps)
