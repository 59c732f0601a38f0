"""When patterns had no port left, told from what is kept of each moment."""

from __future__ import annotations

from tests.tables import NOW, reading, rules, table, waiting
from tui.recording.replay import BREATHS_SECONDS, UNSEEN_SECONDS, Full, full_spans
from tui.recording.summary import Summary, from_plain, plain, summarise
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


def test_a_summary_names_what_is_full() -> None:
    """Reuse leaves ports to connect() to: a use of 100 % alone is no wall."""
    held = [waiting(40_000 + n, 30_000) for n in range(100)]
    for reuse, full in ((0, 1), (1, 0)):
        read = reading(table(*held), rules(40_000, 40_099, reuse_mode=reuse), time=NOW)
        told = summarise(Watch().take(read))
        assert (told.worst, len(told.full)) == (1.0, full)
        assert from_plain(plain(told)) == told
        assert from_plain(plain(told)[:5]).full == ()
