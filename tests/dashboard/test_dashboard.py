"""The dashboard, driven by real keys and the mouse."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widgets import Input

from tests.dashboard.scene import (
    CACHE,
    DATABASE,
    NOON,
    between,
    busy,
    frame_of,
    opened,
    stage,
    waits,
)
from tests.tables import PLACE, later
from tui.analysis.frame import judge
from tui.analysis.patterns import PatternKey
from tui.dashboard.screens.help import HelpScreen
from tui.dashboard.screens.overview import Dashboard
from tui.dashboard.screens.pattern import PatternScreen
from tui.dashboard.widgets.selected import SelectedPanel
from tui.kernel.processes import Owners, Process
from tui.kernel.sockets import State

OWNERS = Owners({33700 + n: Process(4711, "pgbouncer") for n in range(12)})


class TestPanels:
    async def test_every_panel_tells_its_part(self) -> None:
        async with stage(busy(), owners=OWNERS) as on:
            assert "690" in on.line("closing")
            assert "TIME-WAIT       690" in on.text()
            assert "61.2%" in on.line(f"10.0.0.5 → {DATABASE}")
            assert "10.0.0.5:8443 ← 10.0.0.77" in on.text()
            assert "612" in on.line("│▌10.0.0.9 ")
            assert "32768 33767" in on.line("ip_local_port_range")
            assert "pgbouncer[4711]" in on.line(DATABASE)

    async def test_the_closing_rate_is_full_from_the_first_frame(self) -> None:
        async with stage(busy(database=600, cache=0)) as on:
            row = on.line("│ max 10 ")
            assert row.count("⣿") >= 29, "a minute, of two seconds a cell"

    async def test_an_incoming_pattern_is_never_an_alarm(self) -> None:
        server = [between("10.0.0.5:443", "0.0.0.0:0", State.LISTEN)] + [
            between("10.0.0.5:443", f"10.0.0.77:{32768 + n}", State.TIME_WAIT, 30)
            for n in range(990)
        ]
        async with stage(frame_of(server)) as on:
            row = on.line("10.0.0.5:443 ←")
            assert "99.0%" in row
            assert "!" not in row
            assert "FULL" not in row

    async def test_on_a_large_screen_a_pane_follows_the_selection(self) -> None:
        frames = [busy(600, at=second) for second in range(3)]
        async with stage(*frames, owners=OWNERS, size=(200, 60)) as on:
            pane = on.app.screen.query_one("#selected", SelectedPanel)
            patterns = on.app.screen.query_one("#patterns")
            assert on.text().count("held by pgbouncer[4711]") == 1
            assert f"→ {DATABASE}" in str(pane.border_title)
            assert "⣿" in on.text().split("in use, from")[1], "its history"
            await on.press("j")
            await on.until(lambda: f"→ {CACHE}" in str(pane.border_title), "the pane")
            await on.pilot.pause()
            assert "90 of 1,000 in use" in on.text()
            assert f"10.0.0.5 → {CACHE}" in str(patterns.border_subtitle)
            await on.show(busy(600, cache=95, at=3))
            assert "95 of 1,000 in use" in on.text()

    @pytest.mark.parametrize("size", [(80, 24), (120, 40), (159, 60), (160, 24)])
    async def test_a_smaller_one_has_no_room_for_it(self, size: tuple[int, int]) -> None:
        async with stage(busy(), size=size) as on:
            assert not on.app.screen.query_one("#selected").display

    async def test_curves_of_all_patterns_have_one_scale(self) -> None:
        """A minute of 10/s beside one second of 90."""
        async with stage(busy(600, cache=90)) as on:
            assert "60 s ≤20/s" in on.line("Pattern ")
            assert "▄" in on.line("│▌10.0.0.5")
            assert "▄" not in on.line(f" 10.0.0.5 → {CACHE}")

    async def test_a_sorted_header_keeps_its_name_and_a_process_its_pid(self) -> None:
        owners = Owners({33700 + n: Process(214711, "a-rather-long-name") for n in range(12)})
        async with stage(busy(), owners=owners, size=(80, 24)) as on:
            assert "…[214711]" in on.line("│▌10.0.0.5")
            await on.press("s")
            assert "TIME-WAIT▼" in on.line("Pattern ")

    async def test_an_exhausted_pattern_says_so(self) -> None:
        async with stage(frame_of(waits(1000, DATABASE))) as on:
            row = on.line(DATABASE)
            assert "FULL" in row
            assert "100.0%!" in row

    async def test_reuse_makes_a_full_pattern_connectable(self) -> None:
        async with stage(frame_of(waits(1000, DATABASE), reuse=1), size=(160, 40)) as on:
            row = on.line("│▌10.0.0.5")
            assert "▒" in row
            assert "FULL" not in row
            assert "1,000" in row

    async def test_empty_states_are_drawn(self) -> None:
        async with stage(frame_of([])) as on:
            assert "no TIME-WAIT here" in on.text()
            assert "no connections here" in on.text()
            assert "no remote IPs" in on.text()

    async def test_growth_and_forecast_appear_with_the_second_frame(self) -> None:
        async with stage(
            frame_of(waits(300, DATABASE, left=58.0), at=0),
            frame_of(waits(300, DATABASE, left=53) + waits(300, CACHE, left=59.5), at=5),
        ) as on:
            assert "+60" in on.line(CACHE)

    async def test_what_fills_up_says_when(self) -> None:
        socks = [
            wait
            for age in range(8)
            for wait in waits(100, DATABASE, first=32768 + 100 * age, left=59.5 - age)
        ]
        async with stage(frame_of(socks)) as on:
            assert " 2 s" in on.line(DATABASE)

    async def test_hidden_processes_are_said(self) -> None:
        async with stage(busy(), owners=Owners({}, denied=83)) as on:
            assert "cannot see the sockets of 83 processes" in on.text()

    async def test_the_only_one_is_named(self) -> None:
        hidden = Owners({}, denied=1, unreadable=(Process(812, "sshd"),))
        async with stage(busy(), owners=hidden) as on:
            assert "cannot see the sockets of sshd[812]" in on.text()

    @pytest.mark.parametrize(("width", "who"), [(70, "4 processes"), (140, "sshd[812] and 3 more")])
    async def test_the_first_of_several_is_named_where_there_is_room(
        self, width: int, who: str
    ) -> None:
        hidden = Owners({}, denied=4, unreadable=(Process(812, "sshd"), Process(813, "cron")))
        async with stage(busy(), owners=hidden, size=(width, 40)) as on:
            assert f"cannot see the sockets of {who}" in on.text()


class TestMarks:
    async def test_new_and_vanished_patterns_are_marked_for_a_moment(self) -> None:
        first = frame_of(opened(3, DATABASE, first=33000), at=0)
        second = frame_of(opened(3, CACHE, first=33000), at=1)
        later = frame_of(opened(3, CACHE, first=33000), at=9)
        async with stage(first) as on:
            table = on.app.screen.query_one("#patterns")
            assert table.rows.role(0) == ""  # type: ignore[attr-defined]
            await on.show(second)
            assert table.rows.role(0) == "new"  # type: ignore[attr-defined]
            assert "gone (had 3)" in on.line(DATABASE)
            await on.show(later)
            assert table.rows.role(0) == ""  # type: ignore[attr-defined]
            assert DATABASE not in on.text()

    async def test_bad_lines_incompleteness_and_age_stand_in_the_title(self) -> None:
        async with stage(busy(bad_lines=2, complete=False, age=4.2), size=(140, 40)) as on:
            title = on.text().splitlines()[0]
            assert "2 lines unreadable" in title
            assert "incomplete" in title
            assert "table 4 s old" in title

    @pytest.mark.parametrize(("made", "told"), [(NOON - 86_400 * 400, "2024"), (None, "unknown")])
    async def test_a_copy_is_of_when_it_was_made(self, made: float | None, told: str) -> None:
        reading = replace(busy().reading, place=replace(PLACE, kind="copy"), made=made)
        async with stage(judge(reading), size=(120, 40)) as on:
            state = on.text().splitlines()[0].partition("COPY")[2]
            assert told in state
            assert f"{datetime.fromtimestamp(NOON):%d %b %Y}" not in state

    async def test_the_title_counts_what_is_exhausted(self) -> None:
        async with stage(frame_of(waits(900, DATABASE))) as on:
            assert "critical" not in on.text().splitlines()[0]  # the panel says it
            await on.press("enter")
            assert "1 critical" in on.text().splitlines()[0]
            await on.press("escape")
            await on.show(frame_of(waits(1000, DATABASE), at=1))
            assert "1 EXHAUSTED" in on.text().splitlines()[0]
            await on.show(frame_of(waits(990, DATABASE, left=20), at=9))
            assert "was full" in on.line(DATABASE)


class TestFailure:
    async def test_a_table_that_cannot_be_read_at_all(self) -> None:
        async with stage() as on:
            await on.fail("/proc/net/tcp: Permission denied: run as root")
            assert "/proc/net/tcp: Permission denied: run as root" in on.text()
            assert on.app.fatal == "/proc/net/tcp: Permission denied: run as root"

    async def test_a_later_failure_keeps_the_last_frame_and_shows_why(self) -> None:
        async with stage(busy(), size=(160, 40)) as on:
            await on.fail("/proc/net/tcp: Permission denied")
            assert "Permission denied" in on.text().splitlines()[0]
            assert "61.2%" in on.text()
            await on.show(busy(at=2))
            assert "Permission denied" not in on.text()
            assert on.app.fatal is None


class TestSelection:
    async def test_moves_as_in_htop_and_less(self) -> None:
        async with stage(busy()) as on:
            table = on.app.screen.query_one("#patterns")
            for key, row in (("j", 1), ("down", 2), ("k", 1), ("G", 3), ("g", 0), ("end", 3)):
                await on.press(key)
                assert table.cursor == row, key  # type: ignore[attr-defined]

    async def test_follows_its_pattern_not_its_row(self) -> None:
        before = frame_of(waits(50, DATABASE) + waits(20, CACHE))
        after = frame_of(waits(50, DATABASE) + waits(80, CACHE), at=1)
        async with stage(before) as on:
            await on.press("j", "k", "j")
            await on.show(after)
            assert on.line("▌").lstrip("│").startswith(f"▌10.0.0.5 → {CACHE}")

    async def test_untouched_it_stays_on_the_hottest(self) -> None:
        before = frame_of(waits(50, DATABASE) + waits(20, CACHE))
        after = frame_of(waits(50, DATABASE) + waits(80, CACHE), at=1)
        async with stage(before, after) as on:
            assert CACHE in on.line("▌10.0.0.5 →")

    async def test_tab_walks_the_panels(self) -> None:
        async with stage(busy()) as on:
            seen = []
            for _ in range(5):
                focused = on.app.screen.focused
                seen.append(focused.id if focused else None)
                await on.press("tab")
            assert seen == ["patterns", "findings", "remotes", "sysctls", "patterns"]


class TestFilter:
    async def test_shows_only_what_matches_and_esc_clears(self) -> None:
        async with stage(busy()) as on:
            await on.press("slash")
            await on.type("dport 5432")
            await on.press("enter")
            assert "1 of 4" in on.text()
            assert "10.0.0.77" not in on.line("▌10.0.0.5")
            assert f"→ {CACHE}" not in on.text()
            await on.press("escape")
            assert f"→ {CACHE}" in on.text()

    async def test_one_that_cannot_be_read_says_why_and_changes_nothing(self) -> None:
        async with stage(busy()) as on:
            await on.press("slash")
            await on.type("dport http")
            await on.press("enter")
            assert "“http” is not a port" in on.text()
            assert f"→ {CACHE}" in on.text()
            assert isinstance(on.app.focused, Input)
            await on.press("escape")
            assert on.app.focused is on.app.screen.query_one("#patterns")

    async def test_nothing_matches(self) -> None:
        async with stage(busy()) as on:
            await on.press("slash")
            await on.type("dst 192.0.2.1")
            await on.press("enter")
            assert "nothing matches the filter" in on.text()

    async def test_tab_does_not_leave_the_question_open_and_lost(self) -> None:
        async with stage(busy()) as on:
            await on.press("slash", "tab", "escape")
            assert not on.app.screen.query_one("#prompt").has_class("-open")
            assert on.app.focused is on.app.screen.query_one("#patterns")

    async def test_keys_are_text_while_one_types(self) -> None:
        async with stage(busy()) as on:
            await on.press("slash")
            await on.type("q s t")
            assert on.app.screen.query_one(Input).value == "q s t"
            assert on.app.is_running

    async def test_enter_on_a_remote_ip_filters_by_it(self) -> None:
        async with stage(busy()) as on:
            await on.press("tab", "tab", "j", "enter")
            assert "filter: dst 10.0.0.10" in on.text()
            assert on.app.screen.focused is on.app.screen.query_one("#patterns")


class TestSort:
    async def test_walks_the_columns_and_turns_round(self) -> None:
        async with stage(busy()) as on:
            table = on.app.screen.query_one("#patterns")
            await on.press("s", "s")
            assert "by live sockets" in on.text()
            assert "10.0.0.77" in str(table.rows.identity(0))  # type: ignore[attr-defined]
            await on.press("I")
            assert CACHE in str(table.rows.identity(0))  # type: ignore[attr-defined]

    async def test_a_click_on_a_header_sorts(self) -> None:
        async with stage(busy()) as on:
            header = on.line("Pattern  ")
            await on.pilot.click("#patterns", offset=(header.index("Live") - 1, 0 + 1))
            await on.pilot.pause()
            assert "by live sockets" in on.text()

    async def test_every_column_can_be_sorted_by(self) -> None:
        async with stage(busy(), busy(at=1)) as on:
            heads = []
            for _ in range(7):
                head = on.line("Patterns ·")
                assert "· by " in head
                assert "4 " in head
                heads.append(head)
                await on.press("s")
            assert len({*heads}) == 7
            assert on.line("Patterns ·") == heads[0]


class TestMarkup:
    """What the user types, or a path, is text and never markup."""

    async def test_in_a_filter(self) -> None:
        async with stage(busy()) as on:
            for text in ("[/x]", "state [/foo]", "[red]", "[@click=app.quit]"):
                await on.press("escape", "escape", "slash")
                on.app.screen.query_one(Input).value = text
                await on.press("enter")
                assert on.app.is_running, text
                assert text in on.text() or "is not a state" in on.text()

    async def test_in_a_path(self) -> None:
        async with stage(busy(), size=(160, 40)) as on:
            await on.press("e")
            on.app.screen.query_one(Input).value = "/nowhere/a[/x].csv"
            await on.press("enter")
            await on.app.workers.wait_for_complete()
            await on.pilot.pause()
            assert on.app.is_running

    async def test_a_filter_nested_too_deep_is_refused(self) -> None:
        async with stage(busy()) as on:
            await on.press("slash")
            on.app.screen.query_one(Input).value = "not " * 3000
            await on.press("enter")
            assert "too long" in on.text()


class TestReuse:
    async def test_the_counter_tells_what_the_timers_lost(self) -> None:
        """A TIME-WAIT that connect() took over has no timer any more."""
        frames = [
            later(
                frame,
                frame.time,
                {**frame.counters, "TW": 1000 + 40 * second, "TWRecycled": second},
            )
            for second in range(6)
            for frame in [frame_of(waits(40, DATABASE, left=59.5), at=second, reuse=1)]
        ]
        async with stage(*frames) as on:
            assert "closing 40/s" in on.text()
            assert "reused 1/s" in on.text()


class TestFreeze:
    async def test_holds_the_screen_while_the_history_goes_on(self) -> None:
        async with stage(busy(600)) as on:
            await on.press("space")
            assert "FROZEN" in on.text()
            frozen = on.text()
            await on.show(busy(900, at=1), busy(900, at=2))
            assert on.text() == frozen
            assert on.app.view is not None
            assert len(on.app.view.trends.course.held) == 1
            await on.press("space")
            assert "LIVE" in on.text()
            assert "91.2%" in on.line(DATABASE)
            assert len(on.app.view.trends.course.held) == 3

    async def test_sorting_and_filtering_work_on_the_frozen_frame(self) -> None:
        async with stage(busy(600)) as on:
            await on.press("space")
            await on.show(busy(900, at=1))
            await on.press("slash")
            await on.type("dport 5432")
            await on.press("enter")
            assert "1 of 4" in on.text()
            assert "61.2%" in on.text()


class TestSettings:
    async def test_interval(self) -> None:
        async with stage(busy()) as on:
            await on.press("plus")
            assert on.app.poller.interval == 2.0
            assert "every 2 s" in on.text()
            await on.press("minus", "minus")
            assert on.app.poller.interval == 0.5

    async def test_threshold(self) -> None:
        async with stage(busy()) as on:
            assert "61.2%~" in on.text()
            await on.press("t", "home", "shift+end")
            await on.type("60")
            await on.press("enter")
            assert on.app.threshold == 60
            assert "61.2%!" in on.text()

    async def test_a_threshold_out_of_range_is_refused(self) -> None:
        async with stage(busy()) as on:
            await on.press("t")
            for answer in ("0", "101", "many"):
                await on.press("home", "shift+end")
                await on.type(answer)
                await on.press("enter")
                assert on.app.threshold == 80, answer
                assert isinstance(on.app.focused, Input), answer


class TestMaximize:
    async def test_m_gives_the_focused_panel_the_screen_and_back(self) -> None:
        async with stage(busy()) as on:
            await on.press("tab", "tab", "tab", "m")
            assert "Sysctls" in on.text()
            assert "Patterns ·" not in on.text()
            await on.press("escape")
            assert "Patterns ·" in on.text()

    async def test_m_restores_what_a_number_key_maximized(self) -> None:
        async with stage(busy()) as on:
            await on.press("2", "m")
            assert f"10.0.0.5 → {DATABASE}" in on.text()
            assert "TCP states" in on.text()

    @pytest.mark.parametrize("size", [(80, 24), (120, 40)])
    async def test_number_keys_show_one_panel_alone(self, size: tuple[int, int]) -> None:
        panels = {
            "1": "Patterns",
            "2": "entering/s",
            "3": "CLOSE-WAIT",
            "4": "Remote IPs ·",
            "5": "Sysctls ·",
            "6": "Findings ·",
        }
        async with stage(busy(), size=size) as on:
            for key, shown in panels.items():
                await on.press(key)
                assert shown in on.text(), key
                assert ("Connectable" in on.text() or "Full in" in on.text()) == (key == "1"), key
                await on.press(key)
                assert f"10.0.0.5 → {DATABASE}" in on.text(), key


class TestExport:
    @pytest.mark.parametrize("ending", ["csv", "json"])
    async def test_writes_the_rows_shown(self, ending: str, tmp_path: Path) -> None:
        path = tmp_path / f"out.{ending}"
        async with stage(busy()) as on:
            await on.press("slash")
            await on.type("dport 5432")
            await on.press("enter", "e", "home", "shift+end")
            on.app.screen.query_one(Input).value = str(path)
            await on.press("enter")
            assert not isinstance(on.app.focused, Input)
        if ending == "csv":
            (record,) = csv.DictReader(path.open())
        else:
            (record,) = json.loads(path.read_text())
        assert record["remote_ip"] == "10.0.0.9"
        assert str(record["in_use"]) == "612"

    async def test_an_impatient_second_enter_does_not_spoil_the_file(self, tmp_path: Path) -> None:
        path = tmp_path / "out.csv"
        async with stage(busy()) as on:
            await on.press("e")
            on.app.screen.query_one(Input).value = str(path)
            await on.press("enter", "enter", "enter")
            assert [one.name for one in tmp_path.iterdir()] == ["out.csv"]
        assert len(list(csv.DictReader(path.open()))) == 4

    async def test_a_refused_path_says_why_and_can_be_mended(self, tmp_path: Path) -> None:
        async with stage(busy(), size=(160, 40)) as on:
            await on.press("e")
            on.app.screen.query_one(Input).value = str(tmp_path / "missing" / "out.csv")
            await on.press("enter")
            assert "No such file or directory" in on.text()
            on.app.screen.query_one(Input).value = str(tmp_path / "out.csv")
            await on.press("enter")
            assert (tmp_path / "out.csv").exists()


class TestDrill:
    async def test_enter_opens_and_esc_goes_back(self) -> None:
        async with stage(busy()) as on:
            await on.press("enter")
            opened_screen: object = on.app.screen
            assert isinstance(opened_screen, PatternScreen)
            await on.press("escape")
            assert isinstance(on.app.screen, Dashboard)

    async def test_so_does_a_double_click(self) -> None:
        async with stage(busy()) as on:
            await on.pilot.double_click("#patterns", offset=(5, 3))
            await on.pilot.pause()
            assert isinstance(on.app.screen, PatternScreen)
            assert CACHE in str(on.app.screen.key)

    async def test_the_dashboard_has_caught_up_on_return(self) -> None:
        async with stage(busy(600)) as on:
            await on.press("enter")
            await on.show(busy(900, at=1))
            await on.press("escape")
            assert "91.2%" in on.line(DATABASE)


class TestHelp:
    async def test_help_opens_and_closes(self) -> None:
        async with stage(busy()) as on:
            await on.press("question_mark")
            assert isinstance(on.app.screen, HelpScreen)
            assert "Show only what matches" in on.text()
            await on.press("escape")
            assert isinstance(on.app.screen, Dashboard)

    async def test_help_names_every_key(self) -> None:
        """A binding nobody is told of is one nobody uses."""
        async with stage(busy()) as on:
            await on.press("enter")
            bindings = set()
            for node in (on.app, *on.app.screen_stack):
                for key, bound in node._bindings.key_to_bindings.items():
                    actions = [binding.action.partition("(")[0] for binding in bound]
                    if any(node.check_action(action, ()) is not False for action in actions):
                        bindings.add(key)
            await on.press("question_mark")
            help_text = "".join(on.app.screen.parts.values())  # type: ignore[attr-defined]
            for key in bindings - {"ctrl+i", "super+c", "ctrl+c", "ctrl+q"}:
                name = on.app.get_key_display(Binding(key, ""))
                assert re.search(rf"(^|\s)\\?{re.escape(name)}\s", help_text, re.M), key

    async def test_a_parameter_is_explained(self) -> None:
        async with stage(busy()) as on:
            await on.press("tab", "tab", "tab", "G", "enter")
            assert "Not TIME-WAIT's length." in on.text()

    async def test_the_command_palette_has_the_actions(self) -> None:
        async with stage(busy()) as on:
            titles = {command.title for command in on.app.get_system_commands(on.app.screen)}
            assert {
                "Freeze · space",
                "Filter · /",
                "Interval 5 s",
                "Theme, dark or light",
            } <= titles


class TestSizes:
    async def test_no_size_crashes(self) -> None:
        sizes = ((1, 1), (10, 3), (20, 5), (40, 12), (60, 50), (80, 24), (100, 30), (200, 60))
        async with stage(busy(), busy(at=1), size=sizes[0]) as on:
            for number, size in enumerate(sizes):
                await on.pilot.resize_terminal(*size)
                await on.press("enter")
                await on.show(busy(at=2 + number))
                await on.press("escape", "slash", "escape", "question_mark", "escape")
                assert on.app.is_running, size
            assert f"10.0.0.5 → {DATABASE}" in on.text()

    async def test_the_whole_job_fits_80_by_24(self) -> None:
        async with stage(busy(), size=(80, 24)) as on:
            text = on.text()
            for part in ("closing 10/s", "TIME-WAIT 690", DATABASE, "61.2%", "Remote IPs", "Ports"):
                assert part in text, part

    async def test_resizing_while_running(self) -> None:
        async with stage(busy()) as on:
            for size in ((80, 24), (10, 3), (200, 60), (120, 40)):
                await on.pilot.resize_terminal(*size)
                await on.pilot.pause()
            assert f"10.0.0.5 → {DATABASE}" in on.text()


class TestThemes:
    async def test_every_theme_draws(self) -> None:
        async with stage(busy()) as on:
            for theme in sorted(on.app.available_themes):
                on.app.theme = theme
                await on.pilot.pause()
                assert "61.2%" in on.text(), theme

    async def test_without_colour_all_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        async with stage(frame_of(waits(1000, DATABASE))) as on:
            assert "100.0%!" in on.text()
            assert "FULL" in on.text()


async def test_a_pattern_key_is_the_same_in_every_frame() -> None:
    """The selection, the history and the drill-down all hang on it."""
    one, two = busy(), busy(900, at=5)
    keys = {str(one.patterns.key(i)): one.patterns.key(i) for i in range(len(one.patterns))}
    for index in range(len(two.patterns)):
        key = two.patterns.key(index)
        assert isinstance(key, PatternKey)
        assert keys[str(key)] == key
        assert two.patterns.find(key) == index
    assert replace(one).patterns.find(two.patterns.key(0)) is not None


class TestFirstMoments:
    async def test_before_the_first_read_it_says_what_it_waits_for(self) -> None:
        async with stage() as on:
            assert "waiting for the first read" in on.text()

    async def test_where_nothing_is_connected_it_names_the_demo(self) -> None:
        async with stage(frame_of([])) as on:
            assert "twtop demo" in on.text()

    async def test_one_is_not_plural(self) -> None:
        async with stage(frame_of(opened(1, DATABASE))) as on:
            assert "· 1 socket " in on.text()
            assert "1 sockets" not in on.text()


async def test_an_empty_table_keeps_its_header() -> None:
    async with stage(frame_of([]), size=(80, 24)) as on:
        assert "Pattern" in on.text().split("Patterns · 0", 1)[1].split("no connections")[0]
