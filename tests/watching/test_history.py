from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.tables import NOW, Sock, frame, later, listener, rules, waiting
from tui.analysis import timewait
from tui.analysis.course import SHOWN_SECONDS
from tui.analysis.forecast import NEVER
from tui.analysis.frame import Frame
from tui.analysis.timewait import SECONDS
from tui.analysis.trends import Series, Trends
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import State, Timer
from tui.watching import history
from tui.watching.history import EARLY_SECONDS, MARKED_SECONDS, History
from tui.watching.series import FORGET_SECONDS, KEEP_ROWS, KEEP_SECONDS, VANISHED

NGINX = Process(10, "nginx")


def at(second: float, *found: Sock, **counters: int) -> Frame:
    return frame(*found, given=rules(40000, 40999), time=NOW + second, counters=counters)


def busy(count: int, *, remote: str = "10.0.0.9", state: State = State.ESTABLISHED) -> list[Sock]:
    return [Sock(local_port=40000 + n, remote=remote, state=state) for n in range(count)]


def waits(count: int, remote: str = "10.0.0.9") -> list[Sock]:
    return [waiting(40000 + n, remote=remote) for n in range(count)]


def told(*frames: Frame, history: History | None = None) -> Trends:
    """What the last of these frames says, after the others."""
    made = history or History()
    *_, last = map(made.add, frames)
    return last


def after(*frames: Frame) -> History:
    made = History()
    for one in frames:
        made.add(one)
    return made


def series(trends: Trends, frame: Frame, index: int = 0) -> Series:
    found = trends.past.of(frame.patterns.key(index))
    assert found is not None
    return found


@pytest.fixture
def only_two_are_tracked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "TRACKED", 2)
    monkeypatch.setattr(timewait, "TRACKED", 2)


class TestGrowth:
    def test_one_frame_knows_no_change(self) -> None:
        only = at(0, *waits(10))
        trends = told(only)
        assert (trends.states, trends.time_wait) == (None, None)
        assert np.isnan(trends.growth).all()
        assert (trends.new.tolist(), trends.gone) == ([False], ())

    def test_changes_are_per_second(self) -> None:
        frames = [at(0, *waits(10)), at(2, *waits(50), *busy(8, remote="10.0.0.7"))]
        trends = told(*frames)
        assert trends.time_wait == 20
        assert trends.states is not None
        assert trends.states[State.TIME_WAIT] == 20
        assert trends.states[State.ESTABLISHED] == 4
        assert trends.growth.tolist() == [20, 4], "the second one was not there before"

    def test_they_are_those_of_the_last_seconds_only(self) -> None:
        """A jump long ago is no growth now."""
        frames = [at(0), *(at(second, *waits(100)) for second in range(10, 20))]
        trends = told(*frames)
        assert (trends.time_wait, trends.growth.tolist()) == (0, [0])

    def test_growth_counts_ports_in_every_state(self) -> None:
        frames = [at(0, *busy(10)), at(1, *busy(10, state=State.CLOSE_WAIT), waiting(40500))]
        assert told(*frames).growth.tolist() == [1]

    def test_an_incomplete_table_is_no_change(self) -> None:
        """It counts a part of the sockets; the patterns' series wait for a whole one."""
        cut = frame(*waits(1), given=rules(40000, 40999), time=NOW + 1, complete=False)
        trends = told(at(0, *waits(50)), cut)
        assert np.isnan(trends.growth).tolist() == [True]
        assert series(trends, cut).in_use.tolist() == [50]

    def test_frames_of_one_time_divide_by_nothing(self) -> None:
        frames = [at(0, *waits(1)), later(at(0, *waits(2)), NOW)]
        trends = told(*frames)
        assert (trends.states, trends.time_wait) == (None, None)
        assert np.isnan(trends.growth).all()

    def test_a_clock_set_back_is_no_change(self) -> None:
        frames = [at(100, *waits(1)), at(0, *waits(2))]
        trends = told(*frames)
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
        made = History()
        told(dump, history=made)
        trends = told(frames[1], history=made)
        assert list(trends.course.held) == [10, 20], "sockstat counts the mini"
        assert (trends.time_wait, trends.time_wait_count) == (10, 20)
        assert told(frames[2], history=made).course.held[-1] == 0, "never below"

    def test_what_went_into_time_wait_by_the_kernels_counter(self) -> None:
        """Seconds that no poll was in are told by those around them; a poll that was not told of
        the counter tells nothing."""
        totals = {0: 100, 1: 110, 2: 130, 5: 190, 6: None, 7: 190, 7.25: 200, 8: 290}
        counters = ({} if total is None else {"TW": total} for total in totals.values())
        frames = [at(second, **counter) for second, counter in zip(totals, counters, strict=True)]
        trends = told(*frames)
        assert trends.course.entered[-9:] == (0, 10, 20, 20, 20, 20, 0, 0, 120)
        assert len(trends.course.entered) == SHOWN_SECONDS
        waiting_ = later(at(8, *waits(30)), NOW + 8, {"TW": 290})
        assert told(*frames[:-1], waiting_).course.entered[-1] == 120, "more than the timers' 30"

    def test_without_sockstat_it_stands_still(self) -> None:
        dump = at(0, *waits(10))
        assert history.current_time_wait(later(dump, NOW + 5)) == 10

    def test_the_table_counts_once(self) -> None:
        dump = at(0, *waits(10))
        trends = told(dump, *(self.later(dump, second, 10) for second in range(1, 5)))
        assert len(series(trends, dump)) == 1
        assert trends.states is None

    def test_states_change_from_dump_to_dump(self) -> None:
        first, second = at(0, *waits(10)), at(4, *waits(50))
        frames = [first, self.later(first, 2, 10), second, self.later(second, 6, 50)]
        trends = told(*frames)
        assert trends.states is not None
        assert trends.states[State.TIME_WAIT] == 10


