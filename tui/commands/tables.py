"""twtop states, listen, established, per-ip, per-port, timewait, patterns: one part of a frame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tui.commands.configuration import configured
from tui.commands.options import given, shared_options
from tui.commands.output import as_csv_text, emit, paint, warn_of
from tui.commands.parts import Part, Query
from tui.commands.reading import owners_of, read_frame
from tui.commands.report import EPILOG

if TYPE_CHECKING:
    from tui.analysis.filter import Filter
    from tui.kernel.processes import Owners

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
            from tui.records import head

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
            from tui.text import unsound

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
