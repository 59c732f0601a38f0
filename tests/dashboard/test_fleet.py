"""The screens of a fleet, with real keys; what is shown of answers that are old, or none."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.dashboard.scene import StillPoller
from tests.fleet.answered import CALM, DOWN, FULL, GONE, NOON, ends, fleet, place, sizes
from tui.dashboard.fleet import app as fleet_app
from tui.dashboard.fleet.app import FleetApp, Refreshed
from tui.dashboard.fleet.place import PlaceScreen
from tui.dashboard.screens.help import HelpScreen
from tui.findings.config import Config, ConfigError, OnScreen
from tui.fleet.answers import Line, Sample
from tui.fleet.client import FleetError
from tui.fleet.fleet import Fleet, FleetPlace, key_of
from tui.fleet.refresh import Detail, Moment

HOUR = tuple((NOON - 3600 + 60 * n, n / 60) for n in range(61))


class StillAsker:
    """Never asks: moments come from the test."""

    interval = 15.0

    def __init__(self) -> None:
        self.looked_at: list[Sequence[FleetPlace]] = []
        self.studied: list[FleetPlace | None] = []

    def poll(self) -> Moment:
        """Wait until the test is over."""
        StillPoller.over.wait()
        raise FleetError("the test is over")

    def look_at(self, places: Sequence[FleetPlace]) -> bool:
        self.looked_at.append(places)
        return False

    def study(self, place: FleetPlace | None) -> None:
        self.studied.append(place)


def moment(found: Fleet) -> Moment:
    line = Line(ends("10.2.0.9"), HOUR)
    detail = Detail(key_of(FULL), HOUR, (line,), (Sample(ends("10.2.0.9"), 0.496),))
    return Moment(found, {key_of(FULL): HOUR}, {"worker": HOUR}, detail)


BAD = fleet({"silent": (DOWN, GONE), "doubts": ((CALM, 3),)})


class Shown:
    def __init__(self, app: FleetApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def take(self, found: Fleet | None, failure: str | None = None) -> None:
        made = None if found is None else moment(found)
        self.app.post_message(Refreshed(made, failure))
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def text(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips)


@asynccontextmanager
async def showing(
    found: Fleet | None = BAD, size: tuple[int, int] = (120, 40), ssh: Sequence[str] = ()
) -> AsyncIterator[Shown]:
    app = FleetApp(StillAsker(), Config(), "prometheus:9090", ssh=ssh)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        shown = Shown(app, pilot)
        if found is not None:
            await shown.take(found)
        yield shown


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (40, 10)])
async def test_the_worst_stands_first_and_silence_is_told(size: tuple[int, int]) -> None:
    async with showing(size=size) as shown:
        text = shown.text()
        assert "node-3" in text.splitlines()[3 if size[1] > 10 else 2]
        if size[0] >= 80:
            for part in ("10.2.0.9:443", "100.0%!", "FULL", "2 silent", "1 EXHAUSTED"):
                assert part in text
            (doubted,) = (line for line in text.splitlines() if "gw-1 " in line)
            assert "5.0%?" in doubted


async def test_an_answer_that_is_late_leaves_the_old_one_and_says_so() -> None:
    async with showing() as shown:
        await shown.take(None, "prometheus did not answer within 10 s")
        text = shown.text()
        assert "STALE" in text
        assert "did not answer" in text
        assert "node-3" in text
        await shown.take(BAD)
        assert "LIVE" in shown.text()


async def test_without_any_answer_the_reason_stands_there() -> None:
    async with showing(None) as shown:
        await shown.take(None, "prometheus refuses: 403")
        assert "refuses: 403" in shown.text()
        assert shown.app.fatal is not None
        await shown.take(BAD)
        assert shown.app.fatal is None


async def test_until_the_first_answer_every_panel_waits() -> None:
    """That nobody reports, or that everybody does, is not known yet."""
    async with showing(None, size=(200, 60)) as shown:
        text = shown.text()
        assert text.count("waiting for Prometheus") == 4
        assert "report" not in text


async def test_where_no_host_is_known_no_panel_says_that_all_is_well() -> None:
    none = fleet({"locked": (), "left": (), "findings": (), "hosts": (), "groups": ()}, ())
    async with showing(none, size=(200, 60)) as shown:
        text = shown.text()
        assert text.count("no host reports anything") == 4
        assert "every host" not in text
        assert "no tuple has" not in text


async def test_hosts_that_would_be_called_the_same_show_their_ports() -> None:
    one, two = ({**place("gw-3"), "instance": f"gw-3:{port}"} for port in (9815, 9816))
    found = fleet({"locked": ((one, 0.1), (CALM, 0.1)), "silent": ((two, 1),)})
    async with showing(found, size=(200, 60)) as shown:
        lines = shown.text().splitlines()
        assert any("gw-3:9815" in line and "10.0%" in line for line in lines)
        assert any("gw-3:9816" in line and "cannot be scraped" in line for line in lines)
        assert any(" gw-1 " in line and "gw-1:9815" not in line for line in lines)


async def test_the_part_that_is_locked_is_the_same_everywhere() -> None:
    """Of one name and one moment, whatever else is in use, and whatever was a minute ago."""
    half = sizes(FULL, "10.2.0.9", 586, 1000, 496)
    found = fleet({"locked": ((FULL, 0.496),), "left": (), "findings": ()}, half)
    async with showing(found) as shown:
        assert shown.text().count("49.6%") >= 2
        await shown.press("enter")
        text = shown.text()
        assert "496 of 1,000 locked" in text
        assert text.count("49.6%") == 2, "in the gauge and in the list"
        assert "58.6" not in text


async def test_frozen_it_stays_as_it_is() -> None:
    async with showing() as shown:
        await shown.press("space")
        await shown.take(fleet({"locked": ((CALM, 0.07),), "left": (), "findings": ()}))
        assert shown.app.fleet_screen.places.selected == key_of(FULL)
        await shown.press("space")
        assert shown.app.fleet_screen.places.selected == key_of(CALM)


async def test_escape_lets_the_screen_go_on() -> None:
    async with showing() as shown:
        await shown.press("space")
        assert "FROZEN" in shown.text()
        await shown.press("escape")
        assert "LIVE" in shown.text()


async def test_what_is_typed_while_a_place_opens_is_meant_for_it() -> None:
    async with showing() as shown:
        await shown.pilot.press("enter", "question_mark")
        await shown.pilot.pause()
        assert [type(one) for one in shown.app.screen_stack[-2:]] == [PlaceScreen, HelpScreen]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"fleet.ssh": "m"}, "m cannot be both"),
        ({"place.ssh": "q"}, "q cannot be both"),
    ],
)
def test_keys_that_clash_on_a_screen_of_the_fleet_are_refused(
    keys: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        FleetApp(StillAsker(), Config(keys=tuple(keys.items())), "prometheus:9090")


def test_a_key_of_another_app_takes_none_away_here() -> None:
    only_there = Config(keys=(("app.record", "S"),))
    assert FleetApp(StillAsker(), only_there, "prometheus:9090").keys == {"app.record": "S"}


def test_a_theme_that_there_is_not_is_refused() -> None:
    config = Config(screen=OnScreen(theme="nrod"))
    with pytest.raises(ConfigError, match="did you mean nord"):
        FleetApp(StillAsker(), config, "prometheus:9090")


async def test_filter_sort_and_back() -> None:
    async with showing() as shown:
        screen = shown.app.fleet_screen
        await shown.press("slash", *"gw", "enter")
        assert len(screen.places.rows) == 2
        await shown.press("escape")
        assert len(screen.places.rows) == 3
        await shown.press("s")
        assert screen.places.sort == "left"
        await shown.press("s", "s")
        assert screen.places.rows.identity(0) == key_of(CALM)


async def test_enter_on_a_group_filters_by_it() -> None:
    async with showing() as shown:
        screen = shown.app.fleet_screen
        await shown.press("3", "enter")
        assert screen.maximized_panel is None
        assert len(screen.places.rows) == 1
        assert screen.places.selected == key_of(FULL)


@pytest.mark.parametrize(("key", "part"), [("2", "10.9.0.5:443"), ("4", "cannot be scraped")])
async def test_one_panel_alone(key: str, part: str) -> None:
    async with showing(size=(80, 24)) as shown:
        await shown.press(key)
        assert part in shown.text()
        await shown.press("escape")
        assert part not in shown.text()


async def test_enter_opens_the_history_of_a_place() -> None:
    async with showing() as shown:
        await shown.press("enter")
        assert [type(one) for one in shown.app.screen_stack][-1] is PlaceScreen
        asker = shown.app.poller
        assert isinstance(asker, StillAsker)
        assert [place and place.labels for place in asker.studied] == [FULL]
        text = shown.text()
        assert "10.0.0.5 → 10.2.0.9:443" in text
        assert "−60 min" in text
        await shown.press("escape")
        assert asker.studied[-1] is None
        assert shown.app.screen is shown.app.fleet_screen


async def test_what_is_in_view_is_looked_at() -> None:
    async with showing() as shown:
        asker = shown.app.poller
        assert isinstance(asker, StillAsker)
        assert len(asker.looked_at[-1]) == 3


class TestSsh:
    @pytest.fixture
    def ran(self, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        commands: list[Any] = []

        def note(words: Sequence[str], **_: object) -> subprocess.CompletedProcess[str]:
            commands.append(list(words))
            return subprocess.CompletedProcess(words, 255)

        # Not for all: the limits of the tests are measured by a process, too.
        monkeypatch.setattr(fleet_app, "subprocess", SimpleNamespace(run=note))
        monkeypatch.setattr(FleetApp, "suspend", lambda self: fleet_app.undisturbed())
        return commands

    @pytest.mark.parametrize("keys", [("S",), ("enter", "S"), ("enter", "enter")])
    async def test_it_runs_twtop_there_and_tells_how_it_ended(
        self, ran: list[Any], keys: tuple[str, ...]
    ) -> None:
        async with showing(ssh=("ssh", "-t", "{host}", "twtop")) as shown:
            await shown.press(*keys)
            assert ran == [["ssh", "-t", "node-3", "twtop"]]
            assert "255" in next(iter(shown.app._notifications)).message

    async def test_not_unless_asked_for(self, ran: list[Any]) -> None:
        async with showing() as shown:
            await shown.press("S")
            assert ran == []
            assert not shown.app._notifications, "what is not offered need not be explained"
            assert "S ssh" not in shown.text()
            await shown.press("question_mark")
            assert "--ssh" in shown.text()
        async with showing(ssh=("ssh", "{host}")) as shown:
            assert "S ssh" in shown.text()

    @pytest.mark.parametrize("host", ["-oProxyCommand=reboot", "a b", "$(x)", "a;b", ""])
    async def test_a_label_is_no_option_and_no_command(self, ran: list[Any], host: str) -> None:
        evil = FULL | {"instance": host}
        found = fleet({"locked": ((evil, 1.0),), "left": (), "findings": ()})
        async with showing(found, ssh=("ssh", "{host}")) as shown:
            await shown.press("S")
            assert ran == []
