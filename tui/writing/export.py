"""Records of one moment as CSV or JSON: what `--csv` prints and what the dashboard exports."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TextIO

from tui.writing.files import write_whole
from tui.writing.words import utc

FORMATS = (".csv", ".json")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a spreadsheet tells a formula (OWASP, CSV injection)."""
Record = Mapping[str, Any]


class Counts(NamedTuple):
    """A field that holds counts by name: CSV has a column for each of these names."""

    field: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Records that have the same fields."""

    time: float | None
    """When they were true, Unix time, if that is known: the first column of a CSV."""
    fields: tuple[str | Counts, ...]
    """Which of their members a CSV has, in its order."""
    records: Iterable[Record]
    """Taken once, one by one: half a million are never a list."""


class ExportError(Exception):
    """The file could not be written; the text says why."""


def write_export(path: Path, sheet: Sheet) -> int:
    """Write the records and return how many there were.

    The ending names the format. A file of that name is replaced only once the new one is
    whole, so a full disk or a crash leaves it as it was.

    Raises ExportError for an unknown ending or when the file cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise ExportError(f"the name must end in {' or '.join(FORMATS)}; {path.name} does not")
    write = write_csv if path.suffix.lower() == ".csv" else _write_json

    def fill(file: BinaryIO) -> int:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            return write(text, sheet)
        finally:
            text.detach()  # flushes, and leaves the file open

    try:
        return write_whole(path, fill, mode=0o666)  # as the umask has it: it is to be passed on
    except OSError as error:
        raise ExportError(f"{error.strerror or error}: {path}") from error


def write_csv(file: TextIO, sheet: Sheet) -> int:
    """Write a line of heads and one a record, and return how many records there were.

    None is an empty cell, and a list, or a mapping that is no Counts, is JSON. What a spreadsheet
    would run as a formula begins with an apostrophe, which it takes for text: anyone can name a
    process so.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["time", *_heads(sheet)])
    time, count = None if sheet.time is None else utc(sheet.time), 0
    for record in sheet.records:
        writer.writerow([time, *_cells(sheet, record)])
        count += 1
    return count


def _heads(sheet: Sheet) -> Iterator[str]:
    for field in sheet.fields:
        yield from field.names if isinstance(field, Counts) else (field,)


def _cells(sheet: Sheet, record: Record) -> Iterator[Any]:
    for field in sheet.fields:
        if isinstance(field, Counts):
            counts = record[field.field]
            yield from (counts.get(name, 0) for name in field.names)
        else:
            value = record[field]
            if isinstance(value, dict | list):
                value = json.dumps(value, ensure_ascii=False)
            yield f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _write_json(file: TextIO, sheet: Sheet) -> int:
    """Write an array with one object a line: readable, and never whole in memory."""
    count = 0
    file.write("[")
    for record in sheet.records:
        file.write(",\n" if count else "\n")
        json.dump(record, file, ensure_ascii=False)
        count += 1
    file.write("\n]\n")
    return count
