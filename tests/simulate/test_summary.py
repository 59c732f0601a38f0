from dataclasses import replace

import pytest

from tests.simulate.scene import (
    HERE,
    LOW,
    PLAN,
    PORT,
    PORTS,
    evidence,
    half_closed,
    held,
    open_ones,
    situation,
    time_waits,
    with_parameter,
)
from tests.tables import Sock, frame, listener, rules
from tui.kernel.sockets import State
from tui.lab.outcome import Latency
from tui.simulate.expectation import expect
from tui.simulate.summary import kernel_text, left_behind, no_ports_text, preamble, to_dict, to_text
from tui.simulate.surroundings import Evidence


def plain(text: str, colour: str) -> str:
    return text


def with_latency(seen: Evidence) -> Evidence:
    return replace(seen, outcome=replace(seen.outcome, overall=Latency(18e-6, 45e-6, 0.0012)))


WALL = with_latency(
    evidence(situation(), *time_waits(1000), error="EADDRNOTAVAIL", events={"TCPSynRetrans": 2})
)


def test_before() -> None:
    before = situation(plan=replace(PLAN, rate=50, most=3000))
    text = preamble(before, expect(before), plain, 80)
    assert text.startswith("twtop simulate · 127.0.0.1 → 127.0.0.1:5001, loopback")
    for said in (
        "ip_local_port_range",
        "40000 40999",
        "off: no TIME-WAIT is reused",
        "RLIMIT_NOFILE",
        "1024 4096",
        "Coming: 3,000 connections (of 5,000: 5 loops × 1,000 ports)",
        "50/s",
        "Expected: EADDRNOTAVAIL at about connection 1,001",
    ):
        assert said in text


@pytest.mark.parametrize("width", [40, 80, 100])
def test_no_line_is_too_long(width: int) -> None:
    before = held(situation(reuse=2, sources=("127.0.0.2", "127.0.0.3")))
    assert max(map(len, preamble(before, expect(before), plain, width).splitlines())) <= width
    assert max(map(len, to_text(WALL, plain, width).splitlines())) <= width


def test_a_wall_in_words() -> None:
    lines = to_text(WALL, plain, 400).splitlines()
    assert lines[0] == ("Wall: EADDRNOTAVAIL from connect() at connection 1,001, after 100 ms.")
    assert lines[1].startswith("All 1,000 ports")
    assert lines[2] == (
        "Made: 1,000 connections in 100 ms · 10,000/s · connect() p50 18 µs, p99 45 µs, longest "
        "1.2 ms · EADDRNOTAVAIL × 1"
    )
    assert lines[3].startswith("Slow: 2 SYNs got no answer at first")
    assert lines[4] == "Left behind: 1,000 TIME-WAITs, gone within 62 s"


def test_many_sources_are_not_all_named() -> None:
    sources = tuple(f"127.0.1.{last}" for last in range(1, 201))
    before = situation(sources=sources)
    title = preamble(before, expect(before), plain, 100).splitlines()[0]
    assert title == "twtop simulate · 127.0.1.1 … (200 sources) → 127.0.0.1:5001, loopback"
    before = situation(sources=sources[:3])
    assert "127.0.1.1, 127.0.1.2 and 127.0.1.3 →" in preamble(before, expect(before), plain, 100)


def test_what_tcp_fin_timeout_is_for() -> None:
    before = with_parameter(situation(), "net.ipv4.tcp_fin_timeout", "60")
    lines = preamble(before, expect(before), plain, 100).splitlines()
    (line,) = (line for line in lines if "tcp_fin_timeout" in line)
    assert line.endswith("if the server does not close; TIME-WAIT is always 60 s")


def test_no_ports() -> None:
    given = rules(40_000, 40_499, reserved=((40_000, 40_498),))
    assert no_ports_text(frame(listener(port=40_499), given=given).ports) == (
        "of ip_local_port_range = 40000–40499, ip_local_reserved_ports excludes 499, and bound "
        "sockets take 1 more"
    )


def test_no_wall_in_words() -> None:
    stopped = evidence(situation(), connected=10, stopped_by="SIGTERM")
    assert to_text(stopped, plain, 400).splitlines()[0] == "No wall was hit."
    late = evidence(
        situation(reuse=1), connected=5000, events={"TWRecycled": 4000}, stopped_by="SIGTERM"
    )
    assert to_text(late, plain, 400).startswith("No wall was hit. SIGTERM stopped it early.\n")


def test_what_is_left() -> None:
    assert left_behind(evidence(situation())) == "nothing"
    half = with_parameter(situation(), "net.ipv4.tcp_fin_timeout", "5")
    assert left_behind(evidence(half, *half_closed(7))) == (
        "7 in FIN-WAIT-2, not closed by the server, gone 5 s after our close"
    )
    before = situation(*open_ones(10))
    asking = Sock(HERE, LOW + 500, HERE, PORT, State.SYN_SENT)
    after = evidence(before, *open_ones(30), *time_waits(100)[30:], asking, connected=90)
    assert left_behind(after) == (
        "70 TIME-WAITs, gone within 62 s; 20 connections not closed by the server yet"
    )


def test_json() -> None:
    said = to_dict(WALL, expect(situation()))
    assert said["target"] == {
        "name": "127.0.0.1",
        "ip": "127.0.0.1",
        "port": 5001,
        "place": "loopback",
    }
    assert (said["planned"], said["exit_code"]) == (5000, 1)
    assert said["expected"]["connection"] == 1001
    assert said["parameters"]["net.ipv4.tcp_tw_reuse"] == "0"
    assert said["limits"]["files_hard"] == 4096
    result = said["result"]
    assert result["wall"]["error"] == "EADDRNOTAVAIL"
    assert result["kept_by"] is None
    assert result["rate"] == 10_000
    assert result["latency"] == {"p50": 18e-6, "p99": 45e-6, "max": 0.0012}
    assert result["counters"] == {"TCPSynRetrans": 2}
    none = to_dict(evidence(situation(), connected=5), expect(situation()))
    assert (none["exit_code"], none["result"]["wall"]) == (0, None)
    assert none["result"]["kept_by"]["by"] == "few"


class TestKernel:
    """The kernel's own count beside what clients got and what the table shows."""

    def said(self, refused: int | None, error: str | None = None, ports: int = PORTS) -> str:
        found = evidence(situation(), *time_waits(ports), error=error)
        return kernel_text(replace(found, kernel_refused=refused))

    def test_all_three_agree(self) -> None:
        assert "agree" in self.said(1, "EADDRNOTAVAIL")
        assert "agree" in self.said(0, ports=10)

    def test_clients_that_failed_for_another_reason(self) -> None:
        assert "agree" not in self.said(0, "EADDRNOTAVAIL")

    def test_a_table_that_has_ports(self) -> None:
        assert "agree" not in self.said(1, "EADDRNOTAVAIL", ports=10)

    def test_what_could_not_be_counted(self) -> None:
        assert self.said(None, "EADDRNOTAVAIL") == ""
