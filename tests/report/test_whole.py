import json
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import psutil
import pytest
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.tables import (
    FIXTURES,
    KERNELS,
    NOW,
    Sock,
    any_rules,
    crossing,
    frame,
    listener,
    rules,
    steady,
    waiting,
)
from tui.analysis.frame import Frame, judge
from tui.cli import cli
from tui.findings.config import Config
from tui.findings.finding import Severity
from tui.findings.rules import diagnose
from tui.findings.situation import Situation
from tui.kernel.places import place_at
from tui.kernel.port_rules import PortRules
from tui.kernel.processes import Owners, Process
from tui.kernel.source import Source
from tui.planning.demand import observe
from tui.report.schema import schema
from tui.report.text import TEXT_ROWS, report_text
from tui.report.whole import to_dict, to_json

NGINX = Process(10, "nginx")
NOBODY = Owners({})
STATES = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
]
ALL_KERNELS = (*KERNELS, "big-endian")
"""A table of the other byte order has other addresses, but it is a report all the same."""


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for owners points psutil at the fixture's procfs."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", "/proc")


VALIDATOR = jsonschema.Draft202012Validator(schema("report"))


def validate(report: object) -> None:
    VALIDATOR.validate(report)


def of_fixture(name: str) -> dict[str, Any]:
    arguments = ["report", "--json", "--proc", str(FIXTURES / name / "proc")]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize("name", ALL_KERNELS)
class TestContract:
    """What scripts rely on, for each fixture: design §5."""

    def test_it_is_valid(self, name: str) -> None:
        validate(of_fixture(name))

    def test_keys_come_in_the_contracts_order(self, name: str) -> None:
        report = of_fixture(name)
        assert list(report) == [
            "schema",
            "time",
            "place",
            "source",
            "assumed",
            "states",
            "ephemeral",
            "time_wait",
            "patterns",
            "remote_ips",
            "listeners",
            "sysctls",
            "counters",
        ]
        assert list(report["place"]) == ["name", "kind", "id"]
        source = [
            "kind",
            "directory",
            "complete",
            "complete_known",
            "duplicates",
            "bad_lines",
            "read_seconds",
            "table_age_seconds",
            "byte_order",
            "bound_ports_known",
            "bound_ports_unseen",
            "devices_known",
            "unix_time",
        ]
        assert list(report["source"]) == source
        assert list(report["states"]) == STATES
        assert list(report["ephemeral"]) == ["low", "high", "reserved", "excluded", "capacity"]
        assert list(report["time_wait"]) == [
            "count",
            "hold_seconds",
            "closing_per_second",
            "closed_per_second",
            "freed_per_second",
            "reuse",
        ]
        assert list(report["time_wait"]["reuse"]) == ["mode", "delay_ms", "timestamps"]
        pattern = [
            "direction",
            "local_ip",
            "local_port",
            "remote_ip",
            "remote_port",
            "states",
            "time_wait",
            "in_use",
            "capacity",
            "free",
            "reusable",
            "locked",
            "connectable",
            "utilization",
            "process",
            "on_other_devices",
        ]
        for keys, part in [
            (pattern, "patterns"),
            (["ip", "total", "states", "remote_ip", "sockets"], "remote_ips"),
            (
                ["local_ip", "port", "backlog", "backlog_limit", "uid", "process", "local_port"],
                "listeners",
            ),
            (["name", "value", "default", "meaning"], "sysctls"),
        ]:
            assert report[part], part
            assert [list(record) for record in report[part]] == [keys] * len(report[part])

    def test_sums_close(self, name: str) -> None:
        report = of_fixture(name)
        states = Counter(report["states"])
        assert len(report["listeners"]) == states["LISTEN"]
        for part in ("patterns", "remote_ips"):
            counted: Counter[str] = Counter()
            for record in report[part]:
                counted.update(record["states"])
            counted["LISTEN"] = states["LISTEN"]
            assert counted == states, part
        time_wait = report["time_wait"]
        assert time_wait["count"] == states["TIME_WAIT"]
        assert sum(time_wait["closed_per_second"]) == states["TIME_WAIT"]
        assert sum(time_wait["freed_per_second"]) == states["TIME_WAIT"]
        ports = report["ephemeral"]
        span = ports["high"] - ports["low"] + 1
        assert ports["capacity"] == span - ports["reserved"] - ports["excluded"]
        for record in report["remote_ips"]:
            assert record["total"] == record["sockets"] == sum(record["states"].values())
            assert record["ip"] == record["remote_ip"]
        for record in report["listeners"]:
            assert record["port"] == record["local_port"]
        for record in report["patterns"]:
            assert record["time_wait"] == record["states"].get("TIME_WAIT", 0)
            assert record["free"] == record["capacity"] - record["in_use"]
            assert record["locked"] == record["in_use"] - record["reusable"]
            outgoing = record["direction"] == "outgoing"
            left = record["capacity"] - record["locked"]
            assert record["connectable"] == (left if outgoing else None)
            share = record["in_use"] / record["capacity"] if record["capacity"] else 1
            assert record["utilization"] == pytest.approx(share, abs=1e-6)

    def test_the_greatest_stand_first(self, name: str) -> None:
        report = of_fixture(name)
        for part, key in (("patterns", "in_use"), ("remote_ips", "total")):
            counts = [record[key] for record in report[part]]
            assert counts == sorted(counts, reverse=True)


