"""Findings on screen: the panel, its line, the toasts, and one finding as a whole."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.dashboard.scene import CACHE, DATABASE, Stage, busy, frame_of, opened, stage, waits
from tests.dashboard.test_stage import used
from tests.tables import Sock
from tui.analysis.frame import Frame
from tui.dashboard.screens.finding import FindingScreen
from tui.dashboard.screens.overview import Dashboard, findings_lines
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.screens.plan import PlanScreen
from tui.findings.baseline import Baseline
from tui.findings.config import Config, Silence

COPY = "sysctl -w net.ipv4.tcp_tw_reuse=1"
NAME = f"10.0.0.5 → {DATABASE}"


def full(
    ports: int = 1000, *, at: float = 0, more: list[Sock] | None = None, **other: int
) -> Frame:
    """A pattern of 1,000 ports with so many in TIME-WAIT that closed long ago."""
    return frame_of([*waits(ports, DATABASE, left=2), *(more or [])], at=at, **other)  # type: ignore[arg-type]


def panel(on: Stage) -> str:
    """The lines of the findings panel."""
    lines = on.text().splitlines()
    (top,) = (number for number, line in enumerate(lines) if "⁶ Findings" in line)
    end = next(number for number in range(top + 1, len(lines)) if lines[number].startswith("╰"))
    return "\n".join(lines[top:end])


def on_finding(on: Stage) -> FindingScreen:
    screen: object = on.app.screen
    assert isinstance(screen, FindingScreen)
    return screen


class TestPanel:
    async def test_a_line_for_each_the_gravest_first(self) -> None:
        frame = full(more=waits(900, CACHE))
        async with stage(frame) as on:
            text = panel(on)
            assert "⁶ Findings · 2 critical" in text
            first, second = text.splitlines()[1:3]
            assert f"■ critical {NAME}: none of the 1,000 ports left" in first
            assert f"■ critical 10.0.0.5 → {CACHE}: 90 % of 1,000 ports" in second

    async def test_it_says_for_how_long(self) -> None:
        async with stage(full(1000), full(1000, at=12)) as on:
            assert "≥ 12 s" in on.line("none of the 1,000")
            await on.show(full(1000, at=13, more=waits(600, CACHE)))
            await on.show(full(1000, at=16, more=waits(600, CACHE)))
            line = on.line("▲ warning")
            assert "connect() is slow" in line
            assert "  3 s" in line

    async def test_with_nothing_to_say_it_says_so(self) -> None:
        async with stage(full(10)) as on:
            assert "Findings · none" in panel(on)
            assert "nothing found" in panel(on)

    async def test_what_has_gone_is_crossed_out_for_a_moment(self) -> None:
        async with stage(full(), full(10, at=1)) as on:
            assert "Findings · none" in panel(on)
            await on.show(full(10, at=5))
            assert "gone 4 s" in panel(on)
            await on.show(full(10, at=11))
            assert "gone" not in panel(on)

    async def test_a_pattern_that_fills_up_is_one_row(self) -> None:
        async with stage(full(10), full(600, at=1)) as on:
            await on.press("f")
            await on.show(full(900, at=8), full(1000, at=13))
            row = on.line("none of the 1,000")
            assert "■ critical" in row
            assert " 12 s" in row  # since it was slow
            assert "gone" not in panel(on)
            await on.press("enter")
            assert "ports-exhausted" in on.text()
            await on.show(full(600, at=14))  # the same story, milder
            assert "connect-slow" in on.text()
            assert "GONE" not in on.text()

    async def test_a_forecast_that_comes_true_is_not_crossed_out(self) -> None:
        filling = [frame_of(opened(100 * at, DATABASE, first=32768), at=at) for at in range(11)]
        async with stage(*filling[:-1]) as on:
            assert "out of ports in" in panel(on)
            await on.press("f", "G", "g")
            row = panel(on).splitlines().index(on.line("out of ports in")) - 1
            await on.press(*["j"] * row, "enter")
            await on.show(filling[-1])
            assert "GONE" not in on.text()
            assert f"■ now: {NAME}: none of the 1,000" in on.text()
            await on.press("escape")
            assert "out of ports in" not in panel(on)
            assert "gone" not in panel(on)

    async def test_the_rows_of_the_patterns_stay_where_they_are(self) -> None:
        async with stage(full(10)) as on:
            before = on.text().splitlines()
            await on.show(full(1000, at=1))
            after = on.text().splitlines()
            row = next(number for number, line in enumerate(before) if NAME in line)
            assert NAME in after[row]

    async def test_only_some_are_shown_at_once(self) -> None:
        many = [wait for n in range(9) for wait in waits(900, f"10.0.1.{n}:443")]
        async with stage(frame_of(many)) as on:
            assert "9 critical" in panel(on)
            assert len(panel(on).splitlines()) == 4
            await on.press("f", "G")
            assert "10.0.1.8:443" in panel(on)

    @pytest.mark.parametrize("size", [(80, 24), (100, 24)])
    async def test_a_short_screen_folds_it_into_a_line(self, size: tuple[int, int]) -> None:
        async with stage(full(more=waits(600, CACHE)), size=size) as on:
            line = on.line("■")
            assert line.startswith(" ■ 1 critical, 1 warning: 10.0.0.")
            assert "10.0.0.9:5432: none of the 1,000" in line
            assert line.endswith("f: details ")
            await on.press("f")
            assert "⁶ Findings · 1 critical, 1 warning" in on.text()
            assert "▲ warning" in on.text()
            await on.press("f")
            assert "¹ Patterns" in on.text()

    async def test_the_line_can_be_clicked(self) -> None:
        async with stage(full(), size=(80, 24)) as on:
            await on.pilot.click("#findings-line")
            await on.pilot.pause()
            assert "⁶ Findings · 1 critical" in on.text()

    async def test_f_goes_there_and_back(self) -> None:
        async with stage(full()) as on:
            await on.press("f")
            assert on.app.screen.focused is on.app.screen.query_one("#findings")
            await on.press("f")
            assert on.app.screen.focused is on.app.screen.query_one("#patterns")

    async def test_6_and_m_give_it_the_screen(self) -> None:
        async with stage(full()) as on:
            for keys in (["6"], ["f", "m"]):
                await on.press(*keys)
                assert "¹ Patterns" not in on.text()
                assert "⁶ Findings" in on.text()
                await on.press("escape")
                assert "¹ Patterns" in on.text()
                assert "⁶ Findings" in on.text()

    async def test_frozen_it_holds_still(self) -> None:
        async with stage(full(600)) as on:
            await on.press("space")
            before = on.text()
            await on.show(full(1000, at=1))
            assert on.text() == before
            await on.press("space")
            assert "none of the 1,000" in panel(on)

    async def test_the_threshold_is_the_findings_too(self) -> None:
        async with stage(full(300)) as on:
            assert "Findings · none" in on.text()
            for keys in ([], ["space"]):  # live, then frozen
                await on.press(*keys, "t", "home", "shift+end")
                await on.type("20" if keys else "25")
                await on.press("enter")
                wanted = "the threshold is 20 %" if keys else "the threshold is 25 %"
                assert wanted in panel(on)
            assert on.toasts == []  # the user's own doing is no news
            await on.press("space")
            assert "the threshold is 20 %" in panel(on)

    async def test_what_is_configured_holds(self) -> None:
        config = Config(silence=(Silence("ports-exhausted"),))
        async with stage(full(), config=config) as on:
            assert "Findings · none" in on.text()

    async def test_a_listener_that_was_not_saved(self) -> None:
        async with stage(busy(60), baseline=Baseline(frozenset(), 0.0)) as on:
            assert "New listener 0.0.0.0:8443" in panel(on)


@pytest.mark.parametrize(
    ("room", "height", "lines"),
    [(20, 40, 5), (40, 60, 8), (12, 40, 4), (10, 40, 0), (20, 24, 0), (20, 30, 5)],
)
def test_the_room_it_takes(room: int, height: int, lines: int) -> None:
    assert findings_lines(room, height) == lines


async def test_the_patterns_do_not_breathe_as_findings_come_and_go() -> None:
    async with stage(frame_of(opened(3, CACHE))) as on:
        assert "nothing found" in on.text()
        before = on.app.screen.query_one("#patterns").region
        await on.show(full(1000, at=1), full(10, at=2), full(10, at=30))
        assert on.app.screen.query_one("#patterns").region == before


ALONE = "2"
"""Shows a panel that is not the findings'."""


