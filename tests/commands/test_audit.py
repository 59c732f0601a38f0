"""`twtop audit`: the findings as text, JSON and CSV, and an exit code by the gravest."""

import csv
import io
import json
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import (
    ALL,
    GARBLED,
    IDLE,
    PROXY,
    cut_short,
    fixture,
    host,
    lasting,
    served,
    tuple_with,
)
from tests.tables import Sock, listener
from tui.findings.codes import CODES
from tui.findings.config import Config
from tui.findings.config_file import parse_config

FIELDS = ["code", "severity", "subject", "message", "evidence", "advice"]
CODE = {"info": 0, "warning": 1, "critical": 2}


def configure(home: Path, text: str) -> Path:
    path = home / "config/twtop/config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def codes(run: Run, *arguments: object) -> dict[str, str]:
    """The severity of each code that is found."""
    found = json.loads(run("audit", "--json", *arguments).out)["findings"]
    return {one["code"]: one["severity"] for one in found}


@pytest.mark.parametrize("name", ALL)
class TestContract:
    def test_json_is_the_findings_alone(self, run: Run, name: str) -> None:
        said = json.loads(run("audit", "--json", "--proc", fixture(name)).out)
        assert list(said) == ["schema", "time", "place", "source", "assumed", "findings"]
        for finding in said["findings"]:
            assert list(finding) == [*FIELDS, "remedies"]
            assert [each["what"] in finding["advice"] for each in finding["remedies"]]
            assert finding["code"] in CODES
            assert finding["severity"] in CODE
            assert isinstance(finding["evidence"], dict)
            assert all(
                finding[key] and isinstance(finding[key], str)
                for key in FIELDS
                if key != "evidence"
            )

    def test_the_exit_code_is_the_gravests(self, run: Run, name: str) -> None:
        ran = run("audit", "--json", "--proc", fixture(name))
        severities = [CODE[one["severity"]] for one in json.loads(ran.out)["findings"]]
        assert ran.code == max(severities, default=0)
        assert severities == sorted(severities, reverse=True)
        assert run("audit", "--proc", fixture(name)).code == ran.code
        assert run("audit", "--csv", "--proc", fixture(name)).code == ran.code

    def test_csv_is_the_same(self, run: Run, name: str) -> None:
        said = json.loads(run("audit", "--json", "--proc", fixture(name)).out)["findings"]
        for finding in said:
            del finding["remedies"]  # the advice has them as text
        out = run("audit", "--csv", "--proc", fixture(name)).out
        rows = list(csv.DictReader(io.StringIO(out)))
        assert len({row.pop("time") for row in rows}) <= 1
        found: list[dict[str, object]] = [
            row | {"evidence": json.loads(row["evidence"])} for row in rows
        ]
        assert lasting(found) == lasting(said)
        assert out.splitlines()[0].split(",") == ["time", *FIELDS]

    def test_text_has_every_finding(self, run: Run, name: str) -> None:
        ran = run("audit", "--proc", fixture(name))
        assert ran.err == ""
        for finding in json.loads(run("audit", "--json", "--proc", fixture(name)).out)["findings"]:
            title = f"{finding['severity'].upper()} {finding['code']} · {finding['subject']}"
            assert title in ran.out.splitlines()