class TestValues:
    def test_the_proxys_hottest_destination(self) -> None:
        report = of_fixture("6.18-proxy")
        assert report["schema"] == "twtop.report/1"
        assert report["patterns"][0] == {
            "direction": "outgoing",
            "local_ip": "10.0.0.5",
            "local_port": None,
            "remote_ip": "10.0.0.9",
            "remote_port": 5432,
            "states": {"ESTABLISHED": 40, "TIME_WAIT": 12210},
            "time_wait": 12210,
            "in_use": 12250,
            "capacity": 28232,
            "free": 15982,
            "reusable": 0,
            "locked": 12250,
            "connectable": 15982,
            "utilization": 0.433905,
            "process": None,
            "on_other_devices": 0,
        }
        assert report["counters"]["tw"] == 20385
        values = {record["name"]: record["value"] for record in report["sysctls"]}
        assert values["net.ipv4.ip_local_port_range"] == "32768 60999"
        assert values["net.ipv4.tcp_tw_recycle"] is None

    def test_what_the_reader_could_not_use_is_said(self) -> None:
        source = of_fixture("garbled")["source"]
        assert (source["complete"], source["duplicates"], source["bad_lines"]) == (False, 6, 21)
        assert source["kind"] == "proc"

    def test_the_time_is_utc(self) -> None:
        made = to_dict(frame(time=NOW + 0.25), NOBODY)
        assert made["time"] == "2023-11-14T22:13:20Z"
        assert datetime.fromisoformat(made["time"]) == datetime.fromtimestamp(NOW, UTC)
        assert made["source"]["unix_time"] == NOW + 0.25  # jq takes no fraction in the other
        assert to_dict(frame(time=NOW), NOBODY)["time"] == "2023-11-14T22:13:20Z"

    def test_who_holds_patterns_and_listeners(self) -> None:
        made = frame(Sock(inode=7), waiting(40001), listener(inode=8), listener("::", inode=9))
        report = to_dict(made, Owners({7: NGINX, 8: NGINX}))
        assert report["patterns"][0]["process"] == "nginx[10]"
        holders = {record["local_ip"]: record["process"] for record in report["listeners"]}
        assert holders == {"0.0.0.0": "nginx[10]", "::": None}

    def test_listeners_go_by_their_port(self) -> None:
        made = frame(
            listener(port=443, backlog=3),
            replace(listener("::", port=22), uid=1000),
            listener("10.0.0.5", port=80),
            listener("0.0.0.0", port=22),
        )
        records = to_dict(made, NOBODY)["listeners"]
        assert [record["port"] for record in records] == [22, 22, 80, 443]
        assert [record["backlog"] for record in records] == [0, 0, 0, 3]
        assert {r["local_ip"]: r["uid"] for r in records if r["port"] == 22} == {
            "::": 1000,
            "0.0.0.0": 0,
        }

    def test_no_capacity_is_full_use(self) -> None:
        made = frame(Sock(), given=rules(reserved=((40000, 40009),)))
        (pattern,) = to_dict(made, NOBODY)["patterns"]
        assert (pattern["capacity"], pattern["utilization"], pattern["connectable"]) == (0, 1.0, 0)

    def test_a_report_without_sockets_is_valid(self) -> None:
        report = to_dict(frame(), NOBODY)
        validate(report)
        assert [report["patterns"], report["remote_ips"], report["listeners"]] == [[], [], []]

    @given(crossing, any_rules())
    @steady
    def test_any_table_makes_a_valid_report(self, found: list[Sock], given: PortRules) -> None:
        made = frame(*found, given=given)
        validate(json.loads(to_json(made, Owners({1: NGINX}))))


