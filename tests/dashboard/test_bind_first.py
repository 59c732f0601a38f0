"""Clients that bind first have the ports of one for all destinations: every gauge says so."""

from __future__ import annotations

from itertools import chain

import pytest

from tests.dashboard.scene import Stage, frame_of, opened, stage, waits
from tui.analysis.forecast import NEVER
from tui.analysis.frame import Frame
from tui.analysis.judgement import Level
from tui.dashboard.widgets.pattern_charts import limits_of
from tui.kernel.glance import Glance
from tui.kernel.processes import Owners
from tui.report.places import Seen, place_row, places_text
from tui.report.text import patterns_text
from tui.watching.outlook import Urgency, verdict_of
from tui.watching.view import View

REMOTES = [f"10.1.0.{n}:443" for n in range(1, 6)]


def unshared(each: int, *, more: int = 0) -> Frame:
    """Five destinations of ``each`` ports, none of which serves two; ``more`` of a calm client."""
    socks = [
        wait
        for n, remote in enumerate(REMOTES)
        for wait in waits(each, remote, first=32768 + n * each)
    ]
    return frame_of([*socks, *waits(more, "10.9.0.1:80", local="10.0.0.6")])


def view_of(on: Stage) -> View:
    assert on.app.view is not None
    return on.app.view


@pytest.mark.parametrize(
    ("each", "level", "left"),
    [
        (70, Level.FINE, 650),
        (120, Level.SLOW, 400),
        (170, Level.HOT, 150),
        (200, Level.EXHAUSTED, 0),
    ],
)
async def test_the_level_is_that_of_all_destinations(each: int, level: Level, left: int) -> None:
    """Each of them alone is at most a fifth full."""
    async with stage(unshared(each, more=10), size=(160, 40)) as on:
        view = view_of(on)
        for index in range(5):
            use = view.use_of(index)
            assert (view.level_of(index), use.connectable) == (level, left)
            assert (use.waiting, use.live) == (5 * each, 0)
        assert (view.level_of(5), view.use_of(5).connectable) == (Level.FINE, 990)
        mark = {Level.FINE: "%", Level.SLOW: "%~"}.get(level, "%!")
        assert f"{each / 2:.1f}{mark}" in on.line(f"▌10.0.0.5 → {REMOTES[0]}")
        assert ("FULL" in on.line(f"▌10.0.0.5 → {REMOTES[0]}")) == (not left)


async def test_the_time_that_is_left_is_that_of_the_ports_they_share() -> None:
    """Six a second each: alone each would level off at 360 of the 1,000 ports."""
    rate = 6
    socks = [
        wait
        for n, remote in enumerate(REMOTES)
        for age in range(20)
        for wait in waits(rate, remote, first=32768 + 20 * rate * n + rate * age, left=59.5 - age)
    ]
    async with stage(frame_of(socks, reuse=1), size=(160, 40)) as on:
        assert view_of(on).trends.seconds_left.tolist() == [NEVER] * 5
        left = view_of(on).seconds_left(0)
        assert left == pytest.approx((1000 - 600) / 30, abs=0.5)
        assert left == view_of(on).seconds_left_of_all()[4] == verdict_of(view_of(on)).seconds_left
        assert verdict_of(view_of(on)).urgency is Urgency.SOON
        assert f" {left:.0f} s " in on.line(f"▌10.0.0.5 → {REMOTES[0]}")
        assert on.text().count(f"full in {left:.0f} s") == 1
        await on.press("enter")
        assert f"full in {left:.0f} s" in on.text()


async def test_that_they_were_full_is_said_when_the_first_ports_come_back() -> None:
    back = unshared(190)
    async with stage(unshared(200), back, size=(160, 40)) as on:
        assert "was full" in on.line(f"▌10.0.0.5 → {REMOTES[0]}")
    async with stage(back, size=(160, 40)) as on:
        assert "was full" not in on.text()


