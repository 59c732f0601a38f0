"""The keys that change something: what they say, ask and do, and where there are none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.dashboard.scene import CACHE, DATABASE, Stage, between, busy, frame_of, stage, waits
from tests.tables import PLACE
from tui.acting.keeping import Goal
from tui.acting.settings import wanted_by
from tui.analysis.frame import Frame, judge
from tui.dashboard import acts
from tui.dashboard.acts import ApplyAct, FreeAct, KeepAct, Proposal, StopKeepingAct, UndoAct
from tui.dashboard.screens.asking import AskScreen
from tui.findings.config import Config
from tui.kernel.destroy import NOT_PERMITTED, DestroyError
from tui.kernel.places import HERE
from tui.kernel.sockets import State

KINDS = (FreeAct, KeepAct, StopKeepingAct, ApplyAct, UndoAct)
REUSE, RANGE = "net.ipv4.tcp_tw_reuse", "net.ipv4.ip_local_port_range"


def live(frame: Frame) -> Frame:
    """The same as if it could be acted on: nothing is, for each step is a fake."""
    place = replace(PLACE, network=HERE, settings=Path("/proc"))
    return judge(replace(frame.reading, place=place))


class Done:
    """What the fakes were told to do."""

    def __init__(self) -> None:
        self.looked: list[acts.Act] = []
        self.did: list[acts.Act] = []


@pytest.fixture(autouse=True)
def done(monkeypatch: pytest.MonkeyPatch) -> Done:
    """No act touches anything here."""
    calls = Done()

    def look(act: acts.Act) -> Proposal:
        calls.looked.append(act)
        return Proposal(["412 TIME-WAITs end."], "Do it?")

    def do(act: acts.Act) -> Sequence[str]:
        calls.did.append(act)
        return ["It is done."]

    for kind in KINDS:
        monkeypatch.setattr(kind, "look", look)
        monkeypatch.setattr(kind, "do", do)
    monkeypatch.setattr(ApplyAct, "seen", lambda act, frame: f"{len(frame.table):,} sockets now")
    return calls


@asynccontextmanager
async def acting(frame: Frame | None = None, **more: object) -> AsyncIterator[Stage]:
    async with stage(live(frame or busy()), **more) as on:  # type: ignore[arg-type]
        yield on


def asked(on: Stage) -> AskScreen:
    screen: object = on.app.screen
    assert isinstance(screen, AskScreen), on.text()
    return screen


async def until_asked(on: Stage, stage: str = "asking") -> AskScreen:
    await on.until(lambda: getattr(on.app.screen, "stage", "") == stage, f"it to be {stage}")
    await on.pilot.pause()
    return asked(on)


async def test_what_was_applied_is_undone_where_that_is_said(done: Done) -> None:
    async with acting(frame_of(waits(950, DATABASE), reuse=0)) as on:
        on.app.ask(ApplyAct(PLACE, {REUSE: "1"}, None))
        await until_asked(on)
        await on.press("u")
        assert isinstance(asked(on).act, ApplyAct), "nothing is applied yet"
        await on.press("y")
        await until_asked(on, "ended")
        await on.press("u")
        assert isinstance((await until_asked(on)).act, UndoAct)
        await on.press("n")
        assert on.app.screen is on.app.dashboard


@pytest.mark.parametrize("key", ["l", "F", "K"])
async def test_nobody_is_told_to_select_what_is_not_there(key: str) -> None:
    incoming = [between("0.0.0.0:8443", "0.0.0.0:0", State.LISTEN)]
    incoming += [between("10.0.0.5:8443", f"10.0.0.77:{50000 + n}") for n in range(5)]
    async with acting(frame_of(incoming)) as on:
        await on.press(key)
        assert "there is no outgoing pattern" in on.text()


class TestFree:
    @pytest.mark.parametrize("way", [["F"], ["enter", "F"]])
    async def test_it_says_asks_does_and_says_what_came(self, way: list[str], done: Done) -> None:
        async with acting() as on:
            await on.press(*way)
            assert not done.looked
            await on.press("enter")
            screen = await until_asked(on)
            assert isinstance(screen.act, FreeAct)
            assert (screen.act._choice.remote_ip, screen.act._choice.remote_port) == (
                "10.0.0.9",
                5432,
            )
            assert "412" in on.text()
            assert not done.did
            await on.press("enter", "space", "F")  # nobody's yes
            assert not done.did
            await on.press("y")
            await until_asked(on, "ended")
            assert done.did == [screen.act]
            assert "It is done." in on.text()
            await on.press("y")
            assert done.did == [screen.act]

    async def test_the_age_is_typed_and_judged(self, done: Done) -> None:
        async with acting() as on:
            await on.press("F")
            await on.type("-1")
            await on.press("enter")
            assert on.app.dashboard.prompt.is_open
            await on.press("escape", "F")
            await on.type("2.5s")
            await on.press("enter")
            screen = await until_asked(on)
            assert isinstance(screen.act, FreeAct)
            assert screen.act._choice.older_than_ms == 2500

    @pytest.mark.parametrize("key", ["n", "escape", "q"])
    async def test_no_is_no(self, key: str, done: Done) -> None:
        async with acting() as on:
            await on.press("F", "enter")
            await until_asked(on)
            await on.press(key)
            assert on.app.screen is on.app.dashboard
            await on.press("y")
            assert not done.did

    async def test_incoming_patterns_are_none_to_free(self, done: Done) -> None:
        incoming = "10.0.0.5:8443 ←"
        async with acting() as on:
            while incoming not in str(on.app.dashboard.pattern):
                await on.press("down")
            await on.press("F", "K")
            assert on.app.screen is on.app.dashboard
            assert not on.app.dashboard.prompt.is_open
            assert "select an outgoing pattern" in on.toasts[-1][2]
            await on.press("enter", "F")
            assert "this is no outgoing pattern" in on.toasts[-1][2]

    async def test_without_rights_it_is_said_before_anything_is_asked(
        self, done: Done, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(act: acts.Act) -> Proposal:
            raise DestroyError(NOT_PERMITTED)

        monkeypatch.setattr(FreeAct, "look", refuse)
        async with acting() as on:
            await on.press("F", "enter")
            await until_asked(on, "ended")
            assert "CAP_NET_ADMIN" in on.text()
            assert "?" not in on.text().partition("CAP_NET_ADMIN")[2].splitlines()[0]
            await on.press("y")
            assert not done.did

    async def test_what_came_is_told_where_the_page_was_closed(
        self, done: Done, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from threading import Event

        going = Event()

        def slow(act: acts.Act) -> Sequence[str]:
            going.wait(60)
            return ["412 ended."]

        monkeypatch.setattr(FreeAct, "do", slow)
        async with acting() as on:
            await on.press("F", "enter")
            await until_asked(on)
            await on.press("y", "escape")
            assert on.app.screen is on.app.dashboard
            going.set()
            await on.until(lambda: on.toasts, "a toast")
            assert on.toasts[-1][2] == "412 ended."


class FakeKeeping:
    on, freed, newest = True, 7, None

    def __init__(self, goal: Goal) -> None:
        self.goal = goal

    def stop(self) -> None:
        self.on = False


GOAL = Goal(None, "10.0.0.9", 5432, 75, 10_000)


class TestKeep:
    async def test_it_asks_for_the_level_and_then_whether(self, done: Done) -> None:
        async with acting() as on:
            await on.press("K")
            await on.type("500")
            await on.press("enter")
            assert on.app.dashboard.prompt.is_open
            await on.press("escape", "K")
            await on.type("75%")
            await on.press("enter")
            screen = await until_asked(on)
            assert isinstance(screen.act, KeepAct)
            assert screen.act._goal == replace(GOAL, local_ip="10.0.0.5")
            await on.press("y")
            await until_asked(on, "ended")
            assert done.did == [screen.act]

    async def test_the_same_key_stops_it(self, done: Done) -> None:
        async with acting() as on:
            kept = FakeKeeping(GOAL)
            on.app.keepings.own = [kept]  # type: ignore[list-item]
            await on.press("enter", "K")
            assert isinstance((await until_asked(on)).act, StopKeepingAct)

    async def test_it_ends_with_the_dashboard(self) -> None:
        async with acting() as on:
            kept = FakeKeeping(GOAL)
            on.app.keepings.own = [kept]  # type: ignore[list-item]
        assert not kept.on

    async def test_why_it_could_not_go_on_is_said(self) -> None:
        async with acting() as on:
            on.app._keeping_ended(FakeKeeping(GOAL), "reuse is on")  # type: ignore[arg-type]
            await on.until(lambda: on.toasts, "a toast")
            assert on.toasts[-1][2] == "reuse is on"
            assert GOAL.destination in on.toasts[-1][1]

    @pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
    async def test_rows_and_drill_down_show_that_a_pattern_is_kept(
        self, size: tuple[int, int]
    ) -> None:
        async with acting(size=size) as on:
            on.app.keepings.goals = (GOAL,)
            await on.show(live(busy(at=1)))
            assert f"{DATABASE} kept" in on.text()
            assert "75 %" in on.text()
            assert "kept" not in on.line(CACHE)
            await on.press("enter")
            assert "kept below 75 %" in on.text()


class TestApply:
    """Ports that suffice with tcp_tw_reuse=1, which the finding and the plan advise."""

    def scene(self) -> Frame:
        return frame_of(waits(1000, DATABASE), at=1)

    async def test_a_remedy_of_a_finding(self, done: Done) -> None:
        async with acting(self.scene()) as on:
            await on.press("f", "enter")
            await self.applied(on, done)

    async def test_a_row_of_the_plan(self, done: Done) -> None:
        async with acting(self.scene()) as on:
            await on.press("l")
            for _ in range(12):
                if wanted_by(getattr(on.app.screen, "remedies", [[]])[0]) == {REUSE: "1"}:
                    break
                await on.press("down")
            await self.applied(on, done)

    async def applied(self, on: Stage, done: Done) -> None:
        await on.press("a")
        screen = await until_asked(on)
        assert isinstance(screen.act, ApplyAct)
        assert screen.act._wanted.keys() & {REUSE, RANGE}
        assert str(screen.act._key).endswith(DATABASE)
        assert not done.did
        await on.press("y")
        await until_asked(on, "ended")
        assert done.did == [screen.act]
        await on.show(live(frame_of(waits(345, DATABASE), at=2)))
        assert "345 sockets now" in on.text()  # what it does is watched

    async def test_what_is_no_setting_says_why_it_is_not_applied(self, done: Done) -> None:
        async with acting(self.scene()) as on:
            await on.press("l", "home")  # today
            await on.press("a")
            while "fin_timeout" not in str(getattr(on.app.screen, "options").chosen.code):  # noqa: B009
                await on.press("down")
            await on.press("a")
            assert not done.looked
            today, refused = (text for *_, text in on.toasts)
            assert "select a change" in today
            assert "says why" in refused

    async def test_every_key_that_leaves_a_page_leaves_it(self, done: Done) -> None:
        for key in ("q", "n", "escape"):
            async with acting(self.scene()) as on:
                on.app.ask(ApplyAct(PLACE, {REUSE: "1"}, None))
                await until_asked(on)
                assert "q no" in on.text()
                await on.press(key)
                assert on.app.is_running
                assert not isinstance(on.app.screen, AskScreen)
        assert not done.did

    async def test_undo_by_its_key(self, done: Done) -> None:
        async with acting() as on:
            await on.press("u")
            assert isinstance((await until_asked(on)).act, UndoAct)
            assert not done.did
            await on.press("y")
            await until_asked(on, "ended")
            assert len(done.did) == 1


def keys(on: Stage) -> set[str]:
    """The ids of the keys that work now."""
    active = on.app.screen.active_bindings.values()
    return {one.binding.id or "" for one in active if one.enabled}


def still(frame: Frame) -> Frame:
    """As a copy, or a recording, shows it."""
    return judge(replace(frame.reading, place=PLACE))


READ_ONLY = Config().without_acts()
UNTOUCHABLE: dict[str, tuple[Callable[[Frame], Frame], Config | None]] = {
    "--read-only": (live, READ_ONLY),
    "a copy": (still, None),
}


class TestReadOnly:
    @pytest.mark.parametrize("name", UNTOUCHABLE)
    async def test_it_has_none_of_these_keys(self, name: str, done: Done) -> None:
        made, config = UNTOUCHABLE[name]
        full = made(frame_of(waits(1000, DATABASE), at=1))
        async with stage(full, config=config) as on:
            for way in ([], ["enter"], ["escape", "f", "enter"], ["escape", "escape", "l"]):
                await on.press(*way)
                assert not any(one.startswith("act.") for one in keys(on))
                before = on.app.screen
                await on.press("F", "K", "a", "u")
                assert on.app.screen is before
            commands = {one.title for one in on.app.get_system_commands(on.app.screen)}
            assert not commands & {"Free · F", "Keep · K", "Apply · a", "Undo · u"}
            await on.press("question_mark")
            assert "Undo the settings" not in str(on.app.screen._first)  # type: ignore[attr-defined]
        assert not done.looked

    async def test_where_it_may_act_the_help_has_them(self) -> None:
        async with acting() as on:
            await on.press("question_mark")
            said = "".join(on.app.screen.parts.values())  # type: ignore[attr-defined]
            assert all(key in said for key in ("  F ", "  K ", "  a ", "  u "))
            await on.press("escape")
            commands = {one.title for one in on.app.get_system_commands(on.app.screen)}
            assert commands > {"Free · F", "Keep · K", "Undo · u"}
