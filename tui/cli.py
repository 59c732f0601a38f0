"""Arguments → command."""

from __future__ import annotations

import sys
from typing import Any

import click

from tui import __version__
from tui.commands.dashboard import dashboard
from tui.commands.options import given, shared_options
from tui.commands.report import EPILOG, report


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(__version__, "-V", "--version", prog_name="twtop")
@shared_options
@click.pass_context
def cli(context: click.Context, /, **options: Any) -> None:
    """Htop for TIME-WAIT and ephemeral ports: which destination is eating the ports?

    Without a command the dashboard opens; press ? in it for its keys.
    """
    context.obj = given(context, options)
    if context.invoked_subcommand is None:
        dashboard(context.obj)


cli.add_command(report)


def main() -> None:
    """Run twtop; a usage error is one line, an interrupt ends it quietly."""
    try:
        sys.exit(cli.main(prog_name="twtop", standalone_mode=False) or 0)
    except click.ClickException as error:
        click.echo(f"twtop: {error.format_message()} (twtop --help)", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
