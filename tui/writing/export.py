"""What a table shows, written to a file as CSV or JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from tui.writing.files import write_whole

FORMATS = (".csv", ".json")


class ExportError(Exception):
    """The file could not be written; the text says why."""


def write_export(path: Path, fields: Sequence[str], records: Iterable[Sequence[Any]]) -> int:
    """Write the records, each as long as ``fields``, and return how many there were.

    The ending names the format. A file of that name is replaced only once the new one is
    whole, so a full disk or a crash leaves it as it was.

    Raises ExportError for an unknown ending or when the file cannot be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise ExportError(f"{path.name}: the name must end in {' or '.join(FORMATS)}")
    write = _write_csv if path.suffix.lower() == ".csv" else _write_json

    def fill(file: BinaryIO) -> int:
        text = TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            return write(text, fields, records)
        finally:
            text.detach()  # flushes, and leaves the file open

    try:
        return write_whole(path, fill, mode=0o666)  # as the umask has it: it is to be passed on
    except OSError as error:
        raise ExportError(f"{error.strerror or error}: {path}") from error


def _write_csv(file: TextIO, fields: Sequence[str], records: Iterable[Sequence[Any]]) -> int:
    writer = csv.writer(file)
    writer.writerow(fields)
    count = 0
    for record in records:
        writer.writerow(_csv_cell(value) for value in record)
        count += 1
    return count


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, dict) else value


def _write_json(file: TextIO, fields: Sequence[str], records: Iterable[Sequence[Any]]) -> int:
    """Write an array with one object a line: readable, and never whole in memory."""
    count = 0
    file.write("[")
    for record in records:
        file.write(",\n" if count else "\n")
        json.dump(dict(zip(fields, record, strict=True)), file, ensure_ascii=False)
        count += 1
    file.write("\n]\n")
    return count
