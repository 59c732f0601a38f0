"""Advice against a lack of ports that is often given, and why it does not hold."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """Advice that is often given and does not hold."""

    code: str
    name: str
    why: str


REFUSED = (
    Refusal(
        "tcp_fin_timeout",
        "lower tcp_fin_timeout",
        "It does not touch TIME-WAIT, whose 60 s are compiled in (TCP_TIMEWAIT_LEN): it is how "
        "long an orphaned FIN-WAIT-2 lasts. No port comes back from TIME-WAIT any sooner.",
    ),
    Refusal(
        "tcp_tw_recycle",
        "tcp_tw_recycle=1",
        "Gone since Linux 4.12. Before, it dropped the SYNs of clients that share an address "
        "behind NAT, without a trace.",
    ),
    Refusal(
        "tcp_max_tw_buckets",
        "lower tcp_max_tw_buckets",
        "Above it sockets skip TIME-WAIT: ports do come back at once, but late segments of the "
        "old connection can reach the new one. TCPTimeWaitOverflow counts these cases.",
    ),
    Refusal(
        "so_linger",
        "SO_LINGER with 0 seconds",
        "It closes with a reset: there is no TIME-WAIT, but what was still to be sent is lost, the "
        "peer sees ECONNRESET, and late segments can reach the next connection.",
    ),
)
