"""What a command has cost in ports: the page that `twtop run` ends with, and its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tui.analysis.patterns import endpoint
from tui.analysis.tolls import Destination, Toll, destination_text
from tui.writing.layout import Paint, table
from tui.writing.words import per_second, percent, plural, utc

SCHEMA = "twtop.run/1"
BARS = "▁▂▃▄▅▆▇█"
CHART_WIDTH = 60
SHOWN = 10
WORTH_TELLING = 0.5
"""The use of its ports from which a destination's limit is named: connect() is slow there."""


@dataclass(frozen=True, slots=True)
class Run:
    """A command that was run, and what it has cost."""

    command: tuple[str, ...]
    exit_code: int
    started: float
    """Unix time."""
    seconds: float
    tolls: dict[Destination, Toll]
    opened: int | None
    """Connections that the kernel counted in this network namespace (ActiveOpens), None if it
    does not say."""
    incomplete: int = 0
    """How many looks were cut short, and so not counted."""
    refused: int | None = None
    """connect() calls that found no port, as the kernel counted them; None where it was not
    asked."""

    @property
    def by_cost(self) -> list[tuple[Destination, Toll]]:
        """The destinations, the one with most connections first."""
        return sorted(self.tolls.items(), key=lambda item: -item[1].connections)

    @property
    def highest_use(self) -> float:
        """The highest utilization of any, in percent."""
        return 100 * max((toll.peak for toll in self.tolls.values()), default=0.0)


def run_record(run: Run) -> dict[str, Any]:
    """Return a run as plain data, with the contract's keys."""
    destinations = []
    for destination, toll in run.by_cost:
        ip, port = destination_text(destination)
        destinations.append(
            {
                "remote_ip": ip,
                "remote_port": port,
                "connections": toll.connections,
                "time_waits": toll.time_waits,
                "peak_in_use": toll.peak_in_use,
                "capacity": toll.capacity,
                "peak_at": None if toll.peak_at is None else utc(toll.peak_at),
                "exhausted_at": None if toll.exhausted_at is None else utc(toll.exhausted_at),
            }
        )
    return {
        "schema": SCHEMA,
        "command": list(run.command),
        "exit_code": run.exit_code,
        "started": utc(run.started),
        "duration_seconds": round(run.seconds, 3),
        "connections": sum(toll.connections for toll in run.tolls.values()),
        "time_waits": sum(toll.time_waits for toll in run.tolls.values()),
        "destinations": destinations,
        "refused": run.refused,
    }


def run_text(run: Run, paint: Paint) -> str:
    """Return the page."""
    tolls = run.by_cost
    connections = sum(toll.connections for _, toll in tolls)
    waits = sum(toll.time_waits for _, toll in tolls)
    said = [
        f"{run.seconds:.1f} s",
        f"exit {run.exit_code}",
        plural(connections, "connection"),
        plural(waits, "TIME-WAIT") + " left",
    ]
    if run.refused is not None:
        said.insert(3, f"{run.refused:,} refused")
    lines = [f"{paint('twtop run', 'bold')} · {' '.join(run.command)}", " · ".join(said), ""]
    lines.append(
        table(
            "Destinations",
            ("", ">connections", ">TIME-WAITs", ">ports each", ">peak use", ""),
            [_row(run, destination, toll) for destination, toll in tolls[:SHOWN]],
            paint,
            ["red" if toll.exhausted_at else "" for _, toll in tolls[:SHOWN]],
            total=len(tolls),
            empty="no outgoing connections seen",
        )
    )
    lines += _notes(run)
    return "\n".join(lines)


def _row(run: Run, destination: Destination, toll: Toll) -> tuple[str, ...]:
    each = f"{toll.time_waits / toll.connections:.2f}" if toll.connections else ""
    return (
        endpoint(*destination_text(destination)),
        f"{toll.connections:,}",
        f"{toll.time_waits:,}",
        each,
        _peak(run, toll),
        chart([use for _, use in toll.use]),
    )


def _peak(run: Run, toll: Toll) -> str:
    if toll.exhausted_at is not None:
        return f"FULL at {toll.exhausted_at - run.started:.1f} s"
    at = "" if toll.peak_at is None else f" at {toll.peak_at - run.started:.1f} s"
    return f"{percent(toll.peak_in_use, toll.capacity)}{at}"


def _notes(run: Run) -> list[str]:
    notes = []
    for destination, toll in run.by_cost:
        if not toll.connections or toll.peak < WORTH_TELLING:
            continue
        where = endpoint(*destination_text(destination))
        wanted = toll.connections / max(run.seconds, 0.1)
        notes.append(
            f"Limit: the {toll.capacity:,} ports to {where} sustain {per_second(toll.sustained)}; "
            f"the command made {per_second(wanted)}."
        )
        if toll.exhausted_at is not None:
            notes.append("For what would help, run twtop plan while its TIME-WAITs last.")
    counted = sum(toll.connections for toll in run.tolls.values())
    if run.opened is not None and run.opened > counted * 1.02 + 5:
        notes.append(
            f"The kernel counted {run.opened:,} connects, more than were seen. The rest failed, "
            "or the other side closed them between two reads."
        )
    if run.incomplete:
        notes.append(f"{plural(run.incomplete, 'look')} cut short and not counted.")
    return ["", *notes] if notes else []


def chart(uses: Sequence[float], width: int = CHART_WIDTH) -> str:
    """Return utilization over time as bars: the highest of each part of the time."""
    if not uses:
        return ""
    width = min(width, len(uses), CHART_WIDTH // 3)
    parts = [max(uses[len(uses) * n // width : len(uses) * (n + 1) // width]) for n in range(width)]
    return "".join(
        BARS[min(int(part * len(BARS)), len(BARS) - 1)] if part else " " for part in parts
    )
