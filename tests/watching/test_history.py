from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.tables import NOW, Sock, frame, later, listener, rules, waiting
from tui.analysis import timewait
from tui.analysis.forecast import NEVER
from tui.analysis.frame import Frame
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import State, Timer
from tui.watching import history
from tui.watching.history import FORGET_SECONDS, KEEP_POINTS, KEEP_SECONDS, MARKED_SECONDS, History

NGINX = Process(10, "nginx")


def at(second: float, *found: Sock, **counters: int) -> Frame:
    return frame(*found, given=rules(40000, 40999), time=NOW + second, counters=counters)


def busy(count: int, *, remote: str = "10.0.0.9", state: State = State.ESTABLISHED) -> list[Sock]:
    return [Sock(local_port=40000 + n, remote=remote, state=state) for n in range(count)]


def waits(count: int, remote: str = "10.0.0.9") -> list[Sock]:
    return [waiting(40000 + n, remote=remote) for n in range(count)]


def after(*frames: Frame) -> History:
    made = History()
    for one in frames:
        made.add(one)
    return made


@pytest.fixture
def only_two_are_tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "TRACKED", 2)
    monkeypatch.setattr(timewait, "TRACKED", 2)


class TestGrowth:
    def test_one_frame_knows_no_change(self) -> None:
        only = at(0, *waits(10))
        trends = after(only).trends(only)
        assert (trends.states, trends.time_wait) == (None, None)
        assert np.isnan(trends.growth).all()
        assert (trends.new.tolist(), trends.gone) == ([False], ())

    def test_changes_are_per_second(self) -> None:
        frames = [at(0, *waits(10)), at(2, *waits(50), *busy(8, remote="10.0.0.7"))]
        trends = after(*frames).trends(frames[-1])
        assert trends.time_wait == 20
        assert trends.states is not None
        assert trends.states[State.TIME_WAIT] == 20
        assert trends.states[State.ESTABLISHED] == 4
        assert trends.growth.tolist() == [20, 4], "the second one was not there before"

    def test_they_are_those_of_the_last_seconds_only(self) -> None:
        """A jump long ago is no growth now."""
        frames = [at(0), *(at(second, *waits(100)) for second in range(10, 20))]
        trends = after(*frames).trends(frames[-1])
        assert (trends.time_wait, trends.growth.tolist()) == (0, [0])

    def test_growth_counts_ports_in_every_state(self) -> None:
        frames = [at(0, *busy(10)), at(1, *busy(10, state=State.CLOSE_WAIT), waiting(40500))]
        assert after(*frames).trends(frames[-1]).growth.tolist() == [1]

    def test_an_incomplete_table_is_no_change(self) -> None:
        """It counts a part of the sockets; the patterns' series wait for a whole one."""
        cut = frame(*waits(1), given=rules(40000, 40999), time=NOW + 1, complete=False)
        made = after(at(0, *waits(50)), cut)
        assert made.trends(cut).growth.shape == (1,)
        assert np.isnan(made.trends(cut).growth).all()
        assert [use.in_use for uses in made.uses.values() for use in uses] == [50]

    def test_frames_of_one_time_divide_by_nothing(self) -> None:
        frames = [at(0, *waits(1)), later(at(0, *waits(2)), NOW)]
        trends = after(*frames).trends(frames[-1])
        assert (trends.states, trends.time_wait) == (None, None)
        assert np.isnan(trends.growth).all()

    def test_a_clock_set_back_is_no_change(self) -> None:
        frames = [at(100, *waits(1)), at(0, *waits(2))]
        trends = after(*frames).trends(frames[-1])
        assert (trends.states, trends.time_wait) == (None, None)


class TestBetweenDumps:
    """Frames with the table of the last dump and counters of now (Sampler.poll)."""

    def later(self, dump: Frame, second: float, tw: int) -> Frame:
        return later(dump, NOW + second, {"tw": tw})

    def test_time_wait_goes_on_by_sockstat(self) -> None:
        mini = Sock(
            local_port=40900, state=State.FIN_WAIT2, timer=Timer.TIME_WAIT, remaining_ms=9000
        )
        dump = at(0, *waits(10), mini, tw=11)
        frames = [dump, self.later(dump, 1, 21), self.later(dump, 2, 0)]
        made = after(*frames[:2])
        assert [point.time_wait for point in made.points] == [10, 20], "sockstat counts the mini"
        assert made.trends(frames[1]).time_wait == 10
        made.add(frames[2])
        assert made.points[-1].time_wait == 0, "never below"

    def test_without_sockstat_it_stands_still(self) -> None:
        dump = at(0, *waits(10))
        assert history.current_time_wait(later(dump, NOW + 5)) == 10

    def test_the_table_counts_once(self) -> None:
        dump = at(0, *waits(10))
        made = after(dump, *(self.later(dump, second, 10) for second in range(1, 5)))
        assert [len(uses) for uses in made.uses.values()] == [1]
        assert made.trends(self.later(dump, 4, 10)).states is None

    def test_states_change_from_dump_to_dump(self) -> None:
        first, second = at(0, *waits(10)), at(4, *waits(50))
        frames = [first, self.later(first, 2, 10), second, self.later(second, 6, 50)]
        trends = after(*frames).trends(frames[-1])
        assert trends.states is not None
        assert trends.states[State.TIME_WAIT] == 10


