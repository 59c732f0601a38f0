"""The list of commands, which is written down apart from them."""

import shlex
from importlib import import_module
from pathlib import Path

import click
import pytest

import tui.commands
from tests.commands.conftest import Run
from tui.cli import Deferred, cli
from tui.commands.examples import examples_of
from tui.commands.listing import SECTIONS

ENTRIES = {name: entry for entries in SECTIONS.values() for name, entry in entries.items()}


@pytest.mark.parametrize("name", ENTRIES)
def test_each_is_where_the_list_says(name: str) -> None:
    deferred = cli.commands[name]
    assert isinstance(deferred, Deferred)
    command = deferred.load()
    assert (command.name, command.short_help) == (name, None)  # that is the list's to say
    assert command.help


def test_every_command_there_is_is_in_it() -> None:
    found = set()
    for path in Path(tui.commands.__path__[0]).glob("*.py"):
        module = import_module(f"tui.commands.{path.stem}")
        found |= {one.name for one in vars(module).values() if isinstance(one, click.Command)}
    assert found == set(ENTRIES)


def test_the_help_has_it_in_its_order(run: Run) -> None:
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    wanted = [[name, entry.about] for name, entry in ENTRIES.items()]
    lines = [line.strip().split(maxsplit=1) for line in out.splitlines()]
    assert [line for line in lines if line in wanted] == wanted
    assert [title for title in SECTIONS if f"\n{title}:\n" in out] == list(SECTIONS)


def test_a_command_misspelt_is_put_right(run: Run) -> None:
    code, out, err = run("reprot")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "report" in err


def words(line: str) -> list[list[str]]:
    """The arguments of each twtop of an example, as a shell would pass them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
    lexer.whitespace_split = True
    calls: list[list[str]] = []
    ours = False
    for token in lexer:
        if set(token) <= set("|&;<>()"):
            ours = False
        elif token == "twtop":
            ours = True
            calls.append([])
        elif ours:
            calls[-1].append(token)
    return calls


@pytest.mark.parametrize("name", ENTRIES)
def test_a_help_ends_in_examples_that_can_be_typed(
    name: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are what is copied first."""
    deferred = cli.commands[name]
    assert isinstance(deferred, Deferred)
    examples = examples_of(deferred.load())
    assert 2 <= len(examples) <= 5
    assert run(name, "--help").out.split("\n")[-len(examples) - 1 :] == [
        *[f"    {each}" for each in examples],
        "",
    ]
    for example in examples:
        for call in words(example.replace('"$(', "").replace(')"', "")):
            if name in call:  # as parsed by click: the options exist, and their values are right
                context = cli.make_context("twtop", call, resilient_parsing=False)
                rest = [*context._protected_args, *context.args]
                assert rest[0] == name, example
                deferred.make_context(name, rest[1:], context)
