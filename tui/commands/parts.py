"""The parts of a frame that have a command of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tui.commands.output import paint
from tui.report.fields import PATTERN_FIELDS, SOCKET_FIELDS

if TYPE_CHECKING:
    from tui.analysis.filter import Filter
    from tui.analysis.frame import Frame
    from tui.kernel.processes import Owners
import json
from typing import TYPE_CHECKING

import click

from tui.commands.options import given, shared_options
from tui.commands.output import as_csv_text, emit, warn_of
from tui.commands.reading import configured, owners_of, read_frame
from tui.commands.report import EPILOG

if TYPE_CHECKING:
    from tui.analysis.filter import Filter
    from tui.kernel.processes import Owners


@dataclass(frozen=True, slots=True)
class Query:
    """One frame, and what of it is asked for."""

    frame: Frame
    owners: Owners
    threshold: float
    """Percent of capacity from which a pattern is in violation; 0 where nothing is judged."""
    filter: Filter | None

    def rows(self, *states: str) -> Any:
        """Return the table's rows in these states that pass the filter, in its order."""
        import numpy as np

        from tui.kernel.sockets import State

        table = self.frame.table
        mask = np.isin(table.state, [State[name] for name in states])
        if self.filter is not None:
            mask &= self.filter.rows(self.frame)
        return np.flatnonzero(mask)

    def patterns(self) -> list[int]:
        """Return the patterns with a socket that passes the filter, by use."""
        import numpy as np

        if self.filter is None:
            return list(range(len(self.frame.patterns)))
        found: list[int] = np.flatnonzero(self.filter.patterns(self.frame)).tolist()
        return found

    def waiting(self) -> tuple[Frame, list[int]]:
        """Return those of the patterns that have TIME-WAITs, and the frame with only theirs."""
        import numpy as np

        from tui.analysis.timewait import time_waits
        from tui.kernel.sockets import State

        table, patterns = self.frame.table, self.frame.patterns
        chosen = [index for index in self.patterns() if patterns.time_wait[index]]
        if self.filter is None:
            return self.frame, chosen
        state = np.where(np.isin(patterns.member, chosen), table.state, State.CLOSE)
        theirs = time_waits(replace(table, state=state), patterns.member, patterns.hold)
        return replace(self.frame, time_wait=theirs), chosen

    def pattern_records(self, chosen: Iterable[int]) -> list[dict[str, Any]]:
        """Return these patterns as plain data."""
        from tui.report.records import pattern_records

        every = list(pattern_records(self.frame, self.owners))
        return [every[index] for index in chosen]


def _states(query: Query) -> dict[str, Any]:
    from tui.report.records import states_record

    return {"states": states_record(query.frame)}


def _listen(query: Query) -> dict[str, Any]:
    from tui.report.records import listener_records

    return {"listeners": list(listener_records(query.frame, query.owners))}


def _established(query: Query) -> dict[str, Any]:
    from tui.report.records import socket_records

    rows = query.rows("ESTABLISHED")
    return {"sockets": list(socket_records(query.frame, rows, query.owners.by_inode))}


def _per_ip(query: Query) -> dict[str, Any]:
    from tui.report.records import remote_records

    return {"remote_ips": list(remote_records(query.frame))}


def _per_port(query: Query) -> dict[str, Any]:
    from tui.report.records import port_records

    return {"ports": list(port_records(query.frame))}


def _time_wait(query: Query) -> dict[str, Any]:
    from tui.report.records import time_wait_record

    frame, chosen = query.waiting()
    return {"time_wait": time_wait_record(frame), "patterns": query.pattern_records(chosen)}


def _patterns(query: Query) -> dict[str, Any]:
    from tui.report.records import ephemeral_record

    found = query.pattern_records(query.patterns())
    return {"ephemeral": ephemeral_record(query.frame), "patterns": found}


def _states_text(query: Query) -> Iterator[str]:
    from tui.report.text import states_text

    yield states_text(query.frame, paint)


def _listen_text(query: Query) -> Iterator[str]:
    from tui.report.text import listeners_text, owners_notes

    yield listeners_text(query.frame, query.owners, paint)
    yield from owners_notes(query.owners)


def _established_text(query: Query) -> Iterator[str]:
    from tui.report.text import owners_notes, sockets_text

    rows = query.rows("ESTABLISHED")
    yield sockets_text(query.frame, rows, query.owners, "Established", paint)
    yield from owners_notes(query.owners)


def _per_ip_text(query: Query) -> Iterator[str]:
    from tui.report.text import remotes_text

    yield remotes_text(query.frame, paint)


def _per_port_text(query: Query) -> Iterator[str]:
    from tui.report.text import ports_text

    yield ports_text(query.frame, paint)


