import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.tables import FIXTURES, Sock, frame, rules
from tui.cli import cli
from tui.commands import reading
from tui.commands.reading import Look
from tui.kernel.processes import Owners
from tui.kernel.sockets import State
from tui.planning.demand import Demand, Estimate
from tui.planning.remedies import Plan, plan
from tui.planning.setting import gather
from tui.report.plan import SCHEMA, to_dict, to_json, to_text

IDLE = str(FIXTURES / "6.18-idle-host/proc")
PROXY = str(FIXTURES / "6.18-proxy/proc")


def plain(text: str, colour: str) -> str:
    return text


def example(
    rate: float = 900, remote: str | None = "2001:db8::10", **more: Any
) -> tuple[Plan, Estimate]:
    load = Demand(rate, 0.4)
    found = frame(given=rules(32768, 60999, **more))
    return plan(load, gather(found, None, remote, 443)), Estimate(
        load, "given", "live", ("A note that is to be read.",)
    )


class TestText:
    @pytest.mark.parametrize("width", [80, 100, 120, 300])
    @pytest.mark.parametrize("rate", [0.1, 900, 20_000, 9_999_999])
    def test_it_keeps_within_the_width(self, width: int, rate: float) -> None:
        for line in to_text(*example(rate), plain, width).splitlines():
            assert len(line) <= min(width, 120) or line.startswith("  $ ")
            assert line == line.rstrip()

    @pytest.mark.parametrize("width", [1, 40])
    def test_where_there_is_less_it_takes_what_it_needs(self, width: int) -> None:
        lines = to_text(*example(), plain, width).splitlines()
        assert all(len(line) <= 72 for line in lines if not line.startswith(("  $", "  #")))

    def test_the_table(self) -> None:
        lines = to_text(*example(), plain, 80).splitlines()
        assert lines[0] == "twtop plan · one source → [2001:db8::10]:443"
        assert (
            "today: 32768–60999                56,204  28,232  199%     226     452 fails" in lines
        )
        assert (
            "tcp_tw_reuse=1                     1,260  28,232    4%  10,083  20,166 works" in lines
        )
        assert (
            "range 1024–65535 + 1 source       56,204 129,024   44%   1,033   2,066 works" in lines
        )

    def test_the_commands_and_the_reasons(self) -> None:
        text = to_text(*example(), plain, 80)
        for part in (
            '\n  $ sysctl -w net.ipv4.ip_local_port_range="1024 65535"\n',
            "\n  needs     ",
            "\n  wrong if  ",
            "\n  less      1 would be enough, with slow connect().\n",
            "lower tcp_fin_timeout: It does not affect TIME-WAIT",
            "A note that is to be read.",
        ):
            assert part in text

    def test_what_no_port_limits(self) -> None:
        load = Demand(900, 0)
        made = plan(load, gather(frame(given=rules(32768, 60999)), None, None, None))
        text = to_text(made, Estimate(load, "given", "given", ()), plain)
        closes = [line for line in text.splitlines() if line.startswith("server closes first")]
        line = next(line for line in closes if "works" in line)
        assert line.split()[-3:] == ["–", "–", "works"]
        assert "one source → any one destination" in text

    def test_where_reuse_applies_it_says_so(self) -> None:
        text = to_text(*example(reuse_mode=1), plain).replace("\n", " ")
        assert "port waits 1 s until tcp_tw_reuse=1 gives it back" in text

    def test_why_more_than_the_hold_is_counted_is_said_in_place(self) -> None:
        text = to_text(*example(reuse_mode=0), plain).replace("\n", " ")
        assert "port waits 60–62 s in TIME-WAIT" in text
        assert "may end late, so 62 s count" in text

    def test_every_verdict_has_its_colour(self) -> None:
        seen: dict[str, set[str]] = {}

        def note(text: str, colour: str) -> str:
            seen.setdefault(colour, set()).add(text.split()[-1])
            return text

        to_text(*example(), note)
        assert "fails" in seen["red"]
        assert "works" in seen["green"]
        assert "slow" in seen["yellow"]


