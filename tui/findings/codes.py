"""The codes of all findings there can be, apart from the rules: naming one loads none of them."""

CODES = (
    "ports-exhausted",
    "exhausts-soon",
    "ports-above-threshold",
    "bind-before-connect",
    "connect-slow",
    "listen-queue-full",
    "listen-overflow",
    "syn-recv-spike",
    "close-wait-held",
    "time-wait-overflow",
    "conntrack-near-max",
    "descriptors-near-max",
    "orphans-high",
    "remote-share",
    "new-listener",
    "incomplete-table",
    "reuse-without-timestamps",
    "bound-ports-cost",
    "listener-in-range",
    "time-wait-high",
)
"""In the order in which findings of one severity are told (tui.findings.rules.RULES)."""