class TestNewAndGone:
    def test_what_the_first_frame_shows_is_not_new(self) -> None:
        frames = [at(0, *waits(1)), at(1, *waits(1))]
        made = after(*frames)
        assert made.trends(frames[0]).new.tolist() == [False]
        assert made.trends(frames[1]).new.tolist() == [False]

    def test_what_comes_later_is_new_for_a_few_seconds(self) -> None:
        made = after(at(0, *waits(2)))
        marks = []
        for second in (1.0, MARKED_SECONDS - 0.1, MARKED_SECONDS):
            shown = at(second, *waits(2), *busy(1, remote="10.0.0.7"))
            made.add(shown)
            marks.append(made.trends(shown).new.tolist())
        assert marks == [[False, True], [False, True], [False, False]]

    def test_what_comes_after_a_table_too_large_to_be_tracked_may_be_old(
        self, only_two_are_tracked: None
    ) -> None:
        shown = at(1, *waits(3, "10.0.0.3"))
        trends = after(at(0, *(waiting(remote=f"10.0.0.{n}") for n in (1, 2, 3))), shown).trends(
            shown
        )
        assert (trends.new.tolist(), np.isnan(trends.growth).tolist()) == ([False], [True])

    def test_what_fell_out_of_the_tracked_ones_may_still_be_there(
        self, only_two_are_tracked: None
    ) -> None:
        three = [*waits(3, "10.0.0.1"), *waits(2, "10.0.0.2"), *waits(1, "10.0.0.3")]
        shown = at(1, *three, *waits(4, "10.0.0.3"))
        assert after(at(0, *three), shown).trends(shown).gone == ()

    def test_an_incomplete_table_does_not_tell_what_is_gone(self) -> None:
        cut = frame(given=rules(40000, 40999), time=NOW + 1, complete=False)
        assert after(at(0, *waits(1)), cut).trends(cut).gone == ()

    def test_a_vanished_pattern_has_shrunk_to_nothing(self) -> None:
        frames = [at(0, *waits(10)), at(2), at(4, *waits(2))]
        made = after(*frames)
        (uses,) = made.uses.values()
        assert [use.in_use for use in uses] == [10, 0, 2]
        assert made.trends(frames[-1]).growth.tolist() == [-2]

    def test_what_vanished_is_shown_for_a_few_seconds(self) -> None:
        made = after(at(0, *waits(2), *waits(1, "10.0.0.7")))
        gone = []
        for second in (1.0, MARKED_SECONDS - 0.1, MARKED_SECONDS):
            shown = at(second, *waits(2))
            made.add(shown)
            gone.append([(key.remote_ip, use.in_use) for key, use in made.trends(shown).gone])
        assert gone == [[("10.0.0.7", 1)], [("10.0.0.7", 1)], []]

    def test_and_then_forgotten(self) -> None:
        made = after(at(0, *waits(2), *waits(1, "10.0.0.7")))
        for second, count in ((FORGET_SECONDS, 2), (FORGET_SECONDS + 0.1, 1)):
            made.add(at(second, *waits(2)))
            assert len(made.uses) == count


class TestBounds:
    def test_series_reach_back_so_far_and_no_further(self) -> None:
        made = History()
        for second in range(0, int(KEEP_SECONDS) + 50, 10):
            made.add(at(second, *waits(1)))
        assert made.points[-1].time - made.points[0].time == KEEP_SECONDS
        (uses,) = made.uses.values()
        assert uses[-1].time - uses[0].time == KEEP_SECONDS

    def test_however_quick_the_polls_they_have_so_many_points(self) -> None:
        made = History()
        one = at(0, *waits(1))
        for number in range(KEEP_POINTS + 20):
            now = NOW + number / 10
            made.add(replace(one, reading=replace(one.reading, time=now, table_time=now)))
        (uses,) = made.uses.values()
        assert len(made.points) == len(uses) == KEEP_POINTS

    def test_only_the_fullest_patterns_have_a_series(self, only_two_are_tracked: None) -> None:
        shown = at(0, *waits(3, "10.0.0.1"), *waits(2, "10.0.0.2"), *waits(1, "10.0.0.3"))
        made = after(shown)
        assert {key.remote_ip for key in made.uses} == {"10.0.0.1", "10.0.0.2"}
        assert made.trends(shown).growth.shape == made.trends(shown).seconds_left.shape == (2,)


