"""What a command loads, and what it does not: each library is paid for at every start.

`check` runs each minute on every host, and --version and --help are asked for by hand: a line
here that needs one library more is a decision, not an accident.
"""

import os
import socket
import subprocess
import sys

import pytest

from tests.tables import FIXTURES

LIBRARIES = {
    *("numpy", "psutil", "pyroute2", "textual", "rich", "plotext"),
    *("jsonschema", "prometheus_client", "tomllib"),
}
OWN = {"tui.findings", "tui.findings.rules", "tui.dashboard", "tui.lab"}
"""Parts of twtop that not every command has a use for."""
PROC = f"--proc={FIXTURES / '6.18-proxy/proc'}"

NUMPY = {"numpy"}
PSUTIL = {"psutil"}  # walks the live /proc alone: a copy has nobody to ask
SETTINGS = {"tui.findings"}
RULES = SETTINGS | {"tui.findings.rules"}

LOADS: dict[str, set[str]] = {
    "--version": set(),
    "--help": set(),
    "bogus": set(),
    f"{PROC}": set(),  # the dashboard, which here has no terminal
    f"wait --below=90 {PROC}": NUMPY,
    f"plan {PROC}": NUMPY,
    f"check -w=90 -c=90 {PROC}": NUMPY | SETTINGS,
    f"check --also=findings {PROC}": NUMPY | RULES,
    f"report --json {PROC}": NUMPY,
    "report --json": NUMPY | PSUTIL,
    f"report {PROC}": NUMPY | SETTINGS,
    f"patterns {PROC}": NUMPY | SETTINGS,
    f"watch -n=1 {PROC}": NUMPY | RULES,
    f"places {PROC}": NUMPY | RULES,
    f"audit {PROC}": NUMPY | RULES,
    "sources turn 10.0.0.21 --dev=eth0": NUMPY,
    "free --dst=10.0.0.9:5432": NUMPY,  # nobody is there to ask
    f"metrics {PROC}": NUMPY | RULES | {"prometheus_client"},
    "metrics --rules": NUMPY | RULES,
}
"""By command line: all that it loads of those above."""


def loaded(program: str, *arguments: str) -> set[str]:
    """The modules that a Python of its own has loaded at the end of a program."""
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.DEVNULL,
        env=os.environ | {"XDG_CONFIG_HOME": "/nowhere"},  # most hosts have no settings
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    *_, last = ended.stderr.splitlines()
    mark, *modules = last.split()
    assert mark == "loaded:", ended.stderr
    return set(modules)


@pytest.mark.parametrize("line", LOADS)
def test_what_a_command_loads(line: str) -> None:
    program = (
        "import sys; from tui.cli import main\n"
        "try: main()\n"
        "finally: print('loaded:', *sys.modules, file=sys.stderr)"
    )
    with socket.socket():  # at least this process has one, whose owner is asked for
        assert loaded(program, *line.split()) & (LIBRARIES | OWN) == LOADS[line]


@pytest.mark.parametrize(
    ("module", "libraries"),
    [
        ("tui", set()),
        ("tui.api", NUMPY),
        # plotext comes with the first chart, after the first paint.
        ("tui.commands.dashboard", NUMPY | {"textual", "rich"}),
        # No NumPy, which starts threads: a process that has some may enter no user namespace.
        ("tui.commands.demo", {"pyroute2", "psutil"}),
        ("tui.commands.fleet", NUMPY),
        ("tui.commands.refusals", NUMPY),
        ("tui.commands.simulate", NUMPY | {"pyroute2", "psutil"}),
    ],
)
def test_what_a_module_loads(module: str, libraries: set[str]) -> None:
    program = f"import sys, {module}; print('loaded:', *sys.modules, file=sys.stderr)"
    assert loaded(program) & LIBRARIES == libraries
