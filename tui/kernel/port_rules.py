"""Which local ports a connect() can have, as the sysctls say (net/ipv4/inet_hashtables.c)."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tui.kernel.parameters import Parameter
from tui.kernel.sysctls import read_of_kernel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PortRules:
    """Everything in the sysctls that decides which local ports a connect() can have."""

    low: int
    """First port of `ip_local_port_range`, which governs IPv6 as well."""
    high: int
    """Last port of it, inclusive."""
    reserved: tuple[tuple[int, int], ...]
    """Inclusive spans of `ip_local_reserved_ports`, also those outside low–high."""
    reuse_mode: int
    """`tcp_tw_reuse`: 0 off, 1 on, 2 on loopback only."""
    reuse_delay_ms: int
    """Age in milliseconds that a TIME-WAIT must pass before it can be reused."""
    timestamps: bool
    """Whether TCP timestamps are on; without them nothing is reused."""
    time_wait_ms: int = 60_000
    """How long a TIME-WAIT lasts: TCP_TIMEWAIT_LEN (include/net/tcp.h), which no sysctl changes
    but tcp_tw_timeout, on Alibaba's kernels."""
    time_wait_set: bool = False
    """Is there a tcp_tw_timeout at all? Else the length of a TIME-WAIT is compiled in."""
    whole_seconds: bool = False
    """Does the kernel compare whole seconds of its monotonic clock, since it has no
    tcp_tw_reuse_delay (before 6.14)? A TIME-WAIT may be reused from the next full second on."""
    assumed: tuple[str, ...] = ()
    """Full names of the sysctls that could not be read, and stand at the kernel's default."""

    @property
    def capacity(self) -> int:
        """Ports of the range that are not reserved; those with a bound socket are not known."""
        reserved = {
            port
            for first, last in self.reserved
            for port in range(max(first, self.low), min(last, self.high) + 1)
        }
        return self.high - self.low + 1 - len(reserved)


PORT_NAMES = tuple(
    f"net.ipv4.{name}"
    for name in (
        "ip_local_port_range",
        "ip_local_reserved_ports",
        "tcp_tw_reuse",
        "tcp_tw_reuse_delay",
        "tcp_tw_timeout",
        "tcp_timestamps",
    )
)
"""Those that `port_rules` goes by."""


def read_port_rules(root: Path | None) -> PortRules:
    """Return the `port_rules` of a live procfs, which costs a fifth of `read_parameters`.

    Never raises; the calling thread must be in the network namespace that is asked.
    """
    texts = {} if root is None else read_of_kernel(root, PORT_NAMES)
    return port_rules(Parameter(name, text, None, "") for name, text in texts.items())


def port_rules(parameters: Iterable[Parameter]) -> PortRules:
    """Return what `parameters` say of ephemeral ports.

    Never raises: a value that is missing or that the kernel cannot have written gives way to the
    kernel's default, and is named as `assumed`: 32768–60999, none reserved, reuse 2, timestamps
    on. Some kernels have no tcp_tw_reuse_delay (before 6.14), and most no tcp_tw_timeout: for a
    missing one their fixed values stand, 1 s and 60 s.
    """
    texts = {parameter.name: parameter.value for parameter in parameters}
    assumed: list[str] = []

    def value(name: str, read: Callable[[str], T | None], default: T, fixed: T | None = None) -> T:
        full = f"net.ipv4.{name}"
        text = texts.get(full)
        if text is None and fixed is not None:
            return fixed
        found = None if text is None else read(text)
        if found is None:
            assumed.append(full)
            return default
        return found

    low, high = value("ip_local_port_range", port_range, (32768, 60999))
    return PortRules(
        low=low,
        high=high,
        reserved=value("ip_local_reserved_ports", reserved_spans, ()),
        reuse_mode=value("tcp_tw_reuse", _one_of(range(3)), 2),
        reuse_delay_ms=value("tcp_tw_reuse_delay", _one_of(range(1, 60_001)), 1000, 1000),
        timestamps=value("tcp_timestamps", _one_of(range(256)), 1) != 0,
        time_wait_ms=1000 * value("tcp_tw_timeout", _one_of(range(1, 601)), 60, 60),
        time_wait_set=texts.get("net.ipv4.tcp_tw_timeout") is not None,
        whole_seconds=texts.get("net.ipv4.tcp_tw_reuse") is not None
        and texts.get("net.ipv4.tcp_tw_reuse_delay") is None,
        assumed=tuple(assumed),
    )


def _one_of(allowed: range) -> Callable[[str], int | None]:
    """Return what reads one of the `allowed` numbers."""

    def read(text: str) -> int | None:
        # Not int() alone: it also takes "1_0", "+1" and the digits of every other script.
        if re.fullmatch(r"[0-9]{1,10}", text) and (number := int(text)) in allowed:
            return number
        return None

    return read


def port_range(text: str) -> tuple[int, int] | None:
    """Return the first and the last port of an `ip_local_port_range`."""
    if re.fullmatch(r"[0-9]{1,5} [0-9]{1,5}", text):
        low, high = map(int, text.split())
        if 0 < low <= high < 65536:
            return low, high
    return None


def reserved_spans(text: str) -> tuple[tuple[int, int], ...] | None:
    """Return the inclusive spans of a list such as `8080,9148-9150`, in its order."""
    spans = []
    for part in text.split(",") if text else ():
        if not re.fullmatch(r"[0-9]{1,5}(-[0-9]{1,5})?", part):
            return None
        first, _, last = part.partition("-")
        span = (int(first), int(last or first))
        if not span[0] <= span[1] < 65536:
            return None
        spans.append(span)
    return tuple(spans)
