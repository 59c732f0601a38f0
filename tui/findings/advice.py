"""What to do about ports, in words that are true of the kernel; shared by the rules."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tui.analysis.frame import Frame
from tui.analysis.hold import length_text
from tui.analysis.patterns import PatternKey
from tui.findings.finding import Remedy
from tui.findings.held import Held
from tui.findings.situation import Situation
from tui.findings.sysctl_remedy import to_lower
from tui.kernel.port_rules import PortRules
from tui.kernel.sockets import State, Timer
from tui.planning.demand import Demand, estimate, observe
from tui.planning.remedies import reuse_changes, tuples_needed
from tui.planning.setting import Facts, Fit, Setting, gather
from tui.planning.widening import present, range_commands, widened, widest
from tui.writing.words import per_second

POOL = Remedy(
    "Keep connections open and share them (keep-alive, a connection pool): an open "
    "connection needs no new port",
    unless="each connection must be a new one, as in a load test of connecting itself",
)
SERVER_CLOSES = Remedy(
    "Let the server close first: TIME-WAIT stays with the side that closes first, and on the "
    "server's port it blocks nobody, because a new SYN is accepted there",
    unless="the protocol requires the client to close",
)
_RECYCLE_AND_BUCKETS = (
    "tcp_tw_recycle (removed in Linux 4.12; it broke clients behind NAT) and a low "
    "tcp_max_tw_buckets (it skips TIME-WAIT, so old segments can hit new connections)"
)
REFUSED_WITH_FIN_WAIT2 = Remedy(f"Two settings to leave alone: {_RECYCLE_AND_BUCKETS}")
"""Where FIN-WAIT-2 holds the ports, tcp_fin_timeout is what gives them back."""
NO_PORT_OPTION = Remedy(
    "In the client set IP_BIND_ADDRESS_NO_PORT (24, at level IPPROTO_IP, since Linux 4.2) before "
    "it binds its address to port 0, or do not bind at all: connect() then chooses the port, and "
    "each destination has the whole range to itself",
    unless="the client must know its port before it connects",
)


def refused(rules: PortRules) -> Remedy:
    """Return what is often advised against TIME-WAIT, and does not help or does harm."""
    return Remedy(
        f"Three settings to leave alone: tcp_fin_timeout (TIME-WAIT is {length_text(rules)}; it "
        f"shortens FIN-WAIT-2 only), {_RECYCLE_AND_BUCKETS}"
    )


def more_ports(
    frame: Frame, index: int, held: Held, unclosed: Unclosed, rate: float
) -> tuple[Remedy, ...]:
    """Return what helps an outgoing pattern that is short of ports, the best first.

    What gives back the ports that are held comes first. What frees TIME-WAITs, and what a rate
    needs, is left out where something else holds them: ``rate`` is in connections per second, 0
    where the wanted one is not known.
    """
    patterns = frame.patterns
    key, reuse = patterns.key(index), bool(patterns.reuse[index])
    leave = REFUSED_WITH_FIN_WAIT2 if unclosed.count else refused(frame.rules)
    found = [*held.remedies, *unclosed.remedies]
    if not held.more_ports_help:
        return (*found, leave)
    facts = gather(frame, key.local_ip, key.remote_ip, key.remote_port)
    bound_first, facts = facts.share is not None, replace(facts, share=None)
    paced = held.by_time_wait and not reuse
    # As the plan has it, which counts what is open as well: one rate needs one number of ports.
    wanted = estimate(observe(frame, index), rate, None) if paced and rate else None
    load = Demand(0, 0) if wanted is None else wanted.load
    today = present(facts)
    wider = widened(facts)
    if bound_first:
        found.append(NO_PORT_OPTION)
    if held.state != State.ESTABLISHED:
        found.append(POOL)
    if paced:
        found.append(_reuse(facts, patterns.time_wait_of(index)))
    if wider is not None:
        found.append(_widen(facts, today, wider, load, paced=paced))
    found.append(_more_sources(facts, today, wider, load))
    if not bound_first:
        found.append(_more_destinations(key, today))
    if held.by_time_wait:
        found.append(SERVER_CLOSES)
    return (*found, leave)


def _reuse(facts: Facts, waiting: int) -> Remedy:
    rules = facts.rules
    delay = rules.reuse_delay_ms / 1000
    later = "" if rules.timestamps else ", of connections opened with timestamps,"
    mode, changes = reuse_changes(facts)
    what = (
        f"Let connect() take over TIME-WAITs older than {delay:g} s{later} with "
        f"tcp_tw_reuse={mode}: of today's {waiting:,}, all but those of the last {delay:g} s"
    )
    command = f"sysctl -w {' '.join(f'net.ipv4.{change}' for change in reversed(changes))}"
    if facts.loopback:
        return Remedy(what, command, "Linux is older than 4.19 and knows only 0 and 1")
    return Remedy(
        what,
        command,
        "the path leads through a NAT or load balancer shared by several hosts: their timestamps "
        "do not match, and the far side may drop the new connection. With a peer that sends no "
        "timestamps it changes nothing",
    )


def _widen(facts: Facts, today: Setting, wider: Setting, load: Demand, *, paced: bool) -> Remedy:
    low, high = widest(facts)
    what = (
        f"Widen the range to {low}–{high}: {wider.ports:,} ports per destination instead of "
        f"{today.ports:,}"
    )
    if paced:
        rates = (per_second(setting.judge(load).sustainable_rate) for setting in (wider, today))
        what += ", which sustains {} instead of {}".format(*rates)
    if load.rate:
        effect = wider.judge(load)
        fits = "does not fit" if effect.verdict is Fit.FAILS else "fits"
        what += f"; the peak of {load.rate:,.0f}/s needs {effect.needed:,} ports: {fits}"
    return Remedy(
        what,
        " && ".join(range_commands(facts, low, high)),
        "a daemon that is not running now has its fixed port in the new part: reserve that port "
        "too, or a client may hold it when the daemon starts",
    )


def _more_sources(facts: Facts, today: Setting, wider: Setting | None, load: Demand) -> Remedy:
    what = f"Use more source addresses: each adds {today.ports:,} ports to this destination"
    if load.rate and today.ports:
        addresses = tuples_needed(load, today)
        if addresses > 1:
            what += f", and {addresses} carry the {load.rate:,.0f}/s of the busiest seconds"
            if wider is not None and 1 < (with_range := tuples_needed(load, wider)) < addresses:
                what += f" ({with_range} with a wide range)"
    ip, bits, at_once = ("ip -6", 128, " nodad") if facts.ipv6 else ("ip", 32, "")
    if facts.at_home or facts.loopback:
        command: str | None = f"{ip} addr add NEW_IP/{bits} dev lo{at_once}"
        why, bound = (
            "No route chooses the source address of traffic that stays on this host",
            "the addresses",
        )
        if facts.loopback and not facts.ipv6:
            command = None
            why, bound = "All of 127/8 already exists", "127.0.0.2, 127.0.0.3 …"
        return Remedy(
            f"{what}. {why}: let the client bind {bound} in turn, with IP_BIND_ADDRESS_NO_PORT",
            command,
            "the client cannot be told which address to bind",
        )
    return Remedy(
        f"{what}. The route makes all new connections use NEW_IP; to use several at once, let the "
        "client bind them in turn with IP_BIND_ADDRESS_NO_PORT",
        f"{ip} addr add NEW_IP/{bits} dev DEVICE{at_once} && "
        f"{ip} route replace {facts.remote_ip}/{bits} via GATEWAY dev DEVICE src NEW_IP",
        "replies to the new address do not reach this host, or the far side admits known "
        "addresses only",
    )


def _more_destinations(key: PatternKey, today: Setting) -> Remedy:
    return Remedy(
        "Spread over more destinations: each further server address, and each server port "
        f"besides {key.remote_port}, adds {today.ports:,} ports",
        unless="the client binds its port before it connects: then all destinations share the "
        "ports of one",
    )


TIMEOUT = "net.ipv4.tcp_fin_timeout"
SUBSTANTIAL = 0.1
"""The part of a pattern's ports from which they are told of."""
STOPGAP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Unclosed:
    """One pattern's ports in FIN-WAIT-2, where they are a substantial part of those in use."""

    count: int = 0
    soon: int = 0
    """How many of them come back within the seconds asked for, at least."""
    timeout: int | None = None
    """tcp_fin_timeout in seconds, None where it could not be read."""
    port: int = 0
    """The server's."""

    @property
    def meaning(self) -> str:
        """What they are, as a sentence."""
        seconds = "" if self.timeout is None else f" = {self.timeout} s"
        return (
            f"{self.count:,} are in FIN-WAIT-2: closed here, but not yet by the peer. connect() "
            f"cannot take over these ports; they come back tcp_fin_timeout{seconds} after the "
            "close."
        )

    @property
    def remedies(self) -> tuple[Remedy, ...]:
        """What brings them back, the best first."""
        if not self.count:
            return ()
        mend = Remedy(
            "Fix the server: it must close its side when a read returns 0. On its host these "
            "connections are in CLOSE-WAIT, which no sysctl ends",
            f"sudo ss -tnp state close-wait sport = :{self.port}",
        )
        stopgap = to_lower(
            TIMEOUT,
            self.timeout,
            STOPGAP_SECONDS,
            f"Until then, get the ports back after {STOPGAP_SECONDS} s: tcp_fin_timeout is how "
            "long such a FIN-WAIT-2 lasts (not TIME-WAIT), for connections closed from then on",
            "a peer does close its side, only later than that: it then gets a reset",
        )
        return mend, *stopgap


def find_unclosed(situation: Situation, index: int, soon_seconds: int) -> Unclosed:
    """Return those of a pattern, none where they are no substantial part of its ports.

    One with a descriptor is not among them: the program has only shut down its sending side,
    and holds the port for as long as it likes.
    """
    table, patterns = situation.frame.table, situation.frame.patterns
    least = max(SUBSTANTIAL * int(patterns.in_use[index]), 1)
    if patterns.states[index, State.FIN_WAIT2] < least:
        return Unclosed()
    rows = np.flatnonzero((patterns.member == index) & (table.state == State.FIN_WAIT2))
    rows = rows[(table.inode[rows] == 0) & situation.frame.ports.usable[table.local_port[rows]]]
    if len(rows) < least:
        return Unclosed()
    ends = (table.timer[rows] == Timer.TIME_WAIT) & (table.remaining_ms[rows] < soon_seconds * 1000)
    return Unclosed(
        count=len(rows),
        soon=int(ends.sum()),
        timeout=situation.number(TIMEOUT),
        port=int(patterns.remote_port[index]),
    )
