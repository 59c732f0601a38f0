"""twtop help and completion: every topic, command and code can be had, in every form."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from tests.commands.conftest import Run
from tests.manual import MANUAL, NAMES, pages
from tests.patience import limit
from tui.cli import cli
from tui.findings.codes import CODES
from tui.help.topics import titles, topic
from tui.kernel.places import place_at
from tui.metrics.names import METRICS
from tui.stage.scenarios import SCENARIOS

HERE = place_at(Path("/proc"))
GIVEN = {
    *("numbers", "filters", "findings", "json", "cost", "kernel"),
    *("monitoring", "places", "recording", "acting", "limits", "config"),
}


def test_the_list_has_every_command_and_topic(run: Run) -> None:
    code, out, err = run("help")
    assert (code, err) == (0, "")
    listed = {line.split()[0] for line in out.splitlines() if line.startswith("  ")}
    assert listed >= {*cli.commands, *titles(), *GIVEN}


@pytest.mark.parametrize("name", titles())
def test_a_topic_is_printed(run: Run, name: str) -> None:
    code, out, err = run("help", name)
    assert (code, err) == (0, "")
    assert titles()[name] in out
    assert "`" not in "".join(line for line in out.splitlines() if not line.startswith("  "))


@pytest.mark.parametrize("name", cli.commands)
def test_a_command_has_the_same_help_by_either_way(run: Run, name: str) -> None:
    assert run("help", name).out.startswith(run(name, "--help").out.rstrip())


def test_what_the_code_says_is_in_the_topics() -> None:
    assert all(f"- `{code}`: {told}." in topic("findings") for code, told in CODES.items())
    assert all(
        f"| `{one.name}` | {', '.join(one.labels)} | {one.meaning} |" in topic("monitoring")
        for one in METRICS
    )
    assert "exhausts_within_minutes = 10" in topic("config")
    assert all(f"| `{name}` |" in topic("testing") for name in SCENARIOS)


@pytest.mark.parametrize("code", ["ports-exhausted", "time-wait-high"])
def test_a_findings_code_is_explained(run: Run, code: str) -> None:
    assert CODES[code] in run("help", code).out


def test_a_slip_is_answered_with_what_is_near(run: Run) -> None:
    code, out, err = run("help", "nubmers")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "numbers" in err


class TestManual:
    def test_the_pages_are_those_of_today(self) -> None:
        """They are in the wheel, where no command is there to print them."""
        made = {
            path.relative_to(MANUAL).as_posix(): path.read_text() for path in MANUAL.rglob("*.*")
        }
        assert made == pages(), "python -m tests.manual writes them"

    @pytest.mark.parametrize("name", NAMES)
    def test_man_has_nothing_to_complain_of(
        self, run: Run, name: str | None, tmp_path: Path
    ) -> None:
        if not shutil.which("mandoc") or not shutil.which("groff"):
            pytest.skip("no mandoc or no groff")
        source = tmp_path / "page"
        source.write_text(run("help", "--man", *([name] if name else [])).out)
        lint = ["mandoc", "-Tlint", "-Wwarning"]
        groff = ["groff", "-man", "-ww", "-Tutf8", "-Kutf8", "-z"]
        assert shell(*lint, source) == shell(*groff, source) == (0, "")
        _, shown = shell("sh", "-c", 'mandoc -Tutf8 "$0" | col -bx', source)
        sections = {"NAME", "SYNOPSIS", "OPTIONS"} if name in cli.commands else {"NAME"}
        assert sections <= set(shown.splitlines())


def shell(*command: str | Path) -> tuple[int, str]:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=limit(), check=False)
    return ran.returncode, ran.stdout + ran.stderr


class TestCompletion:
    def test_each_shell_takes_its_script(self, run: Run, tmp_path: Path) -> None:
        for name in ("bash", "zsh", "fish"):
            code, out, err = run("completion", name)
            assert (code, err) == (0, "")
            assert "_TWTOP_COMPLETE" in out
            if not shutil.which(name):
                continue
            (tmp_path / name).write_text(out)
            assert shell(name, "-n", tmp_path / name) == (0, "")

    def test_printing_the_script_starts_no_shell(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError

        monkeypatch.setattr(subprocess, "run", refuse)
        assert run("completion", "bash").code == 0

    @pytest.mark.parametrize(
        ("name", "ask"),
        [
            (
                "bash",
                "COMP_WORDS=(twtop demo re) COMP_CWORD=2; _twtop_completion twtop re demo; "
                'printf "%s\\n" "${COMPREPLY[@]}"',
            ),
            ("fish", 'complete -C "twtop demo re"'),
        ],
    )
    def test_a_shell_completes_with_it(self, name: str, ask: str, tmp_path: Path) -> None:
        if not shutil.which(name):
            pytest.skip(f"no {name}")
        bin_folder = Path(sys.executable).parent
        source = {
            "bash": 'eval "$(twtop completion bash)"',
            "fish": "twtop completion fish | source",
        }
        script = f"export HOME={tmp_path} PATH={bin_folder}:$PATH; {source[name]}; {ask}"
        code, out = shell(name, "-c", script)
        assert (code, {line.split()[0] for line in out.splitlines()}) == (0, {"reuse", "reaper"})

    @pytest.mark.parametrize(
        ("line", "offered"),
        [
            ("", {"report", "audit", "help"}),
            ("demo ", set(SCENARIOS)),
            ("help ", {*titles(), *CODES, "plan"}),
            ("audit --proc x --", {"--json", "--save-baseline"}),
            ("report -N ", {"all", HERE.name}),
            ("free -N ", {HERE.name}),
            ("diff --", {"--at"}),
        ],
    )
    def test_what_is_offered(self, line: str, offered: set[str]) -> None:
        *words, incomplete = line.split(" ")
        made = ShellComplete(cli, {}, "twtop", "_TWTOP_COMPLETE")
        found = {item.value for item in made.get_completions(words, incomplete)}
        assert found >= offered
