"""Arguments → command."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from tui import __version__
from tui.commands.examples import examples_last
from tui.commands.lasting import lasting
from tui.commands.listing import SECTIONS, Entry
from tui.commands.options import SHARED, given, shared_options
from tui.commands.output import (
    EPILOG,
    NOT_RUN,
    UNWRITABLE,
    fail,
    lose_stdout,
    open_closed_streams,
    spell_out,
    unknown,
)
from tui.commands.supervised import supervised
from tui.commands.terminal import require_terminal

UNWRITABLE_ERRORS = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EBADF, errno.EIO)
PLUGIN = "check"
"""To a monitoring system 2, as for wrong options elsewhere, is CRITICAL, and Python's own 1 is
WARNING: whatever ends this command too early must be UNKNOWN."""


LOOKING_BACK = ("--from", "--at")
"""The options of commands that can read a recording."""
ACTS = ("free", "keep", "apply", "undo")
"""The commands that change something of the user's."""

IN_VAIN = ("interval", "threshold")
"""Options that may stand before any command: whatever it does not use is as before."""
SAYS_WHY = {
    "demo": {"proc", "place"},
    "simulate": {"proc", "place", "interval", "threshold"},
    **{name: {"proc"} for name in ("refusals", "free", "keep", "apply")},
}
"""Options before a command that it refuses by itself, since it has more to say about them."""


THREADS = "OPENBLAS_NUM_THREADS"


@contextmanager
def loading() -> Iterator[None]:
    """Load modules sooner: what they hold stays, and NumPy begins no threads.

    There is no linear algebra that would need them, and they take a tenth of a start.
    """
    alone = THREADS not in os.environ
    if alone:
        os.environ[THREADS] = "1"
    try:
        with lasting():
            yield
    finally:
        if alone:  # it is nothing for the commands that twtop runs
            del os.environ[THREADS]


def refuse_swallowed(context: click.Context) -> None:
    """Raise click.BadParameter where an option took the next option for its file.

    `run --json --max-use 10` would else write a file --max-use and run 10; `./--max-use` names one.
    """
    every = {name for one in context.command.params for name in (*one.opts, *one.secondary_opts)}
    for option in context.command.params:
        if not isinstance(option, click.Option) or not isinstance(option.type, click.Path):
            continue
        said = context.params.get(option.name or "")
        for value in said if isinstance(said, tuple) else (said,):
            if str(value).startswith("-") and str(value).partition("=")[0] in every:
                needed = f"{option.opts[-1]} {option.metavar}"
                raise click.BadParameter(
                    f"{value} is an option, not a file; write {needed}",
                    context,
                    option,
                )


class Deferred(click.Command):
    """A command of which no more is loaded than its line in the help, until it is called."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, short_help=entry.about)
        self.file = entry.file

    def load(self) -> click.Command:
        """Return the command itself."""
        with loading():
            module = import_module(f".commands.{self.file}", __package__)
        command: click.Command = getattr(module, (self.name or "").replace("-", "_"))
        return examples_last(command)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of the command itself, which click then invokes."""
        command = self.load()
        if parent is not None:
            extra["default_map"] = self._handed_down(parent, command)
        context = command.make_context(info_name, args, parent, **extra)
        refuse_swallowed(context)
        return context

    def _handed_down(self, parent: click.Context, command: click.Command) -> dict[str, Any]:
        """Return what was said before the command, by its own names for it.

        Raises click.UsageError for what it has no use for: nobody is to believe that it counts.
        How often to read, and from where a pattern is hot, may stand there in vain, as in an alias:
        that changes nothing of what is read.
        """
        own = {tuple(one.opts): one for one in command.params if not getattr(one, "hidden", False)}
        found: dict[str, Any] = {}
        for option in parent.command.params:
            said = parent.params.get(option.name or "")
            if said is None or option.name not in SHARED:
                continue
            if (same := own.get(tuple(option.opts))) is not None:
                found[same.name or ""] = [said] if same.multiple else said
            elif option.name not in (*IN_VAIN, *SAYS_WHY.get(self.name or "", ())):
                raise click.UsageError(
                    f"{self.name} has no use for {option.opts[-1]}; leave it out"
                )
        return found


