"""Charts of coloured cells, set between their axes by plotext; the only place that knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tui.dashboard.widgets.styles import Run

Line = list[Run]


@dataclass(slots=True)
class Cells:
    """What stands in a chart: the last that is put into a cell, so that nothing has holes."""

    columns: int
    rows: int
    found: dict[tuple[int, int], Run] = field(default_factory=dict)
    """Character and role by column and row, from below."""

    def level(self, row: int, glyph: str, role: str) -> None:
        """Draw a line from side to side."""
        if 0 <= row < self.rows:
            self.found.update({(column, row): (glyph, role) for column in range(self.columns)})

    def put(self, column: int, row: int, glyph: str, role: str) -> None:
        """Fill one cell; a blank fills none."""
        if glyph != " " and 0 <= row < self.rows:
            self.found[column, row] = glyph, role


def cells_for(labels: Mapping[int, str], width: int, height: int) -> Cells:
    """Return the empty cells of a chart that leaves room for its axes."""
    return Cells(max(width - _margin(labels), 1), max(height - 1, 1))


def chart(
    cells: Cells, heights: Mapping[int, str], times: Mapping[int, str], width: int
) -> list[Line]:
    """Return a chart's lines; ``heights`` are labels by row, ``times`` by column."""
    import plotext  # 30 ms that the dashboard need not wait for

    plotext.clf()
    plotext.limit_size(False, False)  # the panel's size counts, not the terminal's
    plotext.theme("clear")
    plotext.plotsize(width, cells.rows + 1)
    plotext.frame(False)
    plotext.grid(False, False)
    where = list(cells.found) or [(0, -1)]
    plotext.scatter(
        [column for column, _ in where],
        [row for _, row in where],
        marker=[cells.found.get(at, " ")[0] for at in where],
    )
    # One cell is one unit each way, and plotext divides by zero on equal limits.
    plotext.xlim(0, max(cells.columns - 1, 1))
    plotext.ylim(0, max(cells.rows - 1, 1))
    plotext.xticks(list(times), list(times.values()))
    plotext.yticks(list(heights), list(heights.values()))
    margin = _margin(heights)
    lines = plotext.uncolorize(plotext.build()).splitlines()
    return [
        *(_coloured(cells, line, cells.rows - 1 - y, margin) for y, line in enumerate(lines[:-1])),
        [(lines[-1].ljust(width)[:width], "dim")],
    ]


def _margin(labels: Mapping[int, str]) -> int:
    return max(map(len, labels.values()), default=0)


def _coloured(cells: Cells, line: str, row: int, margin: int) -> Line:
    runs: Line = [(line[:margin], "dim")]
    for column, text in enumerate(line[margin:]):
        role = cells.found.get((column, row), (" ", ""))[1]
        if runs[-1][1] == role:
            runs[-1] = (runs[-1][0] + text, role)
        else:
            runs.append((text, role))
    return runs
