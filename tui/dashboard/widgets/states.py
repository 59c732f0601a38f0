"""The states panel: every TCP state with its count and its change."""

from __future__ import annotations

from rich.text import Text

from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.panel import TextPanel
from tui.kernel.sockets import State
from tui.watching.view import View
from tui.writing.words import DASH, plural, short, signed

ORDER = (
    State.TIME_WAIT,
    State.ESTABLISHED,
    State.CLOSE_WAIT,
    State.SYN_SENT,
    State.SYN_RECV,
    State.FIN_WAIT1,
    State.FIN_WAIT2,
    State.LAST_ACK,
    State.CLOSING,
    State.LISTEN,
    State.CLOSE,
)
"""A place of its own for each state, so that nothing jumps; the telling ones first."""
CELL = 29
"""The least width of a state's name, count and change."""


class StatesPanel(TextPanel[View]):
    """Counts by state, all eleven, in as many columns as fit."""

    BORDER_TITLE = "³ TCP states"

    def show(self, view: View) -> None:
        """Show a view."""
        self.entitle(f"³ TCP states · {plural(len(view.frame.table), 'socket')}")
        super().show(view)

    def draw(self, view: View) -> Text:
        """Draw the panel for its size: one line where there is no room for more."""
        width, height = self.size
        if height < 3:
            counts = view.frame.states
            parts = [f"{state.label} {counts[state]:,}" for state in ORDER if counts[state]]
            return Text(short(" " + (" · ".join(parts) or "no TCP sockets"), width), no_wrap=True)
        columns = max(1, min(-(-len(ORDER) // height), width // CELL))
        rows = min(-(-len(ORDER) // columns), height)
        cell = width // columns
        cells = [self._cell(view, state, cell) for state in ORDER[: rows * columns]]
        lines = [Text.assemble(*cells[row::rows][:columns]) for row in range(min(rows, len(cells)))]
        return Text("\n").join(lines)

    def _cell(self, view: View, state: State, width: int) -> Text:
        count, rates = int(view.frame.states[state]), view.trends.states
        change = signed(None if rates is None else float(rates[state]))
        runs = [(f" {state.label:<11}{count:>8,} ", "" if count else "dim")]
        unit = "  " if change in ("0", DASH) else "/s"
        runs.append((f"{change:>6}{unit}", "dim" if change in ("0", DASH) else ""))
        if (bar := width - CELL - 3) >= 4:
            largest = max(int(view.frame.states.max()), 1)
            length = 0 if count == 0 else max(1, round(count / largest * bar))
            kind = "locked" if state is State.TIME_WAIT else "bar"
            runs.append((f"  {glyphs().live * length}{' ' * (bar - length)}", kind))
        return self.line(runs)
