"""Connections that come in faster than they are taken: the queues of a listening socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from tui.analysis.patterns import endpoint
from tui.findings.finding import Finding, Remedy, Severity, known, tell_each
from tui.findings.situation import Situation
from tui.findings.sysctl_remedy import to_lower, to_raise
from tui.kernel.sockets import UNKNOWN_LIMIT, Array, State
from tui.writing.words import plural

SOMAXCONN = "net.core.somaxconn"
SYN_BACKLOG = "net.ipv4.tcp_max_syn_backlog"
COOKIES_SENT = "net.ipv4.tcp_syncookies"
RECYCLE = "net.ipv4.tcp_tw_recycle"
DEFAULT_SOMAXCONN = 4096
"""Since Linux 5.4 (include/linux/socket.h)."""
LEAST_SYN_RECVS = 16
"""However small the backlog: fewer are the handshakes of any moment."""
COOKIES = "TCPReqQFullDoCookies"
DROPS, RECYCLED = "ListenDrops", "PAWSPassive"
COUNTERS = {
    "ListenOverflows": "accept queue full",
    DROPS: "connection requests dropped by listeners, for any reason",
    "TCPReqQFullDrop": "SYNs dropped, request queue full",
    COOKIES: "SYNs answered with a cookie, request queue full",
}
"""What the kernel counts when a queue is full, /proc/net/netstat (net/ipv4/tcp_input.c)."""

ACCEPT_FASTER = Remedy(
    "Let the program accept faster: more workers or threads, nothing slow between accept() calls, "
    "enough descriptors (ulimit -n)",
)
SEE_QUEUES = Remedy(
    "See whose queue is full: for listening sockets Recv-Q is the queue and Send-Q its limit",
    "ss -tln",
)
NOT_ACCEPTED = (
    "The program listening there accepts them more slowly than they arrive, and the kernel drops "
    "the handshakes of further clients. These retry after 1, 2, 4 … s and see a slow or dead "
    "server."
)
DEEP = 16_384
ASKED = "the backlog the program passes to listen() (nginx: listen … backlog=N)"
RESTART = "then restart it: the limit is set when it calls listen()"
ALWAYS_SLOW = "it is always too slow: a longer queue then only makes clients wait longer"


def deeper_queue(situation: Situation, limit: int = UNKNOWN_LIMIT) -> tuple[Remedy, ...]:
    """Return how a listening socket gets a deeper queue: by what is its limit now.

    That is the smaller of somaxconn and what the program has asked for; ``limit`` is the two
    together where it is known.
    """
    now = situation.number(SOMAXCONN)
    if now is not None and limit < now:
        asked = f"Raise {ASKED}: it is {limit:,} now, and somaxconn allows {now:,}; {RESTART}"
        return (Remedy(asked, unless=ALWAYS_SLOW),)
    both = f"Give it a longer queue: raise somaxconn and {ASKED}, {RESTART}"
    raised = to_raise(SOMAXCONN, now, DEEP, both, ALWAYS_SLOW)
    if raised or now is None or limit != UNKNOWN_LIMIT:
        return raised
    return (Remedy(f"Raise {ASKED} if it is below somaxconn, {now:,}; {RESTART}"),)


def listen_queue_full(situation: Situation) -> Iterator[Finding]:
    """Find the listening sockets whose accept queue is full.

    That is so with one connection more than the limit (include/net/sock.h, sk_acceptq_is_full).
    A copy of /proc does not have the limit, but it is never above somaxconn; a smaller one that
    overflows shows in ``listen_overflow``.
    """
    table = situation.frame.table
    assumed = _somaxconn(situation)
    rows = table.listeners
    queue, limit = table.rx_queue[rows], table.backlog_limit[rows]
    full = np.where(limit != UNKNOWN_LIMIT, queue > limit, queue >= max(assumed, 1))
    if not full.any():
        return
    rows = rows[full]
    rows = rows[np.argsort(-table.rx_queue[rows].astype(np.int64), kind="stable")]
    # Several sockets can share an address (SO_REUSEPORT): the fullest speaks for them.
    places = table.local_ip[rows].astype(np.int64) << 16 | table.local_port[rows]
    _, first = np.unique(places, return_index=True)
    yield from tell_each(
        rows[np.sort(first)].tolist(),
        lambda row: _queue_full(situation, row, assumed),
        "listening sockets",
    )


def _queue_full(situation: Situation, row: int, assumed: int) -> Finding:
    table = situation.frame.table
    queue, told = int(table.rx_queue[row]), int(table.backlog_limit[row])
    limit_name, limit = ("somaxconn", assumed) if told == UNKNOWN_LIMIT else ("backlog_limit", told)
    process = situation.owners.by_inode.get(int(table.inode[row]))
    name = _place(situation, row)
    return Finding(
        code="listen-queue-full",
        severity=Severity.CRITICAL,
        subject=name,
        message=f"{name}: {plural(queue, 'connection waits', 'connections wait')} for accept(); "
        f"the limit is {limit:,}",
        meaning=NOT_ACCEPTED,
        evidence=known(
            queue=queue, **{limit_name: limit}, process=str(process) if process else None
        ),
        remedies=(ACCEPT_FASTER, *deeper_queue(situation, told)),
    )


def listen_overflow(situation: Situation) -> Iterator[Finding]:
    """Tell of queues that overflow, by the kernel's counters: now, or once since they began."""
    counters = situation.frame.counters
    # With 2 every SYN gets a cookie, and is counted as if the queue were full.
    always = situation.number(COOKIES_SENT) == 2
    totals = {
        name: total
        for name in COUNTERS
        if (total := _of_queues(name, counters)) > 0 and not (always and name == COOKIES)
    }
    known_rates = {} if situation.trends is None else situation.trends.rates
    rates = {
        name: _of_queues(name, known_rates) if name in known_rates else None for name in totals
    }
    rising = {name: rate for name, rate in rates.items() if rate is not None and rate > 0}
    if not totals or (not rising and any(rate is not None for rate in rates.values())):
        return
    if rising:
        message = "Queues of listening sockets overflow: " + ", ".join(
            f"{COUNTERS[name]} ({rate:,.1f}/s)" for name, rate in rising.items()
        )
    else:
        message = "Since this namespace was created, queues have overflowed: " + ", ".join(
            f"{COUNTERS[name]} ({total:,})" for name, total in totals.items()
        )
    table = situation.frame.table
    rows, row = table.listeners, None
    if table.rx_queue[rows].any():
        row = int(rows[table.rx_queue[rows].argmax()])
    listener = None if row is None else _place(situation, row)
    queue = f"; the longest queue now is at {listener}" if listener else ""
    yield Finding(
        code="listen-overflow",
        severity=Severity.WARNING if rising else Severity.INFO,
        subject="listen queues",
        message=message,
        meaning="Each is a client whose SYN or final ACK was dropped and who retried a second "
        "later, or one that was served with a SYN cookie, without the TCP options that "
        f"do not fit into it. The counters cover all listening sockets together{queue}.",
        evidence=known(
            **totals,
            **{f"{name}_per_second": round(rate, 2) for name, rate in rising.items()},
            longest_queue=None if row is None else int(table.rx_queue[row]),
            listener=listener,
        ),
        remedies=(
            *_more_requests(situation),
            # Without cookies SYNs are dropped long before any queue is full, and nothing else
            # counts them.
            *(
                ()
                if situation.number(COOKIES_SENT) == 0 and set(totals) == {DROPS}
                else (SEE_QUEUES, ACCEPT_FASTER, *deeper_queue(situation))
            ),
        ),
    )


