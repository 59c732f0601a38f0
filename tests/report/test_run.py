"""The page that `twtop run` ends with."""

import pytest

from tui.analysis.tolls import Toll
from tui.commands.output import plain
from tui.report.run import Run, run_record, run_text

SERVER = 0, 0xFFFF_0A00_0001, 443


@pytest.mark.parametrize(
    ("opened", "seen", "connections", "missed"),
    [(3000, 2975, 3000, "25"), (3000, 3000, 3000, ""), (90, 100, 100, ""), (None, 7, 7, "")],
)
def test_the_kernel_counts_what_no_look_has_seen(
    opened: int | None, seen: int, connections: int, missed: str
) -> None:
    """Such as connections whose ports tcp_tw_reuse gave to others before the next look."""
    run = Run(("true",), 0, 0.0, 1.5, {SERVER: Toll(seen, seen, seen, 28_232)}, opened)
    told = run_record(run)
    assert told["connections"] == connections
    assert told["destinations"][0]["connections"] == seen
    page = run_text(run, plain)
    assert f" {connections:,} connections in this namespace" in page
    assert (f"{missed} came and went" in page) == bool(missed)
