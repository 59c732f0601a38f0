"""The kernel's parameters around TIME-WAIT and ephemeral ports, and what they really do.

Sources: Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst for the meanings;
net/ipv4/af_inet.c (inet_init_net), net/ipv4/tcp_ipv4.c (tcp_sk_init), include/linux/socket.h,
net/netfilter/nf_conntrack_proto_tcp.c, fs/file_table.c and kernel/pid.c for the defaults.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tui.kernel.below import open_below

T = TypeVar("T")
READ_ONLY = os.O_RDONLY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Parameter:
    """One sysctl as it stands."""

    name: str
    """Full name, such as `net.ipv4.tcp_tw_reuse`."""
    value: str | None
    """The file's text, white space collapsed; None if missing or unreadable."""
    default: str | None
    """What the kernel is compiled with; None where memory decides or where there is none."""
    meaning: str
    """One line: what it does, and what it does not do."""


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


_KNOWN: tuple[tuple[str, str | None, str], ...] = (
    (
        "net.ipv4.ip_local_port_range",
        "32768 60999",
        "Ports the kernel picks from, IPv4 and IPv6; each destination gets the whole range.",
    ),
    (
        "net.ipv4.ip_local_reserved_ports",
        "",
        "Ports the kernel never picks by itself; an explicit bind() still gets them.",
    ),
    (
        "net.ipv4.tcp_tw_reuse",
        "2",
        "connect() may reuse a TIME-WAIT: 0 never, 1 always, 2 on loopback. Does not help "
        "listeners.",
    ),
    (
        "net.ipv4.tcp_tw_reuse_delay",
        "1000",
        "Milliseconds before tcp_tw_reuse may take a TIME-WAIT; before Linux 6.14, the next "
        "second.",
    ),
    (
        "net.ipv4.tcp_tw_timeout",
        None,
        "Length of TIME-WAIT in seconds, 60 by default. Exists only in Alibaba's kernels.",
    ),
    (
        "net.ipv4.tcp_timestamps",
        "1",
        "1 on, 2 on without random offsets, 0 off. Without timestamps tcp_tw_reuse does nothing.",
    ),
    (
        "net.ipv4.tcp_max_tw_buckets",
        None,
        "Above this, sockets skip TIME-WAIT (unsafe: old segments can hit new ones). Set from RAM.",
    ),
    (
        "net.ipv4.tcp_fin_timeout",
        "60",
        "Seconds an orphaned FIN-WAIT-2 lasts. NOT the length of TIME-WAIT (60 s or "
        "tcp_tw_timeout).",
    ),
    (
        "net.ipv4.tcp_syn_retries",
        "6",
        "SYN retries before connect() gives up, holding its port meanwhile: 6 take some 130 s.",
    ),
    (
        "net.ipv4.tcp_orphan_retries",
        "0",
        "Retries before a closed, unacknowledged socket is dropped (0 acts as 8). Not TIME-WAIT.",
    ),
    (
        "net.ipv4.tcp_max_orphans",
        None,
        "Above this, orphans are reset; a TIME-WAIT is not one. Host-wide, set from RAM.",
    ),
    (
        "net.ipv4.tcp_max_syn_backlog",
        None,
        "Half-open connections per listener, but only with tcp_syncookies = 0. Set from RAM.",
    ),
    (
        "net.ipv4.tcp_syncookies",
        "1",
        "When the request queue is full: 1 send cookies, 0 drop SYNs; 2: always send them.",
    ),
    (
        "net.ipv4.ip_autobind_reuse",
        "0",
        "1: bind(port 0) may share ports of SO_REUSEADDR sockets. No gain for connect() alone.",
    ),
    (
        "net.ipv4.tcp_tw_recycle",
        None,
        "Removed in Linux 4.12: it broke clients behind NAT. Where it still exists, leave it at 0.",
    ),
    (
        "net.ipv4.ip_local_port_step_width",
        None,
        "Above 0, connect() walks the range in random steps, to use ports evenly. Since Linux 7.",
    ),
    (
        "net.core.somaxconn",
        "4096",
        "Upper limit of a listen() backlog, applied when listen() is called; 128 before Linux 5.4.",
    ),
    (
        "net.ipv4.tcp_mem",
        None,
        "Pages for all TCP buffers: low, pressure, maximum (data is dropped). Set from RAM.",
    ),
    (
        "net.netfilter.nf_conntrack_max",
        None,
        "Connections conntrack can track; when full, new ones are dropped. Set from RAM.",
    ),
    (
        "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
        "120",
        "Seconds conntrack keeps its entry. Ends no TIME-WAIT and frees no port.",
    ),
    (
        "net.netfilter.nf_conntrack_tcp_timeout_fin_wait",
        "120",
        "Seconds conntrack waits for the first FIN's ACK. Does not affect the socket.",
    ),
    (
        "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
        "60",
        "Seconds conntrack keeps an entry that only one side has closed.",
    ),
    (
        "net.netfilter.nf_conntrack_tcp_timeout_last_ack",
        "30",
        "Seconds conntrack waits for the last FIN's ACK. Does not affect the socket.",
    ),
    (
        "net.netfilter.nf_conntrack_tcp_timeout_syn_sent",
        "120",
        "Seconds conntrack keeps an unanswered SYN's entry. connect() may give up earlier.",
    ),
    (
        "net.netfilter.nf_conntrack_tcp_timeout_established",
        "432000",
        "Seconds conntrack keeps an idle connection (5 days), even one that ended without a FIN.",
    ),
    (
        "fs.file-max",
        None,
        "Open files on the whole host; ulimit -n applies first. A TIME-WAIT holds none. From RAM.",
    ),
    (
        "fs.file-nr",
        None,
        "Not a setting but a count: files open, 0, and fs.file-max. A TIME-WAIT holds none.",
    ),
    (
        "kernel.pid_max",
        "32768",
        "Limit on process and thread ids, not on sockets or ports; 1024 per CPU above 32 CPUs.",
    ),
)


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
NAMES = tuple(name for name, _, _ in _KNOWN)
"""The full names of all parameters."""


