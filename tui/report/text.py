"""A frame's parts as text for people."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING

from tui.analysis.bind_first import find_bound_first, shared_at
from tui.analysis.doubts import doubts, unseen_bound
from tui.analysis.frame import Frame
from tui.analysis.judgement import Level, pattern_level, port_use
from tui.analysis.owners import known_holders
from tui.analysis.patterns import Direction, endpoint
from tui.analysis.timewait import SECONDS
from tui.kernel.processes import Owners
from tui.kernel.sockets import Array, State
from tui.report.records import (
    listener_records,
    port_records,
    remote_records,
    rows_by_pattern,
    socket_records,
)
from tui.report.shared import shared_words
from tui.writing.layout import Paint, table, wrapped
from tui.writing.words import digits_beside, floored, local, per_second, percent, plural, written

if TYPE_CHECKING:
    from tui.records import NonzeroStatesRecord

TEXT_ROWS = 20
"""How many patterns, and remote IPs, the report shows; JSON has them all."""


def report_text(
    frame: Frame, owners: Owners, threshold: float, paint: Paint, *, details: bool = False
) -> str:
    """Return the report for people; ``threshold`` is a percentage of capacity.

    ``details`` are the quadruplets of every pattern.
    """
    blocks = [
        heading_text(frame, paint),
        states_text(frame, paint),
        time_wait_text(frame, paint),
        patterns_text(frame, owners, threshold, paint, most=TEXT_ROWS),
        remotes_text(frame, paint, most=TEXT_ROWS),
        listeners_text(frame, owners, paint, most=TEXT_ROWS),
        sysctls_text(frame, paint),
        *([quadruplets_text(frame, owners, paint)] if details else []),
    ]
    return "\n\n".join([*blocks, *owners_notes(owners)])


def owners_notes(owners: Owners) -> list[str]:
    """Return why some processes may be missing."""
    notes = []
    if owners.denied:
        cure = "; run as root to see them" if os.geteuid() else ""
        notes.append(f"Processes whose sockets could not be looked up: {owners.denied:,}{cure}.")
    if owners.skipped:
        notes.append(f"Processes whose files could not be read: {owners.skipped:,}.")
    if not owners.complete:
        notes.append("There was not enough time to look at every process: some owners are missing.")
    return notes


def heading_text(frame: Frame, paint: Paint) -> str:
    """Return what was read, when, and whether it was all."""
    table, reading = frame.table, frame.reading
    when = "of an unknown date"
    if frame.as_of is not None:
        when = local(frame.as_of)
    place, milliseconds = reading.place, reading.read_seconds * 1000
    lines = [
        paint(f"twtop report · {when}", "bold"),
        *([place_text(frame, paint)] if place.kind not in ("host", "copy") else []),
        f"{plural(len(table), 'socket')} from {reading.kind} in {milliseconds:.0f} ms",
        *([f"A copy: {place.name}"] if place.kind == "copy" else []),
        *unsound(frame, paint),
    ]
    if table.duplicates:
        lines.append(f"{plural(table.duplicates, 'duplicate')} left out")
    if table.byte_order is None:
        lines.append(f"Its addresses do not reveal the byte order: {sys.byteorder}-endian assumed")
    if unseen_bound(frame) != 0 and place.kind != "copy":
        unseen = unseen_bound(frame)
        fewer = "fewer" if unseen is None else f"up to {unseen:,} fewer"
        lines.append(
            f"Bound, unconnected sockets cannot be seen here: there may be {fewer} ports than shown"
        )
    return "\n".join(lines)


def place_text(frame: Frame, paint: Paint) -> str:
    """Return which place a frame is of, where there are several."""
    place = frame.reading.place
    number = "" if place.id is None or place.nameless else f" · netns {place.id}"
    return paint(f"{place.called}{number}", "bold")


def states_text(frame: Frame, paint: Paint) -> str:
    """Return the states that sockets are in, the most frequent first."""
    counts = [(state.label, int(frame.states[state])) for state in State]
    counts.sort(key=lambda item: -item[1])
    rows = [(label, f"{count:,}") for label, count in counts if count]
    return table("States", ("", ">"), rows, paint, empty="no TCP sockets")


def time_wait_text(frame: Frame, paint: Paint) -> str:
    """Return how many TIME-WAITs there are, and what the ports allow."""
    tw, rules, ports = frame.time_wait, frame.rules, frame.ports
    mode = {0: "off", 1: "on", 2: "on loopback only"}.get(rules.reuse_mode, "?")
    after = "from the next second" if rules.whole_seconds else f"after {rules.reuse_delay_ms} ms"
    reuse = f"tcp_tw_reuse {rules.reuse_mode} ({mode}), {after}"
    if not rules.timestamps:
        reuse += ", but timestamps are off: no reuse"
    excluded = f", {ports.excluded:,} bound or listened on" if ports.excluded else ""
    reserved = f", {ports.reserved:,} reserved" if ports.reserved else ""
    guess = " (assumed)" if "net.ipv4.ip_local_port_range" in frame.assumed else ""
    plain, reusing = (
        frame.hold_with(reuse=reuse).sustains(ports.capacity) for reuse in (False, True)
    )
    lines = (
        f"{tw.count:,} in TIME-WAIT; {tw.closing_per_second:,.0f}/s closing; "
        f"{int(tw.freed_per_second[0]):,} freed in the next second, "
        f"{int(tw.freed_per_second[:10].sum()):,} in the next 10",
        f"ports {ports.low}–{ports.high}{guess}{reserved}{excluded}: "
        f"{ports.capacity:,} for each (local IP, remote IP, remote port)",
        reuse,
        f"sustainable to one destination: {per_second(plain)}, {per_second(reusing)} with reuse",
    )
    head = paint("TIME-WAIT and ephemeral ports", "bold")
    return "\n".join([head, *(part for line in lines for part in wrapped(line, 80, "  ", "    "))])


def patterns_text(
    frame: Frame,
    owners: Owners,
    threshold: float,
    paint: Paint,
    *,
    chosen: Sequence[int] | None = None,
    most: int | None = None,
    filtered: bool = False,
) -> str:
    """Return the patterns, or the chosen ones, by use; ``threshold`` is a percentage.

    ``filtered`` says that a filter has chosen them.
    """
    patterns = frame.patterns
    wanted = range(len(patterns)) if chosen is None else chosen
    held = known_holders(patterns, frame.table, owners, len(patterns) if most is None else most)
    bound_first = find_bound_first(frame)
    rows, colours = [], []
    for index in wanted[:most]:
        use = port_use(patterns, index)
        shared = shared_at(bound_first, patterns, index)
        level = pattern_level(patterns, index, threshold)
        words, colour = LEVELS[level if shared is None else shared.use.level(threshold)]
        words = words.format(threshold=written(threshold))
        outgoing = patterns.direction[index] == Direction.OUTGOING  # others' ports are not ours
        digits = digits_beside(threshold)
        locked = f"{percent(use.locked, use.capacity, threshold)} locked: "
        locked *= bool(words) and use.locked < use.in_use
        rows.append(
            (
                str(patterns.key(index)),
                f"{patterns.time_wait[index]:,}",
                f"{patterns.live_of(index):,}",
                f"{floored(use.in_use, use.capacity, digits):.{digits}f}%",
                f"{use.connectable:,}" if outgoing else "–",
                str(held.get(index, "")),
                locked + words if shared is None else shared_words(shared, threshold, words),
            )
        )
        colours.append(colour)
    heads = ("Pattern", ">TIME-WAIT", ">live", ">use", ">connectable", "process", "")
    title = f"Patterns · {len(wanted):,}"
    if rows:
        title += f" · {frame.ports.capacity:,} ports each"
    return table(
        title,
        heads,
        rows,
        paint,
        colours,
        len(wanted),
        nothing(len(patterns), "no connections", filtered=filtered),
    )


def nothing(count: int, none: str, *, filtered: bool) -> str:
    """Return what is said where none is shown: ``count`` is how many there are unfiltered."""
    return f"nothing matches the filter ({count:,} without it)" if filtered and count else none


LEVELS = {
    Level.FINE: ("", ""),
    Level.SLOW: ("slow connect()", "yellow"),
    Level.HOT: ("above {threshold} %", "red"),
    Level.EXHAUSTED: ("EXHAUSTED: connect() fails", "red"),
}
"""The words and the colour of each level."""


def remotes_text(frame: Frame, paint: Paint, *, most: int | None = None) -> str:
    """Return the remote IPs by how many sockets they have."""
    rows = [
        (item["ip"], f"{item['total']:,}", _states(item["states"]))
        for item in islice(remote_records(frame), most)
    ]
    heads, total = ("Remote IP", ">sockets", "states"), len(frame.remotes)
    return table(f"Remote IPs · {total:,}", heads, rows, paint, total=total)


def listeners_text(frame: Frame, owners: Owners, paint: Paint, *, most: int | None = None) -> str:
    """Return the listening sockets by port, the first ones of them."""
    every = list(listener_records(frame, owners))
    rows = [
        (
            endpoint(item["local_ip"], item["port"]),
            f"{item['backlog']:,}",
            str(item["uid"]),
            item["process"] or "",
        )
        for item in every[:most]
    ]
    heads = "Listening on", ">waiting", ">uid", "process"
    return table(f"Listeners · {len(every):,}", heads, rows, paint, total=len(every))


def ports_text(frame: Frame, paint: Paint) -> str:
    """Return the services' ports by how many sockets they have."""
    arrows = {"outgoing": "→ to", "incoming": "← at", "other": "– other"}
    rows = [
        (
            str(item["port"]),
            arrows[item["direction"]],
            f"{item['total']:,}",
            _states(item["states"]),
        )
        for item in port_records(frame)
    ]
    return table(f"Ports · {len(rows):,}", (">Port", "", ">sockets", "states"), rows, paint)


