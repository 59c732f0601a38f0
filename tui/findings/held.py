"""What holds most of a pattern's ports, and what gives them back where it is not TIME-WAIT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tui.analysis.patterns import endpoint
from tui.findings.finding import Remedy
from tui.findings.situation import Situation
from tui.findings.sysctl_remedy import to_lower
from tui.kernel.sockets import STATE_SLOTS, Array, State
from tui.writing.words import joined

SYN_RETRIES = "net.ipv4.tcp_syn_retries"
ORPHAN_RETRIES = "net.ipv4.tcp_orphan_retries"
USUAL_SYN_RETRIES = 6
UNSET_ORPHAN_RETRIES = 8
"""What 0 acts as (net/ipv4/tcp_timer.c, tcp_orphan_retries)."""
LONGEST_WAIT = 120
"""Seconds between two SYNs at most: TCP_RTO_MAX (include/net/tcp.h)."""

GROUPS = (
    (State.TIME_WAIT,),
    (State.FIN_WAIT2,),
    (State.CLOSE_WAIT,),
    (State.SYN_SENT,),
    (State.FIN_WAIT1, State.CLOSING, State.LAST_ACK),
    (State.ESTABLISHED,),
)
"""States that hold ports for one reason and have one cure."""


@dataclass(frozen=True, slots=True)
class Held:
    """The sockets that lock most of one pattern's ports."""

    state: State
    """The first of their group, by which it is known."""
    count: int
    label: str
    """Those of the group's states that there are."""
    meaning: str = ""
    """Why they hold their ports; empty for TIME-WAIT, and for FIN-WAIT-2 without a descriptor:
    these are told elsewhere."""
    remedies: tuple[Remedy, ...] = ()
    """What gives the ports back, the best first."""

    @property
    def by_time_wait(self) -> bool:
        """Whether it is TIME-WAIT, so that rates and tcp_tw_reuse mean something."""
        return self.state == State.TIME_WAIT

    @property
    def more_ports_help(self) -> bool:
        """Whether further ports are of use: not where they would be filled in the same way."""
        closed = self.state == State.FIN_WAIT2 and not self.meaning
        return closed or self.state in (State.TIME_WAIT, State.ESTABLISHED)

    @property
    def briefly(self) -> str:
        """What a headline says of it, to follow the ports."""
        return f", {self.count:,} in {self.label}" if self.meaning else ""


def find_held(situation: Situation, index: int) -> Held:
    """Return what locks most of an outgoing pattern's ports."""
    locked = _locked(situation, index)
    group = max(GROUPS, key=lambda states: int(locked[[*states]].sum()))
    count = int(locked[[*group]].sum())
    label = joined([state.label for state in group if locked[state]])
    key = situation.frame.patterns.key(index)
    there = endpoint(key.remote_ip, key.remote_port)
    meaning, remedies = _explained(situation, group[0], there)
    if group[0] == State.FIN_WAIT2 and 2 * (open_ := _half_open(situation, index)) > count:
        count, (meaning, remedies) = open_, _shut_down(there)
    if not meaning:
        return Held(group[0], count, label)
    return Held(group[0], count, label, f"{count:,} are in {label}: {meaning}", remedies)


def _locked(situation: Situation, index: int) -> Array:
    """Return how many ports each state keeps from connect(), shape (STATE_SLOTS,)."""
    frame, patterns = situation.frame, situation.frame.patterns
    locked: Array = patterns.states[index].copy()
    if locked.sum() != patterns.in_use[index]:  # some are on ports that connect() never chooses
        mine = (patterns.member == index) & frame.ports.usable[frame.table.local_port]
        locked = np.bincount(frame.table.state[mine], minlength=STATE_SLOTS)
    locked[State.TIME_WAIT] -= patterns.reusable[index]
    return locked


def _half_open(situation: Situation, index: int) -> int:
    """Return how many ports of a pattern FIN-WAIT-2 holds that a program has still open."""
    frame, table = situation.frame, situation.frame.table
    rows = (frame.patterns.member == index) & frame.patterns.holding & (table.inode > 0)
    return int(np.count_nonzero(rows & (table.state == State.FIN_WAIT2)))


def _shut_down(there: str) -> tuple[str, tuple[Remedy, ...]]:
    return (
        "the program here has shut down its sending side and has not closed the socket, and the "
        "peer has not ended its side either. Each port comes back only after the program closes: "
        "until then tcp_fin_timeout does not begin.",
        (
            Remedy(
                "Let the program close these sockets: when a read returns 0, and after a time-out "
                "where the peer sends nothing more",
                f"sudo ss -tnpo state fin-wait-2 dst {there}",
                "the peer still has much to send: then each is a connection in use",
            ),
        ),
    )


