"""The list of commands, which is written down apart from them."""

from importlib import import_module
from pathlib import Path

import click
import pytest

import tui.commands
from tests.commands.conftest import Run
from tui.cli import Deferred, cli
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
