import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import psutil
import pytest

from tests.tables import FIXTURES
from tui import __version__
from tui.cli import ACTS, IN_VAIN, SAYS_WHY, cli, loading, main
from tui.commands import dashboard, reading
from tui.commands.configuration import load
from tui.commands.options import Settings
from tui.commands.output import EPILOG, UNREADABLE, UNWRITABLE, paint
from tui.findings.config import Config

PROC = str(FIXTURES / "6.18-idle-host/proc")
VALUES = {
    "--interval": "2",
    "--threshold": "60",
    "--source": "proc",
    "--proc": PROC,
    "--byte-order": "big",
    "--place": "web",
}
NEEDED = {
    "apply": ["net.ipv4.tcp_tw_reuse=1"],
    "bundle": ["a.tar.gz"],
    "completion": ["bash"],
    "diff": ["a", "b"],
    "fleet": ["http://127.0.0.1:9090"],
    "keep": ["--below", "80"],
    "replay": ["a.twtop"],
    "run": ["true"],
    "simulate": ["127.0.0.1", "80"],
    "sources": ["turn", "10.0.0.21", "--dev", "eth0"],
}
"""What a command cannot do without."""
NAMES = {
    ("record", "place"): "words",
    **{(act, "place"): "netns" for act in ACTS},
}
"""Parameters that are not called as their option is."""


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for owners points psutil at the fixture's procfs."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", "/proc")


