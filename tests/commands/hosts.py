"""Hosts as --proc shows them: fixtures, and small ones made here."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.kernel.wire import appear, write_proc
from tests.tables import FIXTURES, KERNELS, Sock, listener, waiting

ALL = (*KERNELS, "big-endian")
LOW, SIZE = 40_000, 500


def fixture(name: str) -> Path:
    return FIXTURES / name / "proc"


IDLE = fixture("6.18-idle-host")
PROXY = fixture("6.18-proxy")
MIXED = fixture("6.18-ipv6-and-mapped")
GARBLED = fixture("garbled")


def host(
    root: Path, socks: Iterable[Sock] = (), low: int = LOW, size: int = SIZE, **sysctls: object
) -> Path:
    """A host with these sockets, where one tuple can have `size` ports; no reuse."""
    write_proc(root, socks)
    settings = {
        "ip_local_port_range": f"{low} {low + size - 1}",
        "ip_local_reserved_ports": "",
        "tcp_tw_reuse": 0,
        "tcp_timestamps": 1,
    }
    for name, value in (settings | sysctls).items():
        path = root / "sys/net/ipv4" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        appear(path, f"{value}\n".encode())
    return root


def tuple_with(ports: int, remaining_ms: int = 30_000) -> list[Sock]:
    """So many ports of one tuple in TIME-WAIT, to 10.0.0.9:443."""
    return [waiting(LOW + number, remaining_ms) for number in range(ports)]


def served(time_waits: int) -> list[Sock]:
    """TIME-WAITs on the port that this host serves, of fifty clients."""
    clients = [
        waiting(443, local="10.0.0.5", remote=f"10.0.1.{number % 50}", remote_port=1024 + number)
        for number in range(time_waits)
    ]
    return [listener("0.0.0.0", 443), *clients]


def cut_short(root: Path) -> Path:
    """The same host, whose table ends before its header: what is read of it is a floor."""
    (root / "net/tcp6").write_bytes(b"")
    return root


def lasting(findings: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Findings without what differs at each reading: how long it took."""
    return [
        finding
        | {
            "message": re.sub(r" in \d+\.\d s\b", "", finding["message"]),
            "evidence": finding["evidence"] | {"read_seconds": None},
        }
        for finding in findings
    ]
