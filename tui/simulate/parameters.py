"""The parameters and limits that decide the outcome, each with what it means for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tui.simulate.surroundings import Surroundings
from tui.writing.words import plural


class ParameterLine(NamedTuple):
    """One parameter as it is shown."""

    name: str
    value: str
    note: str


def parameter_lines(situation: Surroundings) -> Iterator[ParameterLine]:
    """Yield those that this kernel has."""
    values = {p.name: p.value for p in situation.frame.reading.parameters}
    for name, note in _notes(situation):
        if (value := values.get(name)) is not None:
            yield ParameterLine(name.rpartition(".")[2], value or "(none)", note)
    yield from _limit_lines(situation)


def _notes(situation: Surroundings) -> Iterator[tuple[str, str]]:
    rules, ports = situation.frame.rules, situation.frame.ports
    less = ", ".join(
        f"{number:,} {what}"
        for number, what in ((ports.reserved, "reserved"), (ports.excluded, "bound"))
        if number
    )
    yield (
        "net.ipv4.ip_local_port_range",
        f"{plural(ports.capacity, 'port')} for each source{f' ({less})' * bool(less)}",
    )
    yield "net.ipv4.ip_local_reserved_ports", "never chosen by the kernel"
    yield "net.ipv4.tcp_tw_reuse", _reuse_note(situation)
    yield "net.ipv4.tcp_tw_reuse_delay", f"{rules.reuse_delay_ms:,} ms before reuse"
    yield (
        "net.ipv4.tcp_timestamps",
        "on, which reuse needs" if rules.timestamps else "off: no reuse, whatever tcp_tw_reuse is",
    )
    yield "net.ipv4.tcp_max_tw_buckets", f"TIME-WAITs at most; {situation.limits.time_waits:,} now"
    yield (
        "net.ipv4.tcp_fin_timeout",
        "if the server does not close; TIME-WAIT is always 60 s",
    )
    if situation.target.ours:
        yield "net.core.somaxconn", "longest accept queue of a server here"
        yield "net.ipv4.tcp_max_syn_backlog", "half-open connections, if syncookies = 0"
        yield "net.ipv4.tcp_syncookies", "of a server here"


def _reuse_note(situation: Surroundings) -> str:
    rules = situation.frame.rules
    if situation.plan.bind_first:
        return "no matter: bind() reuses none"
    if rules.reuse_mode == 0:
        return "off: no TIME-WAIT is reused"
    if situation.reuse:
        return "on for this target"
    return "for loopback only: not for this target" if rules.timestamps else "needs timestamps"


def _limit_lines(situation: Surroundings) -> Iterator[ParameterLine]:
    limits = situation.limits
    yield ParameterLine(
        "RLIMIT_NOFILE",
        f"{limits.files} {limits.files_hard}",
        f"soft, hard; {limits.files_open:,} descriptors open now",
    )
    if limits.conntrack is not None and limits.conntrack_max is not None:
        yield ParameterLine(
            "conntrack", f"{limits.conntrack} {limits.conntrack_max}", "entries, and at most"
        )
    else:
        yield ParameterLine("conntrack", "–", "not loaded in this namespace")
