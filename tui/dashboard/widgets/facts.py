"""One pattern in words and a gauge: how full, how long yet, who, what would last."""

from __future__ import annotations

from rich.text import Text
from textual.content import Content

from tui.analysis.forecast import NEVER
from tui.analysis.judgement import Level, PortUse, levels, pattern_level, port_use
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.timewait import TRACKED
from tui.dashboard.widgets.findings import severity_text
from tui.dashboard.widgets.gauge import GLYPHS, gauge, parts
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.patterns import use_role
from tui.findings.cases import Case
from tui.findings.finding import Severity
from tui.kernel.sockets import State
from tui.watching.view import View
from tui.writing.words import floored, per_second, signed, span

PART_NAMES = {
    "live": "live",
    "locked": "TIME-WAIT locked",
    "reusable": "reusable",
    "free": "free",
}


def cases_of(view: View, key: PatternKey) -> tuple[Case, ...]:
    """Return what is found about a pattern, the gravest first."""
    return tuple(case for case in view.cases.present if case.finding.pattern == key)


def found_text(view: View, key: PatternKey) -> Content:
    """Return the gravest finding about a pattern in a line, empty where nothing is found."""
    cases = cases_of(view, key)
    if not cases:
        return Content("")
    worst = cases[0].finding
    colour = {Severity.CRITICAL: "bold $error", Severity.WARNING: "$warning"}.get(worst.severity)
    text = worst.message.removeprefix(f"{worst.subject}: ")
    more = f" · {len(cases) - 1} more" if len(cases) > 1 else ""
    severity = severity_text(worst.severity)
    return Content.assemble(
        "f opens · ", (severity, colour) if colour else severity, f": {text}{more}"
    )


class FactsPanel(TextPanel):
    """A pattern's gauge and its figures."""

    COMPONENT_CLASSES = {
        f"facts--{name}"
        for name in ("live", "locked", "reusable", "free", "mark", "dim", "warn", "alarm", "figure")
    }

    def __init__(self, key: PatternKey) -> None:
        super().__init__(id="facts")
        self.key = key
        self.entitle("Ports")
        self._view: View | None = None
        self._index: int | None = None

    def show(self, view: View, index: int | None) -> None:
        """Show a view; ``index`` is the pattern's, None when it is not in the frame."""
        self._view, self._index = view, index
        self.entitle("Ports", found_text(view, self.key))
        self.redraw()

    def draw(self) -> Text:
        """Draw the gauge, its legend, and a line each on verdict, rates and owner."""
        view, index = self._view, self._index
        if view is None:
            return Text("")
        if index is None:
            return Text(" no sockets in this pattern now; its history goes on", self.style("dim"))
        direction = Direction(int(view.frame.patterns.direction[index]))
        lines = []
        if direction is Direction.OTHER:
            lines.append(self._words(view, index))
        else:
            use = port_use(view.frame.patterns, index)
            lines += [self._gauge(view, use), self._legend(use), self._words(view, index)]
        if direction is Direction.OUTGOING:
            lines.append(self._rates(view, index))
        elif direction is Direction.INCOMING:
            lines.append(
                Text(
                    " the peer's ports, of a range assumed to be ours: information, no alarm",
                    self.style("dim"),
                )
            )
        lines.append(self._owner(view, index))
        for line in lines:
            line.truncate(self.size.width, overflow="ellipsis")
        return Text("\n").join(lines[: max(self.size.height, 1)])

    def _gauge(self, view: View, use: PortUse) -> Text:
        return self.line([(" ", ""), *gauge(use, self.size.width - 2, view.threshold)])

    def _legend(self, use: PortUse) -> Text:
        text = Text(" ")
        for name, count in parts(use).items():
            text.append(GLYPHS[name], self.style(name)).append(f" {PART_NAMES[name]} ")
            text.append(f"{count:,}  ", self.style("figure"))
        text.append(" ┊ 50 %: connect() slows  │ threshold", self.style("dim"))
        return text

    def _words(self, view: View, index: int) -> Text:
        patterns = view.frame.patterns
        if patterns.direction[index] == Direction.OTHER:
            return Text(
                " local ports neither ephemeral nor listened on: explicitly bound, "
                "or left by a listener or a range that is gone"
            )
        use = port_use(patterns, index)
        level = pattern_level(patterns, index, view.threshold)
        text = Text.assemble(
            f" {use.in_use:,} of {use.capacity:,} in use ",
            (
                f"{floored(use.in_use, use.capacity):.1f}%",
                self.style(use_role(level) or "figure"),
            ),
        )
        if patterns.direction[index] != Direction.OUTGOING:
            return text
        if level is Level.EXHAUSTED:
            text.append(" · EXHAUSTED: connect() fails, EADDRNOTAVAIL", self.style("alarm"))
            return text
        text.append(f" · connectable {use.connectable:,}")
        left = view.trends.seconds_left[index] if index < TRACKED else NEVER
        growth = float(view.trends.growth[index]) if index < TRACKED else float("nan")
        if left != NEVER:
            text.append(f" · full in {span(float(left))}", self.style("warn"))
        elif growth > 0 and not patterns.reuse[index]:
            text.append(f" · levels off near {self._level(view, index):,.0f}")
        else:
            text.append(" · not filling up")
        text.append(f" · growth {signed(growth)}/s")
        if levels(use.locked, use.capacity, 100) >= Level.SLOW:
            text.append(" · past 50 %: slow connect()", self.style("warn"))
        return text

    def _level(self, view: View, index: int) -> float:
        """Return where the use goes if the present closing rate lasts: Little's law."""
        frame = view.frame
        held: float = frame.time_wait.closing.item(index) * frame.patterns.hold.item(index)
        return port_use(frame.patterns, index).live + held

    def _rates(self, view: View, index: int) -> Text:
        """Return what the pattern closes and could sustain, without and with reuse.

        A connection takes its port for its life and for what its TIME-WAIT locks it after that.
        """
        frame = view.frame
        use, rate = port_use(frame.patterns, index), frame.time_wait.closing.item(index)
        life = use.live / rate if rate > 0 else 0.0
        plain, reusing = (
            per_second(frame.hold_with(reuse=reuse).sustains(use.capacity, life))
            for reuse in (False, True)
        )
        text = Text(f" closing {rate:,.0f}/s · sustainable ")
        if frame.patterns.reuse[index]:
            text.append(f"{reusing} with tcp_tw_reuse, which is on here")
            text.append(f" ({plain} without)", self.style("dim"))
        else:
            text.append(plain)
            text.append(f"; {reusing} with tcp_tw_reuse=1", self.style("dim"))
        return text

    def _owner(self, view: View, index: int) -> Text:
        holder = view.trends.holders.get(index)
        patterns = view.frame.patterns
        states = ", ".join(
            f"{state.label} {patterns.states[index, state]:,}"
            for state in State
            if patterns.states[index, state]
        )
        if holder is None:
            denied = view.owners.denied
            who = "owner unknown" + (
                f": {denied:,} processes may not be looked into; run as root" if denied else ""
            )
            uids = view.frame.table.uid[(patterns.member == index) & (view.frame.table.inode > 0)]
            if len(uids):
                who += f" (uid {uids[-1]})"
            if not patterns.live_of(index):
                who = "no owner: a TIME-WAIT has none, and none has been seen yet"
            owner = (who, self.style("dim"))
        else:
            remembered = " (remembered)" if holder.remembered else ""
            owner = (f"held by {holder.process}{remembered}", self.style("figure"))
        return Text.assemble(" ", owner, (f" · {states}", self.style("dim")))
