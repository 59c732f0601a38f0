"""The overview of all places, and the way to each and back, by real keys."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from textual import events
from textual.geometry import Size

from tests.dashboard.places_scene import HOME, Machine, PlacesStage, place, places_stage
from tests.dashboard.scene import DATABASE, busy, frame_of, opened, waits
from tests.dashboard.test_random_keys import KEYS, LIKELY, SIZES, TYPED
from tui.dashboard.places_app import PlacesApp
from tui.dashboard.polling import Sampled
from tui.dashboard.screens.places import PlacesScreen
from tui.dashboard.widgets.places import PlaceRows
from tui.report.places import PLACE_FIELDS

CART = place(7, "shop/cart-7f9c", containers=("app", "envoy"))
NGINX = place(8, "ingress/nginx")
BATCH = place(9, "batch", "named")
GONE = place(10, "hidden")


def machine() -> Machine:
    """One at its end, one that is slow, one not dumped, one that cannot be read, and the host."""
    found = Machine()
    found.put(HOME, 412)
    found.put(CART, 941, frame_of(waits(1000, DATABASE)))
    found.put(NGINX, 600, frame_of(waits(600, "10.2.0.77:8080")))
    found.put(BATCH, 12)
    found.put(GONE, None)
    return found


def rows(on: PlacesStage) -> list[str]:
    """The names of the rows, from top to bottom."""
    screen = on.app.screen
    assert isinstance(screen, PlacesScreen)
    assert isinstance(screen.table.rows, PlaceRows)
    return [one.place.name for one in screen.table.rows.items]


async def test_the_worst_stands_first_and_what_was_not_read_says_so() -> None:
    async with places_stage(machine(), busy(60)) as on:
        await on.press("n")
        assert rows(on)[:2] == [CART.name, NGINX.name]
        assert rows(on)[2] == GONE.name  # nothing is known: before all that is
        first = on.line(CART.name)
        assert "FULL" in first
        assert "10.0.0.9:5432" in first
        assert "100.0%!" in first
        assert f"{CART.name} (" in first
        assert "at most 1.2%" in on.line(BATCH.name)
        assert "table not read" in on.line(BATCH.name)
        assert "cannot be read" in on.line(GONE.name)
        assert "1 short of ports" in on.line("twtop")
        assert "5 places" in on.line("twtop")


@pytest.mark.parametrize("width", [80, 120])
async def test_an_old_table_tells_its_age(width: int) -> None:
    """Its sockets are counted each second, what fills them is of the last dump."""
    one = machine()
    one.put(NGINX, 600, frame_of(waits(600, "10.2.0.77:8080"), at=-18))
    async with places_stage(one, busy(60), size=(width, 24)) as on:
        await on.press("n")
        assert " 21 s" in on.line(NGINX.name)


@pytest.mark.parametrize(("interval", "is_old"), [(1.0, True), (10.0, False)])
def test_a_table_is_old_after_intervals_not_seconds(interval: float, is_old: bool) -> None:
    one = machine()
    one.interval = interval
    one.put(NGINX, 600, frame_of(waits(600, "10.2.0.77:8080"), at=-18))
    outlook = next(each for each in one.poll() if each.place == NGINX)
    assert (outlook.age, outlook.is_old) == (21, is_old)


async def test_enter_opens_a_place_and_escape_leads_back() -> None:
    one = machine()
    async with places_stage(one, busy(60)) as on:
        watch, home = on.app.watched, on.app.view
        await on.press("n", "enter")
        assert on.app.screen_stack[-1] is on.app.dashboard
        assert f"pod {CART.name}" in on.line("twtop")
        assert on.app.view is not None
        assert on.app.view.frame.reading.place == CART  # at once: it was followed all along
        assert "1,000" in on.line("10.0.0.9:5432")
        await on.press("enter")
        assert CART.name in on.line("twtop")  # in a pattern too
        await on.press("escape", "escape")
        assert isinstance(on.app.screen, PlacesScreen)
        await on.press("down", "escape")
        assert on.app.screen_stack[-1] is on.app.dashboard
        assert on.app.watched is watch
        assert on.app.view is not None
        assert home is not None
        assert on.app.view.frame is home.frame


async def test_histories_go_on_for_all_and_none_is_read_twice() -> None:
    one = machine()
    async with places_stage(one, busy(60)) as on:
        await on.press("n", "enter")
        opened_watch = on.app.watched
        before = opened_watch.newest
        one.put(CART, 800, frame_of(waits(800, DATABASE), at=1))
        one.put(NGINX, 700, frame_of(waits(700, DATABASE), at=1))
        one.put(HOME, 300, frame_of(waits(300, DATABASE), at=1))
        await on.look()
        assert opened_watch.newest is before  # a sampler reads it
        await on.press("escape")
        assert "70.0%" in on.line(NGINX.name)
        assert "30.0%" in on.line(HOME.name)
        await on.press("escape")
        assert on.app.view is not None
        assert on.app.view.frame.time == 1 + frame_of([]).time


async def test_n_goes_back_to_where_one_was() -> None:
    async with places_stage(machine(), busy(60)) as on:
        await on.press("enter")
        before = on.app.screen
        await on.press("n")
        assert isinstance(on.app.screen, PlacesScreen)
        await on.press("n")
        assert on.app.screen is before
        await on.press("n", "escape")
        assert on.app.screen is before


async def test_the_place_that_was_left_is_selected() -> None:
    async with places_stage(machine(), busy(60)) as on:
        await on.press("n", "down", "enter", "escape")
        assert on.line(NGINX.name).startswith("│▌")


async def test_another_place_that_is_worse_is_told_and_nothing_moves() -> None:
    one = machine()
    quiet = frame_of(waits(10, DATABASE))
    one.put(CART, 10, quiet)
    one.put(NGINX, 10, quiet)
    async with places_stage(one, busy(60), size=(80, 24)) as on:
        before = on.text().splitlines()
        assert CART.name not in before[0]
        one.put(CART, 1000, frame_of(waits(1000, DATABASE), at=1))
        await on.look()
        assert on.app.view is not None
        on.app.take(on.app.view)
        told = f"pod {CART.name}: FULL (n)"
        await on.until(lambda: told in on.text().splitlines()[0], told)
        after = on.text().splitlines()
        assert os.uname().nodename in after[0]  # where one is stands there all the same
        assert after[1:] == before[1:]
        # One's own, as bad, is no news from elsewhere.
        await on.show(frame_of(waits(1000, DATABASE), at=2))
        await on.look()
        on.app.take(on.app.view)
        await on.pilot.pause()
        assert CART.name not in on.line("twtop")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("cart", [CART.name]),
        ("pod", [CART.name, NGINX.name, GONE.name]),
        ("dport 5432", [CART.name, HOME.name]),
        ("use > 90%", [CART.name]),
        ("no-such", []),
    ],
)
async def test_the_filter_is_for_names_and_for_sockets(text: str, left: list[str]) -> None:
    async with places_stage(machine(), busy(60)) as on:
        await on.press("n")
        await on.until(lambda: isinstance(on.app.screen, PlacesScreen), "the overview")
        await on.press("slash")
        await on.type(text)
        await on.press("enter")
        assert sorted(rows(on)) == sorted(left)
        await on.press("escape")
        assert len(rows(on)) == 5


async def test_the_columns_sort() -> None:
    async with places_stage(machine(), busy(60)) as on:
        await on.press("n", "s")
        assert rows(on) == sorted(rows(on))
        await on.press("i")
        assert rows(on) == sorted(rows(on), reverse=True)
        await on.press("s", "s")
        assert rows(on)[0] == GONE.name  # it may have more sockets than all others


async def test_what_has_gone_goes_and_its_own_dashboard_says_so() -> None:
    one = machine()
    async with places_stage(one, busy(60)) as on:
        await on.press("n", "enter")
        del one.glances[CART]
        await on.look()
        await on.fail("that network namespace has gone")
        assert "that network namespace has gone" in on.line("twtop")
        await on.press("escape")
        assert CART.name not in rows(on)
        await on.press("escape")
        assert on.app.fatal is None
        assert "gone" not in on.line("twtop")


async def test_frozen_holds_the_overview_too() -> None:
    one = machine()
    async with places_stage(one, busy(60)) as on:
        await on.press("n", "space")
        one.put(BATCH, 77)
        await on.look()
        assert " 12 " in on.line(BATCH.name)
        await on.press("space")
        assert " 77 " in on.line(BATCH.name)


async def test_a_threshold_is_one_for_all() -> None:
    async with places_stage(machine(), busy(60)) as on:
        await on.press("n", "t", "ctrl+u")
        await on.type("55")
        await on.press("enter")
        await on.look()
        assert "60.0%!" in on.line(NGINX.name)


async def test_what_is_kept_in_a_place_is_kept_on_when_another_is_looked_at() -> None:
    class Kept:
        on = True
        stopped = False

        def stop(self) -> None:
            self.stopped = True

    async with places_stage(machine(), busy(60)) as on:
        kept = Kept()
        on.app.keepings.own = [kept]  # type: ignore[list-item]
        await on.press("n", "enter")
        assert not kept.stopped
    assert kept.stopped


async def test_old_findings_of_a_place_are_no_news_when_it_is_opened() -> None:
    one = machine()
    one.put(CART, 10, frame_of(opened(10, DATABASE)))
    async with places_stage(one, busy(60)) as on:
        one.put(CART, 1000, frame_of(waits(1000, DATABASE), at=1))
        await on.look()
        await on.press("n", "enter")
        assert on.toasts == []


async def test_the_rows_are_exported_as_twtop_places_prints_them(tmp_path: Path) -> None:
    async with places_stage(machine(), busy(60)) as on:
        await on.press("n", "e", "ctrl+u")
        file = tmp_path / "places.csv"
        on.app.screen.query_one("#prompt-input").value = str(file)  # type: ignore[attr-defined]
        await on.press("enter")
        await on.until(file.exists, "the file")
    head, *lines = file.read_text().splitlines()
    assert head == ",".join(("time", *PLACE_FIELDS))
    assert len(lines) == 5


async def test_it_can_begin_with_all_of_them() -> None:
    async with places_stage(machine(), busy(60), places_first=True, note="as a test") as on:
        assert isinstance(on.app.screen, PlacesScreen)
        assert "as a test" in on.text()
        await on.press("escape")
        assert on.app.screen_stack[-1] is on.app.dashboard


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (40, 10), (20, 5)])
async def test_it_fits(size: tuple[int, int]) -> None:
    async with places_stage(machine(), busy(60), size=size) as on:
        await on.press("n")
        lines = on.text().splitlines()
        assert max(map(len, lines)) <= size[0]
        if size[0] >= 80:
            assert "FULL" in on.line("shop/cart")
            assert "table not read" in on.line("batch")


async def test_help_and_palette_have_the_key() -> None:
    async with places_stage(machine(), busy(60)) as on:
        assert "n Places" in on.text().splitlines()[-1]
        headings = on.app.headings()
        assert PlacesApp in headings["Everywhere"]
        assert headings["In the places"] == (PlacesScreen,)
        await on.press("question_mark")
        assert "See every place" in on.text()
        await on.press("escape", "ctrl+p")
        await on.type("places")
        assert "Places · n" in on.text()


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 120), *(pytest.param(n, 700, marks=pytest.mark.fuzz) for n in (1, 2))]
)
async def test_random_keys_over_places(
    seed: int, count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Places come, fill up and go meanwhile."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    random, left = Random(seed), count
    while left > 0:
        one = machine()
        async with places_stage(one, busy(60)) as on:
            while left > 0 and on.app.is_running and not on.app._exit:
                left -= 1
                await _gesture(on, one, random, count - left)


async def _gesture(on: PlacesStage, one: Machine, random: Random, number: int) -> None:
    match random.randrange(12):
        case 0:
            size = Size(*random.choice(SIZES))
            on.app._driver._size = size  # type: ignore[union-attr]
            on.app.post_message(events.Resize(size, size))
        case 1 | 2:
            where = random.choice((CART, NGINX, BATCH, GONE))
            if random.random() < 0.3:
                one.glances.pop(where, None)
            else:
                ports = random.choice((0, 60, 600, 1000))
                one.put(where, ports, frame_of(waits(ports, DATABASE), at=float(number)))
            on.app._look_around()
        case 3:
            frame = busy(random.choice((0, 60, 600, 900)), at=float(number))
            reading = replace(frame.reading, place=on.app._shown)
            on.app.post_message(Sampled(on.app.poller, on.app.watched.take(reading)))
        case 4:
            on.app.post_message(Sampled(on.app.poller, None, "gone"))
        case _:
            likely = (*LIKELY, "n", "n", "enter", "escape")
            key = random.choice(KEYS if random.random() < 0.3 else likely)
            on.app.post_message(events.Key(key, TYPED.get(key, key if len(key) == 1 else None)))
    if random.random() < 0.6:
        await on.pilot.pause()
