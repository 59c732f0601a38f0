"""More source addresses, as a script to apply and one to undo: three ways to have them used.

twtop prints them and changes no routes itself. tests/live/test_sources.py runs each and counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

FIRST_TABLE = 102
"""Number of the first routing table that is made, one for each user."""
FINER = 4
"""How many times finer the internet is split where the sources are no power of two, so that their
shares come out nearly alike."""


class SourcesError(ValueError):
    """No such script can be made; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the scripts are for."""

    sources: tuple[str, ...]
    """Further source addresses, all of one family."""
    dev: str
    """The interface that gets them."""
    via: str | None = None
    """The gateway, None for a neighbour."""
    dst: str | None = None
    """The one destination; for users alone."""
    users: tuple[int, ...] = ()
    """A user for each source: the workers run under these."""

    @property
    def ipv6(self) -> bool:
        """Whether the addresses are IPv6 ones."""
        return ":" in self.sources[0]


@dataclass(frozen=True, slots=True)
class Script:
    """Shell lines; an undo goes on where something is gone already."""

    about: tuple[str, ...]
    apply: tuple[str, ...]
    undo: tuple[str, ...]

    def text(self, *, undo: bool = False) -> str:
        """Return the one or the other as a script for sh."""
        lines = ["#!/bin/sh", *(f"# {line}" for line in self.about)]
        if undo:
            lines += (f"{line} || echo 'already gone: {line}' >&2" for line in self.undo)
        else:
            lines += ["set -e", *self.apply]
        return "\n".join(lines) + "\n"


def in_turn(wanted: Wanted) -> Script:
    """Give an interface the addresses, for clients that bind each in turn."""
    apply, undo = _addresses(wanted)
    return Script(
        (
            "Addresses for clients that use them in turn: bind((SOURCE, 0)) before connect(),",
            "with IP_BIND_ADDRESS_NO_PORT, as nginx's proxy_bind and HAProxy's source do.",
            "Each adds the whole range of ports, for each destination.",
        ),
        apply,
        undo,
    )


def by_user(wanted: Wanted) -> Script:
    """Give each user a source of its own to one destination, for programs that cannot bind."""
    if wanted.dst is None or len(wanted.users) != len(wanted.sources):
        raise SourcesError("users needs --dst, and one --user per source")
    ip, prefix = _ip(wanted)
    apply, undo = _addresses(wanted)
    for number, (source, user) in enumerate(zip(wanted.sources, wanted.users, strict=True)):
        table = FIRST_TABLE + number
        route = f"{wanted.dst}/{prefix}{_way(wanted)} src {source} table {table}"
        rule = f"uidrange {user}-{user} lookup {table}"
        apply += (f"{ip} route add {route}", f"{ip} rule add {rule}")
        undo = (f"{ip} rule del {rule}", f"{ip} route del {route}", *undo)
    return Script(
        (
            f"A source to {wanted.dst} for each user: start one worker under each.",
            "Each adds the whole range of ports.",
        ),
        apply,
        undo,
    )


def by_subnet(wanted: Wanted) -> Script:
    """Split the internet over the sources, a route for each part."""
    ip, _ = _ip(wanted)
    apply, undo = _addresses(wanted)
    for part, source in split(wanted.sources):
        route = f"{part}{_way(wanted)} src {source}"
        apply += (f"{ip} route add {route}",)
        undo = (f"{ip} route del {route}", *undo)
    return Script(
        (
            "A source for each part of the internet. More specific routes, such as those to "
            "neighbours,",
            "still take precedence. What moves to another source gets fresh ports once, and far "
            "ends",
            "that count by client address see several. Each destination still has only the ports "
            "of",
            "one source: a load to a single destination gains nothing lasting.",
        ),
        apply,
        undo,
    )


KINDS: Mapping[str, Callable[[Wanted], Script]] = {
    "turn": in_turn,
    "users": by_user,
    "subnets": by_subnet,
}
"""By the name that the command line has for them."""


def script(kind: str, wanted: Wanted) -> Script:
    """Return a script of one of the KINDS. Raises SourcesError."""
    ends = [ip for ip in (*wanted.sources, wanted.via, wanted.dst) if ip]
    if len({ip_address(ip).version for ip in ends}) > 1:
        raise SourcesError("use IPv4 or IPv6 in one script, not both")
    if len(set(wanted.sources)) < len(wanted.sources):
        raise SourcesError("an address was given twice")
    return KINDS[kind](wanted)


def split(sources: Sequence[str]) -> list[tuple[str, str]]:
    """Return the parts of the internet, equally large, and the source of each in turn."""
    power = 1 << (len(sources) - 1).bit_length()
    count = power if power == len(sources) else power * FINER
    # All of IPv6's public addresses are in the last of these (RFC 4291).
    whole = ip_network("0.0.0.0/0" if "." in sources[0] else "2000::/3")
    bits = count.bit_length() - 1
    parts = [whole] if not bits else whole.subnets(prefixlen_diff=bits)
    return [(str(part), sources[number % len(sources)]) for number, part in enumerate(parts)]


def _addresses(wanted: Wanted) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ip, prefix = _ip(wanted)
    named = [f"{source}/{prefix} dev {wanted.dev}" for source in wanted.sources]
    # An IPv6 address need not wait for who else may have it; and but for a preferred lifetime of 0
    # the kernel may choose the newest for whoever names none (RFC 6724), in place of the old one.
    extra = " nodad preferred_lft 0" if wanted.ipv6 else ""
    apply = tuple(f"{ip} addr add {name}{extra}" for name in named)
    return apply, tuple(f"{ip} addr del {name}" for name in reversed(named))


def _way(wanted: Wanted) -> str:
    return (f" via {wanted.via}" if wanted.via else "") + f" dev {wanted.dev}"


def _ip(wanted: Wanted) -> tuple[str, int]:
    return ("ip -6", 128) if wanted.ipv6 else ("ip", 32)