class TestSchema:
    @pytest.mark.parametrize(
        "change",
        [
            {"extra": 1},
            {"schema": "twtop.report/2"},
            {"time": "yesterday"},
            {"states": {}},
            {"counters": {"tw": "9"}},
            {"listeners": [{}]},
            {"patterns": [{"direction": "outgoing"}]},
        ],
    )
    def test_it_refuses_what_is_no_report(self, change: dict[str, object]) -> None:
        report = to_dict(frame(Sock()), NOBODY)
        validate(report)
        with pytest.raises(jsonschema.ValidationError):
            validate(report | change)

    @pytest.mark.parametrize("key", ["schema", "source", "patterns", "counters"])
    def test_it_misses_what_is_missing(self, key: str) -> None:
        report: Any = to_dict(frame(Sock()), NOBODY)
        del report[key]
        with pytest.raises(jsonschema.ValidationError):
            validate(report)

    @pytest.mark.parametrize(
        "change",
        [
            {"local_port": 40000},
            {"remote_port": None},
            {"direction": "incoming"},
            {"free": -1},
            {"utilization": 1.1},
            {"states": {"LISTEN": 1}},
            {"states": {"ESTABLISHED": 0}},
            {"process": 7},
        ],
    )
    def test_it_refuses_what_is_no_outgoing_pattern(self, change: dict[str, object]) -> None:
        report: Any = to_dict(frame(Sock()), NOBODY)
        report["patterns"][0] |= change
        with pytest.raises(jsonschema.ValidationError):
            validate(report)


def plain(text: str, colour: str) -> str:
    return text


def painted(text: str, colour: str) -> str:
    return f"<{colour}>{text}</>"


def text_of(made: Frame, owners: Owners = NOBODY, threshold: float = 80.0) -> str:
    return report_text(made, owners, threshold, plain)


class TestText:
    @pytest.mark.parametrize("name", ALL_KERNELS)
    def test_every_fixture_has_all_its_parts(self, name: str) -> None:
        made = judge(Source(place_at(FIXTURES / name / "proc"), "proc", 1.0).read())
        heads = [block.splitlines()[0] for block in text_of(made).split("\n\n")]
        assert [re.split(" ·", head)[0] for head in heads] == [
            "twtop report",
            "States",
            "TIME-WAIT and ephemeral ports",
            "Patterns",
            "Remote IPs",
            "Listeners",
            "Kernel parameters",
        ]

    def test_no_line_ends_in_blanks(self) -> None:
        made = frame(Sock(), listener(), Sock(local_port=39000))
        assert [line for line in text_of(made).splitlines() if line != line.rstrip()] == []

    def test_states_are_as_ss_writes_them_and_the_most_first(self) -> None:
        text = text_of(frame(Sock(), waiting(40001), waiting(40002)))
        lines = text[text.index("States\n") :].splitlines()
        assert [line.split() for line in lines[1:4]] == [
            ["TIME-WAIT", "2"],
            ["ESTABLISHED", "1"],
            [],
        ]

    def test_nothing_is_said_of_nothing(self) -> None:
        text = text_of(frame())
        for phrase in ("no TCP sockets", "no connections", "Remote IPs · 0", "Listeners · 0"):
            assert phrase in text

    def test_what_is_missing_is_said(self) -> None:
        made = frame(Sock(), complete=False)
        found = replace(made.reading.table, bad_lines=3, duplicates=2)
        text = text_of(replace(made, reading=replace(made.reading, table=found)))
        assert "INCOMPLETE" in text
        assert "3 lines unreadable" in text
        assert "2 duplicates left out" in text
        assert "INCOMPLETE" not in text_of(frame(Sock()))

    def test_processes_that_could_not_be_looked_up_are_said(self) -> None:
        assert "could not be looked up: 1,234" in text_of(frame(), Owners({}, denied=1234))
        assert "could not be looked up" not in text_of(frame())

    def test_the_rules_of_reuse(self) -> None:
        loopback = text_of(frame(given=rules(reuse_mode=2)))
        assert "tcp_tw_reuse 2 (on loopback only), after 1000 ms" in loopback
        off = text_of(frame(given=rules(reuse_mode=1, timestamps=False)))
        assert "tcp_tw_reuse 1 (on), after 1000 ms, but timestamps are off: no reuse" in off

    def test_what_closes_and_what_comes_back(self) -> None:
        young = [waiting(port, 59_500) for port in range(40000, 40010)]
        old = [waiting(port, 5_500, remote="10.0.0.7") for port in range(40000, 40003)]
        text = text_of(frame(*young, *old, waiting(40005, 500, remote="10.0.0.7")))
        assert "14 in TIME-WAIT; 2/s closing; 1 freed in the next second, 4 in the next 10" in text

    @pytest.mark.parametrize(("mode", "rate"), [(0, 140), (1, 700)])
    def test_how_fast_sockets_close_is_one_figure(self, mode: int, rate: int) -> None:
        """Under reuse 700 of the last second, not the 140 of five of which four are gone."""
        young = [waiting(40000 + n, 59_500) for n in range(700)]
        old = [waiting(40700 + n, 50_000) for n in range(150)]
        made = frame(*young, *old, given=rules(40000, 40999, reuse_mode=mode))
        assert f"850 in TIME-WAIT; {rate}/s closing" in text_of(made)
        assert to_dict(made, NOBODY)["time_wait"]["closing_per_second"] == rate
        assert made.time_wait.closing_per_second == observe(made, 0).rate == rate

    def test_the_sustainable_rate(self) -> None:
        text = text_of(frame(given=rules(32768, 60999)))
        assert "sustainable to one destination: 455/s, 28,232/s with reuse" in text
        assert "ports 32768–60999: 28,232 for each" in text

    def test_long_lists_end_where_json_goes_on(self) -> None:
        many = [Sock(remote=f"10.0.1.{host}") for host in range(TEXT_ROWS + 3)]
        text = text_of(frame(*many))
        assert text.count("… and 3 more; --json has them all") == 2
        assert text.count("10.0.0.5 → 10.0.1.") == TEXT_ROWS
        assert "more" not in text_of(frame(*many[:TEXT_ROWS]))

    def test_who_holds_them(self) -> None:
        text = text_of(frame(Sock(inode=7), listener(inode=8)), Owners({7: NGINX, 8: NGINX}))
        assert re.search(r"10\.0\.0\.5 → 10\.0\.0\.9:443 .* nginx\[10\]", text)
        assert re.search(r"0\.0\.0\.0:80 .* nginx\[10\]", text)

    def test_a_hot_pattern_is_red_and_says_so(self) -> None:
        made = frame(*(waiting(port) for port in range(40000, 40009)))
        lines = report_text(made, NOBODY, 80.0, painted).splitlines()
        (line,) = [line for line in lines if "→" in line]
        assert line.startswith("<red>  10.0.0.5 → 10.0.0.9:443")
        assert line.endswith("above 80 %</>")

    def test_an_incoming_pattern_is_never_judged(self) -> None:
        clients = [Sock(local_port=80, remote_port=port) for port in range(40000, 40010)]
        lines = report_text(frame(listener(), *clients), NOBODY, 80.0, painted).splitlines()
        (line,) = [line for line in lines if "←" in line]
        assert "100.0%" in line
        assert "<" not in line

    @pytest.mark.parametrize(
        ("opened", "closed", "words", "colour"),
        [
            (49, 0, "", ""),
            (50, 0, "slow connect()", "yellow"),
            (79, 0, "slow connect()", "yellow"),
            (80, 0, "above 80 %", "red"),
            (99, 1, "above 80 %", "red"),
            (100, 0, "EXHAUSTED: connect() fails", "red"),
            (0, 100, "", ""),
            (49, 51, "", ""),
            (50, 50, "slow connect()", "yellow"),
            (80, 20, "above 80 %", "red"),
        ],
    )
    def test_a_pattern_is_judged_by_what_is_locked(
        self, opened: int, closed: int, words: str, colour: str
    ) -> None:
        """Those that are closed can be taken over here, and are no alarm."""
        made = frame(*held(opened, closed), given=rules(40000, 40099, reuse_mode=2))
        (line,) = [line for line in lines_of(made) if "→" in line]
        assert line.startswith(f"<{colour}>" if colour else "  127.0.0.1")
        assert line.removesuffix("</>").endswith(words or f"  {100 - opened}")
        assert f"{opened + closed}.0%" in line

    def test_no_port_at_all_is_exhausted(self) -> None:
        made = frame(Sock(), given=rules(reserved=((40000, 40009),)))
        (line,) = [line for line in lines_of(made) if "→" in line]
        assert line.endswith("EXHAUSTED: connect() fails</>")