def sockets_text(
    frame: Frame,
    rows: Array,
    owners: Owners,
    title: str,
    paint: Paint,
    *,
    most: int = 0,
    filtered: bool = False,
) -> str:
    """Return these rows of the table as quadruplets; ``filtered`` from ``most`` of them."""
    lines = _quadruplets(frame, rows, owners)
    empty = nothing(most, "none", filtered=filtered)
    return table(f"{title} · {len(lines):,}", QUADRUPLET_HEADS, lines, paint, empty=empty)


def quadruplets_text(frame: Frame, owners: Owners, paint: Paint) -> str:
    """Return every quadruplet below its pattern, in the order of the patterns."""
    rows = rows_by_pattern(frame)
    lines = table("", QUADRUPLET_HEADS, _quadruplets(frame, rows, owners), paint).splitlines()[1:]
    title = paint(f"Sockets · {len(rows):,}", "bold")
    if not len(rows):
        return "\n".join([title, *lines])
    out = [title, lines[0]]
    pattern = -1
    for line, member in zip(lines[1:], frame.patterns.member[rows].tolist(), strict=True):
        if member != pattern:
            out += ["", paint(f"{frame.patterns.key(member)}", "bold")]
            pattern = member
        out.append(line)
    return "\n".join(out)


QUADRUPLET_HEADS = "State", "Local", "Remote", ">left", "timer", ">recv-q", ">send-q", "process"