class TestToasts:
    async def test_none_for_what_is_there_at_first(self) -> None:
        async with stage(full()) as on:
            await on.press(ALONE)
            await on.show(full(at=1))
            assert on.toasts == []

    async def test_one_when_it_appears_none_when_it_persists(self) -> None:
        async with stage(full(10)) as on:
            await on.press(ALONE)
            await on.show(full(1000, at=1))
            assert on.toasts == [("error", "Critical", f"{NAME}: none of the 1,000 ports left")]
            on.app.clear_notifications()
            await on.show(full(1000, at=2), full(1000, at=3, more=opened(3, CACHE)))
            assert on.toasts == []

    async def test_none_when_it_flickers(self) -> None:
        async with stage(full(10)) as on:
            await on.press(ALONE)
            await on.show(full(1000, at=1), full(10, at=2))
            await on.show(full(1000, at=30), full(10, at=31), full(1000, at=60))
            assert on.toasts == []
            await on.show(full(10, at=61), full(10, at=122), full(1000, at=123))
            assert len(on.toasts) == 1

    async def test_one_for_a_pattern_that_grows_graver(self) -> None:
        async with stage(full(10)) as on:
            await on.press(ALONE)
            await on.show(full(600, at=1))
            assert [one[0] for one in on.toasts] == ["warning"]
            await on.show(full(900, at=2))
            ((severity, _, message),) = on.toasts  # it takes the older one's place
            assert severity == "error"
            assert "90 %" in message

    async def test_one_for_a_pattern_of_which_two_things_are_found(self) -> None:
        filling = [frame_of(opened(90 * at, DATABASE, first=32768), at=at) for at in range(10)]
        async with stage(filling[0]) as on:
            await on.press(ALONE)
            await on.show(*filling[1:])
            assert on.app.view is not None
            assert len(on.app.view.cases.present) == 2
            assert len(on.toasts) == 1

    async def test_gone_with_its_cause(self) -> None:
        async with stage(full(10)) as on:
            await on.press(ALONE)
            await on.show(full(1000, at=1))
            assert len(on.toasts) == 1
            await on.show(full(10, at=2))
            assert on.toasts == []

    @pytest.mark.parametrize("size", [(80, 24), (120, 40)])
    async def test_none_for_what_the_dashboard_shows(self, size: tuple[int, int]) -> None:
        async with stage(full(10), full(1000, at=1), size=size) as on:
            assert "none of the 1,000" in on.text()
            assert on.toasts == []

    async def test_one_for_what_the_panel_has_no_room_for(self) -> None:
        many = [wait for n in range(4) for wait in waits(900, f"10.0.1.{n}:443", left=2)]
        before = frame_of(many)
        async with stage(before, frame_of([*many, *waits(600, DATABASE, left=2)], at=1)) as on:
            ((severity, _, message),) = on.toasts
            assert (severity, message[: len(NAME)]) == ("warning", NAME)
            await on.press("f", "G")
            await on.show(frame_of([*many, *waits(600, DATABASE, left=2)], at=2))
            assert on.toasts == []  # now it has

    async def test_none_on_the_pattern_that_it_is_about(self) -> None:
        async with stage(full(10)) as on:
            await on.press("enter")
            await on.show(full(1000, at=1), full(1000, at=2, more=waits(900, CACHE, left=2)))
            ((_, _, message),) = on.toasts
            assert CACHE in message

    async def test_none_for_information(self) -> None:
        spread = [wait for n in range(10) for wait in waits(180, f"10.0.1.{n}:443", left=2)]
        many = [wait for n in range(30) for wait in waits(180, f"10.0.1.{n}:443", left=2)]
        async with stage(frame_of(spread)) as on:
            await on.press(ALONE)
            await on.show(frame_of(many, at=1))
            assert on.app.view is not None
            assert on.app.view.cases.present
            assert on.toasts == []

    async def test_many_share_one(self) -> None:
        many = [wait for n in range(9) for wait in waits(900, f"10.0.1.{n}:443", left=2)]
        async with stage(full(10)) as on:
            await on.press(ALONE)
            await on.show(frame_of(many, at=1))
            ((severity, title, _),) = on.toasts
            assert (severity, title) == ("error", "9 new findings")

    @pytest.mark.parametrize(
        ("begin", "end"), [("space", "space"), ("slash", "escape"), ("question_mark", "escape")]
    )
    async def test_none_on_a_frozen_screen_a_prompt_or_the_help(self, begin: str, end: str) -> None:
        """They come when it is over, if what they tell still holds."""
        async with stage(full(10)) as on:
            await on.press(ALONE, begin)
            await on.show(full(1000, at=1))
            assert on.toasts == []
            await on.press(end)
            await on.show(full(1000, at=2))
            assert len(on.toasts) == 1

    async def test_a_prompt_has_the_screen_to_itself(self) -> None:
        async with stage(full(10)) as on:
            await on.press(ALONE)
            await on.show(full(1000, at=1))
            await on.press("slash")
            assert on.toasts == []

    async def test_they_stand_below_the_title(self) -> None:
        async with stage(full(10)) as on:
            await on.press(ALONE)
            await on.show(full(1000, at=1))
            title, first, *_ = on.text().splitlines()
            assert "LIVE" in title
            assert "Critical" in first

    async def test_an_address_is_no_markup(self) -> None:
        six = "[2001:db8::20]:9090"
        async with stage(full(10)) as on:
            await on.press(ALONE)
            await on.show(frame_of(waits(1000, six, local="[2001:db8::10]", left=2), at=1))
            assert six in on.toasts[0][2]
            assert six in on.text()


