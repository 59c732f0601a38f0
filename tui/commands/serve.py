"""twtop serve: the dashboard in a browser."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any

import click

from tui.commands.configuration import configured
from tui.commands.destination import Address, address
from tui.commands.listening import warn_of_port
from tui.commands.options import given, shared_options
from tui.commands.output import UNWRITABLE, USAGE, fail, remark
from tui.commands.reading import open_source
from tui.commands.terminal import own_command

HERE, PORT = "127.0.0.1", 9816
"""Outside of the usual ip_local_port_range."""


@click.command(
    epilog="Exit codes: 0 interrupted, 1 the port could not be had, 2 usage, "
    "3 the kernel's tables could not be read."
)
@click.option(
    "--listen",
    callback=address,
    metavar="IP:PORT",
    help="Another address. Whoever reaches it sees, without a password, every address and port "
    "that this host talks to, and the names of its processes; nothing is encrypted. So keep it on "
    f"loopback, behind ssh -L or a proxy with a login.  [default: {HERE}:{PORT}]",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="A name, beside addresses and localhost, by which browsers may ask for the page, as "
    "behind a proxy; repeat it for several.",
)
@click.option("--session", is_flag=True, hidden=True, help="Be the dashboard of one page.")
@shared_options
@click.pass_context
def serve(
    context: click.Context,
    /,
    listen: Address | None,
    names: tuple[str, ...],
    session: bool,
    **options: Any,
) -> None:
    """Show the dashboard in a browser, for those without a terminal on this host.

    It can only be looked at: no key changes a setting, frees a port, writes a file, or has the
    kernel count. Every user of this host can open it on loopback. At most 8 pages are open at one
    time; each is a dashboard of its own that costs what one costs in a terminal.

    \b
    twtop serve
    ssh -L 9816:127.0.0.1:9816 HOST twtop serve     # then open http://localhost:9816

    It needs textual-serve: pip install 'twtop[serve]'.
    """
    settings = replace(given(context, options), read_only=True)
    if session:
        from tui.commands.dashboard import dashboard

        dashboard(settings, serves=True)
    try:
        from tui.dashboard.page import Page
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("textual_serve", "aiohttp"):
            raise
        fail("it needs textual-serve: pip install 'twtop[serve]'", USAGE)
    configured(settings)  # what is wrong with the settings or the place is told here, not there
    open_source(settings)
    ip, port = listen or (HERE, PORT)
    port = port or PORT
    warn_of_port(settings, port)
    where = f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"
    remark(f"open http://{where}; Ctrl-C ends it")
    own = [*own_command(), *sys.argv[1:], "--session"]
    try:
        Page(own, [name.lower() for name in names]).run(ip, port)
    except OSError as error:
        fail(f"--listen {where}: {os.strerror(error.errno or 0)}", UNWRITABLE)
