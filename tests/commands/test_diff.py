"""Two moments, and what differs between them."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.tables import FIXTURES, NOW, Sock, reading, rules, table, waiting
from tui.cli import cli
from tui.recording.recorder import Recorder
from tui.watching.watch import Watch


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "r.twtop"
    recorder, watch = Recorder(path), Watch()
    steady = [Sock(local_port=50000 + n, remote="10.0.0.7") for n in range(3)]
    for second, (held, high) in enumerate(((10, 40999), (400, 40999), (900, 40949))):
        held_now = [waiting(40000 + port) for port in range(held)]
        extra = [Sock(local_port=45000, remote="10.0.0.8")] if second == 2 else []
        taken = table(*held_now, *steady, *extra)
        recorder.take(watch.take(reading(taken, rules(40000, high), time=NOW + 60 * second)))
    recorder.close()
    return path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["diff", *arguments])
    return result.exit_code, result.output


def test_two_times_of_one_recording(recorded: Path) -> None:
    code, out = run(str(recorded), "--at", "-120s", "--at", "-0s", "--json")
    assert code == 1
    told = json.loads(out)
    assert told["states"] == {"ESTABLISHED": [3, 4], "TIME_WAIT": [10, 900]}
    assert told["sysctls"] == {"net.ipv4.ip_local_port_range": ["40000 40999", "40000 40949"]}
    (changed,) = told["patterns"]["changed"]
    assert changed["remote_ip"] == "10.0.0.9"
    assert changed["in_use"] == [10, 900]
    assert [one["remote_ip"] for one in told["patterns"]["came"]] == ["10.0.0.8"]
    assert told["patterns"]["gone"] == []
    assert told["findings"]["came"]
    code, out = run(str(recorded), "--at", "-120s", "--at", "-0s")
    assert code == 1
    assert "10 -> 900" in out
    assert "10.0.0.8" in out


def test_the_same_does_not_differ(recorded: Path) -> None:
    assert run(str(recorded), "--at", "-60s", "--at", "-60s")[0] == 0
    copy = str(FIXTURES / "6.18-proxy/proc")
    assert run(copy, copy)[0] == 0


def test_reports_and_copies_are_sides_too(tmp_path: Path, recorded: Path) -> None:
    reports = []
    for name in ("6.18-proxy", "6.18-every-state"):
        copy = FIXTURES / name / "proc"
        result = CliRunner().invoke(cli, ["--proc", str(copy), "report", "--json"])
        reports.append(tmp_path / f"{name}.json")
        reports[-1].write_text(result.stdout)
    code, out = run(*map(str, reports), "--json")
    assert code == 1
    from_copies = run(
        str(FIXTURES / "6.18-proxy/proc"), str(FIXTURES / "6.18-every-state/proc"), "--json"
    )
    assert json.loads(out)["patterns"] == json.loads(from_copies[1])["patterns"]
    assert run(str(recorded), str(reports[0]))[0] == 1


def test_a_report_through_a_pipe_is_a_side_too(recorded: Path) -> None:
    """As `diff <(ssh web-1 twtop report --json) night.twtop` has it."""
    report = CliRunner().invoke(cli, ["report", "--json", "--from", str(recorded)]).stdout
    reading, writing = os.pipe()

    def write() -> None:
        os.write(writing, report.encode())
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert run(f"/dev/fd/{reading}", str(recorded)) == run(str(recorded), str(recorded))
    finally:
        writer.join()
        os.close(reading)


def test_a_pipe_that_nobody_writes_to_does_not_hold_it_up(
    tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.writing.files.ABSENT_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    code, out = run(str(tmp_path / "pipe"), str(recorded))
    assert (code, out.count("\n")) == (3, 1)
    assert "pipe" in out


def test_what_only_counts_is_no_setting(tmp_path: Path) -> None:
    """fs.file-nr differs from one moment to the next whatever anybody does."""
    sides = []
    for name, value in (("before", "900"), ("after", "901")):
        copy = tmp_path / name
        shutil.copytree(FIXTURES / "6.18-proxy/proc", copy)
        (copy / "sys/fs").mkdir(parents=True, exist_ok=True)
        (copy / "sys/fs/file-nr").write_text(f"{value}\t0\t9000\n")
        sides.append(str(copy))
    code, out = run(*sides, "--json")
    assert (code, json.loads(out)["sysctls"]) == (0, {})


def test_what_it_takes_is_said_without_options_that_it_has_not(tmp_path: Path) -> None:
    (tmp_path / "junk.bin").write_text("junk")
    (tmp_path / "empty").mkdir()
    for name in ("none", "junk.bin", "empty"):
        code, out = run(str(tmp_path / name), str(tmp_path))
        assert (code, out.count("\n")) == (3, 1)
        assert str(tmp_path / name) in out
        assert "report --json" in out
        for option in ("--proc", "--source"):
            assert option not in out


def test_runs_are_compared_by_their_recordings(tmp_path: Path) -> None:
    told = tmp_path / "run.json"
    told.write_text('{"schema": "twtop.run/1"}')
    code, out = run(str(told), str(told))
    assert code == 3
    assert "run --out" in out


def test_what_is_neither_is_said(tmp_path: Path, recorded: Path) -> None:
    junk = tmp_path / "junk.json"
    junk.write_text('{"schema": "other"}')
    assert run(str(junk), str(junk))[0] == 3
    assert run(str(tmp_path / "no.twtop"), str(recorded))[0] == 3
    assert run(str(recorded))[0] == 2
    assert run(str(recorded), "--at", "03:12")[0] == 2
    assert run(str(recorded), "--at", "-1s", "--at", "-9d")[0] == 2
    cut = tmp_path / "cut.json"
    cut.write_text('{"schema": "twtop.report/1", "states": {}}')
    assert run(str(cut), str(cut))[0] == 3