def _quadruplets(frame: Frame, rows: Array, owners: Owners) -> list[tuple[str, ...]]:
    return [
        (
            State[item["state"]].label,
            endpoint(item["local_ip"], item["local_port"]),
            endpoint(item["remote_ip"], item["remote_port"]),
            "" if item["remaining_seconds"] is None else f"{item['remaining_seconds']:.1f} s",
            item["timer"] or "",
            _count(item["rx_queue"]),
            _count(item["tx_queue"]),
            item["process"] or "",
        )
        for item in socket_records(frame, rows, owners.by_inode)
    ]


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def schedule_text(frame: Frame, paint: Paint) -> str:
    """Return when TIME-WAITs began and when they end, in steps of ten seconds."""
    tw = frame.time_wait
    closed = tw.closed_per_second.reshape(-1, 10).sum(axis=1).tolist()
    freed = tw.freed_per_second.reshape(-1, 10).sum(axis=1).tolist()
    rows = [
        (f"{first}–{first + 10} s", f"{began:,}", f"{ends:,}")
        for first, began, ends in zip(range(0, SECONDS, 10), closed, freed, strict=True)
    ]
    return table("By time", (">", ">began … ago", ">end in …"), rows, paint)


def unsound(frame: Frame, paint: Paint) -> list[str]:
    """Return what must be known of a frame of which not all could be read."""
    undated = ("this copy does not say when it was made",) * (frame.as_of is None)
    notes = "\n".join(paint(doubt, "yellow") for doubt in (*doubts(frame), *undated))
    return [notes] if notes else []


def sysctls_text(frame: Frame, paint: Paint, width: int = 80) -> str:
    """Return the kernel's parameters as sysctl writes them, and what they do below."""
    lines = [paint("Kernel parameters", "bold")]
    for parameter in frame.reading.parameters:
        shown = _shown(parameter.value)
        if parameter.name in frame.assumed:
            shown = f"unreadable, {_shown(parameter.default)} is assumed"
        lines.append(f"  {parameter.name} = {shown}")
        if parameter.value is not None and parameter.default not in (None, parameter.value):
            lines[-1] += f" (default {_shown(parameter.default)})"
        lines += wrapped(parameter.meaning, width, "      ")
    return "\n".join(lines)


def _shown(value: str | None) -> str:
    if value is None:
        return "–"
    return value[:23] + "…" if len(value) > 24 else value or "(none)"


def _states(counts: NonzeroStatesRecord) -> str:
    return ", ".join(f"{State[name].label} {count:,}" for name, count in counts.items())
