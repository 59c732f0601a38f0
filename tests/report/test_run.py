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
    page = run_text(run, plain, 100)
    assert f" {connections:,} connections in this namespace" in page
    assert (f"{missed} came and went" in page) == bool(missed)


@pytest.mark.parametrize(("width", "chart"), [(66, False), (80, True), (100, True)])
def test_the_page_fits_into_the_terminal(width: int, chart: bool) -> None:
    toll = Toll(3000, 2975, 900, 1_000, use=[(0.2, 0.3), (1.0, 0.9)], peak_at=1.0)
    run = Run(("true",), 0, 0.0, 1.5, {SERVER: toll}, 3100, cures=("keep connections open",) * 4)
    page = run_text(run, plain, width)
    assert max(len(line) for line in page.splitlines()) <= width
    assert any("\u2800" <= letter <= "\u28ff" for letter in page) is chart
