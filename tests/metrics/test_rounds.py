"""All places in one exposition: told apart, bounded together, and only what was read is judged."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands.hosts import LOW, fixture, host, tuple_with
from tests.metrics.told import Told, parsed
from tests.tables import Clock, Sock
from tui.analysis.frame import judge
from tui.findings.config import Config
from tui.kernel.glance import Glance
from tui.kernel.places import Place, place_at
from tui.kernel.port_rules import port_rules
from tui.kernel.processes import Owners
from tui.kernel.source import Source
from tui.kernel.survey import Survey
from tui.metrics.exposition import Scrapes
from tui.metrics.post import Benches
from tui.metrics.rounds import Rounds, names
from tui.metrics.seats import REST_SECONDS, SEATS
from tui.watching.outlook import Outlook
from tui.watching.view import View
from tui.watching.watch import Watch


def view(folder: Path, sockets: Sequence[Sock]) -> View:
    return Watch().take(Source(place_at(host(folder, sockets)), "proc", 1.0).read())


class Given(NamedTuple):
    """A place as the overview has it."""

    name: str
    sockets: int | None
    view: View | None = None
    failure: str | None = None
    complete: bool = True

    def outlook(self) -> Outlook:
        place = Place(Path("/nowhere"), self.name, "pod", None)
        rules = replace(port_rules(()), low=LOW, high=LOW + 499)
        glance = Glance(place, self.sockets, self.sockets, rules)
        return Outlook(
            glance,
            self.view,
            fresh=self.view is not None,
            failure=self.failure,
            complete=self.complete,
        )


def rounds(
    patch: pytest.MonkeyPatch, given: Sequence[Given], found: Survey | None = None
) -> Rounds:
    made = Rounds(Path("/proc"), lambda: Owners({}), Config())
    patch.setattr(made._overview, "poll", lambda: tuple(one.outlook() for one in given))
    made._overview.found = found or Survey(())
    return made


def told(made: Rounds) -> Told:
    return parsed(Scrapes((made,), 0.0, walks=False).text().decode())


def test_each_place_has_series_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = view(tmp_path / "a", tuple_with(100)), view(tmp_path / "b", tuple_with(200))
    said = told(rounds(monkeypatch, [Given("a", 100, a), Given("b", 200, b)]))
    assert said.value("twtop_pattern_ports_in_use", place="a") == 100
    assert said.value("twtop_pattern_ports_in_use", place="b") == 200
    assert said.value("twtop_places_complete") == 1


class TestWhatIsNotRead:
    def test_it_is_told_by_its_bound_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said = told(rounds(monkeypatch, [Given("idle", 10)]))
        assert said.value("twtop_place_utilization_bound_ratio", place="idle") == 10 / 500
        assert said.value("twtop_reading_success", place="idle") == 1
        for name in ("sockets", "patterns_locked_max_ratio", "reading_complete", "patterns"):
            assert not said.named(f"twtop_{name}")

    def test_nor_is_what_was_read_before_it_went_idle(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        old = view(tmp_path, tuple_with(499))
        said = told(rounds(monkeypatch, [Given("idle", 10, old)]))
        assert not said.named("twtop_patterns_locked_max_ratio")

    @pytest.mark.parametrize("given", [Given("a", None), Given("a", 499, failure="gone")])
    def test_one_that_cannot_be_read_is_no_fine_one(
        self, given: Given, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert told(rounds(monkeypatch, [given])).value("twtop_reading_success", place="a") == 0

    def test_one_that_may_be_full_and_waits_for_its_turn_is_not_seen_whole(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said = told(rounds(monkeypatch, [Given("a", 499)]))
        assert said.value("twtop_reading_complete", place="a") == 0

    def test_a_dump_that_was_cut_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Though the view is the last whole one."""
        cut = Given("a", 499, view(tmp_path, tuple_with(499)), complete=False)
        said = told(rounds(monkeypatch, [cut]))
        assert said.value("twtop_reading_complete", place="a") == 0
        assert said.value("twtop_readings_incomplete_total", place="a") == 1

    def test_places_that_could_not_be_found_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        hidden = Survey((), missing=("hidepid",))
        assert told(rounds(monkeypatch, [], hidden)).value("twtop_places_complete") == 0


def test_no_two_places_share_a_name() -> None:
    """Prometheus refuses the whole scrape where two series are the same."""
    root = Path("/proc/1")
    several = [
        Place(root, "sleep[1]", "process", 11, pid=1),
        Place(root, "sleep[2]", "process", 12, pid=2),
        Place(root, "web", "container", 13),
        Place(root, "web", "container", 14),
        Place(root, "db", "container", 15),
    ]
    assert names(several) == ["sleep:11", "sleep:12", "web:13", "web:14", "db"]
    assert names(several[:1]) == ["sleep:11"]  # as it was called among the others


class TestChurn:
    """Of all places together: SEATS at a time, and no more than twice as many begin in an hour."""

    def test_an_hour_of_random_traffic_in_many_places(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock, chance = Clock(), random.Random(15)
        monkeypatch.setattr("tui.metrics.post.time", clock)
        made = [view(tmp_path / str(n), self._crowd(chance)) for n in range(40)]
        benches = Benches(Config())
        began: set[tuple[str, object]] = set()
        most = 0
        for _ in range(int(REST_SECONDS / 15)):
            clock.now += 15
            there = {f"pod-{n}": chance.choice(made) for n in chance.sample(range(200), 20)}
            rows = benches.rows(there)
            seated = {(name, row.key) for name, (own, _) in rows.items() for row in own}
            full = sum(int((one.frame.patterns.utilization >= 0.1).sum()) for one in there.values())
            high = {
                (name, row.key)
                for name, (own, _) in rows.items()
                for row in own
                if row.in_use >= 0.1 * row.capacity
            }
            assert sum(left for _, left in rows.values()) == full - len(high)
            began |= seated
            most = max(most, len(benches._seats.seated))
        assert most == SEATS
        assert SEATS < len(began) <= 2 * SEATS

    def _crowd(self, chance: random.Random) -> list[Sock]:
        """Some tuples, each with a random part of the 500 ports."""
        return [
            Sock(local_port=LOW + port, remote=f"10.0.0.{tuple_}")
            for tuple_ in range(5)
            for port in range(int(500 * chance.choice([0.02, 0.12, 0.3, 0.9])))
        ]


def test_a_copy_is_judged_however_idle(tmp_path: Path) -> None:
    root = fixture("6.18-idle-host")
    frame = judge(Source(place_at(root), "proc", 1.0).read())
    said = told(Rounds(root, lambda: Owners({})))
    assert said.value("twtop_ports_capacity") == frame.ports.capacity
