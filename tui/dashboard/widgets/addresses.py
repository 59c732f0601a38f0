"""Addresses and patterns in a width: shortened in the middle, and still told apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from tui.analysis.patterns import ARROWS, NO_PORT, PatternKey, endpoint
from tui.dashboard.widgets.glyphs import glyphs
from tui.kernel.sockets import V4_MAPPED, Array, SocketTable
from tui.writing.words import short

COMPARED = 512
"""How many addresses are told apart from each other."""
LEAST_LOCAL = 5
"""Cells that the local address keeps."""


def long_addresses(table: SocketTable, addresses: Array) -> tuple[str, ...]:
    """Return the IPv6 addresses among these indices as texts: what may have to be shortened."""
    known = np.unique(addresses)
    mapped = (table.address_hi[known] == 0) & (table.address_lo[known] >> 32 == V4_MAPPED >> 32)
    return tuple(table.ip(int(index)) for index in known[~mapped][:COMPARED])


def cut(text: str, width: int, head: int) -> str:
    """Return a text in a width, with its first ``head`` cells and its end."""
    if len(text) <= width:
        return text
    tail = max(width - head - 1, 0)
    return f"{text[:head]}{glyphs().cut}{text[len(text) - tail :]}"[: max(width, 0)]


@lru_cache(maxsize=64)
def told_apart(addresses: tuple[str, ...], width: int) -> Mapping[str, str]:
    """Return addresses in a width, each shortened where it differs least from the others.

    First about a third of the way, where prefix and interface meet; those that would read the
    same there are cut elsewhere, and in the end both before and after they differ.
    """
    found = {address: address for address in addresses if len(address) <= width}
    left = [address for address in addresses if len(address) > width]
    for head in sorted(range(max(width, 1)), key=lambda head: abs(3 * head - width)):
        forms = {address: cut(address, width, head) for address in left}
        common = Counter([*found.values(), *forms.values()])
        found |= {address: form for address, form in forms.items() if common[form] == 1}
        left = [address for address in left if address not in found]
        if not left:
            break
    return found | _from_where_they_differ(left, width)


def _from_where_they_differ(addresses: Sequence[str], width: int) -> dict[str, str]:
    if not addresses:
        return {}
    pairs = zip(min(addresses), max(addresses), strict=False)
    start = next((at for at, (one, other) in enumerate(pairs) if one != other), 0)
    alike: dict[str, list[str]] = {}
    for address in addresses:
        alike.setdefault(short(glyphs().cut + address[start:], width), []).append(address)
    found: dict[str, str] = {}
    for form, group in alike.items():
        whole = len(group) == 1 or len(alike) == 1  # no more can be done
        found |= dict.fromkeys(group, form) if whole else _from_where_they_differ(group, width)
    return found


def address_text(address: str, width: int, others: tuple[str, ...] = ()) -> str:
    """Return an address in a width, told apart from ``others`` where it is one of them."""
    if len(address) <= width:
        return address
    return told_apart(others, width).get(address) or cut(address, width, width // 3)


@lru_cache(maxsize=1024)
def pattern_text(key: PatternKey, width: int, others: tuple[str, ...] = ()) -> str:
    """Return a pattern's name in a width.

    The local address gives way before the remote one, and no port ever does.
    """
    local, remote = key.local_ip, key.remote_ip
    whole = str(key)
    if len(whole) <= width:
        return whole
    room = width - (len(whole) - len(local) - len(remote))  # without ports, brackets, arrow
    near = min(len(local), max(room - len(remote), room // 4, LEAST_LOCAL))
    near_text = address_text(local, near, others)
    far_text = address_text(remote, max(room - near, 1), others)
    ends = endpoint(near_text, key.local_port), endpoint(far_text, key.remote_port)
    text = f"{ends[0]} {ARROWS[key.direction]} {ends[1]}"
    if len(text) > width and key.remote_port != NO_PORT:
        port = f":{key.remote_port}"
        return short(text, width - len(port)) + port
    return short(text, width)
