"""What a command took of its ports over time, as a picture: SVG."""

from __future__ import annotations

from html import escape

from tui.analysis.patterns import endpoint
from tui.analysis.tolls import destination_text
from tui.report.run import Run
from tui.writing.words import plural

WIDTH, HEIGHT = 960, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 64, 44
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Told apart by colour-blind people too (Okabe and Ito)."""
FONTS = "DejaVu Sans, Liberation Sans, Noto Sans, Arial, sans-serif"
"""Renderers of PNG know no other way to find one that is there."""
GRID = (0.0, 0.25, 0.5, 0.75, 1.0)


def run_svg(run: Run) -> str:
    """Return the use of the costliest destinations' ports over time as an SVG document."""
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    seconds = max(run.seconds, 0.001)

    def x(time: float) -> float:
        return LEFT + min(max((time - run.started) / seconds, 0.0), 1.0) * wide

    def y(use: float) -> float:
        return TOP + (1 - min(use, 1.0)) * high

    refused = f" · {run.all_refused:,} refused" if run.all_refused else ""
    made = plural(run.connections, "connection")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{FONTS}" font-size="13" fill="#222">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(LEFT, 24, " ".join(run.command)[:100], 'font-weight="bold" font-size="15"'),
        _text(LEFT, 44, f"{run.seconds:.1f} s · {made}{refused}", 'fill="#555"'),
    ]
    for use in GRID:
        parts.append(
            f'<path d="M{LEFT} {y(use):.1f}h{wide}" stroke="{"#c00" if use == 1 else "#ddd"}"/>'
        )
        parts.append(_text(LEFT - 8, y(use) + 4, f"{use:.0%}", 'text-anchor="end"'))
    for part in range(6):
        at = f"{seconds * part / 5:.1f} s"
        parts.append(_text(LEFT + wide * part / 5, HEIGHT - 16, at, 'text-anchor="middle"'))
    for number, (destination, toll) in enumerate(run.by_cost[: len(COLOURS)]):
        colour = COLOURS[number]
        points = " ".join(
            f"{x(time):.1f},{y(use):.1f}" for time, use in [(run.started, 0.0), *toll.use]
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        name = f"{endpoint(*destination_text(destination))} · {toll.capacity:,} ports"
        parts.append(_text(LEFT + 12, TOP + 20 + 18 * number, name, f'fill="{colour}"'))
    return "\n".join([*parts, "</svg>", ""])


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
