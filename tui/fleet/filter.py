"""The filter of a fleet: it reads as that of sockets does, with labels in place of states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Protocol

import numpy as np

from tui.analysis.expressions import COMPARISONS, FilterError, FilterParser, Predicate
from tui.fleet.answers import Labels
from tui.kernel.sockets import Array


class Row(Protocol):
    """What can be filtered: a place, or a tuple."""

    @property
    def labels(self) -> Labels:
        """Those of its place."""
        ...

    @property
    def ends(self) -> tuple[str, str, str]:
        """Local IP, remote IP and remote port; blank where they are not known."""
        ...

    @property
    def percent(self) -> float:
        """The part of its ports that is locked."""
        ...

    @property
    def words(self) -> str:
        """All that a word is looked for in."""
        ...


class FleetParser(FilterParser):
    """`job = gateway`, `dst 10.0.0.0/8`, `dport 443`, `locked > 50%`, or a word."""

    def condition(self, word: str) -> Predicate:
        """Return what a word and those behind it choose."""
        match word.lower():
            case "locked" | "use":  # as in the dashboard; a fleet knows the locked part
                passes = self.percentage()
                return lambda rows: passes(np.array([row.percent for row in rows], float))
            case "dport":
                self.accept("=", "==")
                port = self.take("dport needs a port, such as `dport 443`").lstrip(":")
                return _each(lambda row: row.ends[2] == port)
            case "src" | "dst":
                return self._network(word.lower())
        sign = self.accept("=", "==", "!=")
        if sign is None:
            if self.peek() in COMPARISONS:
                raise FilterError(f"“{word}” is a label or a word; `locked` is a number")
            return _each(lambda row: word.lower() in row.words)
        value = self.take(f"{word} needs a value, such as `{word} = gateway`")
        return _each(lambda row: (row.labels.get(word, "") == value) != (sign == "!="))

    def _network(self, word: str) -> Predicate:
        host, port = self.end(word)
        if port and word == "src":
            raise FilterError("src takes no port here: a tuple is of all local ports")
        side = 0 if word == "src" else 1
        try:
            network = ip_network(host, strict=False)
        except ValueError:
            raise FilterError(f"“{host}” is not an address or network") from None

        def inside(row: Row) -> bool:
            try:
                return ip_address(row.ends[side]) in network and port in ("", row.ends[2])
            except ValueError:
                return False

        return _each(inside)


def _each(passes: Callable[[Row], bool]) -> Predicate:
    def predicate(rows: Sequence[Row]) -> Array:
        return np.fromiter(map(passes, rows), bool, len(rows))

    return predicate
