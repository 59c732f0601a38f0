"""twtop sources: scripts that give connections more source addresses."""

from __future__ import annotations

import re

import click

from tui.commands.destination import Address, address
from tui.commands.output import emit, epilog
from tui.planning.sources import KINDS, SourcesError, Wanted, script


def plain_address(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Return an address without a port."""
    found: Address | None = address(context, parameter, value)
    if found is not None and found[1] is not None:
        raise click.BadParameter(f"{value} has a port; routes know addresses only")
    return None if found is None else found[0]


def addresses(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[str, ...]:
    """Return several."""
    return tuple(plain_address(context, parameter, value) or "" for value in values)


def device(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return an interface's name, which goes into a shell script."""
    if not re.fullmatch(r"[A-Za-z0-9_.:@-]{1,15}", value):
        raise click.BadParameter(f"{value} is not an interface such as eth0")
    return value


@click.command("sources", epilog=epilog("the script"))
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("source", nargs=-1, required=True, callback=addresses)
@click.option("--dev", required=True, callback=device, help="The interface to add them to.")
@click.option("--via", callback=plain_address, metavar="IP", help="The gateway, if there is one.")
@click.option("--dst", callback=plain_address, metavar="IP", help="The destination (for users).")
@click.option(
    "--user",
    "users",
    type=click.IntRange(0),
    multiple=True,
    metavar="UID",
    help="The user of a source; give it once for each source.",
)
@click.option("--undo", is_flag=True, help="Print the script that removes all of it.")
def sources(
    kind: str,
    source: tuple[str, ...],
    dev: str,
    via: str | None,
    dst: str | None,
    users: tuple[int, ...],
    undo: bool,
) -> None:
    """Print a script that adds source addresses for connections, or one that removes them.

    Choose turn for clients that bind each source in turn; users for one destination, with a worker
    under its own user for each source; subnets to give each source a part of the internet. twtop
    itself changes no routes.

    \b
    twtop sources turn 10.0.0.21 10.0.0.22 --dev eth0 | sudo sh
    twtop sources users 10.0.0.21 --user 1002 --dst 10.0.0.9 --dev eth0 --via 10.0.0.1
    twtop sources subnets 10.0.0.21 10.0.0.22 --dev eth0 --via 10.0.0.1 --undo | sudo sh
    """
    try:
        made = script(kind, Wanted(source, dev, via, dst, users))
    except SourcesError as error:
        raise click.UsageError(str(error)) from None
    emit(made.text(undo=undo).removesuffix("\n"))
