"""The script that people write to see their TCP sockets: split() and dicts, line by line."""

import socket
import struct
from typing import Any

STATES = {
    "01": "ESTABLISHED",
    "02": "SYN_SENT",
    "03": "SYN_RECV",
    "04": "FIN_WAIT1",
    "05": "FIN_WAIT2",
    "06": "TIME_WAIT",
    "07": "CLOSE",
    "08": "CLOSE_WAIT",
    "09": "LAST_ACK",
    "0A": "LISTEN",
    "0B": "CLOSING",
}


def address(text: str) -> tuple[str, int]:
    ip, port = text.split(":")
    if len(ip) == 8:
        return socket.inet_ntoa(struct.pack("<L", int(ip, 16))), int(port, 16)
    words = [int(ip[i : i + 8], 16) for i in range(0, 32, 8)]
    return socket.inet_ntop(socket.AF_INET6, struct.pack("<4L", *words)), int(port, 16)


connections: list[dict[str, Any]] = []
for name in ("/proc/net/tcp", "/proc/net/tcp6"):
    for line in open(name).readlines()[1:]:  # noqa: PTH123, SIM115
        fields = line.split()
        connections.append(
            {
                "local": address(fields[1]),
                "remote": address(fields[2]),
                "state": STATES[fields[3]],
                "inode": fields[9],
            }
        )

states: dict[str, int] = {}
remotes: dict[str, int] = {}
for connection in connections:
    state, (ip, port) = connection["state"], connection["remote"]
    states[state] = states.get(state, 0) + 1
    remotes[f"{ip}:{port}"] = remotes.get(f"{ip}:{port}", 0) + 1

for state, count in sorted(states.items(), key=lambda item: -item[1]):
    print(f"{state:<12}{count:>10}")
for remote, count in sorted(remotes.items(), key=lambda item: -item[1])[:20]:
    print(f"{remote:<48}{count:>10}")
