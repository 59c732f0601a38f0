"""The kernel's parameters around TIME-WAIT and ephemeral ports, and what they really do.

Sources: Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst for the meanings;
net/ipv4/af_inet.c (inet_init_net), net/ipv4/tcp_ipv4.c (tcp_sk_init), include/linux/socket.h,
net/netfilter/nf_conntrack_proto_tcp.c, fs/file_table.c and kernel/pid.c for the defaults.
"""

from dataclasses import dataclass
from pathlib import Path

from tui.kernel.sysctls import read_value


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
COUNTS = frozenset({"fs.file-nr"})
"""Those that nobody sets: they count, and differ from one moment to the next."""
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
