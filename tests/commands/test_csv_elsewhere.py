"""Every CSV has the types that are meant, in what people load it into."""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands.conftest import Run
from tests.commands.hosts import GARBLED, MIXED, PROXY
from tui.commands.parts import PARTS

COMMANDS = [*(part.name for part in PARTS), "places", "audit"]
TYPES = {
    "time": "time",
    **dict.fromkeys(("utilization", "utilization_at_most"), "real"),
    **dict.fromkeys(("remaining_seconds", "age_seconds"), "real"),
    "dumped": "boolean",
    **dict.fromkeys(("ip", "local_ip", "remote_ip", "state", "direction", "process"), "text"),
    **dict.fromkeys(("timer", "kind", "name", "container", "assumed", "worst", "findings"), "text"),
    **dict.fromkeys(("code", "severity", "subject", "message", "evidence", "advice"), "text"),
}
"""By column: all others are whole numbers."""
Loaded = Iterator[tuple[str, str]]


def by_sqlite(path: Path) -> Loaded:
    """It takes no columns that differ in case alone, and has neither times nor booleans."""
    heads, *rows = csv.reader(io.StringIO(path.read_text()))
    base = sqlite3.connect(":memory:")
    base.execute(f"create table t ({', '.join(head + ' numeric' for head in heads)})")
    base.executemany(f"insert into t values ({', '.join('?' * len(heads))})", rows)
    for head in heads:
        found = base.execute(f"select distinct typeof({head}) from t where {head} <> ''")
        kinds = {kind for (kind,) in found}
        meant = TYPES.get(head, "integer")
        as_good = {"time": {"text"}, "boolean": {"text"}, "real": {"integer", "real"}}
        yield head, meant if kinds <= as_good.get(meant, {meant}) else "/".join(sorted(kinds))


def by_duckdb(path: Path) -> Loaded:
    duckdb = pytest.importorskip("duckdb")
    names = {"BIGINT": "integer", "DOUBLE": "real", "VARCHAR": "text", "BOOLEAN": "boolean"}
    found = duckdb.sql(f"select * from read_csv('{path}')")
    for head, kind in zip(found.columns, map(str, found.types), strict=True):
        yield head, names.get(kind, "time" if kind.startswith("TIMESTAMP") else kind)


def by_pandas(path: Path) -> Loaded:
    pandas = pytest.importorskip("pandas")
    names = {"Int64": "integer", "Float64": "real", "string": "text", "boolean": "boolean"}
    found = pandas.read_csv(path, parse_dates=["time"]).convert_dtypes()
    for head, kind in found.dtypes.astype(str).items():
        yield head, names.get(kind, "time" if kind.startswith("datetime64") else kind)


@pytest.mark.parametrize("load", [by_sqlite, by_duckdb, by_pandas])
@pytest.mark.parametrize("command", COMMANDS)
def test_each_column_has_its_type(
    run: Run, tmp_path: Path, command: str, load: Callable[[Path], Loaded]
) -> None:
    path, seen = tmp_path / "of.csv", set()
    for proc in (PROXY, MIXED, GARBLED):
        out = run(command, "--csv", "--proc", proc).out
        path.write_text(out)
        for head, kind in load(path):
            if any(row[head] for row in csv.DictReader(io.StringIO(out))):  # else nobody can tell
                seen.add(head)
                assert (head, kind) == (head, TYPES.get(head, "integer"))
    assert seen
