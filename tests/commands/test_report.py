"""`twtop report -d`: the whole report, and every quadruplet."""

import json
import re
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import ALL, IDLE, MIXED, PROXY, fixture, host
from tests.tables import Sock, listener, waiting
from tui.report.records import SOCKET_FIELDS

CONTRACT = {
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
}


@pytest.mark.parametrize("name", ALL)
class TestDetails:
    def test_json_has_them_under_one_key_more(self, run: Run, name: str) -> None:
        said = run("report", "-d", "--json", "--proc", fixture(name)).json
        assert said.keys() - CONTRACT == {"sockets"}
        assert {tuple(record) for record in said["sockets"]} == {SOCKET_FIELDS}

    def test_without_them_the_report_is_the_contract(self, run: Run, name: str) -> None:
        """Byte for byte: what -d adds stands behind everything else."""
        plain = run("report", "--json", "--proc", fixture(name)).out
        detailed = run("report", "--details", "--json", "--proc", fixture(name)).out
        began = plain.index('"states"')
        assert detailed[detailed.index('"states"') :].startswith(plain[began:-2])
        assert set(json.loads(plain)) == CONTRACT

    def test_with_the_listeners_they_are_all_sockets(self, run: Run, name: str) -> None:
        said = run("report", "-d", "--json", "--proc", fixture(name)).json
        states = [record["state"] for record in said["sockets"]]
        assert "LISTEN" not in states
        for state, count in said["states"].items():
            found = len(said["listeners"]) if state == "LISTEN" else states.count(state)
            assert found == count, state

    def test_text_has_each_below_its_pattern(self, run: Run, name: str) -> None:
        said = run("report", "-d", "--json", "--proc", fixture(name)).json
        text = run("report", "-d", "--proc", fixture(name)).out
        text = text[text.index("\nSockets · ") :]
        assert text.startswith(f"\nSockets · {len(said['sockets']):,}\n")
        blocks = [block.splitlines() for block in text.strip().split("\n\n")[1:]]
        counts = [sum(record["states"].values()) for record in said["patterns"]]
        assert [len(block) - 1 for block in blocks if "Processes" not in block[0]] == counts
        local = {f"{one['local_ip']} {one['local_port']}" for one in said["sockets"]}
        shown = {line.split()[1] for block in blocks for line in block[1:]}
        assert shown == {_endpoint(*one.split()) for one in local}


def _endpoint(ip: str, port: str) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


class TestText:
    def test_details_come_only_when_asked_for(self, run: Run) -> None:
        assert "Sockets" not in run("report", "--proc", MIXED).out

    def test_none_are_said_to_be_none(self, run: Run, tmp_path: Path) -> None:
        out = run("report", "-d", "--proc", host(tmp_path, [listener()])).out
        assert "Sockets · 0\n  none\n" in out

    def test_one_stands_with_timer_and_queues(self, run: Run, tmp_path: Path) -> None:
        proc = host(tmp_path, [waiting(40_001, 12_300), Sock(remote_port=80, tx_queue=9)])
        out = run("report", "-d", "--proc", proc).out
        assert re.search(r"TIME-WAIT +10\.0\.0\.5:40001 +10\.0\.0\.9:443 +12\.3 s +time-wait", out)
        assert "\n10.0.0.5 → 10.0.0.9:80\n" in out

    def test_it_fits_80_columns(self, run: Run) -> None:
        wide = [line for line in run("report", "--proc", PROXY).out.splitlines() if len(line) > 80]
        assert wide == []

    def test_a_parameter_that_was_changed_shows_its_default(self, run: Run, tmp_path: Path) -> None:
        out = run("report", "--proc", host(tmp_path, tcp_fin_timeout=10)).out
        assert "net.ipv4.tcp_fin_timeout = 10 (default 60)\n" in out
        assert "net.ipv4.tcp_timestamps = 1\n" in out


@pytest.mark.parametrize("form", [[], ["-d"], ["--json"], ["--json", "-d"]])
def test_the_tables_are_read_once(run: Run, reads: list[Path], form: list[str]) -> None:
    assert run("report", *form, "--proc", IDLE).code == 0
    assert reads == [IDLE]
