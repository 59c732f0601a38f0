"""The import name: `twtop` is the API, whoever else calls something `tui`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tables import FIXTURES
from tui import api
from tui.commands.options import Settings
from tui.commands.run import dashboard_line

PROXY = FIXTURES / "6.18-proxy/proc"
LOOK = f"twtop.patterns(twtop.snapshot(proc={str(PROXY)!r}))[0]['in_use']"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A folder where somebody's own `tui` is found before any other."""
    package = tmp_path / "tui"
    package.mkdir()
    (package / "__init__.py").write_text("WHOSE = 'theirs'\n")
    (package / "kernel.py").write_text("WHOSE = 'theirs too'\n")
    return tmp_path


def ran(folder: Path, *arguments: str) -> str:
    """What a Python in that folder prints, which is on its path before all else."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


@pytest.mark.parametrize(
    "imports", ["import tui, tui.kernel, twtop", "import twtop, tui, tui.kernel"]
)
def test_a_program_may_have_a_tui_of_its_own(foreign: Path, imports: str) -> None:
    program = f"{imports}; print(tui.WHOSE, tui.kernel.WHOSE, {LOOK})"
    assert ran(foreign, "-c", program) == "theirs theirs too 12250"


def test_all_that_is_loaded_later_is_ours_too(foreign: Path) -> None:
    """A moment loads parts that a frame has no use for; so does each command."""
    program = (
        f"import sys, twtop; next(twtop.watch(proc={str(PROXY)!r}));"
        "print('tui' in sys.modules, 'twtop.watching.watch' in sys.modules)"
    )
    assert ran(foreign, "-c", program) == "False True"


@pytest.mark.parametrize(
    "command",
    [
        ["-m", "twtop"],
        [str(Path(sys.executable).with_name("twtop"))],
    ],
)
def test_the_command(foreign: Path, command: list[str]) -> None:
    said = ran(foreign, *command, "patterns", "--csv", "--proc", str(PROXY))
    assert "12250" in said.splitlines()[1].split(",")


def test_what_a_command_starts_is_ours_whatever_lies_around(foreign: Path) -> None:
    """`run --live` and `serve` start dashboards where the user is, who may be root."""
    line = dashboard_line(Settings(threshold=60))
    assert line[-2:] == ["-t", "60"]
    ended = subprocess.run([*line, "--version"], cwd=foreign, capture_output=True, check=True)
    assert ended.stdout.startswith(b"twtop, version")


def test_both_names_have_the_same(tmp_path: Path) -> None:
    program = (
        "import tui, twtop; assert dir(tui) == dir(twtop) == sorted(twtop.__all__);"
        "assert tui.__doc__ == twtop.__doc__; print(twtop.__version__ == tui.__version__)"
    )
    assert ran(tmp_path, "-c", program) == "True"
    for module in ("tui", "twtop"):
        assert ran(tmp_path, "-m", module, "--version").startswith("twtop, version")


def test_the_package_alone_loads_nothing(tmp_path: Path) -> None:
    program = "import sys, twtop; print(*{'numpy', 'twtop.api'} & set(sys.modules))"
    assert ran(tmp_path, "-c", program) == ""


def test_its_help_describes_each(tmp_path: Path) -> None:
    """With what threads may do, and what it costs."""
    shown = ran(tmp_path, "-c", "import twtop; help(twtop)")
    assert all(f" {name}" in shown for name in api.__all__)
    assert "Threads" in shown
    assert "Cost" in shown
