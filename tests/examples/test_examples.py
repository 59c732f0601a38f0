"""The programs of this folder: they run, and type checkers find what is misspelt in them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from twtop import Moment, watch

from tests.commands.hosts import PROXY, host, tuple_with
from tests.examples.poller import tell
from tests.patience import limit

HERE = Path(__file__).parent
PROGRAMS = sorted(
    path for path in HERE.glob("*.py") if path.stem.partition("_")[0] not in ("", "test")
)
MISSPELT = {
    "in_a_loop": ("in_use", "in_sue"),
    "poller": ("connectable", "conectable"),
    "with_pandas": ("count", "cuont"),
}
"""A key of each program's, and one that there is not."""
CHECKERS = {
    "mypy": ["--strict", "--config-file=", "--cache-dir=.cache"],
    "pyright": ["--pythonpath", sys.executable],
}


def ran(*arguments: object, folder: Path = HERE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        timeout=limit(),
        check=False,
    )


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (("poller", PROXY, 1), r"10\.0\.0\.9:5432: 15982 ports left, 12210 in TIME-WAIT\n"),
        (("in_a_loop", PROXY), r"10\.0\.0\.9: 12250 of 28232 ports\n"),
        (("with_pandas", PROXY), r"20385 in TIME-WAIT; .*\n(.*\n)+5432 +12210 +4\.92 +58\.96\n"),
    ],
)
def test_it_runs(program: tuple[object, ...], said: str) -> None:
    if program[0] == "with_pandas":
        pytest.importorskip("pandas")
    ended = ran(HERE / f"{program[0]}.py", *program[1:])
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.match(said, ended.stdout), ended.stdout


def test_an_alert_is_told_once_and_so_is_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    proc, full, fine = host(tmp_path, tuple_with(500)), tuple_with(500), tuple_with(100)

    def moments() -> Iterator[Moment]:
        for socks in (fine, full, full, fine, full):
            host(tmp_path, socks)
            yield next(watch(proc=proc))

    tell(moments())
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[2] for line in told] == [
        "0 ports left, 500 in TIME-WAIT",
        "enough again",
        "0 ports left, 500 in TIME-WAIT",
    ]


@pytest.mark.parametrize("checker", CHECKERS)
def test_a_type_checker_finds_the_misspelt_key_and_nothing_else(
    checker: str, tmp_path: Path
) -> None:
    if find_spec(checker) is None:
        pytest.skip(f"{checker} is not installed: pip install '.[test-more]'")
    assert MISSPELT.keys() == {path.stem for path in PROGRAMS}
    for path in PROGRAMS:
        right, wrong = MISSPELT[path.stem]
        text = path.read_text()
        assert f"['{right}']" in text.replace('"', "'")
        (tmp_path / path.name).write_text(text)
        spelt = re.sub(rf"\[(['\"]){right}\1\]", rf"[\1{wrong}\1]", text)
        (tmp_path / f"misspelt_{path.name}").write_text(spelt)
    ended = ran("-m", checker, *CHECKERS[checker], *sorted(tmp_path.glob("*.py")), folder=tmp_path)
    errors = [line for line in ended.stdout.splitlines() if "error:" in line]
    assert ended.returncode == 1, ended.stdout + ended.stderr
    for path in PROGRAMS:
        assert any(f"misspelt_{path.name}" in line for line in errors), errors
        assert f'"{MISSPELT[path.stem][1]}"' in ended.stdout
    assert all("misspelt_" in line for line in errors), errors
