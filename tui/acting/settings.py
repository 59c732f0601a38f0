"""Which settings may be changed, within which bounds, and what a change does and does not."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from tui.analysis.ports import port_space
from tui.kernel.parameters import Parameter
from tui.kernel.port_rules import port_range, port_rules, reserved_spans
from tui.kernel.sockets import SocketTable, build
from tui.planning.remedies import refused

FEWEST_PORTS = 1000
"""No change may leave fewer ports than that and fewer than there are."""


class RefusedError(Exception):
    """The change is not made; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, from what it is to what it is to be."""

    name: str
    before: str
    """As the kernel writes it, white space collapsed."""
    after: str
    touches: str
    """From when on it holds, and for which connections."""

    @property
    def needed(self) -> bool:
        """Whether it is not so already."""
        return self.before != self.after


@dataclass(frozen=True, slots=True)
class Bounds:
    """Which numbers a setting takes."""

    low: int
    high: int
    touches: str
    upwards: bool = False
    """Never lower than it is."""


CONNECT = "takes effect with the next connect(); open connections keep their ports"
OPENED = "takes effect for new connections"
ENTRY = "takes effect as each conntrack entry next changes state; sockets are not affected"
CONNTRACK = "net.netfilter.nf_conntrack_"

NUMBERS: Mapping[str, Bounds] = {
    "net.ipv4.tcp_tw_reuse": Bounds(0, 2, CONNECT),
    "net.ipv4.tcp_tw_reuse_delay": Bounds(100, 60_000, CONNECT),
    "net.ipv4.tcp_tw_timeout": Bounds(10, 600, "takes effect for connections closed from now on"),
    "net.ipv4.tcp_timestamps": Bounds(1, 2, OPENED),
    "net.ipv4.tcp_tw_recycle": Bounds(0, 0, OPENED),
    "net.ipv4.tcp_max_tw_buckets": Bounds(
        4096, 1 << 24, "takes effect for connections closed from now on", upwards=True
    ),
    "net.ipv4.tcp_syn_retries": Bounds(2, 10, OPENED),
    "net.ipv4.tcp_orphan_retries": Bounds(0, 10, "takes effect at each one's next retry"),
    "net.ipv4.tcp_max_orphans": Bounds(1024, 1 << 24, "takes effect at once", upwards=True),
    "net.ipv4.tcp_max_syn_backlog": Bounds(128, 1 << 20, "takes effect at once", upwards=True),
    "net.ipv4.tcp_syncookies": Bounds(1, 2, "takes effect at once"),
    "net.core.somaxconn": Bounds(
        128, 65_535, "takes effect at the next listen(): restart the server", upwards=True
    ),
    f"{CONNTRACK}max": Bounds(1024, 1 << 26, "takes effect at once", upwards=True),
    f"{CONNTRACK}tcp_timeout_time_wait": Bounds(10, 120, ENTRY),
    f"{CONNTRACK}tcp_timeout_fin_wait": Bounds(30, 120, ENTRY),
    f"{CONNTRACK}tcp_timeout_close_wait": Bounds(10, 3600, ENTRY),
    f"{CONNTRACK}tcp_timeout_last_ack": Bounds(10, 120, ENTRY),
    f"{CONNTRACK}tcp_timeout_syn_sent": Bounds(30, 120, ENTRY),
    f"{CONNTRACK}tcp_timeout_established": Bounds(3600, 432_000, ENTRY),
}
"""Settings that are one number, which are all but two."""
RANGE, RESERVED = "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports"
NAMES = (RANGE, RESERVED, *NUMBERS)
"""All that may be changed."""
WHY_NOT = {
    **{f"net.ipv4.{one.code}": one.why for one in refused(port_rules(()))},
    "net.ipv4.tcp_timestamps": "without timestamps tcp_tw_reuse does nothing, and only sequence "
    "numbers tell late segments apart",
    "net.ipv4.tcp_syncookies": "without them a full queue drops SYNs",
}
"""Why a value outside of its bounds, or the setting as such, is refused."""


def changes(wanted: Mapping[str, str], present: Mapping[str, str | None]) -> tuple[Change, ...]:
    """Return the changes that lead to what is wanted, in that order.

    ``present`` has the text of every setting that there is. Raises RefusedError.
    """
    made = tuple(_change(name, value, present.get(name)) for name, value in wanted.items())
    before, after = (_ports(present), _ports({**present, **{one.name: one.after for one in made}}))
    if after < min(FEWEST_PORTS, before):
        raise RefusedError(f"that would leave connect() {after:,} ports; it has {before:,} now")
    return made


def _change(name: str, value: str, before: str | None) -> Change:
    after = " ".join(value.split())
    if name not in NAMES:
        why = WHY_NOT.get(name, "twtop does not change that setting (see twtop apply --help)")
        raise RefusedError(f"{name} is refused: {why}")
    touches = CONNECT
    if name == RANGE:
        span = port_range(after)
        if span is None or span[0] < 1024:
            raise RefusedError(
                f"{name}: {value} is not a range within 1024–65535, such as 1024 65535"
            )
    elif name == RESERVED:
        if reserved_spans(after) is None:
            raise RefusedError(f"{name}: {value} is not a list of ports such as 8080,9000-9100")
    else:
        touches = NUMBERS[name].touches
        _judge(name, after, before)
    if before is None:
        raise RefusedError(
            f"{name}: {WHY_NOT.get(name, 'this kernel or namespace does not have it')}"
        )
    if name == RESERVED and reserved_spans(before) == reserved_spans(after):
        after = before  # the kernel joins spans that touch
    return Change(name, before, after, touches)


def _judge(name: str, value: str, before: str | None) -> None:
    bounds = NUMBERS[name]
    why = WHY_NOT.get(name, "")
    number = int(value) if value.isascii() and value.isdecimal() and len(value) < 12 else -1
    if not bounds.low <= number <= bounds.high:
        span = f"{bounds.low} to {bounds.high}" if bounds.low < bounds.high else f"{bounds.low}"
        raise RefusedError(f"{name}={value}: it must be {span}" + f" ({why})" * bool(why))
    if bounds.upwards and before is not None and before.isdecimal() and number < int(before):
        raise RefusedError(
            f"{name}={value}: it may only be raised, and is {before} now" + f" ({why})" * bool(why)
        )


def wanted_by(commands: Iterable[str]) -> dict[str, str]:
    """Return the settings that lines of a remedy or a plan make, by name; comments are passed over.

    Empty where one of the lines does something else, is no command at all, or sets what is never
    changed: such a remedy cannot be applied.
    """
    wanted: dict[str, str] = {}
    try:
        lines = [shlex.split(line, comments=True) for line in commands]
    except ValueError:  # a quotation without its end
        return {}
    for words in lines:
        for is_join, command in groupby(words, "&&".__eq__):
            match list(command):
                case _ if is_join:
                    continue
                case ["sysctl", "-w", *settings] if all("=" in one for one in settings):
                    wanted |= dict(setting.split("=", 1) for setting in settings)
                case _:
                    return {}
    return wanted if wanted.keys() <= set(NAMES) else {}


NO_SOCKETS: SocketTable = build([])


def _ports(values: Mapping[str, str | None]) -> int:
    """Return how many ports a tuple could have under these settings, if nobody listened."""
    rules = port_rules(Parameter(name, value, None, "") for name, value in values.items())
    return port_space(rules, NO_SOCKETS).capacity
