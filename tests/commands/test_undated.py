"""A copy that does not say when it was made: nothing takes the present for its date."""

import csv
import io
import json
import os
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import host, tuple_with
from tests.tables import PLACE, reading, table, waiting
from tui.recording.recorder import Recorder
from tui.watching.watch import Watch
from tui.writing.words import utc

MADE = 1_700_000_000


@pytest.fixture
def undated(tmp_path: Path) -> Path:
    """As unpacked from an archive that is the same whoever makes it."""
    root = host(tmp_path, tuple_with(100, 59_900))
    os.utime(root / "net/tcp", (0, 0))
    return root


def this_year(text: str) -> bool:
    return f"{datetime.now(UTC):%Y-}" in text


def test_all_that_is_printed_of_it_has_no_date(run: Run, undated: Path) -> None:
    for command in (["report"], ["audit"], ["timewait"]):
        text = run(*command, "--proc", undated).out
        assert "does not say when it was made" in text
        assert not this_year(text)
    for command in (["report"], ["audit"], ["timewait"], ["plan", "--rate", "5"]):
        told = run(*command, "--json", "--proc", undated).out
        assert json.loads(told)["time"] is json.loads(told)["source"]["unix_time"] is None
        assert not this_year(told)
    for command in (["timewait"], ["audit"]):
        rows = list(csv.DictReader(io.StringIO(run(*command, "--csv", "--proc", undated).out)))
        assert {row["time"] for row in rows} <= {""}


def test_nor_has_a_bundle_of_it(run: Run, tmp_path: Path, undated: Path) -> None:
    assert run("bundle", tmp_path / "a.tar.gz", "--proc", undated).code == 0
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        archive.extractall(tmp_path / "out", filter="data")
    about = tmp_path / "out/a/about.json"
    assert json.loads(about.read_text())["time"] is None
    assert not any(this_year(file.read_text()) for file in about.parent.glob("*.*"))
    os.utime(about.parent / "proc/net/tcp")  # as when copied by somebody
    assert run("report", "--json", "--proc", about.parent / "proc").json["time"] is None


def test_two_of_them_differ_in_what_they_show(run: Run, tmp_path: Path, undated: Path) -> None:
    assert "unknown date" in run("diff", undated, undated).out
    (tmp_path / "old.json").write_text(run("report", "--json", "--proc", undated).out)
    os.utime(undated / "net/tcp", (MADE, MADE))
    told = run("diff", tmp_path / "old.json", undated, "--json").json
    assert (told["times"], told["time"]) == ([None, utc(MADE)], utc(MADE))


@pytest.mark.parametrize("made", [MADE, None])
def test_nor_one_that_was_recorded(run: Run, tmp_path: Path, made: float | None) -> None:
    """When somebody looked at it and recorded that is not when it was made."""
    recorder = Recorder(tmp_path / "r.twtop")
    copy = replace(reading(table(waiting(40_000))), place=replace(PLACE, kind="copy"), made=made)
    recorder.take(Watch().take(copy))
    recorder.close()
    told = run("report", "--json", "--from", tmp_path / "r.twtop").json["time"]
    assert told == (None if made is None else utc(made))
