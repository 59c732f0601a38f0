"""The range of local ports: as it is, as wide as it can be, and the commands that set it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tui.analysis.ports import PORTS
from tui.kernel.port_rules import PortRules
from tui.planning.setting import Facts, Setting

LOWEST, HIGHEST = 1024, PORTS - 1
"""The widest sensible ip_local_port_range: below are the privileged ports."""
WORTH_WIDENING = 1.1
"""How many times the present capacity the widest range must give to be worth the trouble."""


def present(facts: Facts) -> Setting:
    """Return what one tuple has today."""
    rules = facts.rules
    ports = facts.ports(rules.low, rules.high)
    return Setting(ports, facts.share or 1, wait=facts.wait(rules))


def widest(facts: Facts) -> tuple[int, int]:
    """Return the ends of the widest range that can be had."""
    return min(facts.rules.low, LOWEST), HIGHEST


def widened(facts: Facts) -> Setting | None:
    """Return what one tuple would have with the widest range, None if that is hardly more."""
    today, ports = present(facts), facts.ports(*widest(facts))
    return replace(today, ports=ports) if ports >= WORTH_WIDENING * max(today.ports, 1) else None


def range_commands(facts: Facts, low: int, high: int) -> tuple[str, ...]:
    """Return the commands that set the range and keep connect() off what is listened on."""
    set_range = f'sysctl -w net.ipv4.ip_local_port_range="{low} {high}"'
    inside = facts.listening_within(low, high)
    # First, so that no connection can take a port in between.
    return (reserve_command(facts.rules, inside), set_range) if inside else (set_range,)


def reserve_command(rules: PortRules, ports: Iterable[int]) -> str:
    """Return the command that reserves these ports besides those that are: it sets the list."""
    joined: list[list[int]] = []
    for first, last in sorted([*rules.reserved, *((port, port) for port in ports)]):
        if joined and first <= joined[-1][1] + 1:
            joined[-1][1] = max(joined[-1][1], last)
        else:
            joined.append([first, last])
    spans = (f"{first}-{last}" if first < last else f"{first}" for first, last in joined)
    return f"sysctl -w net.ipv4.ip_local_reserved_ports={','.join(spans)}"