async def test_of_destinations_that_are_not_followed_nothing_is_foretold() -> None:
    many = (waits(1, f"10.1.{n // 250}.{n % 250}:443", first=32768 + n) for n in range(600))
    async with stage(frame_of(chain(*many)), size=(160, 40)) as on:
        assert view_of(on).seconds_left(0) is None
        await on.press("enter")
        assert "time left unknown" in on.text()


async def test_words_name_the_call_that_fails() -> None:
    async with stage(unshared(200), size=(120, 40)) as on:
        await on.press("enter")
        assert "bind() fails, EADDRINUSE" in on.text()
        assert "1,000 of 1,000" in on.text()
        assert "5 EXHAUSTED" in on.text().splitlines()[0]
        assert "5 destinations" in on.text()
        assert "connect() fails" not in on.text()


@pytest.mark.parametrize(
    ("each", "colour", "words"),
    [
        (70, "", "35 % in use"),
        (120, "yellow", "60 % in use, slow connect()"),
        (170, "red", "85 % in use, above 80 %"),
        (200, "red", "EXHAUSTED, bind() fails"),
    ],
)
def test_text_judges_by_what_they_share(each: int, colour: str, words: str) -> None:
    """The figures of a row stay the pattern's own, as in JSON; its words are the shared ports'."""
    frame, said = unshared(each), f"5 destinations share 1,000 ports: {words}"
    rows = patterns_text(frame, Owners({}), 80, lambda text, colour: f"{colour} {text}")
    row = next(line for line in rows.splitlines() if REMOTES[0] in line)
    assert row.endswith(said)
    assert row.split()[0] == (colour or "10.0.0.5")
    assert f"{each / 10:.1f}%" in row
    glance = Glance(frame.reading.place, 5 * each, 5 * each, frame.rules)
    places = places_text([Seen(glance, frame, 0)], [], 80, lambda text, _: text)
    assert said.replace("above", "≥") in places
    assert place_row(Seen(glance, frame, 0))["utilization_at_most"] == 5 * each / 1000


async def test_a_chart_says_whose_capacity_it_is_and_judges_by_no_marks() -> None:
    """A pattern's own curve says nothing of what the others hold of the same ports."""
    async with stage(unshared(170), unshared(171), size=(120, 40)) as on:
        assert limits_of(view_of(on), view_of(on).frame.patterns.key(0)) == []
        await on.press("enter")
        assert "capacity 1,000 shared by 5 destinations" in on.text()


async def test_the_finding_about_their_ip_is_found_from_each_of_them() -> None:
    async with stage(unshared(120), size=(200, 60)) as on:
        said = on.text().splitlines()
        assert sum("IP_BIND_ADDRESS_NO_PORT" in line for line in said) == 1  # in the pane
        assert any("5 destinations share the ports ⏎ opens" in line for line in said)
        await on.press("down", "enter", "f")
        assert "bind-before-connect" in on.text()


async def test_they_stand_before_what_is_fuller_by_itself() -> None:
    async with stage(unshared(200, more=300)) as on:
        assert on.text().index(f"→ {REMOTES[0]}") < on.text().index("→ 10.9.0.1:80")


async def test_those_that_share_their_ports_are_as_full_as_they_are() -> None:
    """connect() gives the same port to several destinations."""
    socks = [wait for remote in REMOTES for wait in waits(200, remote)]
    async with stage(frame_of(socks)) as on:
        assert view_of(on).bound_first == ()
        assert view_of(on).level_of(0) is Level.FINE


async def test_their_place_is_as_urgent() -> None:
    async with stage(unshared(200)) as on:
        assert verdict_of(view_of(on)).urgency is Urgency.FULL


async def test_sockets_that_are_open_are_told_as_such() -> None:
    socks = [
        one
        for n, remote in enumerate(REMOTES)
        for one in opened(100, remote, first=32768 + 100 * n)
    ]
    async with stage(frame_of(socks)) as on:
        use = view_of(on).use_of(0)
        assert (use.live, use.waiting) == (500, 0)
