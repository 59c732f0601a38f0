"""A load on screen: shown, steered, changed, ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.dashboard.load import CALM, FakeStage, theatre
from tests.dashboard.scene import frame_of, waits
from tui.analysis.frame import Frame
from tui.dashboard.polling import Sampled
from tui.dashboard.screens.finding import FindingScreen
from tui.dashboard.screens.overview import PANELS, Dashboard
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.stage_app import StageApp
from tui.dashboard.widgets.clients import Played, one_line
from tui.lab.process import ChildError
from tui.stage.agreement import Kernel, compare
from tui.stage.scenarios import SCENARIOS
from tui.stage.stage import Ready
from tui.watching.watch import Watch

HERE, DATABASE = "127.0.0.1", "127.0.0.1:5432"
FAILING = replace(
    CALM,
    elapsed=9.0,
    attempted=1050,
    connected=1000,
    errors={"EADDRNOTAVAIL": 50},
    errors_per_second={"EADDRNOTAVAIL": 50.0},
    connected_per_second=0.0,
    latency=None,
)


def used(ports: int, *, at: float = 0.0) -> Frame:
    return frame_of(waits(ports, DATABASE, local=HERE), at=at)


class TestPanel:
    async def test_the_scenario_and_what_to_watch_for(self) -> None:
        async with theatre() as on:
            assert "Demo 1/9 · exhaustion: one destination eats all ports" in on.text()
            assert "setting up …" in on.text()
            assert "after 20 s it fails: EADDRNOTAVAIL." in on.text()

    async def test_clients_and_twtop_side_by_side(self) -> None:
        async with theatre() as on:
            await on.hear(CALM)
            assert "reading the kernel's tables …" in on.line("50/s of 50/s connected")
            await on.show(used(412))
            assert "412 of 1,000 ports 41.2% · connectable 588" in on.text()
            assert "= clients agree: a port for every connect()" in on.line("no errors")

    async def test_the_clients_are_known_though_no_connection_of_theirs_was_seen_open(self) -> None:
        async with theatre(size=(160, 40)) as on:
            for scenario in range(2):
                await on.hear(CALM)
                await on.show(used(412), used(413, at=1))
                assert "held by twtop-clients[4711] (remembered)" in on.text(), scenario
                assert "owner unknown" not in on.text()
                await on.press("n")
                await on.hear(Ready())

    async def test_exhaustion_is_seen_by_both(self) -> None:
        async with theatre() as on:
            await on.hear(CALM)
            await on.show(used(990, at=0))
            await on.hear(FAILING)
            await on.show(used(1000, at=1))
            assert "EXHAUSTED" in on.line("1,000 of 1,000 ports")
            line = on.line("EADDRNOTAVAIL 50/s, 50 in all")
            assert "= clients agree: no port left, and connect() fails" in line

    @pytest.mark.parametrize(
        ("kernel", "said"),
        [
            (Kernel.UNASKED, "= clients agree: no port left"),
            (Kernel.AGREES, "= kernel agrees: no port left"),
            (Kernel.DIFFERS, "≠ the kernel refuses none"),
        ],
    )
    def test_the_kernels_own_count_is_the_third_voice(self, kernel: Kernel, said: str) -> None:
        before = compare(used(990, at=0), CALM, None)
        verdict = replace(compare(used(1000, at=1), FAILING, before), kernel=kernel)
        played = Played("exhaustion", "", "", "", "", FAILING, verdict)
        assert said in "".join(text for text, _ in one_line(played, 200))

    async def test_toasts_leave_the_figures_alone_where_the_screen_is_small(self) -> None:
        async with theatre(size=(80, 24)) as on:
            await on.hear(CALM)
            await on.show(used(412))
            shown = on.text().splitlines()
            on.app.notify("a word " * 15, title="A toast")
            await on.press()
            now = on.text().splitlines()
            assert "A toast" in "".join(now[10:19])
            assert (now[:10], now[19:]) == (shown[:10], shown[19:])

    async def test_the_next_scenario_begins_with_its_patterns(self) -> None:
        """Where its findings filled the screen, there are none yet."""
        async with theatre(size=(80, 24)) as on:
            await on.hear(CALM)
            await on.show(used(990))
            await on.press("f", "enter")
            assert isinstance(on.app.screen, FindingScreen)
            await on.press("n")
            await on.hear(Ready())
            await on.show(used(20, at=2))
            assert "Patterns · 1" in on.text()

    async def test_rates_are_those_of_the_last_second(self) -> None:
        async with theatre() as on:
            for quarter in range(6):
                count = 10 if quarter % 2 else 14
                await on.hear(
                    replace(
                        CALM,
                        elapsed=8 + quarter / 4,
                        connected=412 + 12 * quarter + (count - 12),
                        connected_per_second=count * 4.0,
                    )
                )
            assert "48/s of 50/s connected" in on.text()

    @pytest.mark.parametrize("size", [(80, 24), (80, 40), (100, 20)])
    async def test_a_small_terminal_has_three_lines_of_it(self, size: tuple[int, int]) -> None:
        async with theatre(size=size) as on:
            await on.hear(CALM)
            await on.show(used(412))
            lines = on.text().splitlines()
            assert lines[1].startswith(" exhaustion · one destination eats all ports")
            assert lines[2].startswith(" clients  50/s of 50/s connected · no errors")
            assert lines[3].startswith(" twtop    412 of 1,000 ports 41.2%")
            assert DATABASE in on.line("127.0.0.1 → ")
            assert "One destination, 1,000 ports" in on.text()  # for a while, in a corner

    async def test_a_terminal_of_any_size_will_do(self) -> None:
        sizes = ((1, 1), (10, 3), (40, 10), (60, 15), (200, 60))
        async with theatre(size=sizes[0]) as on:
            for number, size in enumerate(sizes):
                await on.pilot.resize_terminal(*size)
                await on.hear(CALM)
                await on.show(used(412, at=2 * number))
                await on.press("right_square_bracket", "p", "enter", "n")
                await on.hear(Ready(), CALM)
                await on.show(used(20, at=2 * number + 1))
            assert "20 of 1,000 ports" in on.text()

    async def test_a_pattern_has_one_line_of_it(self) -> None:
        async with theatre() as on:
            await on.hear(CALM)
            await on.show(used(412))
            await on.press("enter")
            assert isinstance(on.app.screen, PatternScreen)
            line = on.text().splitlines()[1]
            assert line.startswith(" exhaustion · 50/s of 50/s connected · no errors · =")

    async def test_a_maximized_panel_has_the_screen_to_itself(self) -> None:
        async with theatre() as on:
            await on.press("m")
            assert "Demo 1/9" not in on.text()
            await on.press("escape")
            assert "Demo 1/9" in on.text()

    @pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
    async def test_whichever_panel_that_is(self, size: tuple[int, int]) -> None:
        async with theatre(size=size) as on:
            await on.show(used(412))
            for number, name in enumerate(PANELS, 1):
                await on.press(str(number))
                assert on.app.screen.query_one(f"#{name}").outer_size.height >= size[1] - 3, name
                await on.press(str(number))

    async def test_in_the_past_it_tells_of_the_moment_that_the_rest_shows(self) -> None:
        async with theatre() as on:
            await on.hear(CALM)
            for second, count in enumerate((412, 500, 590)):
                await on.show(used(count, at=second))
                await on.hear(replace(CALM, elapsed=CALM.elapsed + second + 0.5))
            await on.press("space")
            for count in (500, 412):
                await on.press("left")
                assert f"{count} of 1,000 ports" in on.text()

    async def test_frozen_holds_it_still(self) -> None:
        async with theatre() as on:
            await on.hear(CALM)
            await on.show(used(412))
            await on.press("space")
            await on.hear(FAILING)
            await on.show(used(1000, at=1))
            assert "EADDRNOTAVAIL 5" not in on.text()
            await on.press("P")
            assert "paused" in on.text()  # the panel does not move, so this is said
            await on.press("space")
            await on.hear(replace(FAILING, elapsed=9.25))
            assert "EXHAUSTED" in on.text()


class TestSteering:
    async def test_rates_go_by_ones_twos_and_fives(self) -> None:
        async with theatre() as on:
            await on.press(*["right_square_bracket"] * 3, *["left_square_bracket"] * 4)
            rates = [100, 200, 500, 200, 100, 50, 20]
            assert on.load.told == [("rate", rate) for rate in rates]

    async def test_rates_have_two_ends(self) -> None:
        async with theatre() as on:
            await on.press(*["right_square_bracket"] * 9)
            assert on.load.told[-1] == ("rate", 2000)
            await on.press(*["left_square_bracket"] * 15)
            assert on.load.told[-1] == ("rate", 1)

    async def test_pause_and_go_on(self) -> None:
        async with theatre() as on:
            await on.press("P")
            await on.hear(replace(CALM, paused=True))
            assert "PAUSED" in on.text()
            await on.press("P")
            assert on.load.told == [("paused", True), ("paused", False)]

    async def test_the_footer_and_the_help_have_the_keys(self) -> None:
        async with theatre(size=(140, 40)) as on:
            footer = on.text().splitlines()[-1]
            for label in ("Scenario", "Rate", "P Pause", "r Restart", "q Quit"):
                assert label in footer
            await on.press("question_mark")
            assert "Play the next scenario" in on.text()
            assert "[ " in on.line("Connect less often")
            assert "] " in on.line("Connect more often")
            assert "exhaustion: one destination" in on.text()

    async def test_the_palette_plays_a_scenario_by_name(self) -> None:
        async with theatre() as on:
            await on.press("ctrl+p")
            await on.type("Demo leak")
            await on.until(lambda: "Demo: leak" in on.text(), "the palette's hit")
            await on.press("enter")
            await on.until(lambda: on.load.told, "the scenario")
            assert on.load.told == ["leak"]
            assert "leak: a server that never closes" in on.text()


class TestScenarios:
    async def test_the_next_one_begins_anew(self) -> None:
        async with theatre() as on:
            await on.hear(CALM)
            await on.show(used(412))
            await on.press("plus", "slash")
            await on.type("use > 5%")
            await on.press("enter", "space", "enter")
            drilled: object = on.app.screen
            assert isinstance(drilled, PatternScreen)
            old = on.app.poller

            await on.press("n")
            assert isinstance(on.app.screen, Dashboard)
            assert on.load.told == ["server-close"]
            assert "Demo 2/9 · server-close" in on.text()
            assert "setting up …" in on.text()

            await on.hear(Ready())
            assert on.load.told == ["server-close", "enter"]
            assert on.app.poller is not old
            assert on.app.poller.interval == 2
            assert not on.app.frozen
            assert on.app.view is None
            late = Watch().take(used(999, at=1).reading)
            on.app.post_message(Sampled(old, late))  # it was late
            await on.pilot.pause()
            assert "999" not in on.text()

            await on.hear(CALM)
            await on.show(used(20, at=2))
            assert "20 of 1,000 ports 2.0%" in on.text()
            assert "filter" not in on.line("Patterns · 1")
            assert "● LIVE" in on.text()

    async def test_round_and_round(self) -> None:
        async with theatre() as on:
            names = list(SCENARIOS)
            await on.press("N", "N")
            assert on.load.told == [names[-1], names[-2]]
            await on.press("n", "n")
            assert on.load.told[2:] == [names[-1], names[0]]

    async def test_frames_of_what_has_ended_are_dropped(self) -> None:
        async with theatre() as on:
            await on.show(used(412))
            await on.press("r")
            assert on.load.told == ["exhaustion"]
            await on.show(used(999, at=1))
            assert "999" not in on.text()

    async def test_a_scenario_begins_at_its_own_rate_and_runs(self) -> None:
        async with theatre() as on:
            await on.press("right_square_bracket", "P", "r", "right_square_bracket", "P")
            assert on.load.told == [
                ("rate", 100),
                ("paused", True),
                "exhaustion",
                ("rate", 100),
                ("paused", True),
            ]


class TestEnd:
    @pytest.mark.parametrize("when", ["while it runs", "while it is set up"])
    async def test_the_end_of_a_process_is_the_end_of_it_all(self, when: str) -> None:
        async with theatre() as on:
            if when == "while it runs":
                await on.hear(CALM)
                await on.show(used(20))
            else:
                await on.press("n")
            await on.hear(ChildError("the server's process was killed by SIGKILL"))
            assert on.app.fatal == "the server's process was killed by SIGKILL"
            assert on.app.return_code == 1


class TestWithoutScenario:
    async def test_a_load_against_a_server_of_ones_own(self) -> None:
        async with theatre(FakeStage(None), size=(140, 40)) as on:
            assert isinstance(on.app, StageApp)
            await on.press("n", "N", "r")
            assert on.load.told == []
            footer = on.text().splitlines()[-1]
            assert "Scenario" not in footer
            assert "Restart" not in footer
            await on.hear(replace(CALM, rate=None))
            assert "at full speed" in on.text()
            await on.press("left_square_bracket")
            assert on.load.told == [("rate", 20)]
            await on.hear(Ready())
            assert "enter" not in on.load.told


async def test_without_a_load_there_are_none_of_its_keys() -> None:
    from tests.dashboard.scene import busy, stage

    async with stage(busy(), size=(160, 40)) as on:
        await on.press("n", "N", "p", "r", "left_square_bracket", "right_square_bracket")
        footer = on.text().splitlines()[-1]
        for label in ("Scenario", "Rate", "Pause", "Restart"):
            assert label not in footer
