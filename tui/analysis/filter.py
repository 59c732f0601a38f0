"""A filter language that reads as ss's does where it can.

    state time-wait and dport 5432
    dst 10.0.0.0/8 and not sport = :443
    use > 50%
    10.0.0.9            (any other word: text found in an address or ip:port, or in the name of
                         the process that holds the pattern, where that is known)

A filter chooses sockets; a pattern passes when one of its sockets does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network
from types import MappingProxyType
from typing import Literal

import numpy as np

from tui.analysis.brackets import split_port
from tui.analysis.expressions import (
    COMPARISONS,
    MOST_TOKENS,
    FilterError,
    FilterParser,
    Predicate,
    bools,
    both_of,
    none_of,
)
from tui.analysis.frame import Frame
from tui.analysis.patterns import Patterns
from tui.kernel.sockets import V4_MAPPED, Array, SocketTable, State

PORTS = 1 << 16
STATE_GROUPS = {
    "all": frozenset(State),
    "connected": frozenset(State) - {State.LISTEN, State.CLOSE},
    "synchronized": frozenset(State) - {State.LISTEN, State.CLOSE, State.SYN_SENT},
    "bucket": frozenset({State.TIME_WAIT, State.SYN_RECV}),
    "big": frozenset(State) - {State.TIME_WAIT, State.SYN_RECV},
}
"""ss's names for several states at once (ss(8), STATE-FILTER)."""
STATE_NAMES = {state.label.lower(): frozenset({state}) for state in State} | {
    "estab": frozenset({State.ESTABLISHED}),
    "fin-wait1": frozenset({State.FIN_WAIT1}),
    "fin-wait2": frozenset({State.FIN_WAIT2}),
    "listening": frozenset({State.LISTEN}),
    "closed": frozenset({State.CLOSE}),
    "syn-rcv": frozenset({State.SYN_RECV}),
    "timewait": frozenset({State.TIME_WAIT}),
}


@dataclass(frozen=True, slots=True)
class Held:
    """Sockets in their patterns, and who holds these."""

    table: SocketTable
    patterns: Patterns
    names: Mapping[int, str]
    """The process's name by the pattern's index, where it is known."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter as it was typed, and what it does."""

    text: str
    predicate: Predicate

    def rows(self, frame: Frame, names: Mapping[int, str] = MappingProxyType({})) -> Array:
        """Return which rows of the frame's table pass, shape (rows,), bool.

        ``names`` are the processes' that hold its patterns, by the pattern's index.
        """
        return self.predicate(Held(frame.table, frame.patterns, names))

    def patterns(self, frame: Frame, names: Mapping[int, str] = MappingProxyType({})) -> Array:
        """Return which of the frame's patterns have a row that passes, bool."""
        member = frame.patterns.member[self.rows(frame, names)]
        passing = np.zeros(len(frame.patterns), bool)
        passing[member[member >= 0]] = True
        return passing


def parse_filter(text: str, parser: type[FilterParser] | None = None) -> Filter | None:
    """Read a filter of sockets, or of what another ``parser`` is for; None for an empty one.

    Raises FilterError, which says why.
    """
    tokens = re.findall(r"\(|\)|==|!=|>=|<=|[=<>!]|&&|\|\||[^\s()=<>!&|]+|[&|]", text)
    if not tokens:
        return None
    if len(tokens) > MOST_TOKENS:  # deeper nesting than Python can follow
        raise FilterError("too long")
    reader = (parser or _SocketParser)(tokens)
    predicate = reader.either()
    if reader.peek() is not None:
        raise FilterError(f"“{reader.peek()}” is not expected here")
    return Filter(text.strip(), predicate)


KEYWORDS = ("state", "exclude", "sport", "dport", "src", "dst", "use", "and", "or", "not")


def parse_begun(text: str, parser: type[FilterParser] | None = None) -> Filter | None:
    """Read a filter that is still being typed; None for an empty one.

    Raises FilterError where it ends too soon, as after ``dp`` or ``dport``.
    """
    words = text.lower().split(" ")
    if words[-1] and any(word.startswith(words[-1]) for word in KEYWORDS):
        raise FilterError("the filter ends too soon")
    return parse_filter(text, parser)


