"""A place that is short of ports while its host has plenty is told that these are not its own."""

from dataclasses import replace

import pytest

from tests.findings.situations import at_once, frame_of, only, waits
from tui.analysis.frame import judge
from tui.findings.rules import diagnose
from tui.findings.situation import Situation

WIDE, SAME, NARROW = (1024, 65535), (40_000, 40_999), (40_000, 40_499)


def situation(closed: int, host: tuple[int, int] | None) -> Situation:
    reading = frame_of(*waits(closed)).reading
    return at_once(judge(replace(reading, host_range=host)))


def test_it_names_both_ranges() -> None:
    found = only("host-range-wider", situation(600, WIDE))
    assert {name: found.evidence[name] for name in ("low", "high", "host_low", "host_high")} == {
        "low": 40_000,
        "high": 40_999,
        "host_low": 1024,
        "host_high": 65_535,
    }


@pytest.mark.parametrize("host", [None, SAME, NARROW])
def test_where_the_host_has_no_more_there_is_nothing_to_say(host: tuple[int, int] | None) -> None:
    assert "host-range-wider" not in codes(situation(600, host))


def test_nor_where_the_place_has_ports_enough() -> None:
    assert "host-range-wider" not in codes(situation(400, WIDE))


def codes(of: Situation) -> set[str]:
    return {finding.code for finding in diagnose(of)}


def test_every_remedy_acts_on_the_place() -> None:
    """No `sysctl -w` of a pod's finding is left to run on its host."""
    of = situation(1000, WIDE)
    reading = of.frame.reading
    pod = replace(reading.place, kind="pod", name="shop/cart-7f9", pid=77)
    findings = diagnose(at_once(judge(replace(reading, place=pod))))
    commands = [one.command for finding in findings for one in finding.remedies if one.command]
    assert any(command.startswith("kubectl -n shop patch") for command in commands)
    assert not [command for command in commands if command.startswith(("sysctl -w net", "ip "))]