class TestVerdict:
    def test_a_full_tuple_is_critical(self, run: Run, tmp_path: Path) -> None:
        ran = run("audit", "--json", "--proc", host(tmp_path, tuple_with(500)))
        first = ran.json["findings"][0]
        assert (ran.code, first["severity"]) == (2, "critical")
        assert first["subject"] == "10.0.0.5 → 10.0.0.9:443"

    def test_eight_tenths_of_one_are_critical_too(self, run: Run, tmp_path: Path) -> None:
        assert run("audit", "--proc", host(tmp_path, tuple_with(800), size=1000)).code == 2

    def test_half_of_one_is_a_warning(self, run: Run, tmp_path: Path) -> None:
        assert run("audit", "--proc", host(tmp_path, tuple_with(250))).code == 1

    def test_five_thousand_at_the_server_are_no_alarm(self, run: Run, tmp_path: Path) -> None:
        ran = run("audit", "--json", "--proc", host(tmp_path, served(5_000)))
        assert ran.code == 0
        assert {one["severity"] for one in ran.json["findings"]} == {"info"}

    def test_nothing_found_is_said(self, run: Run, tmp_path: Path) -> None:
        proc = host(tmp_path)
        assert run("audit", "--proc", proc) == (0, "No findings.\n", "")
        assert run("audit", "--json", "--proc", proc).json["findings"] == []
        assert run("audit", "--csv", "--proc", proc) == (0, ",".join(["time", *FIELDS]) + "\n", "")


class TestThresholds:
    """-t goes before the configuration, and that before the defaults; for every command."""

    COMMANDS = ("report", "patterns", "timewait", "check", "audit")

    def test_they_hold_for_every_command_that_judges(self, run: Run, home: Path) -> None:
        proc = host(home / "proc", tuple_with(150))
        quiet = {name: run(name, "--proc", proc).code for name in self.COMMANDS}
        assert quiet == dict.fromkeys(self.COMMANDS, 0)
        configure(home, "[ports]\nthreshold = 30\n")
        assert {name: run(name, "--proc", proc).code for name in ("check", "audit")} == {
            "check": 2,
            "audit": 2,
        }
        for name in ("report", "patterns", "timewait"):
            assert "above 30 %" in run(name, "--proc", proc).out
            assert " %" not in run(name, "-t", 31, "--proc", proc).out
        for name in ("check", "audit"):
            assert run(name, "-t", 31, "--proc", proc).code == 0

    def test_what_judges_nothing_needs_no_configuration(self, run: Run, home: Path) -> None:
        configure(home, "nonsense")
        for name in ("states", "listen", "established", "per-ip", "per-port"):
            assert run(name, "--proc", IDLE).code == 0
        for name in self.COMMANDS:
            assert run(name, "--proc", IDLE).code == {"check": 3, "audit": 64}.get(name, 2)

    @pytest.mark.parametrize(
        ("text", "named"),
        [
            ("nonsense", "not TOML"),
            ("[ports]\nthreshhold = 3\n", "ports.threshhold"),
            ('[ports]\nthreshold = "x"\n', "ports.threshold"),
            ('[[silence]]\ncode = "bogus"\n', "silence[1].code"),
        ],
    )
    @pytest.mark.parametrize("name", ["audit", "report", "patterns", "bundle"])
    def test_a_garbled_one_is_one_line_with_file_and_key(
        self, run: Run, home: Path, reads: list[Path], name: str, text: str, named: str
    ) -> None:
        path = configure(home, text)
        file = [home / "x.tar.gz"] if name == "bundle" else []
        ran = run(name, *file, "--proc", IDLE)
        refused = 64 if name == "audit" else 2
        assert (ran.code, ran.out, ran.err.count("\n"), reads) == (refused, "", 1, [])
        assert ran.err.startswith(f"twtop: {path}: ")
        assert named in ran.err
        assert not (home / "x.tar.gz").exists()


class TestSilence:
    def test_what_is_silenced_is_not_found(self, run: Run, home: Path) -> None:
        proc = host(home / "proc", tuple_with(500))
        found = codes(run, "--proc", proc)
        configure(home, "".join(f'[[silence]]\ncode = "{code}"\n' for code in found))
        assert run("audit", "--proc", proc).code == 0
        assert codes(run, "--proc", proc) == {}

    def test_by_subject(self, run: Run, home: Path) -> None:
        busy = [
            Sock(local_port=40_000 + port, remote=f"10.0.0.{last}")
            for last in (7, 8)
            for port in range(500)
        ]
        proc = host(home / "proc", busy)
        (code,) = {
            code for code, gravity in codes(run, "--proc", proc).items() if gravity == "critical"
        }
        configure(home, f'[[silence]]\ncode = "{code}"\nsubject = "* → 10.0.0.7:443"\n')
        findings = json.loads(run("audit", "--json", "--proc", proc).out)["findings"]
        assert [one["subject"] for one in findings if one["code"] == code] == [
            "10.0.0.5 → 10.0.0.8:443"
        ]


