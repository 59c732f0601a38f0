"""The parts of a frame that have a command of their own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from tui.analysis.expressions import FilterError
from tui.analysis.filter import Filter, parse_filter
from tui.analysis.frame import Frame
from tui.analysis.timewait import time_waits
from tui.commands.configuration import configured
from tui.commands.examples import UNWRAPPED
from tui.commands.forms import emit_csv, form_options, in_places, refuse_two, warn_of
from tui.commands.listing import SECTIONS
from tui.commands.options import given, look_options, recording_options
from tui.commands.output import EPILOG, emit, emit_data, paint
from tui.commands.reading import Looks
from tui.kernel.processes import Owners
from tui.kernel.sockets import Array, State
from tui.report import records, text
from tui.report.records import PATTERN_FIELDS, SOCKET_FIELDS, STATES
from tui.writing.export import Counts, Sheet

if TYPE_CHECKING:
    from tui.records import PatternRecord


@dataclass(frozen=True, slots=True)
class Query:
    """One frame, and what of it is asked for."""

    frame: Frame
    owners: Owners
    threshold: float
    """Percent of capacity from which a pattern is in violation; 0 where nothing is judged."""
    filter: Filter | None

    def established(self) -> Array:
        """Return the rows of the established connections that pass the filter."""
        mask = self.frame.table.state == State.ESTABLISHED
        if self.filter is not None:
            mask &= self.filter.rows(self.frame)
        return np.flatnonzero(mask)

    def patterns(self) -> list[int]:
        """Return the patterns with a socket that passes the filter, by use."""
        if self.filter is None:
            return list(range(len(self.frame.patterns)))
        found: list[int] = np.flatnonzero(self.filter.patterns(self.frame)).tolist()
        return found

    def waiting(self) -> tuple[Frame, list[int]]:
        """Return those of the patterns that have TIME-WAITs, and the frame with only theirs."""
        table, patterns = self.frame.table, self.frame.patterns
        chosen = [index for index in self.patterns() if patterns.time_wait[index]]
        if self.filter is None:
            return self.frame, chosen
        state = np.where(np.isin(patterns.member, chosen), table.state, State.CLOSE)
        theirs = time_waits(
            replace(table, state=state),
            patterns.member,
            patterns.holding,
            patterns.hold,
            self.frame.rules.time_wait_ms,
        )
        return replace(self.frame, time_wait=theirs), chosen

    def pattern_records(self, chosen: Iterable[int]) -> list[PatternRecord]:
        """Return these patterns as plain data."""
        every = list(records.pattern_records(self.frame, self.owners))
        return [every[index] for index in chosen]


def _waiting_record(query: Query) -> dict[str, Any]:
    frame, chosen = query.waiting()
    return {
        "time_wait": records.time_wait_record(frame),
        "patterns": query.pattern_records(chosen),
    }


def _waiting_text(query: Query) -> Iterable[str]:
    frame, chosen = query.waiting()
    yield text.time_wait_text(frame, paint)
    if frame.time_wait.count:
        yield text.schedule_text(frame, paint)
    yield text.patterns_text(
        frame,
        query.owners,
        query.threshold,
        paint,
        chosen=chosen,
        filtered=query.filter is not None,
    )


def _patterns_text(query: Query) -> str:
    chosen = query.patterns()
    return text.patterns_text(
        query.frame,
        query.owners,
        query.threshold,
        paint,
        chosen=chosen,
        filtered=query.filter is not None,
    )


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a frame as a command."""

    name: str
    rows: str
    """Which of the record's members are the rows of its CSV, unless ``table`` makes them."""
    fields: tuple[str | Counts, ...]
    """What its CSV has of them."""
    examples: tuple[str, ...]
    record: Callable[[Query], dict[str, Any]]
    """What its JSON has besides the head."""
    text: Callable[[Query], Iterable[str]]
    """Blocks of text."""
    owners: bool = False
    """Are processes named in it? Looking for them takes time."""
    filtered: bool = False
    judged: bool = False
    """Does its text hold patterns against the threshold?"""
    table: Callable[[dict[str, Any]], Iterable[Mapping[str, Any]]] | None = None
    """Makes the rows of its CSV from its record where no list in it has them."""


