"""Which wall was hit, at which connection, and why."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from tui.lab.outcome import Failure
from tui.simulate.expectation import (
    no_reuse_text,
    no_source_text,
    reuse_rate,
    reuse_text,
    time_wait,
)
from tui.simulate.held import Held, total
from tui.simulate.kept import given_back, half_closed_text
from tui.simulate.surroundings import Evidence
from tui.writing.words import measured, per_second, plural

FULL = 0.98
"""Of a table's entries: from there it is full, but for what has just gone."""


@dataclass(frozen=True, slots=True)
class Wall:
    """The first call that failed."""

    error: str
    """The errno's name."""
    call: str
    connection: int
    """Counted from 1."""
    exact: bool
    """Not where several clients went on: some were at theirs when one failed."""
    seconds: float
    """Since the first connection began."""
    why: str


def find_wall(evidence: Evidence) -> Wall | None:
    """Return the wall that was hit, None where every call succeeded."""
    failure, plan = evidence.outcome.first_failure, evidence.situation.plan
    if failure is None:
        return None
    return Wall(
        failure.error,
        failure.call,
        # Where all stop at a failure, some of several clients were still at theirs.
        failure.number if plan.keep_going else evidence.connected + 1,
        not plan.keep_going or plan.concurrency == 1,
        failure.elapsed,
        _why(evidence, failure),
    )


def _why(evidence: Evidence, failure: Failure) -> str:
    situation, call = evidence.situation, failure.call
    target, limits = situation.target, situation.limits
    match failure.error:
        case "EADDRNOTAVAIL":
            return _no_port(evidence, failure)
        case "EADDRINUSE" if call == "bind":
            return _bound(evidence, failure)
        case "EMFILE":
            return (
                f"This process used up the {limits.files:,} descriptors that RLIMIT_NOFILE allows "
                f"(hard limit {limits.files_hard:,}); {limits.files_open:,} of them were not "
                "connections. Raise it with `ulimit -n`, or LimitNOFILE= in a systemd unit."
            )
        case "ENFILE":
            most = evidence.frame.reading.setting("fs.file-max") or "unreadable"
            return (
                f"The whole host is at its limit of open files: fs.file-max is {most}. `cat "
                "/proc/sys/fs/file-nr` shows how many are open; `sysctl -w fs.file-max=…` allows "
                "more."
            )
        case "ETIMEDOUT":
            timeout = measured(situation.plan.timeout)
            return f"connect() got no answer within {timeout}. {_who_dropped(evidence)}"
        case "ECONNREFUSED" if evidence.connected:
            return (
                f"{target} accepted {plural(evidence.connected, 'connection')} and then refused: "
                "the server has stopped listening (did it crash or run out of something?), or a "
                "firewall now rejects them."
            )
        case "ECONNREFUSED":
            return f"Nothing listens on {target}, or a firewall rejects connections to it."
        case "ENOBUFS" | "ENOMEM":
            pages = evidence.frame.counters.get("mem")
            used = "" if pages is None else f"TCP is using {plural(pages, 'page')} of memory. "
            return (
                f"{call}() got no memory from the kernel. {used}Compare net.ipv4.tcp_mem with "
                "`cat /proc/net/sockstat`, and look at the memory limit of the cgroup."
            )
        case "ENETUNREACH":
            return f"There is no route to {target.ip}: see `ip route get {target.ip}`."
        case "EHOSTUNREACH":
            return (
                f"The route to {target.ip} leads nowhere: a router says so, or no host on the "
                f"link answers for the address. See `ip route get {target.ip}` and `ip neigh`."
            )
        case "EPERM" | "EACCES":
            return (
                f"{call}() is forbidden here: by a firewall rule for outgoing packets "
                "(`nft list ruleset`), a route of type prohibit, a cgroup's BPF program, or a "
                "security module."
            )
    number = getattr(errno, failure.error, None)
    return f"{call}() failed: {failure.error if number is None else os.strerror(number)}."


def _no_port(evidence: Evidence, failure: Failure) -> str:
    situation, rules = evidence.situation, evidence.frame.rules
    if failure.call == "bind" or evidence.sourceless:
        why = no_source_text(situation.target, failure.source)
        return f"The address is the problem, not the ports: {why}."
    source = failure.source or situation.sources[0] or "any address"
    held = situation.held(evidence.frame)
    ports = total(held)
    if ports.use.in_use < FULL * ports.use.capacity and evidence.connected < FULL * situation.free:
        return (
            f"Only {ports.use.in_use:,} of {plural(ports.use.capacity, 'port')} are seen in use. "
            "The others are bound by sockets that cannot be told apart, because they were bound "
            "before they connected, or cannot be seen at all."
        )
    towards = f"to {situation.target}"
    of = f"{rules.low}–{rules.high}"
    if len(held) == 1:
        taken = (
            f"All {plural(ports.use.capacity, 'port')} ({of}) from {source} {towards} were taken"
        )
    else:
        others = len(held) - 1
        too = "other source too" if others == 1 else f"other {others:,} sources too"
        taken = (
            f"{source} had all its {plural(held[0].use.capacity, 'port')} ({of}) {towards} taken, "
            f"and the {too}, or nearly all"
        )
    how = "by open connections" if situation.hold else _states(ports)
    why = f"{taken}: {how}. {_why_not_again(evidence, failure)}"
    more = evidence.connected - situation.free
    by, _ = given_back(evidence)
    if more > (1 - FULL) * situation.free and by in LATE:
        why += f" {plural(more, 'connection')} more got through, because {LATE[by]}."
    return why


