"""What holds for every command that prints: how it ends, and where it cannot print."""

import ast
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import PROXY, host, tuple_with
from tests.e2e.terminal import ROOT, TWTOP, Terminal
from tests.patience import limit, until
from tui.cli import cli

FROM_PROXY: tuple[tuple[str, ...], ...] = (
    ("report",),
    ("places",),
    ("states", "--json"),
    ("listen", "--csv"),
    ("established",),
    ("per-ip",),
    ("per-port",),
    ("timewait",),
    ("patterns",),
    ("plan", "--rate", "9"),
    ("audit",),
    ("check", "-w", "90", "-c", "90"),
    ("wait", "--below", "90"),
    ("metrics",),
    ("watch", "-n", "2", "-i", "0.1"),
)
"""Each command that prints what it reads, as it ends well for the proxy."""
ALL = (*((*arguments, "--proc", str(PROXY)) for arguments in FROM_PROXY), ("demo", "--list"))
NAMES = sorted({arguments[0] for arguments in FROM_PROXY} | {"bundle"})
SHARED = ("--source", "--proc", "--place")


def twtop(
    *arguments: str, stdout: int = subprocess.PIPE, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*TWTOP, *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | dict(env or {}),
        check=False,
        timeout=limit(),
    )


def lost(arguments: Sequence[str]) -> int:
    """The exit code for a line that could not be written: none that means something else."""
    return 3 if arguments[0] in ("check", "audit", "wait") else 1


class TestEmit:
    """All that a command prints goes through emit(), which knows each ending of an output."""

    REPORT = ("report", "--proc", str(PROXY))

    @pytest.mark.parametrize("arguments", [ALL[0], ALL[-2]], ids=["once", "again and again"])
    def test_a_closed_pipe_ends_it_quietly(self, arguments: tuple[str, ...]) -> None:
        reading, writing = os.pipe()
        os.close(reading)  # before a byte is written, so that no pipe is roomy enough
        try:
            ended = twtop(*arguments, stdout=writing)
        finally:
            os.close(writing)
        assert (ended.returncode, ended.stderr) == (0, b"")

    @pytest.mark.parametrize("arguments", ALL, ids=lambda arguments: arguments[0])
    def test_a_full_disk_is_an_error_of_one_line(self, arguments: tuple[str, ...]) -> None:
        """For each command, as each says itself what code it then ends with."""
        with Path("/dev/full").open("wb") as full:
            ended = twtop(*arguments, stdout=full.fileno())
        message = b"twtop: stdout: No space left on device\n"
        assert (ended.returncode, ended.stderr) == (lost(arguments), message)

    @pytest.mark.parametrize(
        "environment",
        [
            {"PYTHONIOENCODING": "latin-1"},
            {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        ],
        ids=["latin-1", "C"],
    )
    def test_a_locale_that_cannot_write_it_all(self, environment: dict[str, str]) -> None:
        ended = twtop(*self.REPORT, env=environment)
        assert (ended.returncode, ended.stderr) == (0, b"")
        assert b"10.0.0.5 -> 10.0.0.9:5432" in ended.stdout

    @pytest.mark.parametrize("name", ["report", "check"])
    def test_no_stdout_at_all(self, name: str) -> None:
        """As a service manager may start it: what nobody gets is an error."""
        ended = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *TWTOP, name, "--proc", str(PROXY)],
            stderr=subprocess.PIPE,
            check=False,
            timeout=limit(),
        )
        message = b"twtop: stdout: Bad file descriptor\n"
        assert (ended.returncode, ended.stderr) == (lost([name]), message)

    def test_there_is_no_other_way_out(self) -> None:
        """What is tested of emit() with one command holds for all of them."""
        others = [
            f"{file.name}:{call.lineno}"
            for file in (ROOT / "tui").rglob("*.py")
            for call in ast.walk(ast.parse(file.read_text()))
            if isinstance(call, ast.Call) and _prints(call)
        ]
        assert {place.partition(":")[0] for place in others} == {"output.py"}, others


def _prints(call: ast.Call) -> bool:
    """Whether it writes as print(), sys.stdout.write() and click.echo() do, on stderr as well."""
    names = ("print", "sys.stdout.write", "click.echo", "click.secho", "click.echo_via_pager")
    return ast.unparse(call.func) in names


PAINTED = ("report", "patterns", "timewait", "audit")


class TestColours:
    """On a terminal what is critical is red, unless the user wants no colours."""

    def test_on_a_terminal(self, tmp_path: Path) -> None:
        proc = str(host(tmp_path, tuple_with(500)))
        with Terminal((*TWTOP, "report", "--proc", proc), rows=120) as terminal:
            terminal.wait()
            colours = {cell.fg for row in terminal.screen.buffer.values() for cell in row.values()}
        assert "red" in colours

    @pytest.mark.parametrize("name", PAINTED)
    def test_red_and_none(
        self, name: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proc = host(tmp_path, tuple_with(500))
        assert "\x1b" not in run(name, "--proc", proc).out  # nor in a pipe
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        painted = run(name, "--proc", proc).out
        assert "\x1b[31m" in painted
        monkeypatch.setenv("NO_COLOR", "1")
        plain = run(name, "--proc", proc).out
        assert "10.0.0.5 → 10.0.0.9:443" in plain
        assert "\x1b" not in plain


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
        outer = cli.make_context("twtop", [name])
        command = cli.commands[name].make_context(name, [], outer, resilient_parsing=True).command
        options = [one for one in command.params if isinstance(one, click.Option)]
        assert options
        for option in options:
            assert option.help or option.hidden, option.name

    def test_a_misspelt_option_is_put_right(self, run: Run, name: str) -> None:
        ran = run(name, "--sorce", "proc")
        said = ran.out if name == "check" else ran.err
        assert ran.code == {"check": 3, "audit": 64}.get(name, 2)
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


@pytest.mark.parametrize(
    "arguments", [("wait", "--drained", "-i", "3600"), ("watch", "-i", "3600")]
)
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
        _, said = process.communicate(timeout=limit())
    finally:
        process.kill()
    assert (process.returncode, said.strip()) == (130, b"")


def _until_it_sleeps(pid: int) -> None:
    """Wait until a process is in clock_nanosleep, as time.sleep() is."""
    doing = Path(f"/proc/{pid}/wchan")
    until(lambda: "sleep" in doing.read_text(), "the command to sleep until its next reading")
