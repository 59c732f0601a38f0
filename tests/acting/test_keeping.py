"""A level is held with what is old enough, nothing else is touched, and two never do it at once."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.acting.scene import (
    HERE,
    PORT,
    SIZE,
    connects,
    fill,
    lose_net_admin,
    serving,
    sockets,
    twtop,
)
from tests.forked import Ended
from tests.live.fates import Server
from tests.patience import limit, until
from tests.private import Lab
from tui.acting.keeping import (
    SHORTEST_PAUSE,
    Goal,
    Keeper,
    KeepRefusedError,
    Kept,
    _goal,
    _mark,
    _pause,
    alone,
    kept_in,
)
from tui.analysis.judgement import Level, levels
from tui.kernel.places import Place, place_at
from tui.lab.namespace import OWN, sysctl

DST = f"{HERE}:{PORT}"
GOAL = Goal(None, HERE, PORT, 80, 1000)
ALLOWED = SIZE * 80 // 100 - 1
ROUND = 40
CALL = ("keep", "--dst", DST, "--below", "80%", "--older-than", "1s")


def place() -> Place:
    return place_at(Path("/proc"))


class Held(NamedTuple):
    connected: int
    most: int
    freed: int
    missing: set[str]


def held() -> Held:
    """Three times the range through one tuple, beside another tuple and a connection of its own."""
    most = freed = connected = 0
    with serving() as server, Server(HERE, PORT + 1) as other:
        fill(other, HERE, 30)
        server.connect(HERE)
        before = sockets()
        keeper = Keeper(place(), GOAL)
        while connected < 3 * SIZE:
            fill(server, HERE, ROUND)
            connected += ROUND
            while (kept := keeper.step()).short:
                freed += kept.freed
                time.sleep(0.05)
            most, freed = max(most, kept.in_use), freed + kept.freed
        return Held(connected, most, freed, before - sockets())


@pytest.mark.live
def test_no_connect_fails_and_nothing_else_ends(lab: Lab) -> None:
    seen = lab.call(held)  # each connect() that fails raises there
    assert seen.connected == 3 * SIZE
    assert seen.most == ALLOWED
    assert seen.freed == 3 * SIZE + 1 - ALLOWED
    assert seen.missing == set()


def young() -> tuple[list[Kept], bool]:
    with serving() as server:
        keeper = Keeper(place(), Goal(None, HERE, PORT, 50, 0))  # 1 s at least, whatever is said
        fill(server, HERE, SIZE - 1)
        first = keeper.step()
        time.sleep(1.1)
        return [first, keeper.step()], connects(HERE, PORT)


@pytest.mark.live
def test_none_younger_than_a_second_ends_and_it_says_so(lab: Lab) -> None:
    (first, then), connected = lab.call(young)
    if first.freed == 0:  # else filling took a second itself
        assert (first.in_use, first.short) == (SIZE - 1, SIZE // 2)
    assert (then.in_use, then.short, connected) == (SIZE // 2 - 1, 0, True)


def by_source() -> tuple[int, int, int]:
    """Two local addresses have a level each."""
    with serving() as server:
        for source in (HERE, "127.0.0.2"):
            for _ in range(SIZE - 1):
                pair = server.connect(HERE, source)
                pair.client.close()
                pair.server.recv(1)
                pair.server.close()
        time.sleep(1.1)
        one = Keeper(place(), Goal("127.0.0.2", HERE, PORT, 50, 1000)).step()
        both = Keeper(place(), Goal(None, HERE, PORT, 50, 1000)).step()
        return one.freed, both.freed, both.in_use


@pytest.mark.live
def test_each_local_address_is_held_by_itself(lab: Lab) -> None:
    half = SIZE // 2
    assert lab.call(by_source) == (half, half, 2 * (half - 1))


def commanded() -> tuple[list[Ended], int, list[dict[str, object]], int]:
    """One that runs, others beside it, and how it ends."""
    with serving() as server:
        fill(server, HERE, SIZE - 1)
        running = subprocess.Popen(
            [sys.executable, "-m", "tui", *CALL, "-i", "100ms", "--json", "--yes"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert running.stdout is not None
        lines = [json.loads(running.stdout.readline())]
        marked = len(kept_in(place()))
        others = [
            twtop(*CALL, "--yes"),
            twtop(*CALL, "--yes", "--src", HERE),
            twtop(*CALL[:4], "70%", "--yes", "--duration", "0.1s"),
            twtop("keep", "--dst", f"{HERE}:{PORT + 1}", "--below", "80", "--yes", "--duration=0s"),
        ]
        until(lambda: len(sockets()) <= ALLOWED + 1, "the level")
        running.send_signal(signal.SIGTERM)
        rest, _ = running.communicate(timeout=limit())
        lines += map(json.loads, rest.splitlines())
        others.append(twtop(*CALL, "--yes", "--duration", "0.1s"))
        return others, running.returncode, lines, marked


@pytest.mark.live
def test_two_at_once_are_refused_and_a_signal_ends_it(lab: Lab) -> None:
    others, code, lines, marked = lab.call(commanded)
    assert [one.code for one in others] == [2, 2, 2, 0, 0]
    assert (code, marked) == (0, 1)
    assert {line["schema"] for line in lines} == {"twtop.keep/1"}
    assert sum(int(str(line["freed"])) for line in lines) == SIZE - 1 - ALLOWED
    assert (lines[-1]["in_use"], lines[-1]["capacity"]) == (ALLOWED, SIZE)


def refused() -> tuple[list[Ended], str | None, int]:
    with serving() as server:
        fill(server, HERE, SIZE - 1)
        ended = [
            twtop(*CALL),
            twtop(*CALL, "--dry-run"),
            twtop(*CALL, "--yes", before=lose_net_admin),
            twtop(*CALL[:3], "--below", "80", "--yes", "--older-than", "0.5s"),
        ]
        untouched = len(sockets())
        keeper = Keeper(place(), GOAL)
        sysctl("ipv4.tcp_tw_reuse", 2)
        ended.append(twtop(*CALL, "--yes"))
        Keeper(place(), Goal(None, OWN.v4[0], PORT, 80, 1000))  # on loopback only
        keeper._look_due = 0.0
        try:
            keeper.step()
        except KeepRefusedError as error:
            return ended, str(error), untouched
        return ended, None, untouched


@pytest.mark.live
def test_without_a_yes_a_right_or_a_need_nothing_is_done(lab: Lab) -> None:
    ended, later, untouched = lab.call(refused)
    assert [one.code for one in ended] == [2, 0, 3, 2, 2]
    assert untouched == SIZE - 1 + 1
    assert "tcp_tw_reuse=2" in ended[-1].err
    assert later is not None
    assert "tcp_tw_reuse=2" in later


def marks_of_others() -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as odd:
        odd.bind("\0twtop-keep/*/x/y\n/z")
        with alone(place(), GOAL):
            return len(kept_in(place()))


@pytest.mark.live
def test_a_mark_that_is_none_is_passed_over(lab: Lab) -> None:
    assert lab.call(marks_of_others) == 1


addresses = st.sampled_from([None, HERE, "10.0.0.1"])
goals = st.builds(
    Goal, addresses, st.sampled_from([HERE, "2001:db8::1"]), st.integers(1, 3), st.just(80.0),
    st.just(1000),
)  # fmt: skip


@given(goals, goals)
def test_overlaps(one: Goal, other: Goal) -> None:
    assert one.overlaps(other) == other.overlaps(one)
    assert one.overlaps(one)
    assert _goal(_mark(one).removeprefix("twtop-keep/")) == one


@example(3_000, 1.1)  # 33 ports, of which a float has a little more
@given(st.integers(1, 65_535), st.floats(0.1, 100))
def test_what_is_allowed_is_below_the_level(capacity: int, below: float) -> None:
    allowed = Goal(None, HERE, PORT, below, 0).allowed(capacity)
    level = Level(int(levels(allowed, capacity, below, below)))
    assert allowed == 0 or level is Level.FINE
    assert levels(allowed + 1, capacity, below, below) >= Level.SLOW


@pytest.mark.parametrize(
    ("taken", "pause"), [(0, 1.0), (50, 1.0), (200, 0.5), (1000, 0.1), (90_000, SHORTEST_PAUSE)]
)
def test_it_looks_sooner_where_the_room_would_not_last(taken: int, pause: float) -> None:
    """200 ports above the level: half of them are taken in so many seconds."""
    before, now = Kept(0.0, 800, 1000, 0, 0, 200), Kept(1.0, 800, 1000, taken, 0, 200)
    assert _pause(before, now, 1.0) == pytest.approx(pause)