def _more_requests(situation: Situation) -> tuple[Remedy, ...]:
    """Return how more handshakes can be open at once where SYN cookies are off, else nothing."""
    if situation.number(COOKIES_SENT) != 0:
        return ()
    return (
        *to_raise(
            COOKIES_SENT,
            0,
            1,
            "Turn SYN cookies on: with 1 they are sent only when the queue is full",
            "there is no flood: where our replies get lost, cookies change nothing",
        ),
        *to_raise(
            SYN_BACKLOG,
            situation.number(SYN_BACKLOG),
            DEFAULT_SOMAXCONN,
            "Or raise tcp_max_syn_backlog: while cookies are off, a listener takes SYNs of new "
            "peers only up to three quarters of it",
        ),
    )


def _of_queues(name: str, counts: Mapping[str, float]) -> float:
    """Return a counter, or its rate, without what tcp_tw_recycle drops: that is no queue's.

    Each SYN it refuses is in ListenDrops as well (net/ipv4/tcp_input.c before 4.12,
    tcp_conn_request).
    """
    return counts.get(name, 0) - (counts.get(RECYCLED, 0) if name == DROPS else 0)


def recycle_drops(situation: Situation) -> Iterator[Finding]:
    """Tell of clients behind NAT that tcp_tw_recycle refuses: the counter is of nothing else."""
    total = situation.frame.counters.get(RECYCLED, 0)
    if total <= 0:
        return
    now, rate = situation.number(RECYCLE), situation.rate(RECYCLED)
    if rate:
        severity = Severity.CRITICAL
        happens = f"is refusing {rate:,.1f} SYNs/s from clients behind NAT"
    elif rate is None and now != 0:
        severity = Severity.WARNING
        happens = f"has refused {total:,} SYNs from clients behind NAT so far"
    else:
        severity = Severity.INFO
        happens = f"refused {total:,} SYNs from clients behind NAT earlier, none now"
    yield Finding(
        code="tw-recycle-drops-clients",
        severity=severity,
        subject=RECYCLE,
        message=f"tcp_tw_recycle {happens}",
        meaning="With it the kernel treats all clients behind one address as one, and drops any "
        "SYN whose timestamp is older than the last one's (PAWSPassive). Clients that "
        "share an address time out now and then, without a trace in any log. No queue is "
        "full, and a longer backlog does not help.",
        evidence=known(
            PAWSPassive=total,
            PAWSPassive_per_second=round(rate, 2) if rate else None,
            tcp_tw_recycle=now,
        ),
        remedies=(
            *to_lower(
                RECYCLE,
                now,
                0,
                "Turn tcp_tw_recycle off, here and in /etc/sysctl.conf; Linux 4.12 removed it",
            ),
            Remedy("Do not turn TCP timestamps off instead: that ends PAWS and tcp_tw_reuse too"),
        ),
    )


