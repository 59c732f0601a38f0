"""How many connections a second one `twtop simulate` makes."""

import json
import subprocess

from tests.e2e.terminal import ROOT, TWTOP
from tui.lab import namespace
from tui.lab.process import Child
from tui.lab.server import Service, serve

TURNS = 5
CONNECTIONS = 30_000
PORT = 600
WIDE = "1024 65535"
"""Twice the connections and more: past half of the ports connect() is another matter."""


def rates() -> list[float]:
    """Return the connections per second of each turn, each to an address of its own."""
    namespace.sysctl("ipv4.ip_local_port_range", WIDE)
    addresses = tuple((f"127.0.9.{turn}", PORT) for turn in range(1, TURNS + 1))
    with Child(serve, Service(addresses)) as server:
        server.receive()
        return [_rate(ip) for ip, _ in addresses]


def _rate(ip: str) -> float:
    ran = subprocess.run(
        [*TWTOP, "simulate", ip, str(PORT), "--max", str(CONNECTIONS), "--yes", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    result = json.loads(ran.stdout)["result"]
    assert result["connected"] == CONNECTIONS
    return float(result["rate"])
