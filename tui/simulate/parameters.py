"""The parameters and limits that decide the outcome, each with what it means for it."""

from __future__ import annotations

from tui.analysis.hold import seconds_text
from tui.simulate.surroundings import Surroundings
from tui.writing.words import plural


def parameter_lines(situation: Surroundings) -> list[tuple[str, str, str]]:
    """Return those that this kernel has: name, value and note."""
    rules, ports, limits = situation.frame.rules, situation.frame.ports, situation.limits
    less = ", ".join(
        f"{number:,} {what}"
        for number, what in ((ports.reserved, "reserved"), (ports.excluded, "bound"))
        if number
    )
    notes = {
        "net.ipv4.ip_local_port_range": (
            f"{plural(ports.capacity, 'port')} for each source{f' ({less})' * bool(less)}"
        ),
        "net.ipv4.ip_local_reserved_ports": "never chosen by the kernel",
        "net.ipv4.tcp_tw_reuse": _reuse_note(situation),
        "net.ipv4.tcp_tw_reuse_delay": f"{rules.reuse_delay_ms:,} ms before reuse",
        "net.ipv4.tcp_timestamps": (
            "on (reuse needs them)"
            if rules.timestamps
            else "off: no reuse, whatever tcp_tw_reuse says"
        ),
        "net.ipv4.tcp_max_tw_buckets": f"TIME-WAITs at most; {limits.time_waits:,} now",
        "net.ipv4.tcp_fin_timeout": "if the server does not close; TIME-WAIT is always "
        f"{seconds_text(rules)}",
    }
    if situation.target.ours:
        notes |= {
            "net.core.somaxconn": "longest accept queue of a server here",
            "net.ipv4.tcp_max_syn_backlog": "half-open connections, if syncookies = 0",
            "net.ipv4.tcp_syncookies": "of a server here",
        }
    files = f"soft, hard; {limits.files_open:,} descriptors open now"
    conntrack = ("–", "not loaded in this namespace")
    if limits.conntrack is not None and limits.conntrack_max is not None:
        conntrack = (f"{limits.conntrack} {limits.conntrack_max}", "entries, and at most")
    return [
        *(
            (name.rpartition(".")[2], value or "(none)", note)
            for name, note in notes.items()
            if (value := situation.frame.reading.setting(name)) is not None
        ),
        ("RLIMIT_NOFILE", f"{limits.files} {limits.files_hard}", files),
        ("conntrack", *conntrack),
    ]


def _reuse_note(situation: Surroundings) -> str:
    rules = situation.frame.rules
    if situation.plan.bind_first:
        return "irrelevant: bind() reuses none"
    if rules.reuse_mode == 0:
        return "off: no TIME-WAIT is reused"
    if situation.reuse:
        return "on for this target"
    return "for loopback only: not for this target" if rules.timestamps else "needs timestamps"