PARTS = (
    Part(
        "states",
        "states",
        ("state", "count"),
        ("twtop states", "twtop states -N all --json"),
        lambda query: {"states": records.states_record(query.frame)},
        lambda query: [text.states_text(query.frame, paint)],
        table=lambda record: (
            {"state": name, "count": count} for name, count in record["states"].items()
        ),
    ),
    Part(
        "listen",
        "listeners",
        ("local_ip", "port", "backlog", "backlog_limit", "uid", "process", "local_port"),
        ("twtop listen", "twtop listen --csv > listeners.csv"),
        lambda query: {"listeners": [*records.listener_records(query.frame, query.owners)]},
        lambda query: [text.listeners_text(query.frame, query.owners, paint)],
        owners=True,
    ),
    Part(
        "established",
        "sockets",
        SOCKET_FIELDS,
        (
            "twtop established dport 443",
            "twtop established dst 10.0.0.0/8 --json",
        ),
        lambda query: {
            "sockets": [
                *records.socket_records(query.frame, query.established(), query.owners.by_inode)
            ]
        },
        lambda query: [
            text.sockets_text(
                query.frame,
                query.established(),
                query.owners,
                "Established",
                paint,
                most=int(query.frame.states[State.ESTABLISHED]),
                filtered=query.filter is not None,
            )
        ],
        owners=True,
        filtered=True,
    ),
    Part(
        "per-ip",
        "remote_ips",
        ("ip", "total", STATES, "remote_ip", "sockets"),
        ("twtop per-ip | head", "twtop per-ip --csv > remotes.csv"),
        lambda query: {"remote_ips": [*records.remote_records(query.frame)]},
        lambda query: [text.remotes_text(query.frame, paint)],
    ),
    Part(
        "per-port",
        "ports",
        ("port", "direction", "total", STATES, "sockets"),
        ("twtop per-port", "twtop per-port --from web-1.twtop --at 03:12"),
        lambda query: {"ports": [*records.port_records(query.frame)]},
        lambda query: [text.ports_text(query.frame, paint)],
    ),
    Part(
        "timewait",
        "patterns",
        ("second", "closed_per_second", "freed_per_second"),
        ("twtop timewait", "twtop timewait dport 5432 --json"),
        _waiting_record,
        _waiting_text,
        filtered=True,
        judged=True,
        table=lambda record: records.by_time(record["time_wait"]),
    ),
    Part(
        "patterns",
        "patterns",
        PATTERN_FIELDS,
        ("twtop patterns 'use > 50%'", "twtop patterns dst 10.0.0.9 --from web-1.twtop --at -90s"),
        lambda query: {
            "ephemeral": records.ephemeral_record(query.frame),
            "patterns": query.pattern_records(query.patterns()),
        },
        lambda query: [_patterns_text(query)],
        owners=True,
        filtered=True,
        judged=True,
    ),
)


FILTER_HELP = (
    "FILTER is written as in ss and in the dashboard: `state time-wait`, `dport 5432`, `dst "
    "10.0.0.0/8`, `use > 50%`, joined by and, or, not; anything else is searched for as text."
)


def command(part: Part) -> click.Command:
    """Return the command that prints a part."""

    def run(context: click.Context, /, as_json: bool, as_csv: bool, **options: Any) -> None:
        words = options.pop("filter", ())
        settings = given(context, options)
        refuse_two(as_json, as_csv)
        chosen = parsed(words)
        judged = part.judged and not (as_json or as_csv)
        threshold = configured(settings).ports.threshold if judged else 0.0
        sheet: Sheet | None = None
        looks = Looks(settings)
        for look in looks:
            frame, owners = look.frame, look.owners() if part.owners else Owners({})
            query = Query(frame, owners, threshold, chosen)
            if as_json:
                said = {**records.head(frame, f"twtop.{part.name}/1"), **part.record(query)}
                emit_data(json.dumps(said, ensure_ascii=False))
            elif as_csv:
                rows = _rows(part, query)
                if looks.several:
                    sheet = in_places(frame, part.fields, rows, sheet)
                else:
                    emit_csv(Sheet(frame.as_of, part.fields, rows))
                warn_of(frame)
            else:
                notes = text.owners_notes(owners) if part.owners else ()
                place = [text.place_text(frame, paint)] if looks.several else []
                where = [*look.about, *place]
                emit("\n\n".join([*where, *text.unsound(frame, paint), *part.text(query), *notes]))
        if sheet is not None:
            emit_csv(sheet)
        looks.finish()

    made: Any = click.pass_context(run)
    if part.filtered:
        made = click.argument("filter", nargs=-1)(made)
    made = form_options(recording_options(look_options(made)))
    about = SECTIONS["Look once"][part.name].about
    examples = UNWRAPPED + "\n".join(part.examples)
    explained = "\n\n".join([about, *[FILTER_HELP] * part.filtered, examples])
    built: click.Command = click.command(part.name, help=explained, epilog=EPILOG)(made)
    return built


def _rows(part: Part, query: Query) -> Iterable[Mapping[str, Any]]:
    record = part.record(query)
    rows: Iterable[Mapping[str, Any]] = record[part.rows]
    return rows if part.table is None else part.table(record)


def parsed(words: tuple[str, ...]) -> Filter | None:
    """Return the filter that the words of a command line make. Raises click.UsageError."""
    try:
        return parse_filter(" ".join(words)) if words else None
    except FilterError as error:
        raise click.UsageError(f"filter: {error}") from None


states, listen, established, per_ip, per_port, timewait, patterns = map(command, PARTS)
