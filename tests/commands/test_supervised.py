"""check answers also where its process cannot: run as monitoring systems run it."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.hosts import host, tuple_with

DIES = """
import os, sys
sys.argv = ["twtop", "check", "--proc", {proc!r}]
from tui import cli
from tui.commands import supervised
def dies(): {how}
supervised.supervised(dies)
"""


def ran(*command: object, memory: int | None = None) -> tuple[int, str]:
    def limited() -> None:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limited,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("os._exit(1)", "exit code 1"),
        ("os._exit(0)", "exit code 0"),
        ("os.kill(os.getpid(), 9)", "SIGKILL"),
        ("os.abort()", "SIGABRT"),
    ],
)
def test_whatever_ends_the_child_is_unknown(how: str, said: str, tmp_path: Path) -> None:
    """As OpenBLAS does, which prints to stderr and calls exit(1), where it finds no memory."""
    code, out = ran("-c", DIES.format(how=how, proc=str(tmp_path)))
    assert (code, out.startswith("TWTOP UNKNOWN - "), said in out) == (3, True, True)


@pytest.mark.parametrize("megabytes", [60, 90, 120])
def test_without_memory_it_is_never_ok_or_warning(megabytes: int, tmp_path: Path) -> None:
    """Where that much was enough after all, the answer is the right one: CRITICAL."""
    proc = host(tmp_path, tuple_with(500))
    code, out = ran("-m", "tui", "check", "--proc", proc, memory=megabytes << 20)
    assert code in (2, 3)
    assert code == 3 or "EXHAUSTED" in out


@pytest.mark.parametrize(("ports", "code"), [(10, 0), (300, 1), (500, 2)])
def test_its_own_answers_pass(ports: int, code: int, tmp_path: Path) -> None:
    assert ran("-m", "tui", "check", "--proc", host(tmp_path, tuple_with(ports)))[0] == code
