"""What holds for every command that prints: how it ends, and where it cannot print."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import PROXY, host, tuple_with
from tests.e2e.terminal import TWTOP, Terminal
from tui.cli import cli

PRINTING: tuple[tuple[str, ...], ...] = (
    ("report",),
    ("report", "--json"),
    ("report", "-d"),
    ("states",),
    ("listen", "--csv"),
    ("established",),
    ("per-ip", "--json"),
    ("per-port",),
    ("timewait",),
    ("patterns",),
    ("audit",),
    ("audit", "--json"),
    ("check", "-w", "90", "-c", "90"),
    ("wait", "--below", "90"),
    ("watch", "-n", "2", "-i", "0.1"),
)
"""Commands that end well for the proxy."""
NAMES = sorted({arguments[0] for arguments in PRINTING} | {"bundle", "plan"})
SHARED = ("--interval", "--threshold", "--source", "--proc")


def twtop(
    *arguments: str, stdout: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tui", *arguments, "--proc", str(PROXY)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        check=False,
        timeout=60,
    )


def id_of(arguments: Sequence[str]) -> str:
    return " ".join(arguments)


def lost(arguments: Sequence[str]) -> int:
    """The exit code for a line that could not be written: none that means something else."""
    return 3 if arguments[0] in ("check", "audit", "wait") else 1


@pytest.mark.parametrize("arguments", PRINTING, ids=id_of)
class TestOutput:
    def test_a_closed_pipe_ends_it_quietly(self, arguments: tuple[str, ...]) -> None:
        reading, writing = os.pipe()
        os.close(reading)  # before a byte is written, so that no pipe is roomy enough
        try:
            ended = twtop(*arguments, stdout=writing)
        finally:
            os.close(writing)
        assert (ended.returncode, ended.stderr) == (0, b"")

    def test_a_full_disk_is_an_error_of_one_line(self, arguments: tuple[str, ...]) -> None:
        with Path("/dev/full").open("wb") as full:
            ended = twtop(*arguments, stdout=full.fileno())
        message = b"twtop: stdout: No space left on device\n"
        assert (ended.returncode, ended.stderr) == (lost(arguments), message)

    def test_a_locale_that_cannot_write_it_all(self, arguments: tuple[str, ...]) -> None:
        ended = twtop(*arguments, PYTHONIOENCODING="latin-1")
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert ended.stdout.decode("latin-1").strip()

    def test_the_c_locale(self, arguments: tuple[str, ...]) -> None:
        ended = twtop(*arguments, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
        assert (ended.returncode, ended.stderr) == (0, b"")

    def test_no_stdout_at_all(self, arguments: tuple[str, ...]) -> None:
        """As a service manager may start it: what nobody gets is an error."""
        shell = 'exec "$@" >&-'
        ended = subprocess.run(
            ["bash", "-c", shell, "bash", *TWTOP, *arguments, "--proc", str(PROXY)],
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
        message = b"twtop: stdout: Bad file descriptor\n"
        assert (ended.returncode, ended.stderr) == (lost(arguments), message)


@pytest.mark.parametrize("name", ["report", "patterns", "timewait", "audit"])
class TestColours:
    """On a terminal what is critical is red, unless the user wants no colours."""

    def test_on_a_terminal(self, name: str, tmp_path: Path) -> None:
        proc = str(host(tmp_path, tuple_with(500)))
        with Terminal((*TWTOP, name, "--proc", proc), rows=120) as terminal:
            terminal.wait()
            colours = {cell.fg for row in terminal.screen.buffer.values() for cell in row.values()}
        assert "red" in colours

    def test_no_color(self, name: str, tmp_path: Path) -> None:
        proc = str(host(tmp_path, tuple_with(500)))
        argv = (*TWTOP, name, "--proc", proc)
        with Terminal(argv, rows=120, env={"NO_COLOR": "1"}) as terminal:
            terminal.wait()
            assert "10.0.0.5 → 10.0.0.9:443" in terminal.text
            cells = [cell for row in terminal.screen.buffer.values() for cell in row.values()]
        assert {(cell.fg, cell.bold) for cell in cells} == {("default", False)}

    def test_nor_in_a_pipe(self, name: str, tmp_path: Path, run: Run) -> None:
        assert "\x1b" not in run(name, "--proc", host(tmp_path, tuple_with(500))).out


@pytest.mark.parametrize("name", NAMES)
class TestHelp:
    def test_it_names_the_exit_codes_and_the_options(self, run: Run, name: str) -> None:
        for option in ("-h", "--help"):
            code, out, err = run(name, option)
            assert (code, err) == (0, "")
            assert re.search(r"Exit codes.*\b0\s.*\b1\s.*\b2\s.*\b3\s", out, re.DOTALL)
            for text in SHARED:
                assert text in out
            assert max(map(len, out.splitlines())) <= 100

    def test_every_option_is_explained(self, run: Run, name: str) -> None:
        command = cli.commands[name]
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, parameter.name

    def test_a_misspelt_option_is_put_right(self, run: Run, name: str) -> None:
        ran = run(name, "--sorce", "proc")
        said = ran.out if name == "check" else ran.err
        assert ran.code == (3 if name == "check" else 2)
        assert "--source" in said
        assert said.count("\n") == 1


def test_a_misspelt_command_is_put_right(run: Run) -> None:
    ran = run("audi")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "audit" in ran.err


@pytest.mark.parametrize("name", sorted({*NAMES} - {"bundle", "wait", "check"}))
def test_unreadable_tables_are_3(run: Run, tmp_path: Path, name: str) -> None:
    ran = run(name, "--proc", tmp_path)
    assert (ran.code, ran.out, ran.err.count("\n")) == (3, "", 1)
    assert str(tmp_path / "net/tcp") in ran.err


@pytest.mark.parametrize("arguments", [("wait", "--drained", "-i", "60"), ("watch", "-i", "60")])
def test_an_interrupt_is_130_and_says_nothing(arguments: tuple[str, ...]) -> None:
    process = subprocess.Popen(
        [*TWTOP, *arguments, "--proc", str(PROXY)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        if arguments[0] == "watch":
            assert process.stdout is not None
            process.stdout.readline()
        else:
            _until_it_sleeps(process.pid)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert (process.returncode, said.strip()) == (130, b"")


def _until_it_sleeps(pid: int) -> None:
    """Wait until a process is in clock_nanosleep, as time.sleep() is."""
    for _ in range(200):
        if "sleep" in Path(f"/proc/{pid}/wchan").read_text():
            return
        time.sleep(0.05)
    time.sleep(1)