class TestShowConfig:
    def test_it_is_toml_with_all_the_defaults(self, run: Run) -> None:
        code, out, err = run("audit", "--example-config")
        assert (code, err) == (0, "")
        assert parse_config(out, CODES) == Config()
        assert tomllib.loads(out)["ports"]["threshold"] == 80

    def test_its_schema_takes_it(self, run: Run) -> None:
        schema = json.loads(run("audit", "--show-config", "--json").out)
        jsonschema.validate(tomllib.loads(run("audit", "--example-config").out), schema)
        assert schema["properties"]["silence"]["items"]["properties"]["code"]["enum"] == [*CODES]

    def test_it_helps_where_the_present_one_is_garbled(self, run: Run, home: Path) -> None:
        configure(home, "nonsense")
        assert run("audit", "--example-config").code == 0
        assert run("audit", "--show-config").code == 64  # nothing is in force then

    def test_what_is_in_force_and_where_it_is_from(self, run: Run, home: Path) -> None:
        text = '[screen]\ninterval = 2\n[keys]\napp.freeze = "f9"\n'
        text += '[[silence]]\ncode = "listener-in-range"\nsubject = "a\\"b"\n'
        path = configure(home, text)
        code, out, err = run("audit", "--show-config", "-t", 33)
        assert (code, err) == (0, "")
        assert parse_config(out, CODES) == parse_config(text, CODES).with_threshold(33)
        said = {line.split(" = ")[0]: line.rpartition("# ")[2] for line in out.splitlines()}
        assert (said["threshold"], said["interval"]) == ("command line", str(path))
        assert "default" in said.values()


def listening(*ports: int) -> Iterable[Sock]:
    return [listener(port=port, inode=port) for port in ports]


class TestBaseline:
    def test_a_listener_that_was_not_there_is_found(self, run: Run, home: Path) -> None:
        before, after = host(home / "a", listening(22)), host(home / "b", listening(22, 4444))
        assert "new-listener" not in codes(run, "--proc", after)
        ran = run("audit", "--save-baseline", "--proc", before)
        path = home / "state/twtop/listeners.json"
        assert ran == (0, f"1 listener saved in {path}\n", "")
        assert "new-listener" in codes(run, "--proc", after)
        assert "0.0.0.0:4444" in run("audit", "--proc", after).out
        assert "new-listener" not in codes(run, "--proc", before)

    def test_it_may_be_any_file(self, run: Run, home: Path) -> None:
        before, after = host(home / "a"), host(home / "b", listening(4444))
        path = home / "deep/er/saved.json"
        ran = run("audit", "--save-baseline", "--baseline", path, "--proc", before)
        assert ran == (0, f"0 listeners saved in {path}\n", "")
        assert "new-listener" in codes(run, "--baseline", path, "--proc", after)
        assert "new-listener" not in codes(run, "--proc", after)

    @pytest.mark.parametrize("text", ["", "nonsense", "{}", '{"schema": "twtop.listeners/1"}'])
    def test_a_garbled_one_is_one_line_with_the_file(
        self, run: Run, home: Path, reads: list[Path], text: str
    ) -> None:
        path = home / "saved.json"
        path.write_text(text)
        ran = run("audit", "--baseline", path, "--proc", IDLE)
        assert (ran.code, ran.out, ran.err.count("\n"), reads) == (64, "", 1, [])
        assert ran.err.startswith(f"twtop: {path}: ")

    def test_one_that_cannot_be_written(self, run: Run, home: Path) -> None:
        (home / "file").touch()
        ran = run("audit", "--save-baseline", "--baseline", home / "file/x", "--proc", IDLE)
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1), "1 is a warning"
        assert str(home / "file/x") in ran.err

    def test_one_that_is_named_must_be_there(self, run: Run, home: Path, reads: list[Path]) -> None:
        """Else a mistyped name would never tell of a new listener."""
        path = home / "mistyped.json"
        ran = run("audit", "--baseline", path, "--proc", IDLE)
        assert (ran.code, ran.out, ran.err.count("\n"), reads) == (64, "", 1, [])
        assert ran.err.startswith(f"twtop: {path}: no such file")

    def test_only_its_owner_may_read_it_and_no_link_is_followed(self, run: Run, home: Path) -> None:
        precious, link = home / "precious", home / "saved.json"
        precious.write_text("precious")
        link.symlink_to(precious)
        assert run("audit", "--save-baseline", "--baseline", link, "--proc", IDLE).code == 0
        assert precious.read_text() == "precious"
        assert stat.filemode(link.lstat().st_mode) == "-rw-------"

    def test_saving_over_a_garbled_one_is_the_cure(self, run: Run, home: Path) -> None:
        path = home / "saved.json"
        path.write_text("nonsense")
        assert run("audit", "--save-baseline", "--baseline", path, "--proc", IDLE).code == 0
        assert run("audit", "--baseline", path, "--proc", IDLE).code == 0