def read_parameters(root: Path | None) -> tuple[Parameter, ...]:
    """Read all parameters below `root`/sys, always the same ones in the same order.

    Never raises: what is missing or unreadable has the value None, as everything has where `root`
    is None. On a live procfs `net.*` is
    that of the calling thread's network namespace, wherever `root` is mounted; host-wide ones
    such as `tcp_max_orphans` are missing in all namespaces but the first (net/sysctl_net.c).
    """
    return tuple(
        Parameter(
            name,
            None if root is None else read_value(root, name),
            default,
            meaning,
        )
        for name, default, meaning in _KNOWN
    )


def read_port_rules(root: Path | None) -> PortRules:
    """Return the `port_rules` of a live procfs, which costs a fifth of `read_parameters`.

    Never raises; the calling thread must be in the network namespace that is asked.
    """
    texts = {} if root is None else _of_kernel(root, PORT_NAMES)
    return port_rules(Parameter(name, text, None, "") for name, text in texts.items())


def _of_kernel(root: Path, names: Iterable[str]) -> dict[str, str | None]:
    """Return the texts of sysctls of net.ipv4: no file of the kernel's own can lead elsewhere.

    The way to them is walked once: with a hundred namespaces most of the time went into that.
    """
    try:
        folder = os.open(f"{root}/sys/net/ipv4", READ_ONLY | os.O_DIRECTORY)
    except OSError:
        return {}

    def text(name: str) -> str | None:
        file = name.removeprefix("net.ipv4.")
        return _opened(lambda: os.open(file, READ_ONLY, dir_fd=folder))

    try:
        return {name: text(name) for name in names}
    finally:
        os.close(folder)


def _opened(open_file: Callable[[], int]) -> str | None:
    """Return the text of a sysctl's file, None if it cannot be opened or read."""
    try:
        fd = open_file()
    except OSError:
        return None
    try:
        return _text_of(fd)
    except OSError:
        return None
    finally:
        os.close(fd)


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


def sysctl_path(root: Path, name: str) -> Path:
    """Return the file of a sysctl such as ``net.ipv4.tcp_tw_reuse``."""
    return root / "sys" / name.replace(".", "/")


def read_value(root: Path, name: str) -> str | None:
    """Return the text of one sysctl as `Parameter.value` has it."""
    return _read(root, f"sys/{name.replace('.', '/')}")


def write_value(root: Path, name: str, value: str) -> None:
    """Set one sysctl of the calling thread's network namespace. Raises OSError.

    The kernel takes a long list of ports in pieces, each from where the one before ended
    (kernel/sysctl.c, proc_do_large_bitmap).
    """
    left = value.encode() + b"\n"
    fd = os.open(sysctl_path(root, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        while left:
            left = left[os.write(fd, left) :]
    finally:
        os.close(fd)


def _read(root: Path, name: str) -> str | None:
    """Return a sysctl's text, white space collapsed, or None if it cannot be read."""
    return _opened(lambda: open_below(root, name))


def _text_of(fd: int) -> str:
    """Return a sysctl's text, white space collapsed. Raises OSError."""
    # A sysctl answers one read only, and cuts what is longer than the buffer: in the middle
    # of a number, and with nothing to tell it (kernel/sysctl.c, proc_do_large_bitmap). The
    # longest list of reserved ports takes 191 kB, so try again from the start, larger.
    size = 4096
    while len(data := os.pread(fd, size, 0)) == size and size < 1 << 20:
        size <<= 4
    text = " ".join(data.decode("utf-8", "replace").split())
    return "".join(sign if sign.isprintable() else "?" for sign in text)


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
