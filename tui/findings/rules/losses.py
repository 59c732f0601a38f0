"""Packets and data that the kernel drops for want of room: conntrack's clashes, TCP's memory."""

from __future__ import annotations

from collections.abc import Iterator

from tui.findings.finding import Finding, Remedy, Severity, known
from tui.findings.rules.limits import ABORTS, PRESSURES, reset_as_orphans
from tui.findings.situation import Situation
from tui.writing.words import percent, ratio

INSERT_FAILED, DROPPED = "nf_conntrack_insert_failed", "nf_conntrack_drop"
FEW_CLASHES = 100
"""So few since the start are of no weight by themselves: two packets race now and then."""
TCP_MEM = "net.ipv4.tcp_mem"
CLASH = (
    "The first packet of a connection was given ports that another entry already has: the SNAT "
    "address runs short of ports to one destination, or two packets of one flow race (a resolver "
    "asking for A and AAAA at once). The client sees no error, only a delay of 1 s or more until "
    "it retries."
)
AGAINST_CLASHES = (
    Remedy(
        "See whether insert_failed still rises, and which translated address has the most "
        "connections to one destination",
        "sudo conntrack -S; sudo conntrack -L --src-nat",
    ),
    Remedy(
        "Give SNAT more addresses (--to-source FIRST-LAST), and let it choose ports at random "
        "(--random-fully) so that two CPUs do not pick the same one",
        unless="the far side admits only the one address",
    ),
    Remedy(
        "Send fewer connections through it: keep-alive and pools in the clients, a DNS cache on "
        "the host (or options single-request-reopen in resolv.conf)"
    ),
)
PAGE = 4096
"""Bytes of a page on most machines; some of arm64 and ppc64 have 65,536."""


def snat_clashes(situation: Situation) -> Iterator[Finding]:
    """Tell of new connections that conntrack drops because another entry has their ports.

    Each is in ``drop`` as well; what ``drop`` has besides is of a full table
    (net/netfilter/nf_conntrack_core.c, __nf_conntrack_confirm and nf_conntrack_in).
    """
    counters = situation.frame.counters
    failed, rate = counters.get(INSERT_FAILED, 0), situation.rate(INSERT_FAILED)
    if failed <= 0:
        return
    if rate:
        severity, happens = Severity.WARNING, f"drops {rate:,.1f} packets/s"
    else:
        severity = Severity.INFO
        if rate is None and failed >= FEW_CLASHES:
            severity = Severity.WARNING
        happens = f"has dropped {failed:,} packets so far"
        happens += ", none of them now" if rate is not None else ""
    yield Finding(
        code="snat-clashes",
        severity=severity,
        subject="conntrack",
        message=f"conntrack {happens}: their ports clash with other connections",
        meaning=CLASH,
        evidence=known(
            insert_failed=failed,
            drop=counters.get(DROPPED),
            early_drop=counters.get("nf_conntrack_early_drop"),
            insert_failed_per_second=round(rate, 2) if rate else None,
            entries=counters.get("nf_conntrack_count"),
        ),
        remedies=AGAINST_CLASHES,
    )


def tcp_memory(situation: Situation) -> Iterator[Finding]:
    """Tell of TCP's buffers near, or above, what the whole host allows them (tcp_mem).

    Above the middle value buffers shrink until use is below the first; above the last one sockets
    and data are dropped (net/ipv4/tcp.c, tcp_out_of_memory; net/core/sock.c).
    """
    counters = situation.frame.counters
    pages, limits = counters.get("mem"), _limits(situation)
    names = (PRESSURES,) if reset_as_orphans(situation) else (PRESSURES, ABORTS)
    totals = {name: counters[name] for name in names if counters.get(name, 0) > 0}
    rising = {name: rate for name in totals if (rate := situation.rate(name))}
    use = ""
    if pages is not None and limits is not None:
        use = f"{pages:,} pages, {percent(pages, limits[2])} of TCP's limit"
    if use and pages is not None and limits is not None and pages >= limits[1]:
        severity = Severity.CRITICAL if pages >= limits[2] else Severity.WARNING
        message = f"TCP's buffers take {use}"
    elif rising:
        severity = Severity.CRITICAL if ABORTS in rising else Severity.WARNING
        message = "TCP keeps running short of memory"
    elif totals:
        severity, message = Severity.INFO, "TCP has run short of memory before"
    else:
        return
    yield Finding(
        code="tcp-memory-pressure",
        severity=severity,
        subject=TCP_MEM,
        message=message,
        meaning="Under pressure the kernel shrinks every connection's buffers, and all become "
        "slow; at the last value of tcp_mem it drops data and resets closing connections. "
        "The memory is taken by data waiting to be sent or read, not by TIME-WAITs.",
        evidence=known(
            mem_pages=pages,
            pressure_pages=limits[1] if limits else None,
            most_pages=limits[2] if limits else None,
            share=ratio(pages, limits[2]) if limits and pages is not None else None,
            **totals,
            **{f"{name}_per_second": round(rate, 2) for name, rate in rising.items()},
        ),
        remedies=(
            Remedy(
                "See whose queues are long: Recv-Q is data the program here has not read, Send-Q "
                "data the peer has not acknowledged",
                "ss -tn | sort -k3,3nr | head; ss -tn | sort -k2,2nr | head",
            ),
            Remedy(
                "Give each connection less (the last value of tcp_rmem and tcp_wmem, or SO_RCVBUF "
                "and SO_SNDBUF), and close those whose peers accept nothing",
                unless="they need it: fast connections over long distances become slower",
            ),
            *_more_memory(limits),
        ),
    )


def _more_memory(limits: tuple[int, int, int] | None) -> tuple[Remedy, ...]:
    """Return the advice to double tcp_mem, none where it is not known."""
    if limits is None:
        return ()
    doubled = [2 * pages for pages in limits]
    return (
        Remedy(
            f"Give TCP twice as much: {doubled[2] * PAGE / 1e9:.1f} GB if a page is 4 kB",
            f'sysctl -w {TCP_MEM}="{doubled[0]} {doubled[1]} {doubled[2]}"',
            "memory is short: these buffers cannot be swapped out",
        ),
    )


def _limits(situation: Situation) -> tuple[int, int, int] | None:
    """Return tcp_mem's three values in pages; only the host's first namespace shows them."""
    words = (situation.setting(TCP_MEM) or "").split()
    if len(words) != 3 or not all(word.isascii() and word.isdecimal() for word in words):
        return None
    low, pressure, most = (int(word[:20]) for word in words)
    return (low, pressure, most) if most > 0 else None