class TestFinding:
    async def test_all_of_it(self) -> None:
        async with stage(full(), full(at=12), size=(120, 60)) as on:
            await on.press("f", "enter")
            on_finding(on)
            text = on.text()
            for part in (
                "ports-exhausted",
                "■ critical · since",
                "or before, 12 s at least",
                f"{NAME}: none of the 1,000 ports left",
                "fails with EADDRNOTAVAIL",
                "utilization        100.0%",
                "closing",
                f"$ {COPY}",
                "Not if: ",
            ):
                assert part in text, part
            await on.press("escape")
            assert isinstance(on.app.screen, Dashboard)

    async def test_that_it_became_less_severe_is_said_and_since_when(self) -> None:
        """One story with another code: who reads it must not be lost."""
        async with stage(full(), full(at=1)) as on:
            await on.press("f", "enter")
            assert "Less severe" not in on.text()
            await on.show(full(950, at=5))
            line = on.line("Less severe than before")
            assert "ports-exhausted (critical) until" in line
            assert datetime.fromtimestamp(full(at=1).time).strftime("%H:%M:%S") in line
            await on.show(full(at=7))
            assert "Less severe" not in on.text()

    async def test_it_follows_the_numbers(self) -> None:
        async with stage(full(900)) as on:
            await on.press("f", "enter")
            assert "90 % of 1,000" in on.text()
            await on.show(full(950, at=1))
            assert "95 % of 1,000" in on.text()
            await on.press("space")
            await on.show(full(970, at=2))
            assert "95 % of 1,000" in on.text()

    async def test_when_it_ends_it_says_so_and_stays(self) -> None:
        async with stage(full()) as on:
            await on.press("f", "enter")
            await on.show(full(10, at=1), full(10, at=13))
            assert "GONE for 12 s" in on.text()
            assert "none of the 1,000 ports left" in on.text()
            await on.show(full(10, at=200))
            assert "GONE for 3 min" in on.text()
            await on.show(full(1000, at=201))
            assert "GONE" not in on.text()

    async def test_c_copies_the_selected_command(self) -> None:
        async with stage(full()) as on:
            await on.press("f", "enter", "c")
            assert on.app.clipboard == COPY
            assert on.toasts == []  # one would lie over the text
            assert "copied 1 line" in (footer := on.text().splitlines()[-1])
            assert "OSC 52" in footer
            assert footer.rstrip().endswith("? Help  q Quit")
            await on.press("j", "j", "c")
            assert on.app.clipboard.startswith("sysctl -w net.ipv4.ip_local_port_range=")
            await on.press("k", "enter")
            assert on.app.clipboard == COPY

    async def test_a_double_click_copies_too(self) -> None:
        async with stage(full(), size=(120, 60)) as on:
            await on.press("f", "enter")
            lines = on.text().splitlines()
            row = next(number for number, line in enumerate(lines) if COPY in line)
            await on.pilot.double_click(offset=(20, row))
            await on.pilot.pause()
            assert on.app.clipboard == COPY

    @pytest.mark.parametrize("key", ["p", "enter"])
    async def test_it_jumps_to_its_pattern(self, key: str) -> None:
        async with stage(full()) as on:
            await on.press("f", "enter", key)
            screen: object = on.app.screen
            assert isinstance(screen, PatternScreen)
            assert str(screen.key) == NAME
            await on.press("escape")
            on_finding(on)

    async def test_not_to_one_that_is_gone(self) -> None:
        async with stage(full()) as on:
            await on.press("f", "enter")
            await on.show(frame_of([], at=1))
            await on.press("p", "l")
            on_finding(on)
            assert "p Pattern" not in on.text()

    async def test_l_opens_the_plan(self) -> None:
        async with stage(full()) as on:
            await on.press("f", "enter", "l")
            assert isinstance(on.app.screen, PlanScreen)

    async def test_the_arrows_go_to_the_others(self) -> None:
        async with stage(full(more=waits(900, CACHE))) as on:
            await on.press("f", "enter")
            assert "1 of 2" in on.text()
            await on.press("right")
            assert f"10.0.0.5 → {CACHE}: 90 %" in on.text()
            await on.press("right")
            assert "none of the 1,000" in on.text()
            await on.press("left", "escape")
            assert isinstance(on.app.screen, Dashboard)

    async def test_it_opens_with_a_double_click(self) -> None:
        async with stage(full()) as on:
            await on.pilot.double_click("#findings", offset=(20, 1))
            await on.pilot.pause()
            on_finding(on)

    async def test_no_size_crashes(self) -> None:
        sizes = ((1, 1), (10, 3), (20, 5), (40, 10), (80, 24), (200, 60))
        async with stage(full(), size=sizes[0]) as on:
            for number, size in enumerate(sizes):
                await on.pilot.resize_terminal(*size)
                await on.show(full(at=2 * number))
                await on.press("f", "enter", "j", "pagedown", "G", "g", "escape", "escape")
                await on.press("l", "c")
                await on.show(full(10, at=2 * number + 1))
                await on.press("right", "tab", "m", "j", "5", "escape", "escape", "escape")
                assert on.app.is_running, size
            assert NAME in on.text()


class TestDrillDown:
    async def test_it_tells_what_is_found_about_the_pattern(self) -> None:
        async with stage(full(more=waits(90, CACHE))) as on:
            await on.press("enter")
            assert "■ critical: none of the 1,000 ports left (f: details)" in on.text()
            await on.press("f")
            on_finding(on)
            await on.press("p")  # goes back instead of piling up
            assert len(on.app.screen_stack) == 3
            await on.press("escape", "j", "enter")
            assert "f: details" not in on.text()
            await on.press("f")
            assert "no finding on this pattern" in on.text()


async def test_what_tcp_tw_reuse_takes_over_is_not_slow() -> None:
    """Measured: at 55 % in TIME-WAIT connect() is as quick with it as at the start."""
    async with stage(used(550)) as on:
        assert "55.0%~" in on.text()
        assert "connect() is slow" in panel(on)
    async with stage(frame_of(waits(550, DATABASE), reuse=1)) as on:
        assert "55.0% " in on.text()
        assert "55.0%~" not in on.text()
        assert "Findings · none" in on.text()
        await on.press("enter")
        assert "slow connect()" not in on.text()
