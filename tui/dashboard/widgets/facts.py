"""One pattern in words and a gauge: how full, how long yet, who, what would last."""

from __future__ import annotations

import math

from rich.text import Text
from textual.content import Content

from tui.analysis.forecast import NEVER
from tui.analysis.judgement import Level, PortUse
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.refused import OTHERS
from tui.analysis.timewait import TRACKED
from tui.dashboard.widgets.findings import severity_text
from tui.dashboard.widgets.gauge import gauge, glyph_of, parts
from tui.dashboard.widgets.glyphs import glyphs
from tui.dashboard.widgets.panel import TextPanel
from tui.dashboard.widgets.patterns import shared_with, unreadable, use_role
from tui.dashboard.widgets.styles import Run
from tui.findings.cases import Case
from tui.findings.finding import Severity
from tui.kernel.sockets import State
from tui.watching.refused import ENDED
from tui.watching.view import View
from tui.writing.words import floored, per_second, signed, span, written

NOT_OURS = (
    " local ports neither ephemeral nor listened on: bound explicitly, or left from an earlier "
    "listener or port range"
)


STEADY_SHARE, STEADY_SECONDS = 0.02, 60
"""What changes by less than this share of the capacity in so many seconds looks flat in the curve
beside it, and is called steady."""


def cases_of(view: View, key: PatternKey) -> tuple[Case, ...]:
    """Return what is found about a pattern, the gravest first.

    Also that its client binds first, which is found about all destinations of a local IP.
    """
    outgoing = key.direction is Direction.OUTGOING
    shared = ("bind-before-connect", key.local_ip) if outgoing else None
    found = view.cases.present
    return tuple(one for one in found if one.finding.pattern == key or one.identity == shared)


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
        (severity, colour) if colour else severity, f": {text}{more} (f: details)"
    )


