"""What the answers say together: nothing unknown reads as fine."""

import json
import math

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.fleet.answered import (
    ANSWERS,
    BUSY,
    CALM,
    DOWN,
    FULL,
    GONE,
    Series,
    answers,
    fleet,
    place,
    serving,
    sizes,
    vector,
)
from tui.analysis.expressions import FilterError
from tui.analysis.filter import parse_filter
from tui.analysis.judgement import Level
from tui.fleet import queries
from tui.fleet.client import Address, Prometheus
from tui.fleet.filter import FleetParser
from tui.fleet.fleet import Doubt, Fleet, FleetPlace, Silence, host_of
from tui.fleet.reader import Reader
from tui.fleet.record import GROUP_FIELDS, PLACE_FIELDS, TUPLE_FIELDS, fleet_record
from tui.metrics import recorded
from tui.report.schema import schema

SCHEMA = schema("fleet")


def test_every_place_by_its_worst_tuple() -> None:
    found = fleet()
    full, busy, calm = found.places
    assert [one.labels for one in found.places] == [FULL, BUSY, CALM]
    assert full.worst is not None
    assert (full.worst.destination, full.worst.process) == ("10.2.0.9:443", "php")
    assert full.level(80) is Level.EXHAUSTED
    assert [one.code for one in full.findings] == ["ports-exhausted"]
    assert busy.worst is not None
    assert (busy.worst.use.locked, busy.worst.use.reusable, busy.worst.use.free) == (900, 50, 50)
    assert (busy.seconds_left, busy.level(80), busy.level(95)) == (120, Level.HOT, Level.SLOW)
    assert (calm.worst, calm.seconds_left, calm.level(80)) == (None, math.inf, Level.FINE)
    assert calm.findings[0].times == 2
    assert found.hosts == 3


def test_a_quiet_tuple_is_not_its_places_worst() -> None:
    """It keeps its series for an hour, while what is fuller meanwhile need not have any."""

    def calm(locked: float, *tuples: Series) -> FleetPlace:
        series: tuple[Series, ...] = ((CALM, locked),)
        return fleet({"locked": series, "left": (), "findings": ()}, tuples).places[0]

    found = calm(0.002, *sizes(CALM, "10.9.0.7", 0, 1000, 0))
    assert (found.worst, found.locked) == (None, 0.002)
    assert found.use is not None
    assert found.use.locked / found.use.capacity == found.locked
    full = calm(0.6, *sizes(CALM, "10.9.0.7", 700, 1000, 620))
    assert full.worst is not None
    assert full.locked == 0.62, "each recording rule is of a moment of its own"


def test_the_figure_of_a_place_and_its_tuple_are_of_one_answer() -> None:
    """Else a scrape comes between them."""
    for is_recorded in (False, True):
        with serving({queries.IS_RECORDED: vector(({}, int(is_recorded)))}) as fake:
            Reader(Prometheus(Address(fake.url))).read()
            locked = queries.expression("locked", is_recorded=is_recorded, by="job")
            asked = [one for one in fake.queries if locked in one]
            assert asked == [queries.sizes(is_recorded=is_recorded)]


def test_the_fullest_tuples_of_all() -> None:
    assert [str(one) for one in fleet().tuples] == [
        "10.0.0.5 → 10.2.0.9:443",
        "10.0.0.5 → 10.9.0.4:443",
        "10.0.0.5 → 10.9.0.5:443",
    ]


def test_groups_have_what_is_silent_in_them() -> None:
    worker, gateway = fleet({"silent": (DOWN, GONE)}).groups
    assert (worker.name, worker.locked, worker.critical, worker.silent) == ("worker", 1.0, 1, 0)
    assert (gateway.name, gateway.hosts, gateway.warnings, gateway.silent) == ("gateway", 2, 2, 2)


def test_a_place_that_is_not_read_is_there() -> None:
    found = fleet({"doubts": ((place("gw-5"), 1), (CALM, 3))})
    doubts = {one.labels["place"]: (one.doubt, one.locked) for one in found.places if one.doubt}
    assert doubts == {"gw-5": (Doubt.NOT_READ, None), "gw-1": (Doubt.IN_PART, 0.05)}
    assert fleet({"silent": (GONE,)}).silent[0].why is Silence.GONE


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_not_known(value: float) -> None:
    series: tuple[Series, ...] = ((BUSY, value),)
    (busy,) = (one for one in fleet({"locked": series}).places if one.labels == BUSY)
    assert busy.locked is None


