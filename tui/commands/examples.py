"""The examples of a command: a paragraph of its docstring, marked as click marks what is not to
be wrapped, and the end of its help, which is what a terminal shows of a long one."""

from __future__ import annotations

from inspect import cleandoc

import click

UNWRAPPED = "\b\n"
TITLE = "Examples:"


def examples_last(command: click.Command) -> click.Command:
    """Return the command with its examples at the end of its help."""
    told = cleandoc(command.help or "").split("\n\n")
    moved = [each for each in told if each.startswith(UNWRAPPED)]
    if moved:
        command.help = "\n\n".join(each for each in told if each not in moved)
        lines = [f"  {line}" for each in moved for line in each.splitlines()[1:]]
        last = UNWRAPPED + "\n".join([TITLE, *lines])
        command.epilog = "\n\n".join(filter(None, [command.epilog, last]))
    return command


def examples_of(command: click.Command) -> list[str]:
    """Return the lines of the examples at the end of a command's help."""
    *_, last = (command.epilog or "").split("\n\n")
    mark, _, lines = last.partition(f"{TITLE}\n")
    return [line.strip() for line in lines.splitlines()] if mark == UNWRAPPED else []
