"""What older versions wrote is read as it was meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.recording.test_recording import tables_of
from tests.tables import reading, table, waiting
from tui.kernel.processes import Owners
from tui.kernel.sockets import Array, SocketTable
from tui.recording.packing import summed
from tui.recording.positions import _together, places
from tui.recording.row_reader import RowReader
from tui.recording.rows import RowChange, RowWriter
from tui.recording.state import applied, changed, sections

SECONDS = (0, 900, 2_000, 3_100, 9_000, 9_500)


def placed_otherwise(change: RowChange, count: int, name: str) -> dict[str, Array]:
    """The columns with places as numbers in the whole table, as older recordings tell them."""
    at = places(change.columns, change.came, count)
    told = at.view(np.uint64) if name == "at" else _together(at, count)
    others = {key: told for key, told in change.columns.items() if not key.startswith("places")}
    return others | {name: told}


def first_of_version_3(change: RowChange, count: int) -> RowChange:
    """The same as the first recordings of version 3 tell it."""
    return replace(change, columns=placed_otherwise(change, count, "places"))


def version_2(change: RowChange, count: int, *, steps: bool) -> RowChange:
    """The same as version 2 tells it: a place each, and which went as a column of 0 and 1."""
    columns = placed_otherwise(change, count, "at")
    ended = columns.pop("ended")
    by = np.resize(np.array([1, 255], np.uint64), len(ended))
    if steps:
        columns["expired.steps"] = np.zeros(10 + int(ended.sum()), np.uint64)
        columns["expired.steps"][summed(ended)] = by
    else:
        columns |= {"expired.turns": ended, "expired.by": by}
    return replace(change, columns=columns)


@pytest.mark.parametrize(
    "told_before",
    [partial(version_2, steps=False), partial(version_2, steps=True), first_of_version_3],
)
def test_rows_of_older_versions(told_before: Callable[[RowChange, int], RowChange]) -> None:
    writer, reader = RowWriter(), RowReader()
    went = 0
    socks = [waiting(40_000 + n, 40 * n) for n in range(200)]
    tables: list[SocketTable] = tables_of(socks, SECONDS)
    for one in tables:
        change = writer.change_to(one)
        went += len(change.columns["ended"])
        reader.take([told_before(change, len(one))])
        for name, values in reader.columns().items():
            assert np.array_equal(values, getattr(one, name)), name
    assert went > 0, "some are due, and of these some went"


def test_counters_as_they_were_or_as_what_they_grew_by() -> None:
    made = [
        sections(replace(reading(table()), counters=counters), Owners({}))
        for counters in ({"tw": 5, "TW": 10**6, "a": 1}, {"tw": 3, "TW": 10**6 + 7, "b": 2})
    ]
    told = changed(*made)
    assert (told["+counters"], told["counters"]) == ({"tw": -2, "TW": 7}, {"b": 2})
    of_version_2 = {"-counters": ["a"], "counters": {"tw": 3, "TW": 10**6 + 7, "b": 2}}
    assert applied(made[0], told) == applied(made[0], of_version_2) == made[1]
