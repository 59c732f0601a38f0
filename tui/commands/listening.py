"""A port to listen on: whether it is a good one."""

from __future__ import annotations

from tui.commands.options import Settings
from tui.commands.output import remark
from tui.kernel.parameters import read_parameters
from tui.kernel.places import place_at
from tui.kernel.port_rules import port_rules


def warn_of_port(settings: Settings, port: int) -> None:
    """Tell of a port that clients get: one may hold it when this starts the next time."""
    rules = port_rules(read_parameters(place_at(settings.proc).settings))
    if not rules.low <= port <= rules.high:
        return
    if not any(first <= port <= last for first, last in rules.reserved):
        text = f"port {port} is in ip_local_port_range ({rules.low}–{rules.high}): a client may "
        remark(f"{text}hold it when this starts again; choose one outside")
