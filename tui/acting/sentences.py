"""What is said before something is done and after it: figures first, then what may go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tui.acting.applying import FILE, SYSCTL_D, Undone
from tui.acting.freeing import Choice, Forecast, Freed, Listing, use_of
from tui.acting.journal import Entry
from tui.acting.keeping import Goal, Kept
from tui.acting.settings import Change
from tui.analysis.frame import Frame
from tui.analysis.patterns import Direction, PatternKey
from tui.analysis.ports import port_space
from tui.kernel.places import Place
from tui.kernel.port_rules import PortRules, port_rules
from tui.writing.words import joined, local, percent, plural

NAMED = 3
"""Patterns that are named before the rest is a number."""


def listing_lines(listing: Listing, forecast: Forecast) -> list[str]:
    """Return what would be ended, what connect() gains, and the risk; a sentence or two each."""
    rules, use = listing.frame.rules, listing.use
    lines = []
    ages = listing.ages()
    if len(ages):
        first, last = int(ages.min()), int(ages.max())
        span = f"{first} to {last} s" if first < last else f"{first} s"
        lines.append(
            f"{plural(len(ages), 'TIME-WAIT')} of {patterns_text(listing)}, closed {span} ago; "
            "the oldest end first."
        )
    if listing.live:
        lines.append(
            f"{plural(listing.live, 'live connection')} of {patterns_text(listing)} will be "
            "killed: each peer gets a reset, each program ECONNABORTED, and data in flight is "
            "lost."
        )
    if listing.matched > len(listing.sockets):
        lines.append(f"{listing.matched - len(listing.sockets):,} more match, but stay (--max).")
    gains = (
        f"connect() gains {plural(forecast.gained, 'port')}: {use.connectable:,} of "
        f"{use.capacity:,} are connectable now, {forecast.connectable:,} afterwards."
    )
    if not forecast.gained and use.reusable:
        gains = (
            f"connect() gains nothing: tcp_tw_reuse={rules.reuse_mode} already lets it take these "
            "ports."
        )
    lines.append(gains)
    if len(ages):
        lines.append(risk(rules))
    return lines


def patterns_text(listing: Listing) -> str:
    """Return the patterns by name, the first few at most."""
    names = [str(key) for key in listing.keys[:NAMED]]
    more = len(listing.keys) - len(names)
    return joined([*names, f"{more:,} more"] if more else names)


def risk(rules: PortRules) -> str:
    """Return what may go wrong when a TIME-WAIT ends early (RFC 1337)."""
    text = (
        "Risk: a late segment of the old connection may reach a new one on the same port, more "
        "likely the younger the TIME-WAIT is. "
    )
    if rules.timestamps:
        return text + (
            "TCP timestamps are on here; if the peer has them on too, such a segment is dropped."
        )
    return text + "TCP timestamps are off here, so only the sequence number protects against it."


def nothing_text(listing: Listing, choice: Choice, option: str = "--older-than") -> str:
    """Return why there is nothing to end; ``option`` is what sets the least age."""
    if listing.too_young:
        return (
            f"all {plural(listing.too_young, 'TIME-WAIT')} are younger than "
            f"{choice.older_than_ms / 1000:g} s; a smaller {option} includes them"
        )
    states = joined([state.label for state in sorted(choice.states)])
    return f"nothing in {states} matches"


def freed_text(listing: Listing, freed: Freed) -> str:
    """Return what is gone, and what connect() gets."""
    gone = f" {freed.gone:,} had already ended or changed." if freed.gone else ""
    return (
        f"{plural(freed.freed, 'socket')} ended.{gone} Connectable: {listing.use.connectable:,} "
        f"before, {freed.use.connectable:,} of {freed.use.capacity:,} now."
    )


def keep_lines(goal: Goal, rules: PortRules) -> list[str]:
    """Return what keeping a goal does, what does the same for less, and the risk."""
    source = f" from {goal.local_ip}" if goal.local_ip else ""
    lines = [
        f"Keeps port use to {goal.destination}{source} below {goal.below:g} % by ending its "
        f"oldest TIME-WAITs as needed, none younger than {goal.older_than_ms / 1000:g} s. Open "
        "connections are not touched."
    ]
    if rules.timestamps:
        lines.append(
            "tcp_tw_reuse=1 does the same in the kernel: twtop apply net.ipv4.tcp_tw_reuse=1"
        )
    return [*lines, risk(rules)]


def kept_text(goal: Goal, kept: Kept) -> str:
    """Return a line of what one interval brought."""
    text = (
        f"{local(kept.time)[11:19]}  {kept.in_use:,} of {kept.capacity:,} ports in use "
        f"({percent(kept.in_use, kept.capacity)}), {kept.freed:,} freed"
    )
    if kept.short:
        text += (
            f"; {kept.short:,} over the limit are left alone: open, or younger than "
            f"{goal.older_than_ms / 1000:g} s"
        )
    return text


def change_lines(place: Place, changes: Sequence[Change], *, persist: bool) -> list[str]:
    """Return the exact changes, where they are made, for how long, and what they touch."""
    until = f"and at every boot, by {SYSCTL_D / FILE}" if persist else "until the next reboot"
    apart = " (not the host's)" if place.nameless else ""
    lines = [f"In {place.called}{apart}, now {until}:"]
    for change in changes:
        if change.needed:
            lines.append(f"  {change.name}: {shown(change.before)} → {shown(change.after)}")
            lines.append(f"    {change.touches}")
        else:
            lines.append(f"  {change.name}: {shown(change.after)} already")
    return lines


def bound_warning(frame: Frame, changes: Sequence[Change]) -> str | None:
    """Return what to mind where a wider range takes in ports that somebody listens on."""
    after = {change.name: change.after for change in changes}
    rules = port_rules(
        replace(one, value=after.get(one.name, one.value)) for one in frame.reading.parameters
    )
    more = port_space(rules, frame.table).excluded - frame.ports.excluded
    if more <= 0:
        return None
    return (
        f"{plural(more, 'port')} that services are bound to will be inside the range: reserve them "
        "in net.ipv4.ip_local_reserved_ports, or connect() may take one while its service restarts."
    )


def shown(value: str | None) -> str:
    """Return a setting's value, or what stands for none."""
    return "(not set)" if value is None else value or "(empty)"


