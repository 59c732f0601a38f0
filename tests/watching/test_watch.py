"""Frame after frame, with what they say together."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tables import NOW, Clock, Sock, frame, waiting
from tui.analysis.forecast import NEVER
from tui.analysis.frame import Frame
from tui.kernel.places import place_at
from tui.kernel.processes import Owners, Process
from tui.kernel.source import Source
from tui.watching import watch as module
from tui.watching.sampler import Sampler
from tui.watching.watch import OWNER_SECONDS, Moment, moment_record, moments

NGINX = Process(10, "nginx")


class Frames(Sampler):
    """A sampler of frames that were made before."""

    def __init__(self, found: Sequence[Frame]) -> None:
        super().__init__(Source(place_at(Path("/nowhere")), "proc", 1.0))
        self._frames = iter(found)

    def poll(self) -> Frame:
        return next(self._frames)


def growing(*sizes: int, inode: int = 0) -> list[Frame]:
    """A frame a second, each with one open connection and so many TIME-WAITs, a second apart."""
    return [
        frame(
            Sock(local_port=40_009, inode=inode),
            *(waiting(40_000 + age, 59_990 - 1000 * age) for age in range(size)),
            time=NOW + second,
        )
        for second, size in enumerate(sizes)
    ]


def taken(found: list[Frame], owners: object = None) -> list[Moment]:
    seen = moments(Frames(found), owners)  # type: ignore[arg-type]
    return [next(seen) for _ in found]


def test_each_has_its_frame_and_its_trends() -> None:
    found = growing(1, 2, 3)
    seen = taken(found)
    assert [moment.frame for moment in seen] == found
    assert [moment.trends.time_wait for moment in seen] == [None, 1.0, 1.0]


def test_the_history_goes_on() -> None:
    seen = taken(growing(1, 2, 3))
    assert seen[0].history is seen[2].history
    assert len(seen[2].history.points) == 3


class TestOwners:
    def test_they_are_looked_for_at_first_and_then_now_and_then(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = Clock()
        monkeypatch.setattr(module, "time", clock)
        walks: list[float] = []

        def walk() -> Owners:
            walks.append(clock.now)
            return Owners({})

        seen = moments(Frames(growing(*[1] * 70)), walk)
        for _ in range(70):
            next(seen)
            clock.now += 1
        assert walks == [1000 + number * OWNER_SECONDS for number in range(3)]

    def test_who_held_a_pattern_is_remembered(self) -> None:
        found = growing(1, 2, inode=7)
        closed = frame(waiting(40_000), waiting(40_001), time=NOW + 2)
        seen = taken([*found, closed], lambda: Owners({7: NGINX}))
        named = [moment_record(moment, 1)["patterns"][0]["process"] for moment in seen]
        assert named == ["nginx[10]", "nginx[10]", "nginx[10] (remembered)"]

    def test_without_anyone_to_look_none_is_named(self) -> None:
        (moment,) = taken(growing(1, inode=7))
        assert moment_record(moment, 1)["patterns"][0]["process"] is None


class TestRecord:
    def test_growth_and_time_left(self) -> None:
        """Growth needs two frames; the timers foretell the end from the first one on."""
        first, *_, last = (moment_record(moment, 9) for moment in taken(growing(1, 2, 3, 4)))
        assert first["patterns"][0]["growth"] is None
        assert last["patterns"][0]["growth"] == 1.0
        assert first["patterns"][0]["seconds_left"] > last["patterns"][0]["seconds_left"] > 0

    def test_what_json_cannot_write_is_none(self) -> None:
        """It knows neither NaN nor infinity: not known, and never."""
        assert module._number(None) is None
        assert module._number(math.nan) is None
        assert module._number(NEVER) is None
        assert module._number(1.23456) == 1.235