class TestNewAndGone:
    def test_what_the_first_frame_shows_is_not_new(self) -> None:
        frames = [at(0, *waits(1)), at(1, *waits(1))]
        assert [told(*frames[:count]).new.tolist() for count in (1, 2)] == [[False], [False]]

    def test_what_comes_later_is_new_for_a_few_seconds(self) -> None:
        made = after(at(0, *waits(2)))
        marks = []
        for second in (1.0, MARKED_SECONDS - 0.1, MARKED_SECONDS):
            shown = at(second, *waits(2), *busy(1, remote="10.0.0.7"))
            marks.append(made.add(shown).new.tolist())
        assert marks == [[False, True], [False, True], [False, False]]

    def test_what_comes_after_a_table_too_large_to_be_tracked_may_be_old(
        self, only_two_are_tracked: None
    ) -> None:
        shown = at(1, *waits(3, "10.0.0.3"))
        trends = told(at(0, *(waiting(remote=f"10.0.0.{n}") for n in (1, 2, 3))), shown)
        assert (trends.new.tolist(), np.isnan(trends.growth).tolist()) == ([False], [True])

    def test_what_fell_out_of_the_tracked_ones_may_still_be_there(
        self, only_two_are_tracked: None
    ) -> None:
        three = [*waits(3, "10.0.0.1"), *waits(2, "10.0.0.2"), *waits(1, "10.0.0.3")]
        shown = at(1, *three, *waits(4, "10.0.0.3"))
        assert told(at(0, *three), shown).gone == ()

    def test_an_incomplete_table_does_not_tell_what_is_gone(self) -> None:
        cut = frame(given=rules(40000, 40999), time=NOW + 1, complete=False)
        assert told(at(0, *waits(1)), cut).gone == ()

    def test_a_vanished_pattern_has_shrunk_to_nothing(self) -> None:
        frames = [at(0, *waits(10)), at(2), at(4, *waits(2))]
        trends = told(*frames)
        assert series(trends, frames[0]).in_use.tolist() == [10, 0, 2]
        assert trends.growth.tolist() == [-2]

    def test_what_vanished_is_shown_for_a_few_seconds(self) -> None:
        made = after(at(0, *waits(2), *waits(1, "10.0.0.7")))
        gone = []
        for second in (1.0, MARKED_SECONDS - 0.1, MARKED_SECONDS):
            shown = at(second, *waits(2))
            gone.append([(key.remote_ip, total) for key, total in made.add(shown).gone])
        assert gone == [[("10.0.0.7", 1)], [("10.0.0.7", 1)], []]

    def test_and_then_forgotten(self) -> None:
        made = after(at(0, *waits(2), *waits(1, "10.0.0.7")))
        for second, count in ((FORGET_SECONDS, 2), (FORGET_SECONDS + 0.1, 1)):
            assert len(made.add(at(second, *waits(2))).past.columns) == count

    def test_with_more_than_are_tracked_they_are_forgotten_too(
        self, only_two_are_tracked: None
    ) -> None:
        made = History()
        for number in range(200):
            shown = at(
                number, *waits(3, f"10.0.{number}.1"), *waits(2, "10.0.0.2"), *waits(1, "10.0.0.3")
            )
            assert len(made.add(shown).past.columns) <= FORGET_SECONDS + 3

    def test_what_is_there_after_a_long_gap_has_not_grown_from_nothing(self) -> None:
        """A poll a minute, a suspended terminal, a minute of reads that were cut."""
        gap = FORGET_SECONDS + 5
        trends = told(*(at(number * gap, *waits(300)) for number in range(3)))
        assert (trends.growth.tolist(), trends.new.tolist()) == ([0], [False])
        assert trends.seconds_left.tolist() == [NEVER]


