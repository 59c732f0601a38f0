"""One remote IP with too large a part of the connections."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tui.analysis.patterns import Direction
from tui.analysis.ports import is_loopback
from tui.findings.finding import Finding, Remedy, Severity, tell_each
from tui.findings.situation import Situation
from tui.writing.words import percent, ratio


def remote_share(situation: Situation) -> Iterator[Finding]:
    """Find the remote IPs that have most of the connections, this host itself left out.

    Those that come in are a warning. To have most of what goes out with one server is usual,
    and only worth knowing.
    """
    frame, limits = situation.frame, situation.config.remotes
    table, remotes = frame.table, frame.remotes
    if len(remotes) < limits.addresses:
        return
    own = is_loopback(table.address_hi, table.address_lo)
    own[frame.patterns.local_ip] = True
    own[table.local_ip[table.listeners]] = True
    foreign = ~own[remotes.ip]
    ip, total = remotes.ip[foreign], remotes.total[foreign]
    everything = int(total.sum())
    if len(ip) < limits.addresses:
        return
    found = np.flatnonzero(
        (total >= limits.connections) & (100 * total >= limits.share * everything)
    )
    yield from tell_each(
        found.tolist(),
        lambda index: _share(situation, int(ip[index]), int(total[index]), everything, len(ip)),
        "remote IPs",
    )


def _share(
    situation: Situation, address: int, total: int, everything: int, remotes: int
) -> Finding:
    frame = situation.frame
    patterns, ip = frame.patterns, frame.table.ip(address)
    its = np.flatnonzero(patterns.remote_ip == address)
    sizes = patterns.total[its]
    incoming = int(sizes[patterns.direction[its] == Direction.INCOMING].sum())
    comes_in = 2 * incoming >= total
    time_wait = int(patterns.time_wait[its].sum())
    tables, bits = ("ip6tables", 128) if ":" in ip else ("iptables", 32)
    if comes_in:
        meaning = (
            "If it is a client, it abuses this host or does not reuse its connections. If it is a "
            "load balancer or NAT, everything behind it looks like one client; one balancer of "
            "several should not have this share."
        )
        remedies: tuple[Remedy, ...] = (
            Remedy("See what it is connected to", f"ss -tn dst {ip}"),
            Remedy(
                "Limit it at the firewall, here to 100 connections at once",
                f"{tables} -I INPUT -p tcp --syn -s {ip} -m connlimit --connlimit-above 100 "
                f"--connlimit-mask {bits} -j REJECT --reject-with tcp-reset",
                "it is your own balancer, proxy or NAT: then fix how it spreads its load",
            ),
        )
    else:
        meaning = (
            "This host opens them. That is normal with a single database or upstream; otherwise a "
            "load balancer on this host does not spread its load over all servers."
        )
        remedies = (
            Remedy("See who opens them", f"sudo ss -tnp dst {ip}"),
            Remedy(
                "Check the balancer's weights and health checks: servers it considers dead get "
                "nothing",
                unless="there is only this one server",
            ),
        )
    return Finding(
        code="remote-share",
        severity=Severity.WARNING if comes_in else Severity.INFO,
        subject=ip,
        message=f"{ip} has {percent(total, everything)} of the connections with other hosts: "
        f"{total:,} of {everything:,}",
        meaning=meaning,
        evidence={
            "connections": total,
            "of_all": everything,
            "share": ratio(total, everything),
            "incoming": incoming,
            "time_wait": time_wait,
            "remote_ips": remotes,
        },
        remedies=remedies,
        pattern=patterns.key(int(its[sizes.argmax()])),
    )