class Commands(click.Group):
    """The commands, listed by what they are for."""

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each section of commands with its own heading."""
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.about) for name, entry in entries.items()])


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@click.version_option(__version__, "-V", "--version", prog_name="twtop")
@shared_options
@click.option(
    "--count-refusals",
    is_flag=True,
    help="In the dashboard: count the connects the kernel refuses, from the start.",
)
@click.option("--read-only", is_flag=True, help="Leave out all keys that change anything.")
@click.pass_context
def cli(context: click.Context, /, count_refusals: bool, **options: Any) -> None:
    """Htop for TIME-WAIT and ephemeral ports: which destination is eating the ports?

    Without a command the dashboard opens; press ? in it for its keys.
    """
    refuse_swallowed(context)
    context.obj = given(context, options)
    if count_refusals and context.invoked_subcommand is not None:
        raise click.UsageError("--count-refusals is for the dashboard; see `twtop refusals`")
    if context.obj.read_only and context.invoked_subcommand in ACTS:
        raise click.UsageError(
            f"{context.invoked_subcommand} changes things; leave out --read-only"
        )
    if context.invoked_subcommand is None:
        require_terminal()
        # asyncio does without where there is none; OpenSSL is 4 MB that a dashboard has no use for.
        sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]
        with loading():
            from tui.commands.dashboard import dashboard

        dashboard(context.obj, count=count_refusals)


for entries in SECTIONS.values():
    for name, entry in entries.items():
        cli.add_command(Deferred(name, entry))


def start() -> None:
    """Be the installed command: a plugin's answer is given even where its process breaks down."""
    if asked(sys.argv[1:]) == PLUGIN:
        supervised(main)
    main()


def main() -> None:
    """Run twtop; a usage error is one line, an interrupt ends it quietly."""
    open_closed_streams()
    spell_out()
    try:
        sys.exit(cli.main(prog_name="twtop", standalone_mode=False) or 0)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        command = asked(sys.argv[1:])
        if context is not None:
            path = context.command_path
        else:
            path = f"twtop {command}" if command in cli.commands else "twtop"
        message = error.format_message()
        if isinstance(error, click.NoSuchOption) and error.option_name in LOOKING_BACK:
            name = path.removeprefix("twtop").strip() or "the dashboard"
            also = "watch, bundle" if error.option_name == "--from" else "bundle"
            message = (
                f"{name} reads no recording; {error.option_name} is for check, report, audit, "
                f"plan, places, {also} and the parts of a report"
            )
            if context is not None and any("--from" in one.opts for one in context.command.params):
                message = f"{name} --from takes the whole recording; leave out {error.option_name}"
        text = f"{message} ({path} --help)"
        if command == PLUGIN:
            unknown(text)
        fail(text, NOT_RUN if command == "audit" else error.exit_code)
    except Exception as error:
        from tui.kernel.sockets import TableError  # loaded by whatever raised it

        if asked(sys.argv[1:]) == PLUGIN:
            unknown(f"{type(error).__name__}: {error}")
        if isinstance(error, TableError):
            fail(str(error))
        if not isinstance(error, OSError) or error.filename is not None:
            raise
        if error.errno not in UNWRITABLE_ERRORS:
            raise
        lose_stdout()  # click prints a help itself
        if not isinstance(error, BrokenPipeError):
            fail(f"stdout: {error.strerror}", UNWRITABLE)


def asked(arguments: Sequence[str]) -> str | None:
    """Return the command that the arguments of the command line ask for, None for none."""
    options = [option for option in cli.params if not getattr(option, "is_flag", False)]
    valued = {name for option in options for name in option.opts}
    words = iter(arguments)
    for word in words:
        if word in valued:
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None
