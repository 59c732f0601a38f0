"""What the hands know from htop, less and vim works here too, and can be changed."""

from __future__ import annotations

from itertools import chain

import pytest
from textual.dom import DOMNode

from tests.dashboard.scene import CACHE, DATABASE, busy, frame_of, opened, stage, waits
from tui.dashboard.app import TwtopApp
from tui.dashboard.fleet.app import TOGETHER as OF_FLEET
from tui.dashboard.keymap import OTHERS, PANELS, TOGETHER, checked
from tui.dashboard.keys import own
from tui.dashboard.replay_app import ReplayApp
from tui.dashboard.screens.finding import FindingScreen
from tui.dashboard.screens.help import HelpScreen
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.shell import ShellApp
from tui.dashboard.stage_app import StageApp
from tui.dashboard.widgets.document import Document
from tui.findings.config import Config, ConfigError

APPS = (StageApp, ReplayApp, TwtopApp, ShellApp)
NODES: set[type[DOMNode]] = {*APPS, *PANELS, Document, *OTHERS, *chain(*TOGETHER)}
ALIKE = {"First": "Top", "Last": "End", "Choose": "Open", "Own": "Back", "Play": "Freeze"}
"""Names of the same thing in tables, texts and recordings."""
DIRECTIONS = {"left", "right", "home", "end", "tab", "shift+tab", "g"}
"""Of these a recording has those that go to a time, among them vim's g."""
EVERY = [*chain.from_iterable(map(own, NODES))]


class TestFilter:
    @pytest.mark.parametrize("key", ["slash", "f3", "f4", "backslash"])
    async def test_it_works_as_it_is_typed(self, key: str) -> None:
        async with stage(busy(60)) as on:
            await on.press(key)
            await on.type("dport 6379")
            assert f"→ {CACHE}" in on.text()
            assert f"→ {DATABASE}" not in on.text()
            await on.press("escape")
            assert f"→ {DATABASE}" in on.text()

    async def test_a_word_that_is_not_ended_hides_nothing(self) -> None:
        async with stage(busy()) as on:
            await on.press("slash")
            for letter in "dport ":
                await on.type(letter)
                assert f"→ {DATABASE}" in on.text()
                assert "needs a port" not in on.text()

    @pytest.mark.parametrize("width", [80, 120])
    async def test_what_would_be_right_is_never_cut(self, width: int) -> None:
        async with stage(busy(), size=(width, 24)) as on:
            await on.press("e")
            await on.type("/tmp/some-longer-name-for-what-was-seen.txt")
            await on.press("enter")
            assert "must end in .csv or .json" in on.text()
            await on.press("x")
            assert "Export to" in on.text()

    async def test_the_footer_has_the_prompts_keys(self) -> None:
        async with stage(busy()) as on:
            await on.press("slash")
            footer = on.text().splitlines()[-1]
            assert "esc Cancel" in footer
            assert "Freeze" not in footer
            await on.press("escape")
            assert "Freeze" in on.text().splitlines()[-1]


class TestSort:
    async def test_forth_and_back(self) -> None:
        async with stage(busy()) as on:
            await on.press("greater_than_sign")
            assert "by TIME-WAIT" in on.text()
            await on.press("less_than_sign", "less_than_sign")
            assert "by name" in on.text()
            await on.press("i")
            assert "Pattern▼" in on.text()

    async def test_by_a_menu(self) -> None:
        async with stage(busy()) as on:
            await on.press("f6")
            await on.until(lambda: "Growth/s" in on.text(), "the menu")
            await on.press("down", "down", "enter")
            await on.until(lambda: "by live sockets" in on.text(), "the order")

    async def test_the_focused_table(self) -> None:
        async with stage(busy()) as on:
            await on.press("4")
            assert "Sockets▼" in on.text()
            await on.press("s")
            assert "Sockets▼" not in on.text()
            assert on.text().index("10.0.0.9 ") < on.text().index("10.0.0.77")
            await on.press("less_than_sign", "less_than_sign")
            assert "Remote IP▲" in on.text()