class _SocketParser(FilterParser):
    """Chooses sockets."""

    def condition(self, word: str) -> Predicate:
        match word.lower():
            case "state" | "exclude":
                chosen = self.state()
                return chosen if word.lower() == "state" else none_of(chosen)
            case "sport" | "dport":
                return self.port(word.lower())
            case "src" | "dst":
                return self.address(word.lower())
            case "use":
                return self.use()
        return _text(word)

    def state(self) -> Predicate:
        names = self.take("state needs a name, such as `state time-wait`")
        states: set[State] = set()
        for name in names.lower().replace("_", "-").split(","):
            found = STATE_NAMES.get(name) or STATE_GROUPS.get(name)
            if found is None:
                raise FilterError(f"“{name}” is not a state; use ss's names, such as time-wait")
            states |= found
        chosen = np.zeros(256, bool)
        chosen[sorted(states)] = True
        return lambda frame: bools(chosen[frame.table.state])

    def port(self, side: str) -> Predicate:
        sign = self.accept(*COMPARISONS) or "="
        # A port is unlike a list when it is like none of it.
        compare = COMPARISONS["=" if sign == "!=" else sign]
        text = self.take(f"{side} needs a port, such as `{side} 5432`").lstrip(":")
        chosen = np.zeros(PORTS, bool)
        for part in text.split(","):
            found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", part)
            first = int(found[1]) if found else PORTS
            last = int(found[2] or found[1]) if found else PORTS
            if last >= PORTS or first > last:
                raise FilterError(f"“{part}” is not a port")
            if first == last:
                chosen |= compare(np.arange(PORTS), first)
            elif compare is COMPARISONS["="]:
                chosen[first : last + 1] = True
            else:
                raise FilterError("a port range works with = and != only")
        if sign == "!=":
            chosen = ~chosen
        if side == "sport":
            return lambda frame: bools(chosen[frame.table.local_port])
        return lambda frame: bools(chosen[frame.table.remote_port])

    def address(self, side: str) -> Predicate:
        negate = self.accept("=", "==", "!=") == "!="
        host, port = self.end(side)
        predicate = _network(side, host)
        if port:
            self.tokens.insert(self.position, port)
            predicate = both_of(predicate, self.port("sport" if side == "src" else "dport"))
        return none_of(predicate) if negate else predicate

    def use(self) -> Predicate:
        passes = self.percentage()

        def predicate(frame: Held) -> Array:
            passing = passes(100 * frame.patterns.utilization)
            return bools(np.append(passing, False)[frame.patterns.member])

        return predicate


def _network(side: str, host: str) -> Predicate:
    """Choose by network; v4 and v4-mapped are the same address here."""
    try:
        network = ip_network(host, strict=False) if host not in ("", "*") else None
    except ValueError:
        raise FilterError(f"“{host}” is not an address or network") from None
    if network is None:
        return lambda frame: np.ones(len(frame.table), bool)
    bits = network.prefixlen + (96 if network.version == 4 else 0)
    base = int(network.network_address) | (V4_MAPPED if network.version == 4 else 0)
    mask = ((1 << bits) - 1) << (128 - bits)
    half = (1 << 64) - 1
    mask_hi, mask_lo = np.uint64(mask >> 64), np.uint64(mask & half)
    base_hi, base_lo = np.uint64(base >> 64), np.uint64(base & half)

    def predicate(frame: Held) -> Array:
        table = frame.table
        inside = (table.address_hi & mask_hi == base_hi) & (table.address_lo & mask_lo == base_lo)
        return bools(inside[table.local_ip if side == "src" else table.remote_ip])

    return predicate


def _text(word: str) -> Predicate:
    """Choose by text: part of either address or port, of ``ip:port``, or of a process's name."""
    name = word.lower()
    host, port = split_port(word.lower())
    if port and not port.isdecimal():  # 2001:db8 is a part of an address
        host, port = word.lower(), ""

    def predicate(frame: Held) -> Array:
        table = frame.table
        if port:
            ends = _addresses(table, host, "endswith")
            starts = _ports_with(port, anywhere=False)
            local = ends[table.local_ip] & starts[table.local_port]
            remote = ends[table.remote_ip] & starts[table.remote_port]
            return bools(local | remote)
        inside = _addresses(table, host, "contains")
        ports = _ports_with(host, anywhere=True)
        near = inside[table.local_ip] | ports[table.local_port]
        holds = [index for index, held in frame.names.items() if name in held.lower()]
        near |= np.isin(frame.patterns.member, holds)
        return bools(near | inside[table.remote_ip] | ports[table.remote_port])

    return predicate


OCTETS = np.array([str(octet).encode() for octet in range(256)])
"""An octet of an IPv4 address as text."""


def _addresses(table: SocketTable, part: str, how: Literal["contains", "endswith"]) -> Array:
    """Return which of the table's addresses, written out, contain or end with a text; bool.

    IPv4 addresses are written in columns: a server may have a hundred thousand clients.
    """
    hi, lo = table.address_hi, table.address_lo
    found = np.zeros(len(lo), bool)
    is_v4 = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF)
    try:
        wanted = part.encode("ascii")
    except UnicodeEncodeError:  # no address has that
        return found
    octets = [OCTETS[lo[is_v4] >> np.uint64(shift) & np.uint64(0xFF)] for shift in (24, 16, 8, 0)]
    text = octets[0]
    for octet in octets[1:]:
        text = np.strings.add(np.strings.add(text, b"."), octet)
    if how == "endswith":
        found[is_v4] = np.strings.endswith(text, wanted)
    else:
        found[is_v4] = np.strings.find(text, wanted) >= 0
    for address in np.flatnonzero(~is_v4).tolist():
        other = table.ip(address)
        found[address] = other.endswith(part) if how == "endswith" else part in other
    return found


@lru_cache(maxsize=8)
def _ports_with(text: str, *, anywhere: bool) -> Array:
    """Return which ports, written out, contain (or begin with) a text."""
    if not text.isdecimal():
        return np.zeros(PORTS, bool)
    return np.array(
        [text in str(p) if anywhere else str(p).startswith(text) for p in range(PORTS)], bool
    )
