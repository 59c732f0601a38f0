"""What was refused over time, and for how long twtop's verdict and the kernel's agreed."""

from __future__ import annotations

import pytest

from tests.tables import NOW, PLACE, Sock, frame, waiting
from tests.watching.refusing import WEB, Scripted, Seconds, key, refused
from tui.analysis.refused import RECENT_SECONDS, Agreed, Compared, Tables, Tallies, unseen
from tui.kernel.processes import Process
from tui.kernel.refusals import Counted
from tui.watching import refused as module
from tui.watching.refused import MOST_NAMED, RefusalSeries
from tui.watching.view import View

FULL = [waiting(40_000 + n) for n in range(10)]
KEY = key()


def opened(count: int, first: int = 40_000) -> list[Sock]:
    return [Sock(local_port=first + n) for n in range(count)]


def tallies(view: View) -> Tallies:
    assert view.trends.refused is not None
    return view.trends.refused


def agreed(view: View) -> Agreed:
    return tallies(view).agreed[KEY]


def codes(view: View) -> set[str]:
    return {case.finding.code for case in view.cases.present}


class TestCounts:
    def test_nothing_is_told_where_nothing_is_counted(self) -> None:
        seconds = Seconds()
        assert seconds.watch.count(None) is seconds.counting
        assert seconds.pass_by(FULL, {refused(): 3}).trends.refused is None

    def test_by_tuple_and_process_a_second_and_in_all(self) -> None:
        seconds, cron = Seconds(), Process(11, "cron")
        for _ in range(5):
            seconds.pass_by(FULL, {refused(): 4, refused(cron): 1})
        view = seconds.pass_by(FULL)
        tally = tallies(view).tuples[KEY]
        assert (tally.total, tally.by) == (25, {str(WEB): 20, str(cron): 5})
        assert tallies(view).rate(tally) == 4  # 20 in the last five seconds
        assert tallies(view).per_second(tally)[-7:] == [0, 5, 5, 5, 5, 5, 0]

    def test_a_steady_rate_is_steady_whatever_the_ticks(self) -> None:
        """100 a second, counted at ticks that come a little early or late."""
        series, found, now, before = RefusalSeries(), list[float](), NOW, NOW
        for jitter in (0.0, 0.012, -0.009, 0.004, -0.013, 0.008, -0.002, 0.011, -0.007, 0.003):
            now += 1
            until = now + jitter
            count = round(100_000 * (until - before)) // 1000
            counted = Counted(before, until, {refused(): count})
            told = series.add(frame(*FULL), [KEY], counted)
            found.append(told.rate(*told.tuples.values(), told.elsewhere))
            before = until
        assert all(98 < rate < 102 for rate in found), found

    def test_each_is_forgotten_a_minute_later_but_for_the_sum(self) -> None:
        seconds = Seconds()
        seconds.pass_by(FULL, {refused(): 4})
        for _ in range(RECENT_SECONDS):
            view = seconds.pass_by(FULL)
        tally = tallies(view).tuples[KEY]
        assert tally.total == 4
        assert sum(tallies(view).per_second(tally)) == 0

    def test_another_namespace_is_not_this_place(self) -> None:
        view = Seconds().pass_by(FULL, {refused(namespace=7): 4, refused(): 1})
        assert tallies(view).total == 1
        assert tallies(view).elsewhere.by == {f"{WEB} in net:[7]": 4}

    def test_who_has_ended_is_counted_here_if_the_address_is(self) -> None:
        ended = refused(None, None)
        view = Seconds().pass_by(FULL, {ended: 2, refused(None, None, local="192.0.2.1"): 5})
        tally = tallies(view).tuples[KEY]
        assert (tally.total, tally.unplaced) == (2, 2)
        assert tallies(view).elsewhere.total == 5

    def test_a_tuple_without_a_socket_is_told(self) -> None:
        view = Seconds().pass_by((), {refused(): 2})
        assert list(unseen(tallies(view), view.frame)) == [KEY]

    def test_what_is_kept_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By few, for each that is kept is looked at in each second."""
        monkeypatch.setattr(module, "TRACKED", few := 2 * MOST_NAMED)
        seconds = Seconds()
        for port in range(2 * few):
            many = {refused(Process(port, "web"), port=port): 1, refused(Process(port, "w")): 1}
            view = seconds.pass_by((), many)
        assert len(tallies(view).tuples) == few
        tally = tallies(view).tuples[KEY]
        assert len(tally.by) <= MOST_NAMED + 1
        assert sum(tally.by.values()) == tally.total == 2 * few

    def test_counting_that_broke_off_is_no_zero(self) -> None:
        seconds = Seconds()
        seconds.pass_by(FULL, {refused(): 2})
        seconds.counting.broken = "the instance has gone"
        view = seconds.pass_by(FULL)
        assert tallies(view).broken == "the instance has gone"
        assert tallies(view).tuples[KEY].total == 2

    def test_one_that_was_handed_out_does_not_change(self) -> None:
        seconds = Seconds()
        view = seconds.pass_by(FULL, {refused(): 2})
        seconds.pass_by(FULL, {refused(): 2})
        assert tallies(view).tuples[KEY].total == 2


class TestAgreement:
    """A comparison counts once the one after it is known."""

    def test_full_and_refused(self) -> None:
        seconds = Seconds()
        for _ in range(12):
            view = seconds.pass_by(FULL, {refused(): 3})
        assert agreed(view) == Agreed(10, 0, 0, Compared.REFUSED, view.frame.time)

    def test_ports_there_and_nobody_refused(self) -> None:
        seconds = Seconds()
        for count in range(1, 9):
            view = seconds.pass_by(opened(count))
        assert (agreed(view).seconds, agreed(view).at_odds) == (6, 0)

    def test_where_nobody_connects_there_is_nothing_to_compare(self) -> None:
        seconds = Seconds()
        for _ in range(8):
            view = seconds.pass_by(opened(4))
        assert KEY not in tallies(view).agreed

    def test_the_second_in_which_ports_run_out_is_left_out(self) -> None:
        """The table before had ports, and so has the one after: they ran out in between."""
        seconds = Seconds()
        seconds.pass_by([waiting(40_000 + n, 500) for n in range(6)])
        young = [waiting(40_006 + n, 59_500) for n in range(4)]
        seconds.pass_by(young, {refused(): 2})
        view = seconds.pass_by([*young, *opened(1)])
        assert (agreed(view).at_odds, agreed(view).left_out) == (0, 1)

    def test_connections_that_leave_no_time_wait_may_have_taken_the_last_port(self) -> None:
        """Nine ports are held at each table, but not by the same connections."""
        seconds = Seconds()
        for first in (0, 1, 0, 1, 0):
            view = seconds.pass_by(opened(9, 40_000 + first), {refused(): 3})
        assert (agreed(view).at_odds, agreed(view).left_out) == (0, 3)

    @pytest.mark.parametrize("before", [True, False])
    def test_refusals_told_late_fall_to_the_second_they_are_of(self, before: bool) -> None:
        """Some 20 ms after, and so beyond the reading that saw the ports run out or come back."""
        seconds = Seconds()
        seconds.pass_by(FULL if before else opened(4), {})
        view = seconds.pass_by(FULL if before else opened(4), {refused(): 3})
        view = seconds.pass_by(opened(4) if before else FULL, {refused(): 3})
        for refusals in (3, 0):
            view = seconds.pass_by(opened(4) if before else FULL, {refused(): refusals})
        for count in range(4, 8):
            view = seconds.pass_by(opened(count) if before else FULL, {refused(): 3 * (not before)})
        assert agreed(view).at_odds == 0
        assert "refused-with-ports-free" not in codes(view)

    def test_refused_though_ports_were_there(self) -> None:
        seconds = Seconds()
        views = [seconds.pass_by(opened(4), {refused(): 3}) for _ in range(4)]
        assert agreed(views[-1]).at_odds == 2
        told = ["refused-with-ports-free" in codes(view) for view in views]
        assert told == [False, False, True, True], "once is the moment of reading"

    def test_perhaps_in_another_namespace_is_told_and_not_held_against_anybody(self) -> None:
        seconds = Seconds()
        for _ in range(4):
            view = seconds.pass_by(opened(4), {refused(None, None): 3})
        assert (agreed(view).at_odds, agreed(view).left_out) == (0, 2)
        assert "refused-with-ports-free" in codes(view)

    def test_all_ports_bound_is_full_without_a_socket(self) -> None:
        seconds = Seconds()
        for _ in range(4):
            view = seconds.pass_by((), {refused(): 3}, bound_ports=range(40_000, 40_010))
        assert (agreed(view).seconds, agreed(view).at_odds) == (2, 0)

    def test_locked_ports_that_serve_anew_are_an_error_of_ours(self) -> None:
        seconds = Seconds()
        for _ in range(4):  # of each port the timer stands where it stood
            view = seconds.pass_by([waiting(40_000 + n, 59_500) for n in range(10)])
        assert agreed(view).twice is Compared.WITHOUT_PORTS
        assert agreed(view).at_odds == 2
        assert "exhausted-yet-served" in codes(view)

    @pytest.mark.parametrize("lost", [0, 5])
    def test_what_is_lost_may_have_been_refused_here(self, lost: int) -> None:
        seconds = Seconds()
        for count in range(1, 7):
            view = seconds.pass_by(opened(count), lost=lost)
        assert (agreed(view).seconds, agreed(view).left_out) == ((0, 4) if lost else (4, 0))

    def test_ports_that_time_wait_gave_back_are_no_error(self) -> None:
        due = frame(*(waiting(40_000 + n, 900) for n in range(10)))
        after = frame(*(waiting(40_000 + n, 59_900) for n in range(10)), time=NOW + 1)
        assert Tables(due, after).compare(0, 0, 0, 0, certain=True) is Compared.CHANGING

    def test_a_table_that_was_cut_short_compares_with_nothing(self) -> None:
        seconds = Seconds()
        seconds.pass_by(opened(1))
        for count in range(2, 6):
            view = seconds.pass_by(opened(count), complete=False)
        assert tallies(view).agreed == {}

    def test_namespaces_are_told_apart_by_their_number(self) -> None:
        assert PLACE.id is not None
        seconds = Seconds()
        for _ in range(4):
            view = seconds.pass_by(opened(4), {refused(namespace=PLACE.id + 1): 3})
        assert KEY not in tallies(view).agreed


def test_what_counted_before_is_handed_back_to_be_closed() -> None:
    seconds, other = Seconds(), Scripted()
    assert seconds.watch.count(other) is seconds.counting
    assert seconds.watch.count(None) is other
