"""Places as records and as text: what is not known is neither 0 nor fine."""

from dataclasses import replace
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tables import frame, rules, waiting
from tui.analysis.bounds import could_reach, utilization_at_most
from tui.analysis.judgement import Level, levels
from tui.findings.cases import tally
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.glance import Glance
from tui.kernel.places import Place
from tui.kernel.port_rules import port_rules
from tui.report.places import PLACE_FIELDS, Seen, place_row, places_record, places_text
from tui.report.schema import schema

SCHEMA = schema("places")
POD = Place(Path("/proc/7"), "shop/cart", "pod", 9, None, key=3, pid=7, containers=("app", "log"))
RANGE = rules(40_000, 40_999)
QUIET = Seen(Glance(POD, 40, 30, RANGE))
UNSEEN = Seen(Glance(replace(POD, pid=None), None, None, port_rules(())))
FULL_FRAME = frame(*(waiting(40_000 + n, 30_000) for n in range(900)), given=RANGE)
FOUND = tuple(diagnose(Situation(FULL_FRAME)))
FULL = Seen(Glance(POD, 900, 900, RANGE), FULL_FRAME, 0, findings=FOUND)
COPY = Seen(Glance(Place(Path("/x"), "/x", "copy", None), 0, 0, RANGE))


def plain(text: str, colour: str) -> str:
    return text


def test_the_contract() -> None:
    every = places_record([FULL, QUIET, UNSEEN, COPY], 1e9, ["hidden"])
    jsonschema.validate(every, SCHEMA)
    assert (
        tuple(every["places"][0])
        == PLACE_FIELDS
        == tuple(SCHEMA["$defs"]["place_row"]["properties"])
    )


def test_what_is_known_of_each() -> None:
    full, quiet, unseen = map(place_row, (FULL, QUIET, UNSEEN))
    assert full["worst"]
    assert full["findings"]
    assert (full["dumped"], full["worst"]["in_use"], full["utilization_at_most"]) == (
        True,
        900,
        0.9,
    )
    assert (quiet["dumped"], quiet["worst"], quiet["utilization_at_most"]) == (False, None, 0.04)
    assert (quiet["container"], quiet["assumed"]) == ("app, log", [])
    assert sum(full["findings"].values()) == len(FOUND) > 0
    assert (quiet["findings"], unseen["findings"]) == (None, None)  # nobody has looked
    assert (unseen["sockets"], unseen["utilization_at_most"]) == (None, None)
    assert "net.ipv4.ip_local_port_range" in unseen["assumed"]


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (FULL, "90.0%"),
        (FULL, tally(FOUND)),
        (replace(FULL, findings=()), "none"),
        (QUIET, "≤ 4.0%"),
        (QUIET, "not read: too few sockets"),
        (UNSEEN, "cannot be read"),
    ],
)
def test_the_text_says_it_too(one: Seen, said: str) -> None:
    assert said in places_text([one], [], 80, plain)


def test_a_place_that_was_dumped_was_read_even_if_sockstat_was_not() -> None:
    told = places_text([replace(FULL, glance=replace(UNSEEN.glance, place=POD))], [], 80, plain)
    assert "90.0%" in told
    assert "could not be read at all" not in told
    assert "cannot be read" not in told


@given(
    st.integers(0, 3000), st.integers(0, 3000), st.integers(1, 2000), st.floats(1, 100), st.data()
)
def test_the_bound_is_one(
    sockets: int, bound: int, size: int, threshold: float, data: st.DataObject
) -> None:
    """However they are shared out between connections of a tuple, listeners and bound ports."""
    seen = Glance(POD, sockets, 0, rules(40_000, 40_000 + size - 1), bound)
    most = utilization_at_most(seen)
    assert most is not None
    held = data.draw(st.integers(0, min(sockets, size)))
    excluded = data.draw(st.integers(0, min(sockets + bound - held, size - held)))
    capacity = size - excluded
    assert (held / capacity if capacity else 1.0) <= most or not held
    level = Level(int(levels(held, capacity, threshold)))
    if not could_reach(seen, threshold):
        assert level is Level.FINE


def test_reserved_ports_are_no_capacity() -> None:
    reserved = replace(RANGE, reserved=((40_100, 40_999), (1, 10)))
    assert Glance(POD, 50, 0, reserved).capacity == 100
    assert could_reach(Glance(POD, 50, 0, reserved), 80)
    assert not could_reach(Glance(POD, 49, 0, reserved), 80)