class TestBounds:
    def test_clients_that_come_and_go_take_a_bounded_room(self) -> None:
        """A public server: hundreds of new ones a second, all of which fit in once."""
        made = History()
        for second in range(40):
            clients = [
                Sock(local_port=40_000 + n, remote=f"10.{second}.{n // 200}.{n % 200}")
                for n in range(500)
            ]
            past = made.add(at(second, *clients)).past
            assert len(past.columns) <= 500 + VANISHED
        assert past.cells.shape[2] < 3 * (500 + VANISHED)

    def test_series_reach_back_so_far_and_no_further(self) -> None:
        frames = [at(second, *waits(1)) for second in range(0, int(KEEP_SECONDS) + 50, 10)]
        found = series(told(*frames), frames[0])
        assert found.time[-1] - found.time[0] == KEEP_SECONDS

    def test_however_quick_the_polls_they_have_so_many_rows(self) -> None:
        made = History()
        one = at(0, *waits(1))
        for number in range(3 * KEEP_ROWS):
            now = NOW + number / 100
            trends = made.add(
                replace(
                    one,
                    reading=replace(
                        one.reading, time=now, table_time=now, table=replace(one.table)
                    ),
                )
            )
        assert len(series(trends, one)) == KEEP_ROWS
        assert len(trends.course.held) <= SHOWN_SECONDS

    def test_of_quick_polls_the_old_ones_become_one_a_second(self) -> None:
        """Their peaks stay, and so do the times of those that the last minute's rates go by."""
        made, quarters = History(), int(4 * KEEP_SECONDS)
        for quarter in range(quarters):
            count = 9 if quarter in (150, quarters - 100) else 2
            frame = at(quarter / 4, *busy(count), *busy(1, remote="10.0.0.8"))
            found = series(made.add(frame), frame)
        assert found.in_use[found.time < NOW + 40].max() == 9
        assert found.in_use[found.time > NOW + 40].max() == 9
        late = found.time > found.time[-1] - SECONDS
        assert (np.diff(found.time[late]) == 0.25).all()
        assert len(found) < quarters * 0.6

    def test_what_is_not_seen_stands_as_it_did_while_others_begin(
        self, only_two_are_tracked: None
    ) -> None:
        """Also where there is no room for them, and more has to be made."""
        seen = at(0, *busy(3))
        made = after(seen)
        for second in range(1, 40):
            remotes = (f"10.{second}.0.{which}" for which in (1, 2))
            shown = at(second, *busy(1), *(sock for one in remotes for sock in busy(5, remote=one)))
            past = made.add(shown).past
        known = past.of(seen.patterns.key(0))
        assert known is not None
        assert set(known.in_use.tolist()) == {3}

    def test_what_was_handed_out_stays_as_it_is(self) -> None:
        """However much comes after: a frozen screen copies nothing."""
        made = History()
        first = at(0, *waits(7))
        old = told(first, history=made)
        before = series(old, first).in_use.tolist()
        for second in range(1, 2 * KEEP_ROWS):
            made.add(at(second, *waits(1 + second % 5), *waits(2, f"10.1.{second % 250}.1")))
        assert series(old, first).in_use.tolist() == before == [7]

    def test_only_the_fullest_patterns_have_a_series(self, only_two_are_tracked: None) -> None:
        shown = at(0, *waits(3, "10.0.0.1"), *waits(2, "10.0.0.2"), *waits(1, "10.0.0.3"))
        trends = told(shown)
        assert {key.remote_ip for key in trends.past.columns} == {"10.0.0.1", "10.0.0.2"}
        assert trends.growth.shape == trends.seconds_left.shape == (2,)


