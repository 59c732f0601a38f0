"""The codes of all findings there can be, apart from the rules: naming one loads none of them."""

CODES = (
    "ports-exhausted",
    "refused-with-ports-free",
    "exhausts-soon",
    "ports-above-threshold",
    "exhausted-yet-served",
    "bind-before-connect",
    "connect-slow",
    "listener-gone",
    "tw-recycle-drops-clients",
    "listen-queue-full",
    "listen-overflow",
    "syn-recv-spike",
    "close-wait-held",
    "tcp-memory-pressure",
    "snat-clashes",
    "time-wait-overflow",
    "conntrack-near-max",
    "descriptors-near-max",
    "orphans-high",
    "remote-share",
    "new-listener",
    "incomplete-table",
    "sysctls-assumed",
    "host-range-wider",
    "reuse-without-timestamps",
    "bound-ports-cost",
    "bound-ports-unknown",
    "listener-in-range",
    "own-source-ports",
    "time-wait-high",
)
"""In the order in which findings of one severity are told (tui.findings.rules.RULES)."""

LEVELS = ("connect-slow", "ports-above-threshold", "ports-exhausted")
"""How full one pattern is: it has one of these at a time, each graver than the one before. That is
one story, which goes on when the code changes."""