class TestJson:
    def test_its_keys(self) -> None:
        said = json.loads(to_json(*example(), frame()))
        assert list(said)[-4:] == ["load", "today", "options", "refused"]
        assert said["schema"] == SCHEMA == "twtop.plan/1"
        assert said["load"] == {
            "local_ip": None,
            "remote_ip": "2001:db8::10",
            "remote_port": 443,
            "rate": 900,
            "rate_from": "given",
            "lifetime": 0.4,
            "lifetime_from": "live",
            "held": 0,
            "notes": ["A note that is to be read."],
        }
        assert said["today"]["verdict"] == "fails"
        assert {tuple(option) for option in said["options"]} == {tuple(said["today"])}
        assert said["refused"][0]["code"] == "tcp_fin_timeout"

    def test_the_figures(self) -> None:
        said = to_dict(*example(), frame())
        (reuse,) = (option for option in said["options"] if option["code"] == "reuse")
        assert {name: reuse[name] for name in list(reuse)[:12]} == {
            "code": "reuse",
            "name": "tcp_tw_reuse=1",
            "verdict": "works",
            "ports_needed": 1260,
            "capacity": 28_232,
            "utilization": 0.04463,
            "sustainable_rate": 20_165.714,
            "fast_rate": 10_082.857,
            "ports_per_tuple": 28_232,
            "tuples": 1,
            "hold_seconds": 1.4,
            "requests_per_connection": 1,
        }

    def test_what_is_infinite_is_null(self) -> None:
        (pool,) = (
            each for each in to_dict(*example(), frame())["options"] if each["code"] == "pool"
        )
        assert pool["requests_per_connection"] is None
        json.loads(to_json(*example(9_999_999), frame()), parse_constant=pytest.fail)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A machine without a single connection."""
    net = tmp_path_factory.mktemp("proc") / "net"
    net.mkdir()
    for name in ("tcp", "tcp6"):
        heading = Path(IDLE, "net", name).read_text().splitlines(keepends=True)[0]
        (net / name).write_text(heading)
    return str(net.parent)


def run(*arguments: str, proc: str = IDLE) -> Result:
    return CliRunner().invoke(cli, ["plan", *arguments, "--proc", proc], prog_name="twtop")


def said(*arguments: str, proc: str = IDLE) -> Any:
    ran = run(*arguments, "--json", proc=proc)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.output)


class TestCommand:
    def test_help(self) -> None:
        ran = run("--help")
        assert ran.exit_code == 0
        for text in ("--dst", "--dport", "--src", "--rate", "--lifetime", "Exit codes: 0 done"):
            assert text in ran.output

    def test_the_hottest_pattern_with_its_own_figures(self) -> None:
        load = said(proc=PROXY)["load"]
        assert load["rate"] > 0
        assert load["rate_from"] in ("last seconds", "busiest seconds")
        assert None not in (load["local_ip"], load["remote_ip"], load["remote_port"])

    def test_a_rate_replaces_its_own(self) -> None:
        load, own = said("--rate", "900", proc=PROXY)["load"], said(proc=PROXY)["load"]
        assert (load["rate"], load["rate_from"]) == (900, "given")
        assert load["remote_ip"] == own["remote_ip"]

    def test_a_rate_alone_is_for_any_destination(self, empty: str) -> None:
        found = said("--rate", "900", proc=empty)
        assert found["load"]["remote_ip"] is None
        assert found["load"]["lifetime_from"] == "assumed"
        assert found["today"]["ports_needed"] == 55_844

    @pytest.mark.parametrize(
        ("arguments", "ip", "port"),
        [
            (["--dst", "10.9.9.9"], "10.9.9.9", None),
            (["--dst", "10.9.9.9", "--dport", "5432"], "10.9.9.9", 5432),
            (["--dst", "10.9.9.9:5432"], "10.9.9.9", 5432),
            (["--dst", "10.9.9.9:5432", "--dport", "5432"], "10.9.9.9", 5432),
            (["--dst", "::ffff:10.9.9.9", "--dport", "5432"], "10.9.9.9", 5432),
            (["--dst", "2001:DB8:0::10", "--dport", "443"], "2001:db8::10", 443),
            (["--dst", "[2001:db8::10]:443"], "2001:db8::10", 443),
            (["--dst", "[2001:db8::10]"], "2001:db8::10", None),
            (["--dst", "::1"], "::1", None),
            (["--dport", "5433"], None, 5433),
        ],
    )
    def test_destinations(self, arguments: list[str], ip: str | None, port: int | None) -> None:
        load = said(*arguments, "--rate", "900", "--lifetime", "2")["load"]
        assert (load["remote_ip"], load["remote_port"]) == (ip, port)
        assert (load["rate"], load["lifetime"]) == (900, 2)

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            ([], "no outgoing connections; say how many new connections per second"),
            (
                ["--dst", "10.9.9.9:80"],
                "no outgoing connections to 10.9.9.9:80; say how many new connections per second",
            ),
            (
                ["--dport", "80"],
                "no outgoing connections to port 80; say how many new connections per second",
            ),
            (
                ["--src", "10.9.9.9"],
                "no outgoing connections from 10.9.9.9; say how many new connections per second",
            ),
            (["--dst", "10.9.9"], "10.9.9 is not an IP address"),
            (["--dst", "db.example"], "db.example is not an IP address"),
            (["--dst", "10.9.9.9:"], "10.9.9.9: is not a port"),
            (["--dst", "10.9.9.9:0"], "is not a port"),
            (["--dst", "10.9.9.9:http"], "is not a port"),
            (["--dst", "[::1]:65536"], "is not a port"),
            (["--dst", "10.9.9.9:80", "--dport", "81"], "--dst says port 80, but --dport says 81"),
            (["--src", "10.9.9.9:80"], "--src takes no port"),
            (["--src", "10.9.9.9", "--dst", "::1"], "one is IPv4, the other IPv6"),
            (["--dport", "0"], "--dport"),
            (["--rate", "0"], "--rate"),
            (["--rate", "-1"], "--rate"),
            (["--rate", "nan"], "nan is not a number"),
            (["--rate", "inf"], "--rate"),
            (["--lifetime", "-1"], "--lifetime"),
            (["--lifetime", "nan"], "nan is not a number"),
        ],
    )
    def test_usage_errors_say_what_is_right(
        self, empty: str, arguments: list[str], named: str
    ) -> None:
        ran = run(*arguments, proc=empty)
        assert ran.exit_code == 2
        assert named in " ".join(ran.output.split())

    def test_unreadable_tables(self, tmp_path: Path) -> None:
        assert run("--rate", "1", proc=str(tmp_path)).exit_code == 3

    def test_a_pattern_that_closes_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What it holds is known without a rate: 300 of 500 ports, and one for the next."""
        held = [Sock(local_port=40_000 + n, state=State.CLOSE_WAIT) for n in range(300)]
        found = frame(*held, given=rules(40_000, 40_499))
        monkeypatch.setattr(
            "tui.commands.plan.read_look", lambda settings: Look(found, lambda: Owners({}))
        )
        said = json.loads(run("--json").output)
        assert (said["load"]["rate_from"], said["load"]["held"]) == ("none closes", 300)
        assert (said["today"]["ports_needed"], said["today"]["verdict"]) == (301, "slow")
        assert "--rate" in said["load"]["notes"][0]

    def test_one_reading(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = 0
        open_source = reading.open_source

        def count(*arguments: Any, **more: Any) -> Any:
            nonlocal made
            made += 1
            return open_source(*arguments, **more)

        monkeypatch.setattr(reading, "open_source", count)
        assert run(proc=PROXY).exit_code == 0
        assert made == 1