class TestCounters:
    def test_an_increase_per_second(self) -> None:
        assert told(at(0, TW=100), at(2, TW=300)).rates["TW"] == 100

    def test_of_the_last_seconds_only(self) -> None:
        trends = told(at(0, TW=0), *(at(second, TW=1000) for second in range(10, 20)))
        assert trends.rates["TW"] == 0

    @pytest.mark.parametrize(
        "frames",
        [
            [at(0, TW=1)],
            [at(0, other=1), at(1, TW=1)],
            [at(0, TW=1), at(1, other=1)],
            [at(0, TW=1), at(0, TW=2)],
        ],
    )
    def test_unknown_unless_it_is_there_twice(self, frames: list[Frame]) -> None:
        assert "TW" not in told(*frames).rates


class TestHolders:
    def held(self, made: History, shown: Frame) -> str | None:
        holder = made.add(shown).holders.get(0)
        return None if holder is None else str(holder)

    def test_who_holds_the_open_sockets(self) -> None:
        made = after(at(0, Sock(inode=1), waiting(40001)))
        made.note_owners(Owners({1: NGINX}))
        assert self.held(made, at(1, Sock(inode=1), waiting(40001))) == "nginx[10]"

    def test_the_walk_may_have_been_faster_than_the_first_poll(self) -> None:
        made = History()
        made.note_owners(Owners({1: NGINX}))
        assert self.held(made, at(0, Sock(inode=1))) == "nginx[10]"

    def test_a_walk_sees_who_holds_what_the_next_poll_sees(self) -> None:
        """Short connections are gone at the one after; `record` and replay walk first."""
        made = after(at(0, Sock(inode=1)))
        made.note_owners(Owners({2: NGINX}))
        assert self.held(made, at(1, Sock(inode=2))) == "nginx[10]"
        assert self.held(made, at(2, Sock(inode=3))) == "nginx[10]"

    def test_a_time_wait_remembers_who_held_it(self) -> None:
        made = after(at(0, Sock(inode=1)))
        made.note_owners(Owners({1: NGINX}))
        assert self.held(made, at(1, waiting())) == "nginx[10] (remembered)"

    def test_a_pattern_that_nobody_was_seen_to_hold(self) -> None:
        made = after(at(0, Sock(inode=2)))
        made.note_owners(Owners({1: NGINX}))
        assert self.held(made, at(1, Sock(inode=2))) is None

    def test_who_listens_for_an_incoming_pattern_is_not_remembered_but_seen(self) -> None:
        over = Sock(local_port=80, state=State.TIME_WAIT, timer=3, remaining_ms=9_000)
        shown = frame(listener(inode=1), over)
        made = after(shown)
        made.note_owners(Owners({1: NGINX}))
        assert self.held(made, shown) == "nginx[10]"
        made.note_owners(Owners({}))
        assert self.held(made, shown) == "nginx[10] (remembered)"

    def test_only_so_many_are_remembered_and_the_newest(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "REMEMBERED", 2)
        made = History()
        for second, host in enumerate((1, 2, 1, 3)):
            made.add(at(second, Sock(remote=f"10.0.0.{host}", inode=1)))
            made.note_owners(Owners({1: NGINX}))
        ends = [at(9, waiting(remote=f"10.0.0.{host}")) for host in (1, 2, 3)]
        assert [self.held(made, shown) is not None for shown in ends] == [True, False, True]


class TestEndedEarly:
    """By `twtop keep` or `ss -K`: what closes is no more what will be held."""

    RATE = 100

    def told(self, seconds: int, ended: dict[int, int], most: int = 1000) -> list[float]:
        """What is told each second of a load that began with the first; so many of its oldest
        TIME-WAITs end in a second, and as many as are more than ``most``."""
        made, born, found = History(), list[float](), list[float]()
        for second in range(seconds):
            born += [second + number / self.RATE for number in range(self.RATE)]
            born = born[max(len(born) - most, ended.get(second, 0)) :]
            now = second + 1
            socks = [
                waiting(40000 + number, round(1000 * (60 - now + one)))
                for number, one in enumerate(born)
            ]
            found += made.add(at(now, *socks)).seconds_left.tolist()
        return found

    def test_ports_that_are_kept_below_a_level_are_never_full(self) -> None:
        """It has stood at 80 % for as long as is looked back."""
        level = 8 + int(max(EARLY_SECONDS))
        assert set(self.told(40, {}, most=800)[level:]) == {NEVER}

    def test_who_frees_some_once_promises_nothing(self) -> None:
        told = self.told(16, {6: 400})
        assert told[11:13] == pytest.approx([2, 1], abs=0.5)

    def test_a_load_may_begin_on_an_empty_machine(self) -> None:
        made = History()
        for now in range(24):
            socks = [waiting(40000 + n, 60_000 - 20 * n) for n in range(50 * max(now - 14, 0))]
            found = made.add(at(now, *socks)).seconds_left.tolist()
        assert 0 < found[0] < NEVER

    def test_what_ends_in_its_time_does_not_end_early(self) -> None:
        """A burst gives as many ports back as are taken, and is soon over: then nothing does."""
        made, found = History(), list[float]()
        for now in range(1, 16):
            burst = [1000 * (16 - now) - n for n in range(0, 16_000, 20)]
            taken = [1000 * (60 - now) + n * 20 for n in range(50 * now)]
            timers = [*(one for one in burst if one > 0), *taken]
            socks = [waiting(40000 + n, timer) for n, timer in enumerate(timers)]
            found += made.add(at(now, *socks)).seconds_left.tolist()
        assert found[-1] == pytest.approx((1000 - 750) / 50, abs=1)