LATE = {
    "reuse": "tcp_tw_reuse gave ports back for a while",
    "overflow": "sockets skipped TIME-WAIT above tcp_max_tw_buckets",
    "reset": "the server reset some, which leaves no TIME-WAIT",
    "server": "the server closed some first, which leaves the TIME-WAIT with it",
    "minute": "the oldest finished their TIME-WAIT",
    "half_closed": "the oldest reached their tcp_fin_timeout",
}
"""What gave ports back, though not enough: why there were more connections than ports."""


def _states(ports: Held) -> str:
    numbers = {
        "TIME-WAIT": ports.use.time_wait,
        "FIN-WAIT-2": ports.fin_wait2,
        "other states": ports.opening + ports.others,
    }
    parts = [f"{number:,} in {state}" for state, number in numbers.items() if number > 0]
    return ", ".join(parts) or "0 in TIME-WAIT"


def _why_not_again(evidence: Evidence, failure: Failure) -> str:
    situation = evidence.situation
    if evidence.ports.half_closed and not situation.hold:
        return half_closed_text(situation)
    if situation.hold:
        return "Held connections keep their ports for as long as they are open."
    if situation.reuse:
        return (
            f"{reuse_text(situation)}, and they were used up in {measured(failure.elapsed)}: "
            f"{per_second(reuse_rate(situation))} could be sustained."
        )
    rate = time_wait(situation).sustains(total(situation.held(situation.frame)).use.capacity)
    return (
        f"There is {no_reuse_text(situation)}, so each comes back {time_wait(situation)} after its "
        f"close: {per_second(rate)} could be sustained."
    )


def _bound(evidence: Evidence, failure: Failure) -> str:
    ports = evidence.ports
    where = f" on {failure.source}" if failure.source else ""
    half_closed = f" {half_closed_text(evidence.situation)}" if ports.half_closed else ""
    return (
        f"bind() found none of {plural(ports.use.capacity, 'port')}{where} free: "
        f"{_states(ports)}. A port chosen by bind() is taken for all destinations, and not reused "
        "in TIME-WAIT; with IP_BIND_ADDRESS_NO_PORT connect() would choose it, and every "
        f"destination would have all of them.{half_closed}"
    )


def _who_dropped(evidence: Evidence) -> str:
    """Tell a backlog from a conntrack or NAT table, or say how to tell."""
    seen, counters = evidence.server_events, evidence.frame.counters
    entries, most = counters.get("nf_conntrack_count", 0), counters.get("nf_conntrack_max", 0)
    if most and entries >= FULL * most:
        return (
            f"This namespace's conntrack table is full, {entries:,} of {most:,} entries, and "
            "packets of new connections are dropped. An entry stays for 120 s after the close; "
            "raise nf_conntrack_max, or exempt this traffic (notrack)."
        )
    if seen is None:
        sent = evidence.events.get("TCPSynRetrans", 0)
        again = f"{plural(sent, 'SYN')} went out a second time. " if sent > 0 else ""
        return (
            f"{again}To find out why, look on the server: if `nstat -az TcpExtListenOverflows "
            "TcpExtTCPReqQFullDrop` rises, its backlog is full; if `dmesg | grep conntrack` says "
            '"table full", its conntrack table is full, or that of a NAT gateway '
            "on the path. Otherwise a firewall drops the packets."
        )
    if (overflows := seen.get("ListenOverflows", 0)) > 0:
        queue = evidence.accept_queue
        waiting = (
            f", and {plural(queue, 'connection')} still waiting to be accepted" if queue else ""
        )
        return (
            f"The server's accept queue was full: ListenOverflows rose by {overflows:,}{waiting}. "
            "It accepts too slowly, or its listen() backlog is too small (net.core.somaxconn "
            "limits it)."
        )
    if (dropped := seen.get("TCPReqQFullDrop", 0)) > 0:
        return (
            "The server's queue of half-open connections was full and syncookies are off: "
            f"TCPReqQFullDrop rose by {dropped:,}. tcp_max_syn_backlog and the listen() backlog "
            "limit it."
        )
    if (dropped := seen.get("ListenDrops", 0)) > 0:
        return f"The server's listener dropped them: ListenDrops rose by {dropped:,}."
    return (
        "None of the server's counters for a full backlog moved, and the conntrack table here is "
        "not full. So either a firewall drops the packets, here or in the server's namespace "
        "(`nft list ruleset`), or nothing answers for the address."
    )
