"""Arguments → command."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from typing import Any

import click

from tui import __version__
from tui.commands.audit import audit
from tui.commands.bundle import bundle
from tui.commands.check import check, unknown
from tui.commands.dashboard import dashboard
from tui.commands.demo import demo
from tui.commands.options import given, shared_options
from tui.commands.output import UNWRITABLE, fail, lose_stdout, open_closed_streams
from tui.commands.parts import PARTS, command
from tui.commands.plan import plan
from tui.commands.report import EPILOG, report
from tui.commands.simulate import simulate
from tui.commands.wait import wait
from tui.commands.watch import watch

UNWRITABLE_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EIO)

SECTIONS: dict[str, tuple[click.Command, ...]] = {
    "Look once": (report, *(command(part) for part in PARTS)),
    "Judge and decide": (audit, plan),
    "For scripts and monitoring": (check, wait, watch, bundle),
    "Try it out": (demo, simulate),
}


class Commands(click.Group):
    """The commands, listed by what they are for."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section of commands with its own heading."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(one.name or "", one.get_short_help_str(limit=72)) for one in commands]
                )


@click.group(
    cls=Commands,
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


for commands in SECTIONS.values():
    for each in commands:
        cli.add_command(each)


def main() -> None:
    """Run twtop; a usage error is one line, an interrupt ends it quietly."""
    open_closed_streams()
    try:
        sys.exit(cli.main(prog_name="twtop", standalone_mode=False) or 0)
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        path = "twtop" if context is None else context.command_path
        text = f"{error.format_message()} ({path} --help)"
        if asked(sys.argv[1:]) == check.name:  # a wrong option before it: 2 would mean CRITICAL
            unknown(text)
        click.echo(f"twtop: {text}", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except OSError as error:  # click prints a help itself
        if error.errno not in UNWRITABLE_ERRORS or error.filename is not None:
            raise
        lose_stdout()
        if not isinstance(error, BrokenPipeError):
            fail(f"stdout: {error.strerror}", UNWRITABLE)


def asked(arguments: Sequence[str]) -> str | None:
    """Return the command that the arguments of the command line ask for, None for none."""
    valued = {name for option in cli.params if option.nargs == 1 for name in option.opts}
    flags = {name for option in cli.params if getattr(option, "is_flag", 0) for name in option.opts}
    words = iter(arguments)
    for word in words:
        if word in valued - flags:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None