class Run:
    """main() with these arguments, in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Return the exit code, and what was written to stdout and stderr."""
        self.monkeypatch.setattr(sys, "argv", ["twtop", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return Run(monkeypatch, capsys)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings that reports and dashboards begin with."""
    seen: list[Settings] = []
    open_source = reading.open_source

    def note(settings: Settings, **more: Any) -> Any:
        seen.append(settings)
        return open_source(settings, **more)

    monkeypatch.setattr(reading, "open_source", note)
    monkeypatch.setattr(dashboard, "open_source", note)
    return seen


class TestHelp:
    @pytest.mark.parametrize("option", ["-V", "--version"])
    def test_version(self, run: Run, option: str) -> None:
        assert run(option) == (0, f"twtop, version {__version__}\n", "")

    @pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["serve", "-h"]])
    def test_help_has_every_shared_option_and_the_exit_codes(
        self, run: Run, arguments: list[str]
    ) -> None:
        code, out, err = run(*arguments)
        assert (code, err) == (0, "")
        for text in ("--interval", "--threshold", "--source", "--proc", "Exit codes: 0 "):
            assert text in out
        assert max(map(len, out.splitlines())) <= 100


class TestReport:
    def test_text(self, run: Run) -> None:
        code, out, err = run("report", "--proc", PROC)
        assert (code, err) == (0, "")
        assert out.startswith("twtop report · ")

    def test_no_colour_where_no_terminal_is(self, run: Run) -> None:
        assert "\x1b" not in run("report", "--proc", PROC)[1]

    def test_json(self, run: Run) -> None:
        code, out, err = run("report", "--json", "--proc", PROC)
        assert (code, err) == (0, "")
        assert json.loads(out)["schema"] == "twtop.report/1"

    def test_live(self, run: Run) -> None:
        code, out, err = run("report", "--json")
        assert (code, err) == (0, "")
        assert json.loads(out)["source"]["kind"] in ("proc", "sock_diag")


class TestOptions:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["-t", "60", "--source", "proc", "--proc", PROC, "report"],
            ["report", "-t", "60", "--source", "proc", "--proc", PROC],
            ["--source", "proc", "report", "-t", "60", "--proc", PROC],
            ["-t90", "--source=auto", "report", "-t60", "--source=proc", "--proc", PROC],
            ["--threshold=60", "report", "--source=proc", f"--proc={PROC}"],
        ],
    )
    def test_before_the_command_or_behind_it(
        self, run: Run, opened: list[Settings], arguments: list[str]
    ) -> None:
        assert run(*arguments)[0] == 0
        assert opened == [Settings(threshold=60, source="proc", proc=Path(PROC))]

    @pytest.mark.parametrize("option", VALUES)
    @pytest.mark.parametrize("command", cli.commands)
    def test_each_is_taken_or_refused_before_a_command(self, command: str, option: str) -> None:
        """Nothing that is said goes without a use: a command has it, or says that it has none."""
        name, said = option.removeprefix("--").replace("-", "_"), [option, VALUES[option]]
        needed, taken = NEEDED.get(command, []), NAMES.get((command, name), name)
        plain = cli.make_context("twtop", [command, *needed])
        outer = cli.make_context("twtop", [*said, command, *needed])
        inner = cli.commands[command]
        mine = inner.make_context(command, [*needed], parent=plain).command.params
        if not any(option in one.opts and not getattr(one, "hidden", False) for one in mine):
            if name not in (*IN_VAIN, *SAYS_WHY.get(command, ())):
                with pytest.raises(click.UsageError, match=f"no use for {option}"):
                    inner.make_context(command, [*needed], parent=outer)
            return
        params = inner.make_context(command, [*needed], parent=outer).params
        assert VALUES[option] in str(params[taken])
        behind = inner.make_context(command, [*said, *needed], parent=plain).params
        assert str(params[taken]).removesuffix(".0") == str(behind[taken]).removesuffix(".0")

    @pytest.mark.parametrize(
        "arguments",
        [
            ["report", "-i2"],
            ["--byte-order=big", "run", "true"],
            ["-N", "web", "places"],
            ["--proc", PROC, "free"],
            ["-t60", "simulate", "127.0.0.1", "80"],
            ["report", "--byte-order", "big"],
            ["report", "--from", "a.twtop", "--source", "proc"],
            ["patterns", "--from", "a.twtop", "-N", "all", "--proc", PROC],
            ["-i2", "watch", "--from", "a.twtop"],
            ["metrics", "-i2"],
            ["metrics", "--rules", "-N", "all"],
            ["record", "--unit", "-i2"],
            ["watch", "-N", "all", "--byte-order", "big"],
            ["--byte-order", "big", "report", "-N", "all"],
            ["metrics", "-N", "all", "--byte-order", "big"],
            ["record", "x.twtop", "-N", "all", "--byte-order", "big"],
            ["record", "x.twtop", "-N", "1", "-N", "2", "--byte-order", "big"],
            ["check", "--fleet", "http://127.0.0.1:9", "--proc", PROC],
        ],
    )
    def test_what_would_be_ignored_is_refused(self, run: Run, arguments: list[str]) -> None:
        code, out, err = run(*arguments)
        assert (code, out or err.count("\n")) in ((2, 1), (3, out)), err

    @pytest.mark.parametrize("command", ["run", "record"])
    def test_a_commands_own_default_is_no_more_than_that(self, command: str) -> None:
        outer = cli.make_context("twtop", ["-i3", "--source=proc", command, "x"])
        inner = cli.commands[command].make_context(command, ["x"], parent=outer)
        assert (inner.params["interval"], inner.params["source"]) == (3, "proc")
        own = import_module(f"tui.commands.{command}").INTERVAL
        (said,) = [one for one in inner.command.get_params(inner) if one.name == "interval"]
        assert isinstance(said, click.Option)
        assert f"[default: {own:g}]" in (said.help or "")

    def test_the_defaults(self, run: Run, opened: list[Settings]) -> None:
        assert run("report")[0] == 0
        assert opened == [Settings(None, None, "auto", Path("/proc"))]
        assert opened[0].seconds == 1

    def test_the_threshold_rules_the_verdict(self, run: Run) -> None:
        proxy = str(FIXTURES / "6.18-proxy/proc")
        assert "above 43 %" in run("report", "-t", "43", "--proc", proxy)[1]
        assert "above 4" not in run("report", "-t", "44", "--proc", proxy)[1]


class TestReadOnly:
    def test_it_reaches_every_dashboard(self) -> None:
        assert load(Settings(read_only=True)) == Config().without_acts()

    @pytest.mark.parametrize("command", ACTS)
    def test_what_changes_something_is_refused(self, run: Run, command: str) -> None:
        code, _, err = run("--read-only", command)
        assert code == 2
        assert "--read-only" in err


class TestUsageErrors:
    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["--bogus"], "--bogus"),
            (["bogus"], "bogus"),
            (["report", "--bogus"], "--bogus"),
            (["report", "bogus"], "bogus"),
            (["-i", "0", "report"], "--interval"),
            (["-i", "0.05", "report"], "--interval"),
            (["-i", "3601", "report"], "--interval"),
            (["-i", "nan", "report"], "--interval"),
            (["-i", "fast", "report"], "--interval"),
            (["-t", "0", "report"], "--threshold"),
            (["-t", "101", "report"], "--threshold"),
            (["report", "-t", "nan"], "--threshold"),
            (["report", "-t"], "-t"),
            (["--source", "ss", "report"], "--source"),
            (["--source", "sock_diag", "--proc", PROC, "report"], PROC),
        ],
    )
    def test_they_are_one_line_that_names_the_fault(
        self, run: Run, arguments: list[str], named: str
    ) -> None:
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("twtop: ")
        assert re.search(r" \(twtop( \w+)? --help\)\n$", err)
        assert err.count("\n") == 1
        assert named in err

    def test_a_dashboard_without_a_terminal(self, run: Run) -> None:
        code, out, err = run("--proc", PROC)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "twtop report" in err


class TestUnreadableTables:
    @pytest.mark.parametrize("command", [["report"], ["report", "--json"]])
    def test_one_line_that_names_file_and_cure(
        self, run: Run, tmp_path: Path, command: list[str]
    ) -> None:
        code, out, err = run(*command, "--proc", str(tmp_path))
        assert (code, out) == (3, "")
        assert err.startswith(f"twtop: {tmp_path}/net/tcp: No such file or directory: ")
        assert err.count("\n") == 1

    def test_the_code_is_the_documented_one(self) -> None:
        assert f"{UNREADABLE} the kernel's tables could not be read" in EPILOG


class TestInterrupt:
    def test_an_interrupt_ends_it_quietly(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupt(*_: object, **more: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(reading, "open_source", interrupt)
        code, out, err = run("report")
        assert (code, out, err.strip()) == (130, "", "")


class TestColours:
    def test_in_a_terminal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("NO_COLOR", raising=False)
        assert paint("x", "red") == click.style("x", fg="red")
        assert paint("x", "bold") == click.style("x", bold=True)

    @pytest.mark.parametrize(("value", "plain"), [("1", True), ("0", True), ("", False)])
    def test_no_color_counts_unless_it_is_empty(
        self, monkeypatch: pytest.MonkeyPatch, value: str, plain: bool
    ) -> None:
        """As https://no-color.org has it."""
        monkeypatch.setenv("NO_COLOR", value)
        assert (paint("x", "red") == "x") == plain


def twtop(
    *arguments: str, stdout: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tui", *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        encoding="latin-1",
        check=False,
        timeout=60,
    )


class TestProcess:
    """What only a process of its own can show."""

    @pytest.mark.parametrize("command", [["report"], ["report", "--json"]])
    def test_a_closed_pipe_ends_it_quietly(self, command: list[str]) -> None:
        reading, writing = os.pipe()
        os.close(reading)  # before a byte is written, so that no pipe is roomy enough
        try:
            ended = twtop(*command, "--proc", PROC, stdout=writing)
        finally:
            os.close(writing)
        assert (ended.returncode, ended.stderr) == (0, "")

    def test_head_gets_what_it_asks_for(self) -> None:
        shell = 'set -o pipefail; "$0" -m tui report --json --proc "$1" | head -c 1'
        ended = subprocess.run(
            ["bash", "-c", shell, sys.executable, PROC],
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"{", b"")

    def test_a_full_disk_is_an_error_of_one_line(self) -> None:
        with open("/dev/full", "wb") as full:  # noqa: PTH123
            ended = twtop("report", "--proc", PROC, stdout=full.fileno())
        message = "twtop: stdout: No space left on device\n"
        assert (ended.returncode, ended.stderr) == (UNWRITABLE, message)

    @pytest.mark.parametrize("command", [["report"], ["report", "--json"]])
    def test_a_locale_that_cannot_write_it_all(self, command: list[str]) -> None:
        ended = twtop(*command, "--proc", PROC, PYTHONIOENCODING="latin-1")
        assert (ended.returncode, ended.stderr) == (0, "")
        assert ended.stdout.startswith("{" if "--json" in command else "twtop report ")

    def test_python_m_tui_is_twtop(self) -> None:
        ended = twtop("--version")
        assert (ended.returncode, ended.stdout) == (0, f"twtop, version {__version__}\n")


@pytest.mark.parametrize(
    "command",
    [
        ["wait", "--drained"],
        ["watch", "--count=1"],
        ["serve"],
        ["report"],
        ["check"],
        ["audit"],
        ["plan"],
        ["bundle", "ticket.tar.gz"],
        ["record", "night.twtop"],
        ["metrics"],
    ],
    ids=lambda words: words[0],
)
def test_an_archive_without_a_copy_is_unreadable_to_every_command(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ticket.tgz").write_bytes(b"none")
    code, out, err = run(*command, "--proc", "ticket.tgz")
    assert code == UNREADABLE
    assert "ticket.tgz: cannot be unpacked" in out + err
    assert (out + err).count("\n") == 1


@pytest.mark.parametrize("given", [None, "4"])
def test_what_spares_numpy_its_threads_is_nothing_for_commands_that_it_runs(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    name = "OPENBLAS_NUM_THREADS"
    monkeypatch.delenv(name, raising=False)
    if given is not None:
        monkeypatch.setenv(name, given)
    with loading():
        assert os.environ[name] == (given or "1")
    assert os.environ.get(name) == given
