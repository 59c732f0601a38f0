"""The options that many commands share, and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from tui.recording.when import TimeError, parse_duration

if TYPE_CHECKING:
    from tui.kernel.sockets import ByteOrder
    from tui.kernel.source import SourceChoice


@dataclass(frozen=True, slots=True)
class Settings:
    """What the shared options say."""

    interval: float | None = None
    """Seconds between two reads; None is a second, or on a screen what is configured."""
    threshold: float | None = None
    """Percent of capacity; None is what is configured."""
    source: SourceChoice = "auto"
    proc: Path = Path("/proc")
    byte_order: ByteOrder | None = None
    """That of a copy's machine, if the user knows it."""
    recording: Path | None = None
    """A recording to read instead of the kernel."""
    read_only: bool = False
    """May a dashboard change nothing?"""
    at: str | None = None
    """Which moment of it, as the user has written it; None is the last."""
    place: str | None = None
    """What the user calls the place to look at; None for the one that ``proc`` shows."""

    @property
    def seconds(self) -> float:
        """Seconds between two reads."""
        return 1.0 if self.interval is None else self.interval

    @property
    def said(self) -> tuple[str, ...]:
        """The shared options that say something, as one writes them."""
        none = Settings()
        said = [name for name in SHARED if getattr(self, name) != getattr(none, name)]
        return tuple(f"--{name.replace('_', '-')}" for name in said)


def real(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Refuse NaN, which no range excludes."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("nan is not a number")
    return value


def percent(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return a percentage, with or without its sign."""
    if value is None:
        return None
    try:
        number = float(value.strip().removesuffix("%"))
    except ValueError:
        raise click.BadParameter(f"{value} is not a percentage, such as 80") from None
    number = real(context, parameter, number) or 0.0
    if not 0.1 <= number <= 100:
        raise click.BadParameter(f"{value} is not a percentage from 0.1 to 100")
    return number


def seconds(low: float, high: float = 1e9) -> Callable[..., float | None]:
    """Return what reads a duration such as 10, 10s, 500ms or 1h30m, in seconds, within bounds."""

    def read(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        try:
            time = parse_duration(value)
        except TimeError as error:
            raise click.BadParameter(str(error)) from None
        if not low <= time <= high:
            raise click.BadParameter(f"{value} is not between {low:g}s and {high:,.0f}s")
        return time

    return read


def together(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return options as one decorator; the help lists them in this order."""
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


def places(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Complete the name of a place: what this user can see of them."""
    from tui.kernel.sockets import TableError  # NumPy, for which no other command line waits
    from tui.kernel.survey import survey

    try:
        found = {place.name: place.kind for place in survey().places}
    except (OSError, TableError):
        return []
    return [CompletionItem(a, help=kind) for a, kind in found.items() if a.startswith(begun)]


def places_or_all(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """Complete the name of a place, or the word for all of them."""
    every = [CompletionItem("all", help="every place")] if "all".startswith(begun) else []
    return every + places(context, parameter, begun)


def polled_every(default: float) -> Callable[[Any], Any]:
    """Return the option that says how often to poll, with what its help calls the default."""
    return click.option(
        "-i",
        "--interval",
        type=click.FloatRange(0.1, 3600),
        callback=real,
        metavar="SECONDS",
        help=f"Time between polls.  [default: {default:g}]",
    )


interval_option = polled_every(1)
threshold_option = click.option(
    "-t",
    "--threshold",
    type=click.FloatRange(0, 100, min_open=True),
    callback=real,
    metavar="PERCENT",
    help="Port use from which a pattern counts as hot.  [default: 80]",
)
source_option = click.option(
    "--source",
    type=click.Choice(["auto", "proc", "sock_diag"]),
    help="Where to read sockets; auto is /proc while that is quick enough.  [default: auto]",
)
proc_option = click.option(
    "--proc",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Read this procfs: a copy (or a .tar.gz of one), or in a container DIR/1 of the host's "
    "/proc, mounted at DIR.  [default: /proc]",
)
byte_order_option = click.option(
    "--byte-order",
    type=click.Choice(["little", "big"]),
    help="Byte order of the machine the copy is from.  [default: told by its addresses]",
)
place_option = click.option(
    "-N",
    "--place",
    metavar="PLACE",
    shell_complete=places_or_all,
    help="Look at this place: a named network namespace, a PID, a path, or a container's or "
    "pod's name or id; some commands also accept `all`.  [default: where twtop "
    "runs]",
)
reading_options = together(source_option, proc_option, byte_order_option)
"""What to read."""
look_options = together(threshold_option, reading_options, place_option)
"""What a command takes that looks once, and judges what it sees."""
shared_options = together(interval_option, look_options)
"""All that twtop takes before a command: each command that has a use for it, behind it as well."""
SHARED = ("interval", "threshold", "source", "proc", "byte_order", "place")
"""Their names."""


recording_options = together(
    click.option(
        "--from",
        "recording",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Read a recording (twtop record) instead of the kernel.",
    ),
    click.option(
        "--at",
        metavar="TIME",
        help="The moment to read: 03:12, 2026-11-26T03:12Z, or -90s from the end.  [default: last]",
    ),
)
"""What every command takes that looks once."""


ONE_COPY = "--byte-order is for one copy of /proc; leave it out, or name one place"


def given(context: click.Context, options: dict[str, Any]) -> Settings:
    """Return the settings of the outer command, overruled by the options given here.

    Raises click.UsageError for a byte order of every place, and a moment of no recording.
    """
    outer = context.obj if isinstance(context.obj, Settings) else Settings()
    chosen: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    settings = replace(outer, **chosen)
    if settings.byte_order is not None and settings.place == "all":
        raise click.UsageError(ONE_COPY)
    if settings.at is not None and settings.recording is None:
        raise click.UsageError("--at is a moment in a recording; name that with --from")
    return settings