class TestSurroundings:
    def test_the_tables_are_read_once(self, run: Run, reads: list[Path]) -> None:
        run("audit", "--proc", PROXY)
        assert reads == [PROXY]

    @pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
    def test_a_table_that_is_not_whole_is_said(
        self, run: Run, tmp_path: Path, form: list[str]
    ) -> None:
        cut = run("audit", *form, "--proc", cut_short(host(tmp_path, tuple_with(3))))
        garbled = run("audit", *form, "--proc", GARBLED)
        assert "INCOMPLETE" in (cut.err if form else cut.out)
        assert "21 lines unreadable" in (garbled.err if form else garbled.out)

    @pytest.mark.parametrize("cut", [True, False])
    def test_of_a_table_that_is_not_whole_it_is_never_said_that_there_is_nothing_to_say(
        self, run: Run, home: Path, cut: bool
    ) -> None:
        configure(home, "".join(f'[[silence]]\ncode = "{code}"\n' for code in CODES))
        ran = run("audit", "--proc", cut_short(host(home / "proc")) if cut else GARBLED)
        assert (ran.code, ran.err) == (0, "")
        assert "No findings." not in ran.out
        assert "Nothing is known about the rest" in " ".join(ran.out.split())

    @pytest.mark.parametrize(
        "form", [[], ["--json"], ["--csv"], ["--save-baseline"], ["--show-config"]]
    )
    def test_what_cannot_be_written_is_no_warning(self, home: Path, form: list[str]) -> None:
        argv = [sys.executable, "-m", "tui", "audit", *form, "--proc", str(IDLE)]
        with Path("/dev/full").open("wb") as full:
            ran = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, check=False)
        assert (ran.returncode, ran.stderr) == (3, b"twtop: stdout: No space left on device\n")

    def test_it_fits_the_terminal(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        """Commands stay whole, for copying."""
        for columns in (60, 80, 300):
            monkeypatch.setenv("COLUMNS", str(columns))
            lines = run("audit", "--proc", PROXY).out.splitlines()
            longest = max(len(line) for line in lines if not line.startswith("    $ "))
            assert longest <= min(columns, 100)

    @pytest.mark.parametrize("form", [["--json", "--csv"], ["--bogus"], ["bogus"]])
    def test_wrong_options(self, run: Run, form: list[str]) -> None:
        ran = run("audit", *form)
        assert (ran.code, ran.out, ran.err.count("\n")) == (64, "", 1)

    def test_unreadable_tables_are_3(self, run: Run, tmp_path: Path) -> None:
        ran = run("audit", "--proc", tmp_path)
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