def _time_wait_text(query: Query) -> Iterator[str]:
    from tui.report.text import patterns_text, schedule_text, time_wait_text

    frame, chosen = query.waiting()
    yield time_wait_text(frame, paint)
    if frame.time_wait.count:
        yield schedule_text(frame, paint)
    yield patterns_text(frame, query.owners, query.threshold, paint, chosen=chosen)


def _patterns_text(query: Query) -> Iterator[str]:
    from tui.report.text import owners_notes, patterns_text

    yield patterns_text(query.frame, query.owners, query.threshold, paint, chosen=query.patterns())
    yield from owners_notes(query.owners)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a frame as a command."""

    name: str
    help: str
    record: Callable[[Query], dict[str, Any]]
    """What its JSON has besides the head."""
    rows: str
    """Which of the record's members are the rows of its CSV."""
    fields: tuple[str, ...]
    """The heads of its CSV; ``states`` stands for a column for each state."""
    text: Callable[[Query], Iterable[str]]
    owners: bool = False
    """Are processes named in it? Looking for them takes time."""
    filtered: bool = False
    judged: bool = False
    """Does its text hold patterns against the threshold?"""


PARTS = (
    Part("states", "Sockets by state.", _states, "states", ("state", "count"), _states_text),
    Part(
        "listen",
        "Listening sockets, how many wait to be accepted, and by whom.",
        _listen,
        "listeners",
        ("local_ip", "port", "backlog", "uid", "process"),
        _listen_text,
        owners=True,
    ),
    Part(
        "established",
        "Established connections with queues and process.",
        _established,
        "sockets",
        SOCKET_FIELDS,
        _established_text,
        owners=True,
        filtered=True,
    ),
    Part(
        "per-ip",
        "Sockets by remote IP.",
        _per_ip,
        "remote_ips",
        ("ip", "total", "states"),
        _per_ip_text,
    ),
    Part(
        "per-port",
        "Sockets by the port of their service.",
        _per_port,
        "ports",
        ("port", "direction", "total", "states"),
        _per_port_text,
    ),
    Part(
        "timewait",
        "TIME-WAITs: since when, until when, and whose ports they hold.",
        _time_wait,
        "patterns",
        PATTERN_FIELDS,
        _time_wait_text,
        filtered=True,
        judged=True,
    ),
    Part(
        "patterns",
        "Who talks to whom, and how many ports that takes.",
        _patterns,
        "patterns",
        PATTERN_FIELDS,
        _patterns_text,
        owners=True,
        filtered=True,
        judged=True,
    ),
)


FILTER_HELP = (
    "FILTER reads as in ss and in the dashboard: `state time-wait`, `dport 5432`, "
    "`dst 10.0.0.0/8`, `use > 50%`, joined by and, or, not; else plain text."
)


def command(part: Part) -> click.Command:
    """Return the command that prints a part."""

    def run(context: click.Context, /, as_json: bool, as_csv: bool, **options: Any) -> None:
        words = options.pop("filter", ())
        settings = given(context, options)
        if as_json and as_csv:
            raise click.UsageError("--json and --csv exclude each other")
        chosen = parsed(words)
        judged = part.judged and not (as_json or as_csv)
        threshold = configured(settings).ports.threshold if judged else 0.0
        frame = read_frame(settings)
        query = Query(frame, owners_of(settings) if part.owners else nobody(), threshold, chosen)
        if as_json:
            from tui.report.records import head

            emit(
                json.dumps(
                    {**head(frame, f"twtop.{part.name}/1"), **part.record(query)},
                    ensure_ascii=False,
                )
            )
        elif as_csv:
            emit(as_csv_text(part.fields, part.record(query)[part.rows]))
            warn_of(frame)
        else:
            from tui.report.text import unsound

            emit("\n\n".join([*unsound(frame, paint), *part.text(query)]))

    made: Any = click.pass_context(run)
    if part.filtered:
        made = click.argument("filter", nargs=-1)(made)
    for option in (
        shared_options,
        click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    ):
        made = option(made)
    text = f"{part.help}\n\n{FILTER_HELP}" if part.filtered else part.help
    built: click.Command = click.command(part.name, help=text, epilog=EPILOG)(made)
    return built


def parsed(words: tuple[str, ...]) -> Filter | None:
    """Return the filter that the words of a command line make. Raises click.UsageError."""
    if not words:
        return None
    from tui.analysis.filter import FilterError, parse_filter

    try:
        return parse_filter(" ".join(words))
    except FilterError as error:
        raise click.UsageError(f"filter: {error}") from None


def nobody() -> Owners:
    """Return no owners."""
    from tui.kernel.processes import Owners

    return Owners({})