@pytest.mark.parametrize("key", ["H", "f5"])
async def test_incoming_patterns_can_be_hidden(key: str) -> None:
    async with stage(busy()) as on:
        assert "← 10.0.0.77" in on.text()
        await on.press(key)
        assert "← 10.0.0.77" not in on.text()
        assert "incoming hidden" in on.text()
        await on.press(key)
        assert "← 10.0.0.77" in on.text()


async def test_half_a_page() -> None:
    many = [wait for n in range(100) for wait in waits(2, f"10.0.{n}.1:443")]
    async with stage(frame_of(many)) as on:
        dashboard: object = on.app.screen
        assert isinstance(dashboard, Dashboard)
        await on.press("pagedown")
        page = dashboard.patterns.cursor
        await on.press("home", "ctrl+d")
        assert dashboard.patterns.cursor == round(page / 2)
        await on.press("ctrl+u")
        assert dashboard.patterns.cursor == 0


async def test_help_scrolls_by_the_same_keys() -> None:
    async with stage(busy(), size=(80, 24)) as on:
        await on.press("question_mark")
        first = on.text()
        for there, back in (("G", "g"), ("ctrl+d", "ctrl+u"), ("j", "k")):
            await on.press(there)
            assert on.text() != first, there
            await on.press(back)
            assert on.text() == first, back
        assert isinstance(on.app.screen, HelpScreen)


class TestMouse:
    async def test_a_click_on_the_selected_row_opens_it_however_late(self) -> None:
        async with stage(busy()) as on:
            row = next(n for n, line in enumerate(on.text().splitlines()) if f"→ {CACHE}" in line)
            await on.pilot.click(offset=(5, row))
            assert isinstance(on.app.screen, Dashboard)
            on.app._click_chain_last_time = None  # as after a second
            await on.pilot.click(offset=(5, row))
            screen: object = on.app.screen
            assert isinstance(screen, PatternScreen)
            assert CACHE in str(screen.key)

    async def test_the_first_click_into_a_panel_only_goes_there(self) -> None:
        async with stage(busy()) as on:
            await on.pilot.click("#remotes", offset=(5, 2))
            assert "filter:" not in on.text()
            on.app._click_chain_last_time = None
            await on.pilot.click("#remotes", offset=(5, 2))
            assert "filter: dst" in on.text()

    async def test_what_opened_a_screen_presses_nothing_there(self) -> None:
        """The second half of a double click was meant for the row."""
        frame = frame_of(waits(1000, DATABASE, left=2))
        async with stage(frame, size=(120, 60)) as on:
            await on.press("f")
            row = next(n for n, line in enumerate(on.text().splitlines()) if "■ critical" in line)
            await on.pilot.click(offset=(5, row), times=2)
            await on.pilot.pause()
            assert isinstance(on.app.screen, FindingScreen)
            assert on.app.clipboard == ""


async def test_findings_unfold_at_once_where_there_is_room() -> None:
    async with stage(frame_of(opened(900, DATABASE, first=32768)), size=(120, 24)) as on:
        assert "⁶ Findings" not in on.text()
        await on.pilot.resize_terminal(120, 40)
        await on.pilot.pause()
        assert "⁶ Findings" in on.text()


class TestFooter:
    @pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
    async def test_help_and_quit_are_never_lost(self, width: int) -> None:
        async with stage(busy(), size=(width, 24)) as on:
            footer = on.text().splitlines()[-1]
            assert footer.rstrip().endswith("? Help  q Quit")
            assert "Open" in footer

    async def test_the_mouse_presses_its_keys_and_has_them_told(self) -> None:
        async with stage(busy()) as on:
            at = on.text().splitlines()[-1].index("? Help")
            await on.pilot.hover("#footer", offset=(at, 0))
            assert "Explain" in str(on.app.screen.query_one("#footer").tooltip)
            await on.pilot.hover("#footer", offset=(at - 1, 0))
            assert on.app.screen.query_one("#footer").tooltip is None
            await on.pilot.click("#footer", offset=(at, 0))
            await on.until(lambda: "On the dashboard" in on.text(), "the help")

    async def test_it_names_the_first_key_of_each(self) -> None:
        async with stage(busy()) as on:
            await on.press("l")
            assert "← → Change" in on.text().splitlines()[-1]

    async def test_more_where_there_is_room(self) -> None:
        async with stage(busy(), size=(200, 24)) as on:
            footer = on.text().splitlines()[-1]
            for key in ("⏎ Open", "/ Filter", "1–6 Panel", "e Export", "t Threshold", "^p"):
                assert key in footer, key
            await on.pilot.resize_terminal(80, 24)
            await on.pilot.pause()
            assert "1–6" not in on.text().splitlines()[-1]


