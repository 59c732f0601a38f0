"""The forms that an answer can be had in: text, JSON or CSV."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import click

from tui.analysis.frame import Frame
from tui.commands.options import together
from tui.commands.output import UNWRITABLE, emit_data, plain, remark
from tui.report.text import unsound
from tui.writing.export import Counts, Sheet, write_csv

form_options = together(
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
    click.option("--csv", "as_csv", is_flag=True, help="Print the rows as CSV."),
)


def refuse_two(as_json: bool, as_csv: bool) -> None:
    """Raise click.UsageError where both are asked for."""
    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")


def emit_csv(sheet: Sheet, unwritable: int = UNWRITABLE) -> None:
    """Print records as CSV; ``unwritable`` is the exit code where that fails."""
    out = io.StringIO()
    write_csv(out, sheet)
    emit_data(out.getvalue().removesuffix("\n"), unwritable)


def in_places(
    frame: Frame,
    fields: tuple[str | Counts, ...],
    rows: Iterable[Mapping[str, Any]],
    before: Sheet | None = None,
) -> Sheet:
    """Return the sheet of several places, with a frame's rows added to those ``before``."""
    place = frame.reading.place
    mine = [{"place": place.name, "place_id": place.id, **row} for row in rows]
    former = before.records if before else ()
    return Sheet(frame.as_of, ("place", "place_id", *fields), [*former, *mine])


def warn_of(frame: Frame) -> None:
    """Say on stderr that the table is not whole, for output that has no place for it."""
    for notes in unsound(frame, plain):
        for note in notes.splitlines():
            remark(note)
