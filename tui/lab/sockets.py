"""TCP sockets: what Python has no name for."""

import socket

IP_BIND_ADDRESS_NO_PORT = 24
"""include/uapi/linux/in.h, Linux 4.2: bind the address now, leave the port to connect()."""


def family(ip: str) -> socket.AddressFamily:
    """The family the address is written in: ::ffff:1.2.3.4 is AF_INET6."""
    return socket.AF_INET6 if ":" in ip else socket.AF_INET
