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
        "report": Entry("Everything twtop knows, as text or JSON.", "report"),
        "states": Entry("Sockets by state.", "parts"),
        "listen": Entry("Listening sockets, their accept queues, and who owns them.", "parts"),
        "established": Entry("Established connections with queues and process.", "parts"),
        "per-ip": Entry("Sockets by remote IP.", "parts"),
        "per-port": Entry("Sockets by service port.", "parts"),
        "timewait": Entry("TIME-WAITs: age, time left, and whose ports they hold.", "parts"),
        "patterns": Entry("Who talks to whom, and how many ports it takes.", "parts"),
    },
    "Judge and decide": {
        "audit": Entry("What is wrong, what it means, and what to do.", "audit"),
        "plan": Entry("Which changes would give a load enough ports.", "plan"),
        "sources": Entry("A script that adds source addresses, or removes them again.", "sources"),
    },
    "Act": {
        "free": Entry("Free the ports held by TIME-WAITs, now.", "free"),
        "keep": Entry("Keep port use below a level by ending the oldest TIME-WAITs.", "keep"),
        "apply": Entry("Change the settings that a finding or plan advises.", "apply"),
        "undo": Entry("Revert what was applied.", "undo"),
    },
    "For scripts and monitoring": {
        "check": Entry("One line for Nagios and Icinga.", "check"),
        "wait": Entry("Wait until ports are free again, between load tests.", "wait"),
        "refusals": Entry("Count the connects the kernel refuses for lack of a port.", "refusals"),
        "watch": Entry("One line of JSON per interval.", "watch"),
        "metrics": Entry("For Prometheus: metrics, alert rules, a dashboard.", "metrics"),
        "fleet": Entry("All hosts at once, as Prometheus sees them.", "fleet"),
        "serve": Entry("The dashboard in a browser, read-only.", "serve"),
        "schema": Entry("The JSON Schema of what a command prints.", "schema"),
        "bundle": Entry("Everything a support ticket needs, in one archive.", "bundle"),
    },
    "Look back": {
        "record": Entry("Record the sockets, for days if need be.", "record"),
        "replay": Entry("Open the dashboard on a recording.", "replay"),
        "diff": Entry("What changed between two moments.", "diff"),
        "run": Entry("What a command costs in ports, as `time` does in seconds.", "run"),
    },
    "Try it out": {
        "demo": Entry("Watch ports run out, in a private network namespace.", "demo"),
        "simulate": Entry("Use up the ports to a server of yours, on purpose.", "simulate"),
    },
    "Read on": {
        "help": Entry("Topics, such as numbers and filters; and every command.", "help"),
        "completion": Entry("A script that has your shell complete twtop's words.", "completion"),
    },
}
"""In the order of the help, under its headings."""
