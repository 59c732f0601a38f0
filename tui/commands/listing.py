"""Which commands there are, what they are for, and which file each is in.

Apart from the commands, so that `twtop --help` need not load them.
"""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One command."""

    about: str
    """A line of `twtop --help`."""
    file: str
    """The module of tui.commands that has it, under its name (with _ for -)."""


SECTIONS: dict[str, dict[str, Entry]] = {
    "Look once": {
        "places": Entry("Every place: host, pods, containers, namespaces.", "places"),
        "report": Entry("All of it, as text or JSON.", "report"),
        "states": Entry("Sockets by state.", "parts"),
        "listen": Entry("Listening sockets, how many wait to be accepted, and by whom.", "parts"),
        "established": Entry("Established connections with queues and process.", "parts"),
        "per-ip": Entry("Sockets by remote IP.", "parts"),
        "per-port": Entry("Sockets by the port of their service.", "parts"),
        "timewait": Entry(
            "TIME-WAITs: since when, until when, and whose ports they hold.", "parts"
        ),
        "patterns": Entry("Who talks to whom, and how many ports that takes.", "parts"),
    },
    "Judge and decide": {
        "audit": Entry("What is wrong, what it means, what to do.", "audit"),
        "plan": Entry("Which changes give a load the ports it needs.", "plan"),
        "sources": Entry("A script for more source addresses, or to take them back.", "sources"),
    },
    "Act": {
        "free": Entry("Give back the ports of TIME-WAITs now.", "free"),
        "keep": Entry("Hold a destination's ports below a level, by ending TIME-WAITs.", "keep"),
        "apply": Entry("Set what a finding or a plan advises, to be undone.", "apply"),
        "undo": Entry("Set back what was applied.", "undo"),
    },
    "For scripts and monitoring": {
        "check": Entry("One line for Nagios and Icinga.", "check"),
        "wait": Entry("Until ports have come back, between load tests.", "wait"),
        "refusals": Entry("What the kernel refused for lack of a port, counted.", "refusals"),
        "watch": Entry("A line of JSON per interval.", "watch"),
        "metrics": Entry("For Prometheus: metrics, alert rules, a dashboard.", "metrics"),
        "fleet": Entry("All hosts at once, as Prometheus knows them.", "fleet"),
        "bundle": Entry("All that a support ticket needs, in one archive.", "bundle"),
    },
    "Look back": {
        "record": Entry("Keep what is seen, for days if need be.", "record"),
        "replay": Entry("The dashboard over a recording.", "replay"),
        "diff": Entry("What differs between two moments.", "diff"),
        "run": Entry("What a command costs in ports, as `time` says it in seconds.", "run"),
    },
    "Try it out": {
        "demo": Entry("Watch ports run out, in a namespace of its own.", "demo"),
        "simulate": Entry("Run out of ports towards a server of yours.", "simulate"),
    },
}
"""In the order of the help, under its headings."""
