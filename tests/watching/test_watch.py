"""Readings in, views out: what frames say together, and what an incomplete read may not undo."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from tests.tables import NOW, Clock, Sock, parameters, reading, rules, table, waiting
from tui.findings.config import Config
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import State
from tui.kernel.source import Reading
from tui.report.watch import watch_record
from tui.watching import watch as module
from tui.watching.view import View
from tui.watching.watch import OWNER_RETRY_SECONDS, OWNER_SECONDS, Watch

NGINX = Process(10, "nginx")
THOUSAND = rules(40000, 40999)


def read(
    *found: Sock, second: float = 0.0, complete: bool = True, counters: dict[str, int] | None = None
) -> Reading:
    return reading(table(*found, complete=complete), THOUSAND, time=NOW + second, counters=counters)


def waits(count: int) -> list[Sock]:
    return [waiting(40_000 + n, 30_000) for n in range(count)]


def codes(view: View) -> list[str]:
    return [case.finding.code for case in view.cases.present]


class TestViews:
    def test_each_has_its_frame_and_its_trends(self) -> None:
        watch = Watch()
        seen = [watch.take(read(*waits(2 + second), second=second)) for second in range(3)]
        assert [len(view.frame.table) for view in seen] == [2, 3, 4]
        assert [view.trends.time_wait for view in seen] == [None, 1.0, 1.0]
        assert watch.newest is seen[-1]

    def test_one_that_was_handed_out_does_not_change(self) -> None:
        watch = Watch()
        first = watch.take(read(*waits(900)))
        held, found = first.trends.course.held, codes(first)
        for second in range(1, 30):
            watch.take(read(second=second))
        assert (first.trends.course.held, codes(first)) == (held, found)
        assert "ports-above-threshold" in found

    def test_between_dumps_only_the_counters_are_new(self) -> None:
        watch = Watch()
        dump = read(*waits(10), counters={"tw": 10, "TW": 100})
        first = watch.take(dump)
        later = watch.take(replace(dump, time=NOW + 2, counters={"tw": 14, "TW": 140}))
        assert later.frame.patterns is first.frame.patterns
        assert (later.frame.age, later.trends.time_wait_count) == (2, 14)
        assert (later.trends.time_wait, later.trends.rates["TW"]) == (2, 20)


class TestCutShort:
    """A read that was cut off is not news."""

    def test_the_last_whole_table_stays_with_its_age(self) -> None:
        watch = Watch()
        whole = watch.take(read(*waits(900), counters={"tw": 900}))
        cut = watch.take(read(*waits(3), second=1, complete=False, counters={"tw": 950}))
        assert cut.frame.table is whole.frame.table
        assert (cut.frame.age, cut.trends.time_wait_count) == (1, 950)
        assert codes(cut) == codes(whole) == ["ports-above-threshold"]
        assert cut.trends.gone == ()
        again = watch.take(read(*waits(901), second=2))
        assert (again.frame.age, again.trends.cut_short_seconds) == (0, 0)
        assert again.trends.growth.tolist() == [0.5]

    def test_it_is_told_once_it_lasts(self) -> None:
        watch = Watch()
        watch.take(read(*waits(10)))
        told = [
            "incomplete-table" in codes(watch.take(read(second=second, complete=False)))
            for second in range(1, 10)
        ]
        assert told == [False] * 5 + [True] * 4
        assert "incomplete-table" not in codes(watch.take(read(*waits(10), second=10)))

    def test_with_nothing_whole_yet_a_part_is_shown_and_said_to_be_one(self) -> None:
        watch = Watch()
        first = watch.take(read(*waits(10), complete=False))
        assert (len(first.frame.table), codes(first)) == (10, ["incomplete-table"])
        assert len(watch.take(read(*waits(12), second=1)).frame.table) == 12

    def test_a_part_that_came_first_is_no_base_for_a_trend(self) -> None:
        watch = Watch()
        few, many = (
            [Sock(local_port=40_000 + n, state=State.CLOSE_WAIT) for n in range(count)]
            for count in (40, 800)
        )
        watch.take(read(*few, complete=False))
        for second in range(1, 14):
            view = watch.take(read(*many, second=second))
        assert view.trends.close_wait is not None
        assert view.trends.close_wait.rise == 0
        assert view.trends.states is not None
        assert not view.trends.states.any()
        assert view.cases.news_since(view.cases.looks - 1) == ()
        assert all(case.from_start for case in view.cases.present)

    def test_a_clock_set_back_leaves_the_ages_as_they_are(self) -> None:
        watch = Watch()
        watch.take(read(*waits(10)))
        for second in (1, 9, -3600, -3599):
            view = watch.take(read(second=second, complete=False))
        assert (view.frame.age, view.trends.cut_short_seconds) == (10, 9)

    @pytest.mark.parametrize("complete", [True, False])
    def test_other_sysctls_group_the_same_table_otherwise(self, complete: bool) -> None:
        """As when the advice to widen the range is followed between two dumps."""
        watch = Watch()
        dump = read(*waits(10), Sock(local_port=39_000), Sock(local_port=39_001, remote="10.0.0.7"))
        first = watch.take(dump)
        wide = parameters(rules(30_000, 60_000))
        given = dump if complete else replace(dump, table=replace(dump.table, complete=False))
        for second in (1.0, 2.0):
            view = watch.take(replace(given, parameters=wide, time=NOW + second))
            watch.look_for_owners(lambda: Owners({}))
        assert len(view.frame.patterns) != len(first.frame.patterns)
        assert len(view.trends.growth) == len(view.frame.patterns)


class TestSettings:
    def test_another_threshold_is_judged_at_once_and_is_no_news(self) -> None:
        watch = Watch()
        shown = watch.take(read(*waits(300)))
        assert codes(shown) == []
        again = watch.judge_by(Config().with_threshold(25), shown)
        assert again is not None
        assert (again.threshold, codes(again)) == (25, ["ports-above-threshold"])
        assert again.cases.news_since(again.cases.looks - 1) == ()
        assert watch.newest is not None
        assert codes(watch.newest) == codes(again)

    def test_an_older_view_is_judged_by_itself(self) -> None:
        watch = Watch()
        frozen = watch.take(read(*waits(300)))
        watch.take(read(*waits(10), second=1))
        again = watch.judge_by(Config().with_threshold(25), frozen)
        assert again is not None
        assert again.frame is frozen.frame
        assert codes(again) == ["ports-above-threshold"]
        assert watch.newest is not None
        assert codes(watch.newest) == []

    def test_before_the_first_reading_there_is_nothing_to_judge(self) -> None:
        watch = Watch()
        assert watch.judge_by(Config().with_threshold(25)) is None
        assert watch.take(read()).threshold == 25


class TestOwners:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> Clock:
        clock = Clock()
        monkeypatch.setattr(module, "time", clock)
        return clock

    def walks(self, watch: Watch, clock: Clock, *, seconds: int, cost: float = 0.0) -> list[float]:
        made: list[float] = []

        def walk() -> Owners:
            made.append(clock.now - 1000)
            clock.now += cost
            return Owners({7: NGINX})

        began = clock.now
        for second in range(seconds):
            clock.now = max(clock.now, began + second)
            watch.look_for_owners(walk)
        return made

    def test_they_are_looked_for_at_first_and_then_now_and_then(self, clock: Clock) -> None:
        watch = Watch()
        watch.take(read(Sock(inode=7)))
        watch.look_for_owners(lambda: Owners({7: NGINX}))
        watch.take(read(Sock(inode=7), second=1))
        assert self.walks(watch, clock, seconds=30) == [OWNER_SECONDS, 2 * OWNER_SECONDS]

    def test_sooner_while_nobody_is_known_for_what_is_open(self, clock: Clock) -> None:
        watch = Watch()
        watch.take(read(Sock(inode=8)))
        found = self.walks(watch, clock, seconds=7)
        assert found == [0, OWNER_RETRY_SECONDS, 2 * OWNER_RETRY_SECONDS, 3 * OWNER_RETRY_SECONDS]

    def test_what_takes_long_is_done_more_rarely(self, clock: Clock) -> None:
        watch = Watch()
        watch.take(read(Sock(inode=8)))
        assert self.walks(watch, clock, seconds=45, cost=1.0) == [0, 20, 40]

    def test_who_held_a_pattern_is_remembered(self) -> None:
        watch = Watch()
        watch.look_for_owners(lambda: Owners({7: NGINX}))
        views = [watch.take(read(Sock(inode=7))), watch.take(read(waiting(), second=1))]
        records = [watch_record(v.frame, v.trends, 1, v.seconds_left) for v in views]
        named = [record["patterns"][0]["process"] for record in records]
        assert named == ["nginx[10]", "nginx[10] (remembered)"]

    def test_a_walk_that_fails_is_told_and_tried_again_later(self, clock: Clock) -> None:
        watch = Watch()

        def fail() -> Owners:
            raise RuntimeError("out of luck")

        with pytest.raises(RuntimeError, match="out of luck"):
            watch.look_for_owners(fail)
        assert not watch.look_for_owners(fail)
        clock.now += OWNER_SECONDS
        assert watch.look_for_owners(lambda: Owners({}))


def test_several_threads_may_call_it() -> None:
    watch, failed = Watch(), []

    def work(call: object) -> None:
        try:
            for number in range(60):
                call(number)  # type: ignore[operator]
        except Exception as error:
            failed.append(error)

    calls = (
        lambda n: watch.take(read(*waits(n), second=n)),
        lambda n: watch.judge_by(Config().with_threshold(1 + n)),
        lambda n: watch.look_for_owners(lambda: Owners({})),
    )
    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
