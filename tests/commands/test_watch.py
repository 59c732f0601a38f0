"""`twtop watch`: a line of JSON per interval, for as long as somebody reads."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import ALL, GARBLED, PROXY, fixture, host, tuple_with
from tests.patience import limit

ADDED = ("growth", "seconds_left", "outlook")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", ALL)
def test_every_fixture_has_the_reports_figures(run: Run, name: str) -> None:
    ran = run("watch", "-n", 1, "--top", 1000, "--proc", fixture(name))
    assert (ran.code, ran.err) == (0, "")
    (line,) = lines(ran.out)
    report = run("report", "--json", "--proc", fixture(name)).json
    assert list(line) == [
        "schema",
        "time",
        "place",
        "source",
        "assumed",
        "states",
        "time_wait",
        "patterns",
    ]
    assert line["schema"] == "twtop.watch/1"
    assert line["states"] == report["states"]
    patterns = [
        {key: value for key, value in one.items() if key not in ADDED} for one in line["patterns"]
    ]
    assert patterns == report["patterns"]


class TestLines:
    def test_there_are_as_many_as_asked_for(self, run: Run) -> None:
        began = time.monotonic()
        ran = run("watch", "-n", 4, "-i", 0.1, "--proc", PROXY)
        assert (ran.code, ran.err, len(lines(ran.out))) == (0, "", 4)
        assert time.monotonic() - began >= 0.3
        times = [line["source"]["unix_time"] for line in lines(ran.out)]
        assert times == sorted(set(times))

    @pytest.mark.parametrize(("top", "count"), [(0, 0), (3, 3), (10, 10), (99, 24)])
    def test_the_fullest_patterns_are_in_them(self, run: Run, top: int, count: int) -> None:
        (line,) = lines(run("watch", "-n", 1, "--top", top, "--proc", PROXY).out)
        assert len(line["patterns"]) == count
        used = [pattern["in_use"] for pattern in line["patterns"]]
        assert used == sorted(used, reverse=True)

    def test_ten_by_default(self, run: Run) -> None:
        assert len(lines(run("watch", "-n", 1, "--proc", PROXY).out)[0]["patterns"]) == 10

    def test_a_line_says_what_of_the_table_is_missing(self, run: Run) -> None:
        assert lines(run("watch", "-n", 1, "--proc", GARBLED).out)[0]["source"]["bad_lines"] == 21

    @pytest.mark.parametrize(
        "arguments", [["-n", 0], ["-n", "x"], ["--top", -1], ["-i", 0], ["--csv"]]
    )
    def test_wrong_options(self, run: Run, reads: list[Path], arguments: list[object]) -> None:
        ran = run("watch", *arguments)
        assert (ran.code, ran.out, ran.err.count("\n"), reads) == (2, "", 1, [])

    def test_unreadable_tables_are_3(self, run: Run, tmp_path: Path) -> None:
        ran = run("watch", "--proc", tmp_path)
        assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)


class Watching:
    """`twtop watch` as a process, and its lines as they come."""

    def __init__(self, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tui", "watch", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> dict[str, Any]:
        """The next line."""
        assert self.process.stdout is not None
        assert select.select([self.process.stdout], [], [], limit())[0], "no line came"
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def end(self) -> tuple[int, str]:
        """The exit code and what it said on stderr."""
        assert self.process.stderr is not None
        code = self.process.wait(limit())
        return code, self.process.stderr.read()


@contextmanager
def watching(*arguments: object) -> Iterator[Watching]:
    made = Watching(*arguments)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


class TestTrends:
    def test_growth_begins_with_the_second_line(self, tmp_path: Path) -> None:
        with watching("-i", 0.5, "--proc", host(tmp_path, tuple_with(100, 59_900))) as seen:
            first = seen.line()
            assert first["time_wait"]["growth"] is None
            assert first["patterns"][0]["growth"] is None
            assert first["patterns"][0]["seconds_left"] is None  # a burst is no trend
            host(tmp_path, tuple_with(200, 59_900))
            came = [first]
            while came[-1]["patterns"][0]["in_use"] < 200:  # a busy machine is long at writing it
                came.append(seen.line())
            came.append(seen.line())
        second, third = came[-2:]
        growing = max(second["patterns"][0]["growth"], third["patterns"][0]["growth"])
        # A hundred more between two lines, whose times tell how far apart they are.
        times = [line["source"]["unix_time"] for line in came]
        apart = [later - earlier for earlier, later in pairwise(times)]
        assert 100 / sum(apart) * 0.9 < growing < 100 / min(apart) * 1.1
        assert second["time_wait"]["growth"] > 0

    def test_a_line_is_not_kept_back(self, tmp_path: Path) -> None:
        """Whoever reads a pipe gets each line when it is written."""
        with watching("-i", 3600, "--proc", host(tmp_path)) as seen:
            assert seen.line()["states"]["LISTEN"] == 0


class TestEnding:
    def test_it_ends_when_nobody_reads_on(self) -> None:
        """At once, not at the next line, which may be an hour away."""
        with watching("-i", 3600, "--proc", PROXY) as seen:
            seen.line()
            assert seen.process.stdout is not None
            seen.process.stdout.close()
            assert seen.end() == (0, "")
            seen.process.stdout = None

    def test_head(self) -> None:
        shell = 'set -o pipefail; "$0" -m tui watch -i 0.1 --proc "$1" | head -1'
        ended = subprocess.run(
            ["bash", "-c", shell, sys.executable, PROXY],
            capture_output=True,
            text=True,
            check=False,
            timeout=limit(),
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert len(lines(ended.stdout)) == 1

    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)]
    )
    def test_signals_end_it_quietly(self, number: signal.Signals, code: int) -> None:
        with watching("-i", 3600, "--proc", PROXY) as seen:
            seen.line()
            seen.process.send_signal(number)
            ended, said = seen.end()
            assert (ended, said.strip()) == (code, "")

    def test_a_file_is_written_until_it_is_told_to_stop(self, tmp_path: Path) -> None:
        """Only a pipe can be left by its reader."""
        path = tmp_path / "lines"
        with path.open("w") as file:
            ended = subprocess.run(
                [sys.executable, "-m", "tui", "watch", "-n", "3", "-i", "0.1", "--proc", PROXY],
                stdout=file,
                stderr=subprocess.PIPE,
                check=False,
                timeout=limit(),
                env=os.environ,
            )
        assert (ended.returncode, ended.stderr, len(lines(path.read_text()))) == (0, b"", 3)
