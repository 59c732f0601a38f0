"""The codes of all findings, and when each is told, apart from the rules: it loads none of them."""

CODES = {
    "ports-exhausted": "a destination has no connectable port left",
    "refused-with-ports-free": "the kernel refuses connects although ports are free",
    "exhausts-soon": "a destination will have no port left within (by default) 10 minutes",
    "ports-above-threshold": "(by default) 80 % of a destination's ports are locked",
    "exhausted-yet-served": "connects succeed where by twtop's count no port is left",
    "bind-before-connect": "destinations share too few local ports: a client binds first",
    "connect-slow": "more than half of a destination's ports are locked: connect() scans in vain",
    "listener-gone": "a saved listener is gone, and a client holds its port",
    "tw-recycle-drops-clients": "`tcp_tw_recycle` drops clients behind NAT",
    "listen-queue-full": "a listener's accept queue is full: connections wait for accept()",
    "listen-overflow": "the kernel drops connections because accept queues overflow",
    "syn-recv-spike": "many handshakes have begun at a port and not ended",
    "close-wait-held": "a program does not close what its peers have closed",
    "tcp-memory-pressure": "TCP's buffers take as much as `tcp_mem` allows",
    "snat-clashes": "conntrack finds no port for translated connections, and drops them",
    "time-wait-overflow": "sockets skip TIME-WAIT because of `tcp_max_tw_buckets`, or are about to",
    "conntrack-near-max": "the connection tracking table is nearly full",
    "descriptors-near-max": "open files are near what the whole host may have",
    "orphans-high": "sockets that no process holds are near their maximum",
    "remote-share": "one remote IP has half of the connections",
    "new-listener": "something listens that was not there at `twtop audit --save-baseline`",
    "incomplete-table": "the table was cut short, or may be, or has unreadable lines",
    "sysctls-assumed": "a sysctl that decides on ports could not be read",
    "host-range-wider": "a place is short of ports, and the host's wider range is not its own",
    "reuse-without-timestamps": "`tcp_tw_reuse` is on and cannot work",
    "reuse-unproven": "a destination has ports only if `tcp_tw_reuse` works, and it has not yet",
    "bound-ports-cost": "bound ports take a noticeable part of every destination's ports",
    "bound-ports-unknown": "the kernel lists no bound sockets: ports may be fewer (information; a "
    "warning where those may be enough to matter)",
    "listener-in-range": "something listens on a port of the ephemeral range",
    "own-source-ports": "a client chooses its source ports itself (information)",
    "time-wait-high": "there are many TIME-WAITs and they block nothing (information)",
}
"""In the order in which findings of one severity are told (tui.findings.rules.RULES)."""

LEVELS = ("connect-slow", "ports-above-threshold", "ports-exhausted")
"""How full one pattern is: it has one of these at a time, each graver than the one before. That is
one story, which goes on when the code changes."""


def level_of(code: str) -> int:
    """Return how far a code is up LEVELS; 0 for one that is not there."""
    return LEVELS.index(code) if code in LEVELS else 0
