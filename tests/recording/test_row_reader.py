"""Many rows come and go between two tables that somebody asks for."""

from __future__ import annotations

import numpy as np
import pytest

from tests.recording.test_recording import tables_of
from tests.tables import waiting
from tui.recording import row_reader
from tui.recording.row_reader import RowReader
from tui.recording.rows import RowWriter

SOCKS = [waiting(40_000 + n, 3_000 * n % 60_000, remote=f"10.0.{n % 7}.1") for n in range(40)]
TABLES = tables_of(SOCKS, range(0, 60_000, 2_000))


def test_rows_are_numbered_anew_before_the_numbers_run_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = RowWriter()
    changes = [writer.change_to(one) for one in TABLES]
    monkeypatch.setattr(row_reader, "BITS", 6)
    monkeypatch.setattr(row_reader, "MOST", 64)
    assert sum(change.came for change in changes) > 3 * 64
    for asked in (1, 7, len(TABLES)):
        reader = RowReader()
        for first in range(0, len(TABLES), asked):
            reader.take(changes[first : first + asked])
            meant = TABLES[min(first + asked, len(TABLES)) - 1]
            for name, values in reader.columns().items():
                assert np.array_equal(values, getattr(meant, name)), name


def test_a_table_of_more_rows_than_numbers_is_senseless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_reader, "MOST", 16)
    with pytest.raises(ValueError, match="too many rows"):
        RowReader().take([RowWriter().change_to(TABLES[0])])
