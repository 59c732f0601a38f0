"""TIME-WAIT judged by what it blocks, and what can go wrong with it.

Where TIME-WAITs block ports, the pattern's own finding (``rules.ports``) says so and counts
them: 800 of a 1,000-port tuple are ``ports-above-threshold``, not a second finding of the same.
What is left to say here is that the others, however many, are harmless.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from tui.analysis.doubts import trusted_reuse
from tui.analysis.hold import seconds_text
from tui.analysis.judgement import SLOW_PERCENT, Level, port_use
from tui.analysis.patterns import Direction, endpoint
from tui.analysis.takeovers import TAKEN_OVER
from tui.findings.advice import POOL, refused
from tui.findings.finding import Finding, Remedy, Severity, known, tell_each
from tui.findings.situation import Situation
from tui.writing.words import percent, plural, ratio

BUCKETS = "net.ipv4.tcp_max_tw_buckets"
BUCKET_BYTES = 300
"""About what a TIME-WAIT takes (struct tcp_timewait_sock and its bind bucket's part)."""
LARGEST_DEFAULT = 262_144
"""What the kernel sets by itself on a host with plenty of memory (net/ipv4/tcp_ipv4.c)."""

SKIPPED = (
    "Above tcp_max_tw_buckets sockets skip TIME-WAIT: their ports are free at once, so ports seem "
    "never to run out. That is a danger, not a remedy: an old segment can reach a new connection "
    "with the same addresses and ports, and the peer's last FIN is answered with a reset."
)


def harmless(situation: Situation) -> Iterator[Finding]:
    """Tell of many TIME-WAITs that block nothing, and why not."""
    patterns, least = situation.frame.patterns, situation.config.time_wait.count
    if situation.frame.time_wait.count < least:
        return
    outgoing = patterns.outgoing
    blocking = situation.levels >= int(Level.SLOW)
    waiting = np.where(blocking, 0, patterns.time_wait)
    count = int(waiting.sum())
    if count < least:
        return
    incoming = int(waiting[patterns.direction == Direction.INCOMING].sum())
    spread = int(waiting[outgoing].sum())
    quiet = outgoing & ~blocking
    fullest = float(patterns.utilization[quiet].max()) if quiet.any() else 0.0
    hold = seconds_text(situation.frame.rules)
    other = "other " if blocking.any() else ""
    yield Finding(
        code="time-wait-high",
        severity=Severity.INFO,
        subject="TIME-WAIT",
        message=f"{count:,} {other}TIME-WAIT sockets are harmless",
        meaning=f"{incoming:,} are on ports this host listens on, where they do not block new "
        f"connections; {spread:,} are spread over destinations, of which the fullest has "
        f"used {percent(fullest, 1)} of its ports. Each takes about 0.3 kB of memory, no "
        f"descriptor and no process, and goes away by itself after {hold}.",
        evidence={
            "time_wait": count,
            "time_wait_of_all": situation.frame.time_wait.count,
            "incoming": incoming,
            "outgoing": spread,
            "other": count - incoming - spread,
            "fullest_utilization": ratio(fullest, 1),
        },
        remedies=(
            Remedy(
                "Do nothing",
                unless="a server fails to start with EADDRINUSE: it should set SO_REUSEADDR, "
                "which lets it listen despite TIME-WAITs",
            ),
            refused(situation.frame.rules),
        ),
    )


def overflow(situation: Situation) -> Iterator[Finding]:
    """Tell of sockets that skip TIME-WAIT for tcp_max_tw_buckets, or soon will."""
    counters = situation.frame.counters
    rate, limit = situation.rate("TCPTimeWaitOverflow"), situation.number(BUCKETS)
    total, waiting = counters.get("TCPTimeWaitOverflow", 0), counters.get("tw")
    severity, shown, share = Severity.WARNING, None, None
    if rate is not None and rate > 0:
        shown = round(rate, 2)
        message = f"{rate:,.0f} sockets/s skip TIME-WAIT: tcp_max_tw_buckets is reached"
        if rate < 1:
            message = "Sockets skip TIME-WAIT: tcp_max_tw_buckets is reached"
    elif (
        limit is not None
        and waiting is not None
        and waiting >= situation.config.time_wait.buckets / 100 * limit
    ):
        share = ratio(waiting, limit)
        message = f"{waiting:,} TIME-WAITs are {percent(waiting, limit)} of tcp_max_tw_buckets"
    elif total and rate is None:
        severity = Severity.INFO
        skipped = plural(total, "socket has", "sockets have")
        message = f"{skipped} skipped TIME-WAIT since this namespace was created"
    else:
        return
    more = max(2 * (limit or 0), LARGEST_DEFAULT)
    yield Finding(
        code="time-wait-overflow",
        severity=severity,
        subject=BUCKETS,
        message=message,
        meaning=SKIPPED,
        evidence=known(
            overflowed_since_start=total,
            time_wait=waiting,
            limit=limit,
            overflowed_per_second=shown,
            share=share,
        ),
        remedies=(
            Remedy(
                f"Raise tcp_max_tw_buckets: {more:,} take at most "
                f"{more * BUCKET_BYTES / 1e6:,.0f} MB",
                f"sysctl -w {BUCKETS}={more}",
                "memory is short. And if you have free ports only because of the overflow, they "
                "will then run out: widen the range first",
            ),
            POOL,
        ),
    )


def reuse_without_timestamps(situation: Situation) -> Iterator[Finding]:
    """Tell that tcp_tw_reuse is on and does nothing."""
    rules = situation.frame.rules
    if rules.timestamps or rules.reuse_mode == 0:
        return
    everywhere = rules.reuse_mode == 1
    where = "" if everywhere else " on loopback, the kernel's default,"
    yield Finding(
        code="reuse-without-timestamps",
        severity=Severity.WARNING if everywhere else Severity.INFO,
        subject="net.ipv4.tcp_tw_reuse",
        message=f"tcp_tw_reuse = {rules.reuse_mode} does nothing: TCP timestamps are off",
        meaning=f"Reusing TIME-WAITs{where} needs timestamps to tell old segments from new ones, "
        "so connect() takes none over now. Every TIME-WAIT keeps its port for the full "
        f"{seconds_text(rules)}.",
        evidence={"tcp_tw_reuse": rules.reuse_mode, "tcp_timestamps": 0},
        remedies=(
            Remedy(
                "Turn timestamps on; this affects new connections, with peers that have them on "
                "too",
                "sysctl -w net.ipv4.tcp_timestamps=1",
                "a middlebox on the path is known to drop them",
            ),
        ),
    )


def reuse_unproven(situation: Situation) -> Iterator[Finding]:
    """Tell of patterns that are short of ports unless tcp_tw_reuse works, which nothing shows."""
    frame, least = situation.frame, min(SLOW_PERCENT, situation.config.ports.threshold)
    if frame.counters.get(TAKEN_OVER) and not frame.compared and frame.reading.place.kind != "copy":
        return  # the next look shows whether it is for this one that some were taken over
    found = trusted_reuse(frame, least)
    yield from tell_each(found, partial(_unproven, situation), "patterns")


def _unproven(situation: Situation, index: int) -> Finding:
    patterns = situation.frame.patterns
    use, key = port_use(patterns, index), patterns.key(index)
    return Finding(
        code="reuse-unproven",
        severity=Severity.WARNING,
        subject=str(key),
        message=f"{key}: {percent(use.time_wait, use.capacity)} of {use.capacity:,} ports are in "
        "TIME-WAIT, and tcp_tw_reuse was not seen to take one over",
        meaning="connect() can take over a TIME-WAIT only if the peer sent TCP timestamps, and "
        "some servers and load balancers do not. No file shows whether this one did. If not, "
        f"{plural(use.free, 'port is', 'ports are')} left, whatever tcp_tw_reuse says, and each "
        f"TIME-WAIT keeps its port for {seconds_text(situation.frame.rules)}.",
        evidence=known(
            time_wait=use.time_wait,
            reusable=use.reusable,
            free=use.free,
            capacity=use.capacity,
            TWRecycled=situation.frame.counters.get(TAKEN_OVER),
            process=situation.holder(index),
        ),
        remedies=(
            Remedy(
                "See whether connections to it carry timestamps: ts stands among their options",
                f"ss -tino dst {endpoint(key.remote_ip, key.remote_port)}",
            ),
            Remedy(
                "See whether connects are refused",
                "sudo twtop refusals",
            ),
            POOL,
        ),
        pattern=key,
    )
