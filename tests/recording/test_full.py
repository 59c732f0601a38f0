"""When patterns had no port left, told from what is kept of each moment."""

from __future__ import annotations

from dataclasses import replace

from tests.tables import NOW, reading, rules, table, waiting
from tui.recording.story import BREATHS_SECONDS, UNSEEN_SECONDS, Full, full_spans
from tui.recording.summary import FULL_MOST, Summary, from_plain, plain, summarise
from tui.watching.watch import Watch


def at(time: float, *full: str) -> Summary:
    return Summary(time, (), 0, 1.0, (), full)


def test_each_pattern_has_spans_of_its_own() -> None:
    timeline = [at(0), at(2, "a"), at(4, "a", "b"), at(6, "b"), at(8)]
    assert full_spans(timeline) == [Full("a", 2, 4), Full("b", 4, 6)]


def test_a_port_that_comes_back_and_goes_again_ends_nothing() -> None:
    later = 4 + BREATHS_SECONDS
    timeline = [at(2, "a"), at(4, "a"), at(5), at(later, "a"), at(later + 1)]
    assert full_spans(timeline) == [Full("a", 2, later)]
    timeline = [at(2, "a"), at(4, "a"), at(5), at(later + 1, "a")]
    assert full_spans(timeline) == [Full("a", 2, 4), Full("a", later + 1, later + 1)]


def test_what_nobody_saw_is_no_span() -> None:
    """An interval may be long; a recorder that was not there is another matter."""
    assert full_spans([at(0, "a"), at(30, "a")]) == [Full("a", 0, 30)]
    late = UNSEEN_SECONDS + 1
    assert full_spans([at(0, "a"), at(late, "a")]) == [Full("a", 0, 0), Full("a", late, late)]


def test_where_clients_bind_first_all_that_share_the_ports_are_full() -> None:
    """Ten destinations hold 10 ports each of one range of 100, and no port twice."""
    held = [waiting(40_000 + n, 30_000, remote=f"10.1.0.{n % 10 + 1}") for n in range(100)]
    for count, worst, full in ((100, 1.0, FULL_MOST), (80, 0.8, 0)):
        read = reading(table(*held[:count]), rules(40_000, 40_099), time=NOW)
        told = summarise(Watch().take(read))
        assert (told.worst, len(told.full)) == (worst, full)


def test_a_summary_tells_how_old_its_table_is() -> None:
    read = replace(reading(table(waiting(40_000)), time=NOW), table_time=NOW - 7)
    told = summarise(Watch().take(read))
    assert told.age == 7
    assert from_plain(plain(told)) == told


def test_a_summary_names_what_is_full() -> None:
    """Reuse leaves ports to connect() to: a use of 100 % alone is no wall."""
    held = [waiting(40_000 + n, 30_000) for n in range(100)]
    for reuse, full in ((0, 1), (1, 0)):
        read = reading(table(*held), rules(40_000, 40_099, reuse_mode=reuse), time=NOW)
        told = summarise(Watch().take(read))
        assert (told.worst, len(told.full)) == (1.0, full)
        assert from_plain(plain(told)) == told
        assert from_plain(plain(told)[:5]).full == ()
