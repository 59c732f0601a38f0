"""One part of a frame as text, JSON and CSV: the three tell the same, of one reading."""

import csv
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import (
    ALL,
    GARBLED,
    IDLE,
    MIXED,
    PROXY,
    cut_short,
    fixture,
    host,
    tuple_with,
)
from tests.tables import Sock, listener, waiting
from tui.commands import reading
from tui.commands.parts import PARTS
from tui.kernel.processes import Owners
from tui.kernel.sockets import State
from tui.writing.export import Counts

NAMES = [part.name for part in PARTS]
FILTERED = [part.name for part in PARTS if part.filtered]
ROWS = {part.name: part.rows for part in PARTS}
STATES = [state.name for state in State]


def rows(text: str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    return list(csv.DictReader(io.StringIO(text)))


def as_csv(value: object) -> str:
    return "" if value is None else str(value)


def cells(record: dict[str, Any]) -> dict[str, str]:
    """A record of the JSON as its CSV must have it, after the time."""
    if "states" in record:
        counts = {state: record["states"].get(state, 0) for state in STATES}
        if "time_wait" in record:  # one notion, one column
            assert counts.pop("TIME_WAIT") == record["time_wait"]
        record = {key: value for key, value in record.items() if key != "states"} | counts
    return {key: as_csv(value) for key, value in record.items()}


def seconds(time_wait: dict[str, list[int]]) -> list[dict[str, Any]]:
    """The table by time that is the CSV of the TIME-WAITs."""
    names = "closed_per_second", "freed_per_second"
    return [
        {"second": second} | {name: time_wait[name][second] for name in names}
        for second in range(len(time_wait[names[0]]))
    ]


@pytest.mark.parametrize("fixture_name", ALL)
@pytest.mark.parametrize("name", NAMES)
class TestEveryFixture:
    def test_json_and_csv_have_the_same_figures(
        self, run: Run, name: str, fixture_name: str
    ) -> None:
        said = run(name, "--json", "--proc", fixture(fixture_name)).json
        found = said[ROWS[name]]
        if name == "states":
            found = [{"state": state, "count": count} for state, count in found.items()]
        if name == "timewait":
            found = seconds(said["time_wait"])
        assert found
        ran = run(name, "--csv", "--proc", fixture(fixture_name))
        given = rows(ran.out)
        assert next(iter(given[0])) == "time"
        assert len({name.lower() for name in given[0]}) == len(given[0])
        assert len({row.pop("time") for row in given}) == 1
        assert given == [cells(record) for record in found]

    def test_json_begins_with_what_it_is(self, run: Run, name: str, fixture_name: str) -> None:
        said = run(name, "--json", "--proc", fixture(fixture_name)).json
        assert list(said)[:4] == ["schema", "time", "place", "source"]
        assert said["schema"] == f"twtop.{name}/1"
        report = run("report", "--json", "--proc", fixture(fixture_name)).json
        for key in said.keys() & report.keys() - {"schema", "time", "source"}:
            if name != "timewait" or key == "time_wait":
                assert said[key] == report[key], key

    def test_text_has_a_line_for_each_record(self, run: Run, name: str, fixture_name: str) -> None:
        ran = run(name, "--proc", fixture(fixture_name))
        assert (ran.code, ran.err) == (0, "")
        assert "\x1b" not in ran.out
        assert [line for line in ran.out.splitlines() if line != line.rstrip()] == []
        found = run(name, "--json", "--proc", fixture(fixture_name)).json[ROWS[name]]
        count = sum(map(bool, found.values())) if name == "states" else len(found)
        block = ran.out.rstrip().split("\n\n")[-1].splitlines()
        if block[0].startswith("Processes whose"):
            block = ran.out.rstrip().split("\n\n")[-2].splitlines()
        assert len(block) == count + (1 if name == "states" else 2)


@pytest.mark.parametrize("fixture_name", ALL)
class TestSums:
    def test_every_socket_is_in_one_state(self, run: Run, fixture_name: str) -> None:
        proc = fixture(fixture_name)
        states = Counter(run("states", "--json", "--proc", proc).json["states"])
        assert states.total() > 0
        listeners = run("listen", "--json", "--proc", proc).json["listeners"]
        assert len(listeners) == states["LISTEN"]
        established = run("established", "--json", "--proc", proc).json["sockets"]
        assert len(established) == states["ESTABLISHED"]
        assert (
            run("timewait", "--json", "--proc", proc).json["time_wait"]["count"]
            == (states["TIME_WAIT"])
        )

    @pytest.mark.parametrize("name", ["patterns", "per-ip", "per-port"])
    def test_every_socket_but_listeners_is_counted_once(
        self, run: Run, fixture_name: str, name: str
    ) -> None:
        proc = fixture(fixture_name)
        states = Counter(run("states", "--json", "--proc", proc).json["states"])
        del states["LISTEN"]
        counted: Counter[str] = Counter()
        for record in run(name, "--json", "--proc", proc).json[ROWS[name]]:
            counted.update(record["states"])
        assert counted == +states


@pytest.mark.parametrize("name", NAMES)
class TestNothing:
    """A host without a single socket."""

    def test_the_heads_of_the_csv_are_there(self, run: Run, name: str, tmp_path: Path) -> None:
        full = run(name, "--csv", "--proc", MIXED).out.splitlines()[0]
        ran = run(name, "--csv", "--proc", host(tmp_path))
        assert (ran.code, ran.err) == (0, "")
        assert ran.out.splitlines()[0] == full
        assert name in ("states", "timewait") or len(ran.out.splitlines()) == 1

    def test_json_is_empty(self, run: Run, name: str, tmp_path: Path) -> None:
        found = run(name, "--json", "--proc", host(tmp_path)).json[ROWS[name]]
        assert found == (dict.fromkeys(STATES, 0) if name == "states" else [])

    def test_text_says_so(self, run: Run, name: str, tmp_path: Path) -> None:
        ran = run(name, "--proc", host(tmp_path))
        assert (ran.code, ran.err) == (0, "")
        assert re.search("no TCP sockets|none|no connections", ran.out)


class TestAddresses:
    """IPv6 as people write it, in brackets where a port follows; v4-mapped ones are IPv4."""

    def test_in_text(self, run: Run) -> None:
        assert "  [::]:8080 " in run("listen", "--proc", MIXED).out
        assert "  [::1]:9091 " in run("listen", "--proc", MIXED).out
        patterns = run("patterns", "--proc", MIXED).out
        assert "  ::1 → [::1]:9091 " in patterns
        assert "  2001:db8::5 → [2001:db8::9]:443 " in patterns
        assert "  [2001:db8::5]:8080 ← 2001:db8::9 " in patterns
        assert re.search(
            r"\[2001:db8::5\]:\d+ +\[2001:db8::9\]:443", run("established", "--proc", MIXED).out
        )
        for name in NAMES:
            assert "ffff" not in run(name, "--proc", MIXED).out.lower()

    def test_in_json_they_stand_alone(self, run: Run, tmp_path: Path) -> None:
        proc = host(tmp_path, [listener("::", 80), waiting(local="::1", remote="2001:db8::10")])
        (found,) = run("listen", "--json", "--proc", proc).json["listeners"]
        assert (found["local_ip"], found["port"]) == ("::", 80)
        (pattern,) = run("patterns", "--json", "--proc", proc).json["patterns"]
        assert (pattern["local_ip"], pattern["remote_ip"]) == ("::1", "2001:db8::10")

    def test_one_peer_over_v4_and_mapped_v4_is_one(self, run: Run, tmp_path: Path) -> None:
        plain = Sock(local_port=40_001)
        mapped = Sock("::ffff:10.0.0.5", 40_002, "::ffff:10.0.0.9")
        proc = host(tmp_path, [plain, mapped])
        (remote,) = run("per-ip", "--json", "--proc", proc).json["remote_ips"]
        assert (remote["ip"], remote["total"]) == ("10.0.0.9", 2)
        (pattern,) = run("patterns", "--json", "--proc", proc).json["patterns"]
        assert pattern["in_use"] == 2


class TestFilters:
    def test_words_need_no_quotes(self, run: Run) -> None:
        said = run("patterns", "--json", "--proc", PROXY, "dport", "5432").json
        assert [record["remote_port"] for record in said["patterns"]] == [5432]
        quoted = run("patterns", "--json", "dport 5432", "--proc", PROXY).json
        assert quoted["patterns"] == said["patterns"]

    @pytest.mark.parametrize(
        ("words", "most", "least"),
        [
            (["use", ">", "10%"], 0.43, 0.17),
            (["dst", "10.0.0.0/24", "and", "not", "dport", "5432"], 0.18, 0.01),
        ],
    )
    def test_patterns_that_pass(
        self, run: Run, words: list[str], most: float, least: float
    ) -> None:
        found = run("patterns", "--json", "--proc", PROXY, "--", *words).json["patterns"]
        uses = [record["utilization"] for record in found]
        assert uses == sorted(uses, reverse=True)
        assert uses[0] == pytest.approx(most, abs=0.01)
        assert uses[-1] == pytest.approx(least, abs=0.01)

    def test_established_shows_the_sockets_that_pass(self, run: Run) -> None:
        found = run("established", "--json", "--proc", PROXY, "dport", "5432").json["sockets"]
        assert {record["remote_port"] for record in found} == {5432}
        assert len(found) == 40

    def test_time_waits_are_those_of_the_patterns_that_pass(self, run: Run) -> None:
        """Figures over a table that do not fit the table would be taken for it."""
        said = run("timewait", "--json", "--proc", PROXY, "dport", "5432").json
        assert [record["time_wait"] for record in said["patterns"]] == [12_210]
        for key in ("closed_per_second", "freed_per_second"):
            assert sum(said["time_wait"][key]) == said["time_wait"]["count"] == 12_210
        assert "12,210 in TIME-WAIT" in run("timewait", "--proc", PROXY, "dport", "5432").out
        assert "20,385 in TIME-WAIT" in run("timewait", "--proc", PROXY).out

    @pytest.mark.parametrize("name", FILTERED)
    def test_one_that_lets_nothing_pass(self, run: Run, name: str) -> None:
        assert run(name, "--json", "--proc", PROXY, "dport", "1").json[ROWS[name]] == []
        assert run(name, "--proc", PROXY, "dport", "1").code == 0

    @pytest.mark.parametrize("name", FILTERED)
    @pytest.mark.parametrize("words", [["state", "bogus"], ["dport", "http"], ["use", ">"], ["("]])
    def test_one_that_cannot_be_read_is_one_line(
        self, run: Run, name: str, words: list[str], reads: list[Path]
    ) -> None:
        ran = run(name, "--proc", PROXY, *words)
        assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
        assert ran.err.startswith("twtop: filter: ")
        assert reads == []

    @pytest.mark.parametrize("name", sorted({*NAMES} - {*FILTERED}))
    def test_the_others_take_none(self, run: Run, name: str) -> None:
        assert run(name, "--proc", IDLE, "dport", "443").code == 2

    @pytest.mark.parametrize("name", FILTERED)
    def test_help_says_how(self, run: Run, name: str) -> None:
        assert "dst 10.0.0.0/8" in run(name, "--help").out


class TestThreshold:
    @pytest.mark.parametrize("name", ["patterns", "timewait"])
    def test_it_is_where_a_pattern_is_in_violation(
        self, run: Run, name: str, tmp_path: Path
    ) -> None:
        proc = host(tmp_path, tuple_with(200))
        assert "above 40 %" in run(name, "-t", 40, "--proc", proc).out
        assert "above" not in run(name, "-t", 41, "--proc", proc).out

    def test_half_full_is_slow_and_full_is_exhausted(self, run: Run, tmp_path: Path) -> None:
        assert "slow connect()" in run("patterns", "--proc", host(tmp_path, tuple_with(250))).out
        assert "EXHAUSTED" in run("patterns", "--proc", host(tmp_path, tuple_with(500))).out


class TestWhatIsShown:
    def test_listeners_by_port_with_what_waits(self, run: Run, tmp_path: Path) -> None:
        proc = host(tmp_path, [listener(port=443, backlog=7), listener(port=22)])
        lines = [line.split() for line in run("listen", "--proc", proc).out.splitlines()]
        assert lines[1:] == [
            ["Listening", "on", "waiting", "uid"],
            ["0.0.0.0:22", "0", "0"],
            ["0.0.0.0:443", "7", "0"],
        ]

    def test_established_with_queues_and_timer(self, run: Run, tmp_path: Path) -> None:
        sock = Sock(rx_queue=1001, tx_queue=5, timer=1, remaining_ms=200)
        out = run("established", "--proc", host(tmp_path, [sock, waiting(40_001)])).out
        words = re.split("  +", out.splitlines()[-1].strip())
        assert words[:3] == ["ESTABLISHED", "10.0.0.5:40000", "10.0.0.9:443"]
        assert words[3:] == ["0.2 s", "retransmit", "1,001", "5"]

    def test_a_services_port_is_the_remote_one_of_what_goes_out(
        self, run: Run, tmp_path: Path
    ) -> None:
        proc = host(
            tmp_path,
            [
                listener(port=80),
                Sock(local_port=40_001, remote_port=5432),
                Sock(local_port=80, remote_port=50_000),
                Sock(local_port=80, remote_port=50_001),
                Sock(local_port=700, remote_port=53),
            ],
        )
        found = run("per-port", "--json", "--proc", proc).json["ports"]
        assert [(one["port"], one["direction"], one["total"]) for one in found] == [
            (80, "incoming", 2),
            (700, "other", 1),
            (5432, "outgoing", 1),
        ]

    def test_the_schedule_of_time_waits(self, run: Run, tmp_path: Path) -> None:
        proc = host(tmp_path, [*tuple_with(3, 5_000), waiting(40_400, 59_000)])
        lines = [line.split() for line in run("timewait", "--proc", proc).out.splitlines()]
        assert ["0–10", "s", "1", "3"] in lines
        assert ["50–60", "s", "3", "1"] in lines

    def test_it_fits_80_columns(self, run: Run) -> None:
        """Of what has no process and no IPv6 on both ends; longer names need more."""
        for name in NAMES:
            for line in run(name, "--proc", PROXY).out.splitlines():
                assert len(line) <= 80, line


class TestWhatIsMissing:
    """A table that is not whole says so wherever its figures stand."""

    @pytest.mark.parametrize("name", NAMES)
    def test_garbled_lines(self, run: Run, name: str) -> None:
        assert run(name, "--json", "--proc", GARBLED).json["source"]["bad_lines"] == 21
        assert "21 lines unreadable, not counted" in run(name, "--proc", GARBLED).out
        ran = run(name, "--csv", "--proc", GARBLED)
        assert "twtop: 21 lines unreadable, not counted\n" in ran.err
        assert "unreadable" not in ran.out

    @pytest.mark.parametrize("name", NAMES)
    def test_a_table_cut_short(self, run: Run, name: str, tmp_path: Path) -> None:
        proc = cut_short(host(tmp_path, tuple_with(3)))
        assert run(name, "--json", "--proc", proc).json["source"]["complete"] is False
        assert "INCOMPLETE" in run(name, "--proc", proc).out
        assert "INCOMPLETE" in run(name, "--csv", "--proc", proc).err

    @pytest.mark.parametrize("name", NAMES)
    def test_a_whole_one_says_nothing(self, run: Run, name: str) -> None:
        assert "INCOMPLETE" not in run(name, "--proc", PROXY).out
        assert run(name, "--csv", "--proc", PROXY).err == ""


@pytest.mark.parametrize("name", NAMES)
class TestCost:
    @pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
    def test_the_tables_are_read_once(
        self, run: Run, reads: list[Path], name: str, form: list[str]
    ) -> None:
        run(name, *form, "--proc", MIXED)
        assert reads == [MIXED]

    def test_owners_are_looked_for_where_they_are_shown(
        self, run: Run, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        looked: list[Path] = []

        def note(procfs: Path, *, deadline: float) -> Owners:
            looked.append(procfs)
            return Owners({})

        monkeypatch.setattr(reading, "find_owners", note)
        run(name, "--proc", IDLE)
        assert bool(looked) == (name in ("listen", "established", "patterns"))


@pytest.mark.parametrize("name", NAMES)
class TestOptions:
    def test_json_and_csv_exclude_each_other(self, run: Run, name: str, reads: list[Path]) -> None:
        ran = run(name, "--json", "--csv", "--proc", IDLE)
        assert (ran.code, ran.out, reads) == (2, "", [])
        assert ran.err == f"twtop: choose one of --json and --csv (twtop {name} --help)\n"

    @pytest.mark.parametrize("kind", ["proc", "sock_diag"])
    def test_the_source_is_the_one_asked_for(self, run: Run, name: str, kind: str) -> None:
        assert run(name, "--json", "--source", kind).json["source"]["kind"] == kind

    def test_unreadable_tables_are_3(self, run: Run, name: str, tmp_path: Path) -> None:
        ran = run(name, "--json", "--proc", tmp_path)
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
        assert str(tmp_path / "net/tcp") in ran.err


def test_the_csv_has_the_keys_of_the_json(run: Run) -> None:
    for part in PARTS:
        record = run(part.name, "--json", "--proc", MIXED).json[part.rows]
        if part.table is None:
            fields = [one.field if isinstance(one, Counts) else one for one in part.fields]
            assert list(record[0]) == fields
    assert json.loads(run("states", "--json", "--proc", MIXED).out)["states"]["LISTEN"] == 4


@pytest.mark.parametrize("name", ["patterns", "timewait", "established"])
def test_a_filter_without_a_match_is_no_host_without_connections(run: Run, name: str) -> None:
    ran = run(name, "foo", "--proc", PROXY)
    assert (ran.code, "nothing matches the filter" in ran.out) == (0, True)
    assert "no connections" not in ran.out
