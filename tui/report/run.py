"""What a command has cost in ports: the page that `twtop run` ends with, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tui.analysis.patterns import endpoint
from tui.analysis.tolls import Destination, Toll, destination_text
from tui.writing.braille import area
from tui.writing.layout import Paint, table, wrapped
from tui.writing.words import per_second, percent, plural, utc

SCHEMA = "twtop.run/1"
CHART_CELLS, LEAST_CHART = 20, 8
SHOWN = 10


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
    """Connects that the kernel counted in this network namespace, without those that failed
    (ActiveOpens - AttemptFails); None if it does not say."""
    incomplete: int = 0
    """How many looks were cut short, and so not counted."""
    refused: Mapping[Destination, int] | None = None
    """connect() calls that found no port, as the kernel counted them; None where it was not
    asked."""
    lost: int = 0
    """Refusals of the machine beside these of which nothing is known."""
    cures: tuple[str, ...] = ()
    """What would give the fullest destination the ports that the command wanted there."""

    @property
    def seen(self) -> int:
        """Connections that a look has seen."""
        return sum(toll.connections for toll in self.tolls.values())

    @property
    def connections(self) -> int:
        """All that were made in this network namespace, whoever made them.

        As the kernel counted them: a look misses what comes and goes before the next one, and
        whose port another connection takes over at once. A server's half-open ones that fail are
        counted among those that failed, so it may also be the looks that know of more.
        """
        return max(self.opened or 0, self.seen)

    @property
    def all_refused(self) -> int | None:
        """All connects that found no port, None where nobody counted."""
        return None if self.refused is None else sum(self.refused.values())

    @property
    def fullest(self) -> Destination | None:
        """The destination that came nearest to its end, None without any."""
        worn = {one: toll for one, toll in self.tolls.items() if toll.capacity}
        return max(worn, key=lambda one: worn[one].peak, default=None)

    def wanted(self, destination: Destination) -> float:
        """Return the connections a second that the command tried to make there."""
        refused = (self.refused or {}).get(destination, 0)
        return (self.tolls[destination].connections + refused) / max(self.seconds, 0.1)

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
                "refused": None if run.refused is None else run.refused.get(destination, 0),
            }
        )
    return {
        "schema": SCHEMA,
        "command": list(run.command),
        "exit_code": run.exit_code,
        "started": utc(run.started),
        "duration_seconds": round(run.seconds, 3),
        "connections": run.connections,
        "time_waits": sum(toll.time_waits for toll in run.tolls.values()),
        "destinations": destinations,
        "refused": run.all_refused,
    }


def run_text(run: Run, paint: Paint, width: int) -> str:
    """Return the page; the charts take what room the figures leave in a width."""
    tolls = run.by_cost
    waits = sum(toll.time_waits for _, toll in tolls)
    said = [
        f"{run.seconds:.1f} s",
        f"exit {run.exit_code}",
        plural(run.connections, "connection") + " in this namespace",
        plural(waits, "TIME-WAIT") + " left",
    ]
    if run.all_refused is not None:
        said.insert(3, f"{run.all_refused:,} refused")
    lines = [
        f"{paint('twtop run', 'bold')} · {' '.join(run.command)}",
        *wrapped(" · ".join(said), width, "", "  "),
        "",
    ]
    rows = [_row(run, destination, toll) for destination, toll in tolls[:SHOWN]]
    heads = ("", ">seen", ">TIME-WAITs", ">ports each", ">peak use", "")
    figures = table("", heads, [(*row, "") for row in rows], lambda text, colour: text)
    cells = min(CHART_CELLS, width - max(map(len, figures.splitlines())) - len("  "))
    charts = [
        area(over_time(toll.use, run.started, run.seconds, 2 * cells))
        if cells >= LEAST_CHART
        else ""
        for _, toll in tolls[:SHOWN]
    ]
    lines.append(
        table(
            "Destinations",
            heads,
            [(*row, chart) for row, chart in zip(rows, charts, strict=True)],
            paint,
            ["red" if toll.exhausted_at else "" for _, toll in tolls[:SHOWN]],
            total=len(tolls),
            empty="no outgoing connections seen",
        )
    )
    if notes := _notes(run):
        lines += ["", *(line for note in notes for line in wrapped(note, width, "", "  "))]
    return "\n".join(lines)


def _row(run: Run, destination: Destination, toll: Toll) -> tuple[str, ...]:
    each = f"{toll.time_waits / toll.connections:.2f}" if toll.connections else ""
    return (
        endpoint(*destination_text(destination)),
        f"{toll.connections:,}",
        f"{toll.time_waits:,}",
        each,
        _peak(run, destination, toll),
    )


def _peak(run: Run, destination: Destination, toll: Toll) -> str:
    refused = (run.refused or {}).get(destination, 0)
    more = f", {refused:,} refused" if refused else ""
    if toll.exhausted_at is not None:
        return f"FULL at {max(toll.exhausted_at - run.started, 0):.1f} s{more}"
    at = "" if toll.peak_at is None else f" at {max(toll.peak_at - run.started, 0):.1f} s"
    return f"{percent(toll.peak_in_use, toll.capacity)}{at}{more}"


def _notes(run: Run) -> list[str]:
    notes = []
    missed = run.connections - run.seen
    least = "at least " if missed else ""
    if (destination := run.fullest) is not None:
        toll, wanted = run.tolls[destination], run.wanted(destination)
        where = endpoint(*destination_text(destination))
        notes.append(
            f"Limit: {toll.capacity:,} ports to {where}. They sustain "
            f"{per_second(toll.sustained)}; the command asked for {least}{per_second(wanted)}."
        )
        if wanted > toll.sustained and toll.exhausted_at is None:
            notes.append(f"At this rate they last {toll.capacity / wanted:,.0f} s.")
        if run.cures:
            notes.append(f"What would help: {' · '.join(run.cures)}. For more, run twtop plan.")
    if missed:
        notes.append(
            f"{run.seen:,} of {plural(run.connections, 'connection')} seen. {missed:,} came and "
            "went between two looks, or were never answered."
        )
    if run.lost:
        notes.append(f"{run.lost:,} more were refused somewhere on this machine.")
    if run.incomplete:
        notes.append(f"{plural(run.incomplete, 'look')} cut short and not counted.")
    return notes


def over_time(
    use: Sequence[tuple[float, float]], begin: float, seconds: float, parts: int
) -> list[float]:
    """Return the highest utilization of each part of the time; without a look it stays."""
    highest: list[float | None] = [None] * parts
    for time, value in use:
        part = min(max(int((time - begin) / max(seconds, 0.001) * parts), 0), parts - 1)
        highest[part] = max(value, highest[part] or 0.0)
    last, filled = 0.0, []
    for one in highest:
        last = last if one is None else one
        filled.append(last)
    return filled
