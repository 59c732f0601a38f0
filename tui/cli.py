"""Arguments → command. Loads what a command needs only when that command runs."""

from __future__ import annotations

import math
import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from tui import __version__

if TYPE_CHECKING:
    from tui.kernel.source import Source, SourceChoice

UNWRITABLE = 1
"""Exit code when the report could not be written."""
UNREADABLE = 3
"""Exit code when the kernel's tables could not be read."""
OWNER_SECONDS = 0.5
"""How long a one-shot report may look for the owners of sockets."""

EPILOG = (
    "Exit codes: 0 done, 1 the report could not be written, 2 usage, "
    "3 the kernel's tables could not be read."
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the shared options say."""

    interval: float = 1.0
    threshold: float = 80.0
    source: SourceChoice = "auto"
    proc: Path = Path("/proc")


def real(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse NaN, which no range excludes."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number")
    return value


SHARED_OPTIONS = [
    click.option(
        "-i",
        "--interval",
        type=click.FloatRange(0.1, 3600),
        callback=real,
        metavar="SECONDS",
        help="Time between polls.  [default: 1]",
    ),
    click.option(
        "-t",
        "--threshold",
        type=click.FloatRange(0, 100, min_open=True),
        callback=real,
        metavar="PERCENT",
        help="Use of a pattern's ports from which it is in violation.  [default: 80]",
    ),
    click.option(
        "--source",
        type=click.Choice(["auto", "proc", "sock_diag"]),
        help="Where sockets are read; auto is /proc for as long as that is quick.  [default: auto]",
    ),
    click.option(
        "--proc",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Read this procfs: a copy, or a host's mounted in a container.  [default: /proc]",
    ),
]


def shared_options(command: Any) -> Any:
    """Add the options that every command takes, before its name or behind it."""
    for option in reversed(SHARED_OPTIONS):
        command = option(command)
    return command


def given(context: click.Context, options: dict[str, Any]) -> Settings:
    """Return the settings of the outer command, overruled by the options given here."""
    outer = context.obj if isinstance(context.obj, Settings) else Settings()
    chosen: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    return replace(outer, **chosen)


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


def dashboard(settings: Settings) -> None:
    """Run the full-screen dashboard until the user quits it."""
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise click.UsageError("the dashboard needs a terminal; `twtop report` does not")
    source = open_source(settings)
    from tui.app import TwtopApp, describe_place  # Textual takes a third of a second to load
    from tui.kernel.processes import find_owners
    from tui.sampler import Sampler

    app = TwtopApp(
        Sampler(source),
        threshold=settings.threshold,
        place=describe_place(settings.proc),
        find_owners=lambda: find_owners(settings.proc),
    )
    app.run()
    if app.fatal is not None:
        click.echo(f"twtop: {app.fatal}", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # The terminal is restored; taking Python down in order would cost the user a tenth of a second.
    os._exit(app.return_code or (UNREADABLE if app.fatal is not None else 0))


@cli.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
@shared_options
@click.pass_context
def report(context: click.Context, /, as_json: bool, **options: Any) -> None:
    """Print once what the dashboard shows, as text or JSON."""
    settings = given(context, options)
    source = open_source(settings, one_shot=True)
    from tui.analysis.frame import judge
    from tui.kernel.processes import find_owners
    from tui.kernel.sockets import TableError
    from tui.report import to_json, to_text

    try:
        frame = judge(source.read())
    except TableError as error:
        fail(str(error))
    owners = find_owners(settings.proc, deadline=time.monotonic() + OWNER_SECONDS)
    if as_json:
        emit(to_json(frame, owners))
    else:
        emit(to_text(frame, owners, settings.threshold, paint))


def emit(text: str) -> None:
    """Print a report. Whoever reads it may stop doing so; a full disk is an error."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        click.echo(text.encode(encoding, "replace").decode(encoding))  # not every locale has “–”
    except OSError as error:
        # Python would complain once more when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            fail(f"stdout: {error.strerror or error}", UNWRITABLE)


def open_source(settings: Settings, *, one_shot: bool = False) -> Source:
    """Return the source to read from.

    Raises click.UsageError for sock_diag on a procfs that is not this namespace's own.
    """
    from tui.kernel.source import Source

    source = Source(settings.proc, settings.source, settings.interval, one_shot=one_shot)
    if settings.source == "sock_diag" and not source.own_namespace:
        raise click.UsageError(
            f"--source sock_diag reads this network namespace, which {settings.proc} does not "
            "show; leave out one of --source and --proc"
        )
    return source


def paint(text: str, colour: str) -> str:
    """Return the text coloured for a terminal; click takes it off again elsewhere."""
    if os.environ.get("NO_COLOR"):
        return text
    return click.style(text, bold=True) if colour == "bold" else click.style(text, fg=colour)


def fail(message: str, code: int = UNREADABLE) -> NoReturn:
    """Print one line on stderr and exit; unless told, the tables could not be read."""
    click.echo(f"twtop: {message}", err=True)
    sys.exit(code)


def main() -> None:
    """Run twtop; a usage error is one line, an interrupt ends it quietly."""
    try:
        sys.exit(cli.main(prog_name="twtop", standalone_mode=False) or 0)
    except click.ClickException as error:
        click.echo(f"twtop: {error.format_message()} (twtop --help)", err=True)
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