class FactsPanel(TextPanel[View]):
    """A pattern's gauge and its figures."""

    BORDER_TITLE = "Ports"
    key: PatternKey

    def __init__(self, key: PatternKey | None, *, id: str = "facts") -> None:  # noqa: A002
        super().__init__(id=id)
        if key is not None:
            self.key = key

    def show(self, view: View) -> None:
        """Show a view."""
        self.entitle("Ports", found_text(view, self.key))
        super().show(view)

    def draw(self, view: View) -> Text:
        """Draw as much of the facts as there is room for."""
        return self.stacked(self.facts(view))

    def facts(self, view: View) -> list[Text]:
        """Return the gauge, its legend, and a line each on verdict, rates and owner."""
        index = view.frame.patterns.find(self.key)
        if index is None:
            gone = f" no sockets in this pattern {view.now}; its history continues"
            return [Text(gone, self.style("dim"))]
        direction = Direction(int(view.frame.patterns.direction[index]))
        use = view.use_of(index)
        bar = gauge(use, self.size.width - 2, view.threshold)
        if direction is not Direction.OUTGOING:  # the peer's ports: no alarm of ours
            bar = [(text, "dim") for text, _ in bar]
        match direction:
            case Direction.OUTGOING:
                found = [self.line([(" ", ""), *bar]), self._legend(use, view.threshold)]
                found.append(self.words(view, index, use))
                found.append(self.rates(view, index, use))
            case Direction.INCOMING:
                note = (
                    " these are the peer's ports; its range is assumed to be ours: information, "
                    "not an alarm"
                )
                found = [self.line([(" ", ""), *bar]), self._legend(use, view.threshold)]
                found.append(self._in_use(use, Level.FINE))
                found.append(Text(note, self.style("dim")))
            case _:
                found = [Text(NOT_OURS)]
        return [*found, self._owner(view, index)]

    def _legend(self, use: PortUse, threshold: float) -> Text:
        """Return what the parts of the gauge are, of those that it has."""
        runs = [(" ", "")]
        for name, count in parts(use).items():
            if count or name == "free":
                word = "TIME-WAIT locked" if name == "locked" else name
                runs += [(glyph_of(name), name), (f" {word} ", ""), (f"{count:,}  ", "figure")]
        slow, hot = glyphs().slow, glyphs().threshold
        marks = f" {slow} 50%: connect() slows  {hot} {written(threshold)}%: threshold"
        room = self.size.width - sum(len(text) for text, _ in runs)
        return self.line([*runs, (marks if len(marks) <= room else "", "dim")])

    def _in_use(self, use: PortUse, level: Level) -> Text:
        percent = f"{floored(use.in_use, use.capacity):.1f}%"
        counts = f" {use.in_use:,} of {use.capacity:,} in use "
        return self.line([(counts, ""), (percent, use_role(level) or "figure")])

    def words(self, view: View, index: int, use: PortUse) -> Text:
        """Return how full an outgoing pattern is, and how long yet."""
        frame = view.frame
        level, bound = use.level(view.threshold), view.bound_at(index)
        text = self._in_use(use, level)
        if level is Level.EXHAUSTED:
            fails = (
                "connect() fails, EADDRNOTAVAIL" if bound is None else "bind() fails, EADDRINUSE"
            )
            return text.append(f" · EXHAUSTED: {fails}", self.style("alarm"))
        text.append(f" · {use.connectable:,} left")
        left = view.seconds_left(index)
        if left is None:
            text.append(" · time left unknown", self.style("dim"))
        elif left != NEVER:
            text.append(f" · full in {span(left)}", self.style("warn"))
        if bound is not None:  # how one of them grows says nothing of what they share
            return text
        growth = float(view.trends.growth[index]) if index < TRACKED else float("nan")
        if left == NEVER and growth > 0 and not frame.patterns.reuse[index]:
            # Little's law: where the use goes if the present closing rate lasts.
            held = frame.time_wait.closing.item(index) * frame.hold(index).longest  # as in a plan
            near = math.ceil(use.live + held - 1e-6)
            if near >= use.capacity:  # too new to be foretold
                text.append(f" · would need {near:,} if it goes on", self.style("warn"))
            elif near >= use.in_use:
                text.append(f" · levels off near {near:,}")
        elif left == NEVER and abs(growth) * STEADY_SECONDS < STEADY_SHARE * use.capacity:
            text.append(" · steady")
        if use.level(100) >= Level.SLOW:  # before what 80 columns may cut
            text.append(" · connect() is slow", self.style("warn"))
        grows = f" · growth {signed(growth)}/s"
        return text.append(grows if len(text) + len(grows) < self.size.width else "")

    def rates(self, view: View, index: int, use: PortUse, *, closing: bool = True) -> Text:
        """Return what the pattern closes and could sustain, without and with reuse.

        A connection takes its port for its life and for what its TIME-WAIT locks it after that.
        """
        if (bound := view.bound_at(index)) is not None:
            return self.line([(f" {shared_with(bound)}", "warn")])
        frame = view.frame
        rate = frame.time_wait.closing.item(index)
        life = use.live / rate if rate > 0 else 0.0
        plain, reusing = (
            per_second(frame.hold_with(reuse=reuse).sustains(use.capacity, life))
            for reuse in (False, True)
        )
        head = f" closing {rate:,.0f}/s ·" if closing else ""
        head += " sustains "
        if frame.patterns.reuse[index]:
            head += f"{reusing} with tcp_tw_reuse, which is on here"
            return self.line([(head, ""), (f" ({plain} without)", "dim")])
        return self.line([(head + plain, ""), (f"; {reusing} with tcp_tw_reuse=1", "dim")])

    def _owner(self, view: View, index: int) -> Text:
        patterns = view.frame.patterns
        states = ", ".join(
            f"{state.label} {patterns.states[index, state]:,}"
            for state in State
            if patterns.states[index, state]
        )
        below = view.kept_below(self.key)
        kept = "" if below is None else f"kept below {below:g} % · "
        who = self.who(view, index)
        return self.line([(" ", ""), (kept, "figure"), who, (f" · {states}", "dim")])

    def who(self, view: View, index: int) -> Run:
        """Return who holds the pattern, or why that is not known."""
        holder, patterns = view.trends.holders.get(index), view.frame.patterns
        if holder is not None:
            remembered = " (remembered)" if holder.remembered else ""
            return f"held by {holder.process}{remembered}", "figure"
        if (refused := view.trends.refused) is not None and (tally := refused.tuples.get(self.key)):
            by = (who for who in tally.by if who not in (OTHERS, ENDED))
            if (likely := next(by, None)) is not None:
                return f"owner unknown; probably {likely}, whose connects are refused", "dim"
        if not patterns.live_of(index):
            who = "owner unknown: connections closed before they were seen"
            is_full = view.use_of(index).connectable <= 0
            if is_full and refused is None and self.app.check_action("count_refusals", ()):
                who += "; R shows who is refused"
            return who, "dim"
        who = "owner unknown"
        if view.owners.denied:
            who += f": {unreadable(view.owners)}"
        uids = view.frame.table.uid[(patterns.member == index) & (view.frame.table.inode > 0)]
        return (f"{who} (uid {uids[-1]})" if len(uids) else who), "dim"
