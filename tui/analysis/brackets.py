"""IPv6 with a port: without brackets it can be another address."""

from __future__ import annotations

import re
from ipaddress import IPv6Address


def unclear(text: str) -> str:
    """Return how to write an address whose end could be a port; empty for all others.

    ``2001:db8::20:443`` is an address, and with a port it is another one (RFC 5952, section 6).
    ss takes what is behind the last colon for a port, ping for a part of the address; curl and
    nginx know a port only behind brackets. To guess would be to judge another peer.
    """
    ip, _, port = text.rpartition(":")
    if not (re.fullmatch("[1-9][0-9]{0,4}", port) and int(port) < 65536 and _is_address(ip)):
        return ""
    # What follows a scope's % is all its name to Python, a colon too.
    whole = f" or, without a port, [{text}]" if _is_address(text) and "%" not in text else ""
    return f"write [{ip}]:{port}{whole}"


def split_port(text: str) -> tuple[str, str]:
    """Split ``host:port``, ``[v6]:port`` or ``host``; a bare IPv6 address has no port."""
    bracketed = re.fullmatch(r"\[([^]]*)\](?::(.+))?", text)
    if bracketed:
        return bracketed[1], bracketed[2] or ""
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, ""


def _is_address(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True
