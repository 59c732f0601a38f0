"""The line at the top: which Prometheus, how many hosts, what is not seen, how fresh."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from tui.analysis.judgement import Level
from tui.dashboard.fleet.view import FleetView
from tui.dashboard.widgets.titlebar import TitleLine
from tui.writing.words import measured, plural, short_count


class FleetTitle(TitleLine[FleetView]):
    """Names the Prometheus, what a refresh costs it, and whether the screen is live."""

    def draw(self, view: FleetView) -> Text:
        """Draw the line: the state and the clock at the right, the rest as far as it fits."""
        fleet = view.fleet
        cost, dim = fleet.cost, []
        read = f", {short_count(cost.samples)} samples" if cost.samples else ""
        rules = " · by recording rules" if fleet.is_recorded else ""
        dim.append(f" {cost.requests} requests {measured(cost.seconds)}{read}{rules} ")
        dim.append(f"· every {view.interval:g} s ")
        warn = [f" partial: {fleet.partial[0]} "] if fleet.partial else []
        if fleet.blind:
            warn.append(" no data on ports ")
        if doubted := sum(place.doubt is not None for place in fleet.places):
            warn.append(f" {doubted:,} uncertain ")
        if fleet.silent:
            warn.append(f" {len(fleet.silent):,} silent ")
        levels = [place.level(view.threshold) for place in fleet.places]
        full = levels.count(Level.EXHAUSTED)
        if short := full + levels.count(Level.HOT):
            warn.append(f" {full:,} EXHAUSTED " if full else f" {short:,} short of ports ")
        parts = [self.line([(text, "dim")]) for text in dim]
        parts += [self.line([(text, "warn")]) for text in warn]
        parts.append(self.line([(f" {plural(fleet.hosts, 'host')} ", "")]))
        return self.aligned(parts, self._state(view))

    def _state(self, view: FleetView) -> Text:
        clock = datetime.fromtimestamp(view.fleet.time).strftime("%H:%M:%S")
        mark, role = ("❚❚ FROZEN", "frozen") if view.frozen else ("● LIVE", "good")
        if view.failure is not None and not view.frozen:
            mark, role = "○ STALE", "warn"
        failed = [] if view.failure is None else [(f" {view.failure} ", "warn")]
        return self.line([*failed, (f" {mark} {clock} ", role)])