def _explained(situation: Situation, state: State, there: str) -> tuple[str, tuple[Remedy, ...]]:
    """Return why a group holds its ports, and what to do; nothing where that is told elsewhere."""
    match state:
        case State.CLOSE_WAIT:
            return (
                "the peer has closed, but the program here has not. Each port comes back only "
                "when the program closes its socket or ends.",
                close_what_peers_closed(f"sudo ss -tnp state close-wait dst {there}"),
            )
        case State.SYN_SENT:
            return _unanswered(situation, there)
        case State.FIN_WAIT1:
            return (
                "closed here, but the peer no longer acknowledges. The kernel retries for minutes "
                "(tcp_orphan_retries) before it frees the ports.",
                (
                    Remedy(
                        "Find out why the peer is silent: it is down, or a firewall or NAT on the "
                        "path has forgotten the connections",
                        "ss -tno state fin-wait-1 state last-ack state closing dst " + there,
                    ),
                    *give_up_sooner(situation),
                ),
            )
        case State.ESTABLISHED:
            return (
                "each keeps its port for as long as it is open; no TIME-WAIT setting changes that.",
                (
                    Remedy(
                        "Keep fewer connections open: share them (a pool with an upper limit, "
                        "several requests per connection) and close idle ones",
                        f"sudo ss -tnpo state established dst {there}",
                        "each belongs to a client of its own, as behind a proxy for MQTT or "
                        "WebSockets",
                    ),
                ),
            )
    return "", ()


def _unanswered(situation: Situation, there: str) -> tuple[str, tuple[Remedy, ...]]:
    now = situation.number(SYN_RETRIES)
    retries = USUAL_SYN_RETRIES if now is None else now
    ip, _, port = there.rpartition(":")
    return (
        "the peer does not answer, or a firewall drops the packets. connect() gives up and frees "
        f"the port after some {_seconds(retries)} s (tcp_syn_retries = {retries}).",
        (
            Remedy(
                "Find out why the peer does not answer: it is down, its queue is full, or a "
                "firewall on the path drops packets. See whether anything comes back",
                f"sudo tcpdump -nni any host {ip.strip('[]')} and tcp port {port}",
            ),
            Remedy(
                "In the client, give connect() a timeout of a few seconds, and back off after "
                "failures: closing the socket frees its port at once"
            ),
            *to_lower(
                SYN_RETRIES,
                now,
                3,
                "Let connect() give up sooner: 3 retries take 15 to 20 s",
                "the path loses many packets: then connections fail that would have succeeded",
            ),
        ),
    )


def _seconds(retries: int) -> str:
    """Return how long connect() waits for an answer, roughly: after the first SYN 1 s, then 2, 4 …

    Measured on Linux 6.18: 1 to 5 retries take 3, 7, 19, 36 and 68 s, of which
    tcp_syn_linear_timeouts (since 6.5) makes 4 s from the third on.
    """
    waits = (min(2**number, LONGEST_WAIT) for number in range(min(retries, 127) + 1))
    return f"{float(f'{sum(waits):.2g}'):,.0f}"


def close_what_peers_closed(look: str) -> tuple[Remedy, ...]:
    """Return what ends CLOSE-WAIT; ``look`` is the command that shows the connections."""
    return (
        Remedy(
            "See which connections they are, then fix the program: when a read returns 0 it must "
            "close, in its error paths too",
            look,
            "it deliberately keeps sending to peers that have only shut down their sending side",
        ),
        Remedy(
            "Until then, restart the program before it runs out of descriptors: no sysctl ends "
            "CLOSE-WAIT, neither tcp_fin_timeout nor tcp_keepalive_time",
            unless="the number stops growing by itself: a pool may close its idle connections late",
        ),
    )


def give_up_sooner(situation: Situation) -> tuple[Remedy, ...]:
    """Return what ends closed connections to silent peers sooner."""
    now = situation.number(ORPHAN_RETRIES)
    return to_lower(
        ORPHAN_RETRIES,
        UNSET_ORPHAN_RETRIES if now == 0 else now,
        2,
        "Give up sooner on peers that do not answer: 2 retries take seconds, the default acts as "
        "8 and takes minutes",
        "your clients are on lossy networks: their last bytes are then lost",
    )
