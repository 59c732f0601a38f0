"""twtop help: the topics, the commands' helps, and both as manual pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

import click
from click.shell_completion import CompletionItem

from tui.commands.manual import commands_of, context_of, manual
from tui.commands.output import EPILOG, emit, emit_paged, paint, text_width
from tui.findings.codes import CODES
from tui.help.markdown import Block, Item, blocks
from tui.help.page import page
from tui.help.topics import titles, topic

COLOURS = {"bold": "bold", "code": "cyan"}


def names(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Complete what there is help about."""
    group = commands_of(context)
    about = {name: group.commands[name].short_help for name in group.list_commands(context)}
    about |= dict(CODES) | dict(titles())
    return [
        CompletionItem(name, help=text)
        for name, text in about.items()
        if name.startswith(incomplete)
    ]


@click.command("help", epilog=EPILOG)
@click.argument("name", required=False, shell_complete=names)
@click.option("--man", is_flag=True, help="Print it as the source of a manual page.")
@click.pass_context
def help(context: click.Context, /, name: str | None, man: bool) -> None:  # noqa: A001
    """Explain a topic, a command or the code of a finding; without a NAME list what there is.

    \b
    twtop help numbers
    twtop help ports-exhausted
    twtop help --man plan | man -l -
    """
    if man:
        if name is not None:
            _must_exist(commands_of(context), name)
        if name in CODES:
            raise click.UsageError(f"{name} has no page of its own; `twtop help findings` has it")
        emit(manual(context, name)[1].rstrip("\n"))
        return
    emit_paged("\n\n".join(_texts(context, name)))


def _texts(context: click.Context, name: str | None) -> Iterator[str]:
    group = commands_of(context)
    if name is None:
        yield context_of(context, None).get_help()
        formatter = context.make_formatter()
        with formatter.section("Topics"):
            formatter.write_dl([*titles().items()])
        yield formatter.getvalue().rstrip("\n")
        return
    _must_exist(group, name)
    if name in group.commands:
        yield context_of(context, name).get_help()
    if name in titles():
        yield _text([*blocks(topic(name))])
    if name in CODES:
        yield _text([Item(f"`{name}`", f"{CODES[name]}. See `twtop help findings`.")])


def _text(parts: Sequence[Block]) -> str:
    lines = (
        "".join(paint(piece, COLOURS[role]) if role in COLOURS else piece for piece, role in line)
        for line in page(parts, text_width())
    )
    return "\n".join(line.rstrip() for line in lines)


def _must_exist(group: click.Group, name: str) -> None:
    known = [*group.commands, *titles(), *CODES]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        guess = f"did you mean {near[0]}?" if near else "twtop help lists what there is"
        raise click.UsageError(f"there is no help about “{name}”; {guess}")