HOME = "127.0.0.1"


def held(opened: int, closed: int) -> list[Sock]:
    """So many of 100 ports between two ends of this host."""
    socks = [Sock(HOME, 40000 + n, HOME) for n in range(opened)]
    return socks + [
        waiting(40000 + n, local=HOME, remote=HOME)
        for n in range(opened, min(opened + closed, 100))
    ]


def lines_of(made: Frame, threshold: float = 80.0) -> list[str]:
    return report_text(made, NOBODY, threshold, painted).splitlines()


COLOURS = {None: "", Severity.WARNING: "<yellow>", Severity.CRITICAL: "<red>"}


@given(
    st.integers(0, 100), st.integers(0, 100), st.sampled_from((0, 2)), st.sampled_from((10, 57, 80))
)
@steady
def test_the_colour_is_the_findings(opened: int, closed: int, mode: int, threshold: int) -> None:
    """One definition: what is red in a report is critical in an audit, and so on."""
    socks = held(opened, closed)
    assume(socks)
    made = frame(*socks, given=rules(40000, 40099, reuse_mode=mode))
    (line,) = [line for line in lines_of(made, threshold) if "→" in line]
    said = diagnose(Situation(made, config=Config().with_threshold(threshold)))
    full = ("ports-exhausted", "ports-above-threshold", "connect-slow")
    worst = max((one.severity for one in said if one.code in full), default=None)
    assert line.startswith(COLOURS[worst] or "  ")