class TestBindings:
    def test_each_has_a_name_and_says_what_it_does(self) -> None:
        for one in EVERY:
            assert one.id, one
            assert one.tooltip, one

    def test_no_name_means_two_things_in_one_place(self) -> None:
        for node in NODES:
            names = [one.id for one in own(node)]
            assert len(names) == len(set(names)), node

    def test_a_key_means_one_thing_on_every_screen_of_a_program(self) -> None:
        """But for keys of direction, and digits; help and questions shut out all others."""
        fleet: set[type[DOMNode]] = {ShellApp, *PANELS, *chain(*OF_FLEET)}
        for program in (NODES - {*OTHERS}, fleet):
            meanings: dict[str, set[str]] = {}
            for one in chain.from_iterable(map(own, program)):
                for key in one.key.split(","):
                    name = one.description.split()[0].rstrip("s") if one.description else ""
                    meanings.setdefault(key, set()).add(ALIKE.get(name, name))
            several = {key for key, found in meanings.items() if len(found) > 1}
            assert {key for key in several if not key.isdigit()} <= DIRECTIONS

    async def test_a_key_can_be_changed(self) -> None:
        keys = (("app.freeze", "f9,x"), ("move.down", "n"))
        async with stage(busy(), config=Config(keys=keys)) as on:
            assert "F9 Freeze" in on.text()
            await on.press("space")
            assert "FROZEN" not in on.text()
            await on.press("x")
            assert "FROZEN" in on.text()
            await on.press("x", "n", "question_mark")
            assert "F9 x " in on.line("Freeze the screen")

    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            ({"app.freez": "f9"}, "did you mean app.freeze?"),
            ({"app.freeze": "no key"}, '"no key"'),
            ({"app.freeze": "j"}, "j cannot be both"),
            ({"table.filter": "f"}, "f cannot be both"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, keys: dict[str, str], said: str) -> None:
        with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
            checked(keys, APPS)

    def test_two_can_change_places(self) -> None:
        assert checked({"app.freeze": "e", "table.export": "space"}, APPS)

    def test_what_is_built_in_is_no_clash(self) -> None:
        assert checked({one.id: one.key for one in EVERY if one.id == "app.freeze"}, APPS)


async def test_the_palette_lists_in_order_and_tells_the_keys() -> None:
    async with stage(busy()) as on:
        titles = [command.title for command in on.app.get_system_commands(on.app.screen)]
        intervals = [title for title in titles if title.startswith("Interval")]
        seconds = [float(title.split()[1]) for title in intervals]
        assert seconds == sorted(seconds)
        assert "Freeze · space" in titles
        assert "Filter · /" in titles
        await on.press("ctrl+p")
        await on.until(lambda: "Export · e" in on.text(), "the commands")
        text = on.text()
        assert text.index("Theme") < text.index("Filter · /") < text.index("Export · e")


async def test_help_begins_with_the_screen_it_is_opened_from() -> None:
    async with stage(busy(), size=(80, 24)) as on:
        await on.press("question_mark")
        await on.pilot.pause()
        assert "On the dashboard" in on.text()
        await on.press("escape", "l", "question_mark")
        await on.until(lambda: "In a plan" in on.text(), "the plan's keys")
        assert "On the dashboard" not in on.text()