def _place(situation: Situation, row: int) -> str:
    table = situation.frame.table
    return endpoint(table.ip(int(table.local_ip[row])), int(table.local_port[row]))


def syn_recv_spike(situation: Situation) -> Iterator[Finding]:
    """Find the ports at which many handshakes have begun and not ended."""
    table, most = situation.frame.table, situation.config.syn_recv.count
    if situation.frame.states[State.SYN_RECV] < LEAST_SYN_RECVS:
        return
    rows = np.flatnonzero(table.state == State.SYN_RECV)
    counts = np.bincount(table.local_port[rows])
    ports = np.flatnonzero(counts >= LEAST_SYN_RECVS)
    ports = ports[np.argsort(-counts[ports], kind="stable")]
    limits = {port: _request_limit(situation, port) for port in ports.tolist()}
    told = [port for port, (limit, _) in limits.items() if counts[port] >= min(most, limit // 2)]
    yield from tell_each(
        told,
        lambda port: _syn_recv(
            situation, port, rows[table.local_port[rows] == port], *limits[port]
        ),
        "ports",
    )


def _syn_recv(situation: Situation, port: int, rows: Array, limit: int, what: str) -> Finding:
    frame, table = situation.frame, situation.frame.table
    cookies, limits = situation.number(COOKIES_SENT), _limits(situation, port)
    remotes, of_remote = np.unique(table.remote_ip[rows], return_counts=True)
    most = int(of_remote.argmax())
    full = len(rows) >= limit and cookies == 0
    if cookies == 0:
        then = "SYNs are dropped, because tcp_syncookies = 0"
    else:
        then = "SYNs are answered with cookies: some TCP options are lost, but nobody is dropped"
    return Finding(
        code="syn-recv-spike",
        severity=Severity.CRITICAL if full else Severity.WARNING,
        subject=f"port {port}",
        message=f"{plural(len(rows), 'handshake')} on port {port} not completed, from "
        f"{plural(len(remotes), 'remote IP')}",
        meaning="Each of these clients has sent a SYN but not answered ours. Many addresses "
        "suggest a SYN flood or a route that loses our replies; few suggest one broken "
        f"client or load balancer. When the queue is full ({limit:,} at most, by {what}), "
        f"{then}.",
        evidence=known(
            syn_recv=len(rows),
            remote_ips=len(remotes),
            busiest_remote_ip=table.ip(int(remotes[most])),
            from_busiest=int(of_remote[most]),
            limit=limit,
            tcp_syncookies=cookies,
        ),
        remedies=(
            Remedy("See where they come from", f"ss -tn state syn-recv sport = :{port}"),
            *_more_requests(situation),
            *(() if what == "tcp_max_syn_backlog" else deeper_queue(situation, _shortest(limits))),
        ),
        pattern=frame.patterns.key(int(np.bincount(frame.patterns.member[rows]).argmax())),
    )


def _somaxconn(situation: Situation) -> int:
    limit = situation.number(SOMAXCONN)
    return DEFAULT_SOMAXCONN if limit is None else limit


def _request_limit(situation: Situation, port: int) -> tuple[int, str]:
    """Return how many half-open connections a port's listeners hold, and what says so.

    The queue of each is as long as its listen backlog, so at most somaxconn. tcp_max_syn_backlog
    counts only with tcp_syncookies = 0: then a quarter of it is kept for peers that have been
    there before (net/ipv4/tcp_input.c, tcp_conn_request; on Linux 6.18 97 SYNs of 600 stayed
    with 128).
    """
    somaxconn, limits = _somaxconn(situation), _limits(situation, port)
    most = int(np.where(limits == UNKNOWN_LIMIT, somaxconn, limits).sum())
    what = "somaxconn" if _shortest(limits) == UNKNOWN_LIMIT else "the backlog it listens with"
    backlog = situation.number(SYN_BACKLOG)
    if situation.number(COOKIES_SENT) == 0 and backlog is not None:
        of_new_peers = len(limits) * (backlog - backlog // 4 + 1)
        return min((most, what), (of_new_peers, "tcp_max_syn_backlog"))
    return most, what


def _limits(situation: Situation, port: int) -> Array:
    """Return the backlog limits of a port's listeners; of one where none is seen."""
    table = situation.frame.table
    rows = table.listeners[table.local_port[table.listeners] == port]
    limits: Array = table.backlog_limit[rows].astype(np.int64)
    return limits if len(limits) else np.array([UNKNOWN_LIMIT], np.int64)


def _shortest(limits: Array) -> int:
    return int(limits.min())