class TestCounters:
    def test_an_increase_per_second(self) -> None:
        made = after(at(0, TW=100), at(2, TW=300))
        assert made.counter_rate("TW") == 100

    def test_of_the_last_seconds_only(self) -> None:
        made = after(at(0, TW=0), *(at(second, TW=1000) for second in range(10, 20)))
        assert made.counter_rate("TW") == 0

    @pytest.mark.parametrize(
        "frames",
        [
            [],
            [at(0, TW=1)],
            [at(0, other=1), at(1, TW=1)],
            [at(0, TW=1), at(1, other=1)],
            [at(0, TW=1), at(0, TW=2)],
        ],
    )
    def test_unknown_unless_it_is_there_twice(self, frames: list[Frame]) -> None:
        assert after(*frames).counter_rate("TW") is None


class TestHolders:
    def known(self, *found: Sock) -> tuple[History, Frame]:
        shown = at(0, *found)
        made = after(shown)
        made.note_owners(shown, Owners({1: NGINX}))
        return made, shown

    def test_who_holds_the_open_sockets(self) -> None:
        made, shown = self.known(Sock(inode=1), waiting(40001))
        holder = made.holder(shown, 0)
        assert holder is not None
        assert (holder.process, holder.remembered, str(holder)) == (NGINX, False, "nginx[10]")

    def test_a_time_wait_remembers_who_held_it(self) -> None:
        made, _ = self.known(Sock(inode=1))
        shown = at(1, waiting())
        made.add(shown)
        assert str(made.holder(shown, 0)) == "nginx[10] (remembered)"

    def test_a_pattern_that_nobody_was_seen_to_hold(self) -> None:
        made, shown = self.known(Sock(inode=2))
        assert made.holder(shown, 0) is None

    def test_only_so_many_are_remembered_and_the_newest(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "REMEMBERED", 2)
        made = after(at(0))
        for second, host in enumerate((1, 2, 1, 3)):
            shown = at(second, Sock(remote=f"10.0.0.{host}", inode=1))
            made.note_owners(shown, Owners({1: NGINX}))
        ends = [at(9, waiting(remote=f"10.0.0.{host}")) for host in (1, 2, 3)]
        assert [made.holder(shown, 0) is not None for shown in ends] == [True, False, True]


class TestSecondsLeft:
    def left(self, *frames: Frame) -> list[float]:
        found: list[float] = after(*frames).trends(frames[-1]).seconds_left.tolist()
        return found

    def burst(self, per_second: int, seconds: int = 5, *, remote: str = "10.0.0.9") -> list[Sock]:
        """Closings at a steady rate until now."""
        return [
            waiting(40000 + second * per_second + n, 59_500 - 1000 * second, remote=remote)
            for second in range(seconds)
            for n in range(per_second)
        ]

    def test_one_frame_is_enough_for_a_load_that_closes(self) -> None:
        """1000 ports, 100/s since 5 s: the timers tell it."""
        assert self.left(at(0, *self.burst(100))) == [pytest.approx(5)]

    def test_a_load_that_levels_off_never_runs_out(self) -> None:
        assert self.left(at(0, *self.burst(16))) == [NEVER]

    def test_a_leak_needs_two(self) -> None:
        frames = [at(0, *busy(300)), at(10, *busy(400))]
        assert self.left(frames[0]) == [NEVER]
        assert self.left(*frames) == [pytest.approx(60)]

    def test_a_few_sockets_more_are_no_leak(self) -> None:
        assert self.left(at(0, *busy(400)), at(10, *busy(405))) == [NEVER]

    def test_exhausted_is_now(self) -> None:
        assert self.left(at(0, *busy(1000))) == [0]
        expiring = [waiting(port, 500) for port in range(40000, 41000)]
        assert self.left(at(0, *expiring)) == [0], "though all will be back in half a second"

    def test_reuse_gives_ports_back_after_its_delay(self) -> None:
        given = rules(40000, 40999, reuse_mode=2)
        far = self.burst(100)
        near = [replace(sock, local="127.0.0.1", remote="127.0.0.1") for sock in far]
        shown = frame(*far, *near, given=given, time=NOW)
        left = dict(zip(self.remotes(shown), self.left(shown), strict=True))
        assert left == {"10.0.0.9": pytest.approx(5), "127.0.0.1": NEVER}

    def remotes(self, shown: Frame) -> Iterator[str]:
        for index in range(len(shown.patterns)):
            yield shown.patterns.key(index).remote_ip

    def test_only_connect_runs_out_of_ports(self) -> None:
        clients = [Sock(local_port=80, remote_port=port) for port in range(40000, 41000)]
        shown = at(0, listener(), *clients, Sock(local_port=39000, remote="10.0.0.7"))
        assert shown.patterns.connectable[0] == 0
        assert self.left(shown) == [NEVER, NEVER]


def test_who_listens_for_an_incoming_pattern_is_not_remembered_but_seen() -> None:
    history = History()
    over = Sock(local_port=80, state=State.TIME_WAIT, timer=3, remaining_ms=9_000)
    made = frame(listener(inode=1), over)
    history.add(made)
    history.note_owners(made, Owners({1: Process(10, "nginx")}))
    assert str(history.holder(made, 0)) == "nginx[10]"
    history.note_owners(made, Owners({}))
    assert str(history.holder(made, 0)) == "nginx[10] (remembered)"
