"""Clients that bind first: when the ports that all of their destinations share run out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.tables import NOW, Sock, reading, rules, table, waiting
from tui.analysis.forecast import NEVER
from tui.findings.config import Config
from tui.report.watch import watch_record
from tui.watching.outlook import Urgency, verdict_of
from tui.watching.view import View
from tui.watching.watch import Watch

PORTS = 40_000


def destination(number: int) -> str:
    return f"10.1.{number // 250}.{number % 250 + 1}"


def closed(second: int, at: int, port: int, number: int) -> Sock:
    return waiting(port, 60_000 - 1000 * (second - at), remote=destination(number))


def rushing(watch: Watch, seconds: int) -> Iterator[View]:
    """24 closings a second, each on a port of its own, to ten destinations in turn."""
    for second in range(seconds):
        ports = range(24 * (second + 1))
        socks = [closed(second, n // 24, PORTS + n, n % 10) for n in ports]
        yield watch.take(reading(table(*socks), rules(PORTS, PORTS + 999), time=NOW + second))


def test_every_door_tells_when_the_shared_ports_run_out() -> None:
    *_, view = rushing(Watch(), 36)
    left = view.seconds_left(0)
    assert left == pytest.approx((1000 - 24 * 36) / 24, abs=1)
    assert view.trends.seconds_left[0] == NEVER  # no destination by itself comes near its end
    assert verdict_of(view).seconds_left == left
    (record,) = watch_record(view.frame, view.trends, 1, view.seconds_left)["patterns"]
    assert record["outlook"] == "runs_out"
    assert record["seconds_left"] == pytest.approx(left, abs=0.001)


def test_other_settings_keep_what_was_foretold_of_an_older_view() -> None:
    watch = Watch()
    *_, shown, _ = rushing(watch, 36)
    told = watch.judge_by(Config().with_threshold(90), shown)
    assert told is not None
    assert told.seconds_left(0) == shown.seconds_left(0) != NEVER


def test_where_too_many_share_ports_for_a_forecast_the_pattern_s_own_end_stands() -> None:
    """551 destinations, one more than have a series; the first grows by 400 a second."""
    watch, hot = Watch(), 551
    for second in range(21):
        socks = [closed(second, 0, PORTS + n, n) for n in range(550)]
        ports = range(400 * second)
        socks += [closed(second, n // 400 + 1, PORTS + 550 + n, hot) for n in ports]
        view = watch.take(reading(table(*socks), rules(PORTS, 59_999), time=NOW + second))
    (bound,) = view.bound_first
    assert bound.seconds_left is None
    own = float(view.trends.seconds_left[0])
    assert 0 < own < 60
    assert view.seconds_left(0) == view.seconds_left_of_all()[0] == own
    assert verdict_of(view).urgency is Urgency.SOON
    others = np.flatnonzero(bound.patterns(view.frame.patterns))[1:]
    assert view.seconds_left(int(others[0])) is None


def test_a_destination_that_is_new_and_the_fullest_says_nothing_of_the_time_before() -> None:
    watch = Watch()
    for second in range(60):
        socks = [waiting(PORTS + n, 30_000, remote=destination(n % 8)) for n in range(480)]
        if second >= 20:
            socks += [waiting(PORTS + 480 + n, 30_000, remote=destination(9)) for n in range(65)]
        view = watch.take(reading(table(*socks), rules(PORTS, 40_999), time=NOW + second))
        assert not any(bound.was_full for bound in view.bound_first), second
    assert [bound.use.in_use for bound in view.bound_first] == [545]