def connectable_text(before: Frame, after: Frame, key: PatternKey | None = None) -> str:
    """Return what changes did to a pattern, by default the fullest outgoing one.

    Where there is none: to any destination.
    """
    if key is None:
        outgoing = np.flatnonzero(before.patterns.direction == Direction.OUTGOING)
        if not len(outgoing):
            now = after.ports.capacity
            return f"Ports per destination: {before.ports.capacity:,} before, {now:,} now."
        key = before.patterns.key(int(outgoing[0]))
    was, now = (use_of(frame, [key]).connectable for frame in (before, after))
    return f"{key}: {was:,} connectable before, {now:,} now."


def outstanding_text(entry: Entry) -> str:
    """Return who changed what, and what an undo makes of it."""
    what = f"{shown(entry.after)} → {shown(entry.before)}, in {entry.place}"
    if entry.kind == "file":
        what = "removed" if entry.before is None else "as it was before"
    return f"{entry.time} {entry.user}: {entry.name}: {what}"


def undone_text(one: Undone) -> str:
    """Return what became of one change."""
    entry = one.entry
    if entry.kind == "file":
        what = f"{entry.name}"
        back = "removed" if entry.before is None else "as it was"
    else:
        what = f"{entry.name} in {entry.place}"
        back = f"{shown(entry.before)} again"
    return {
        "restored": f"{what}: {back}",
        "was so already": f"{what}: it was already {back}",
        "gone with its place": f"{what}: its namespace is gone, or the machine was rebooted",
        "failed": f"{what}: it was never set",
        "changed since": f"{what}: someone has changed it since, so it is left alone"
        + ("" if entry.kind == "file" else f" ({shown(one.now)}, not {shown(entry.after)})"),
    }[one.how]