class TestSecondsLeft:
    def left(self, *frames: Frame) -> list[float]:
        found: list[float] = told(*frames).seconds_left.tolist()
        return found

    def burst(self, per_second: int, seconds: int = 5, *, remote: str = "10.0.0.9") -> list[Sock]:
        """Closings at a steady rate until now."""
        return [
            waiting(40000 + second * per_second + n, 59_500 - 1000 * second, remote=remote)
            for second in range(seconds)
            for n in range(per_second)
        ]

    def test_one_frame_is_enough_for_a_load_that_closes(self) -> None:
        """1000 ports, 100/s since 8 s: the timers tell it."""
        assert self.left(at(0, *self.burst(100, 8))) == [pytest.approx(2)]

    def test_a_burst_is_no_trend(self) -> None:
        """400 ports at once, closed or open: nothing says that more will follow."""
        assert self.left(at(0, *self.burst(400, 1))) == [NEVER]
        opened = [at(second, *busy(400 if second > 5 else 10)) for second in range(30)]
        for number in range(1, 30):
            assert self.left(*opened[:number]) == [NEVER]

    def test_a_load_that_levels_off_never_runs_out(self) -> None:
        assert self.left(at(0, *self.burst(16))) == [NEVER]

    def test_a_leak_must_be_seen_to_go_on(self) -> None:
        frames = [at(second, *busy(300 + 10 * second)) for second in range(31)]
        assert self.left(*frames[:5]) == [NEVER]
        assert self.left(*frames) == [pytest.approx(40)]
        apart = [at(second, *busy(300 + 10 * second)) for second in (0, 10)]
        assert self.left(*apart) == [NEVER], "it may have been one burst between the two"

    def test_a_slow_leak_once_told_is_told_to_the_end(self) -> None:
        """4/s of 1000 ports: the more has leaked, the surer it is."""
        history, full = History(), 250
        left = [
            history.add(at(second, *busy(4 * second))).seconds_left.item(0)
            for second in range(1, full + 1)
        ]
        first = next(number for number, seconds in enumerate(left) if seconds < NEVER)
        assert first < SECONDS
        expected = [full - second for second in range(1, full + 1)]
        assert left[first:] == pytest.approx(expected[first:], rel=0.12, abs=1)

    def test_a_few_sockets_more_are_no_leak(self) -> None:
        assert self.left(at(0, *busy(400)), at(10, *busy(405))) == [NEVER]

    def test_exhausted_is_now(self) -> None:
        assert self.left(at(0, *busy(1000))) == [0]
        expiring = [waiting(port, 500) for port in range(40000, 41000)]
        assert self.left(at(0, *expiring)) == [0], "though all will be back in half a second"

    def test_reuse_gives_ports_back_after_its_delay(self) -> None:
        given = rules(40000, 40999, reuse_mode=2)
        far = self.burst(100, 8)
        near = [replace(sock, local="127.0.0.1", remote="127.0.0.1") for sock in far]
        shown = frame(*far, *near, given=given, time=NOW)
        left = dict(zip(self.remotes(shown), self.left(shown), strict=True))
        assert left == {"10.0.0.9": pytest.approx(2), "127.0.0.1": NEVER}

    def remotes(self, shown: Frame) -> Iterator[str]:
        for index in range(len(shown.patterns)):
            yield shown.patterns.key(index).remote_ip

    def test_only_connect_runs_out_of_ports(self) -> None:
        clients = [Sock(local_port=80, remote_port=port) for port in range(40000, 41000)]
        shown = at(0, listener(), *clients, Sock(local_port=39000, remote="10.0.0.7"))
        assert shown.patterns.in_use[0] == shown.patterns.capacity[0]
        assert self.left(shown) == [NEVER, NEVER]
