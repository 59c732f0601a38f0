"""Standard streams that are closed or full: what a cron job or a daemon may start twtop with."""

import shlex
import subprocess

import pytest

from tests.e2e.terminal import ROOT, TWTOP
from tests.patience import limit
from tests.tables import FIXTURES

PROC = FIXTURES / "6.18-proxy" / "proc"


def shell(arguments: str, redirections: str) -> tuple[int, str, str]:
    command = f"exec {shlex.join(TWTOP)} {arguments} {redirections}"
    ran = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=limit(),
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


@pytest.mark.parametrize("arguments", ["", "demo"])
def test_the_dashboard_without_stdin_asks_for_a_terminal(arguments: str) -> None:
    code, out, err = shell(arguments, "<&-")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "needs a terminal" in err


def test_a_closed_stderr_changes_nothing() -> None:
    code, out, _ = shell(f"states --csv --proc {PROC}", "2>&-")
    assert (code, out.splitlines()[0]) == (0, "time,state,count")


@pytest.mark.parametrize("arguments", ["--version", "report --help"])
def test_a_help_that_cannot_be_written_is_one_line(arguments: str) -> None:
    assert shell(arguments, ">/dev/full") == (1, "", "twtop: stdout: No space left on device\n")


@pytest.mark.parametrize("arguments", ["--proc check report --bogus", "patterns check --bogus"])
def test_only_check_is_a_plugin(arguments: str) -> None:
    code, out, err = shell(arguments, "")
    assert (code, out) == (2, "")
    assert "--bogus" in err