def test_labels_of_any_kind_tell_places_apart() -> None:
    """Two clusters may have a host of the same name."""
    here, there = ({**BUSY, "cluster": name} for name in ("a", "b"))
    found = fleet({"locked": ((here, 0.2), (there, 0.3)), "left": (), "findings": ()})
    assert len(found.places) == 2


@pytest.mark.parametrize(
    ("instance", "host"),
    [
        ("gw-1:9815", "gw-1"),
        ("gw-1", "gw-1"),
        ("10.0.0.5:9815", "10.0.0.5"),
        ("[2001:db8::1]:9815", "[2001:db8::1]"),
        ("2001:db8::1", "2001:db8::1"),
        ("a:b", "a:b"),
    ],
)
def test_the_host_of_an_instance(instance: str, host: str) -> None:
    assert host_of(instance) == host


def passing(found: Fleet, text: str) -> list[str]:
    chosen = parse_filter(text, FleetParser)
    assert chosen is not None
    passes = chosen.predicate(found.places)
    return [one.labels["place"] for one, yes in zip(found.places, passes, strict=True) if yes]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("job = gateway", ["gw-2", "gw-1"]),
        ("job != gateway", ["shop/cart"]),
        ("use > 50%", ["shop/cart", "gw-2"]),
        ("locked > 95%", ["shop/cart"]),
        ("dst 10.9.0.0/16", ["gw-2"]),
        ("dst 10.9.0.0/16:443", ["gw-2"]),
        ("dst 10.9.0.0/16:80", []),
        ("dport 443 and not php", ["gw-2"]),
        ("close-wait", ["gw-1"]),
        ("ENVOY or cart", ["shop/cart", "gw-2"]),
        ("gw", ["gw-2", "gw-1"]),
    ],
)
def test_filters(text: str, places: list[str]) -> None:
    assert passing(fleet(), text) == places


@pytest.mark.parametrize(
    "text",
    [
        "use",
        "use > x",
        "dst x",
        "dst 2001:db8::9:443",
        "src ::1:80",
        "src 10.0.0.5:80",
        "job =",
        "job > 3",
        "(",
        "and x",
    ],
)
def test_filters_that_cannot_be_read(text: str) -> None:
    with pytest.raises(FilterError):
        parse_filter(text, FleetParser)


def test_the_contract() -> None:
    made = fleet({"silent": (DOWN, GONE), "doubts": ((CALM, 4),)})
    record = json.loads(json.dumps(fleet_record(made, "prometheus:9090"), allow_nan=False))
    jsonschema.validate(record, SCHEMA)
    for name, fields in (("place", PLACE_FIELDS), ("tuple", TUPLE_FIELDS), ("group", GROUP_FIELDS)):
        assert tuple(record[f"{name}s"][0]) == fields == tuple(SCHEMA["$defs"][name]["properties"])


class TestRecordedSeries:
    """Where the rules are loaded they are asked for, and nothing that grows with the fleet."""

    def recorded(self) -> dict[str, bytes]:
        found = {
            queries.expression(name, is_recorded=True, by="job"): vector(*series)
            for name, series in ANSWERS.items()
        }
        return found | {queries.IS_RECORDED: vector(({}, 1))}

    def test_they_are_asked_for(self) -> None:
        with serving(self.recorded()) as fake:
            found = Reader(Prometheus(Address(fake.url))).read()
            assert found.is_recorded
            assert found.hosts == 3
            names = {name for name, _ in recorded.RECORDED}
            assert set(fake.queries) - names == {
                queries.IS_RECORDED,
                queries.sizes(is_recorded=True),
            }

    def test_by_another_label_only_the_groups_are_computed(self) -> None:
        with serving(self.recorded()) as fake:
            Reader(Prometheus(Address(fake.url)), "cluster").read()
            assert sum("by (cluster" in query for query in fake.queries) == 3

    def test_a_monitor_does_not_rely_on_them(self) -> None:
        with serving(self.recorded() | answers() | {queries.IS_RECORDED: vector(({}, 1))}) as fake:
            assert not Reader(Prometheus(Address(fake.url)), raw=True).read().is_recorded
